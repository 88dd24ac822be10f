//! Making a user.

use thiserror::Error;

use crate::access::{Caller, Grant, InsufficientScope};
use crate::audit::{AuditEntry, AuditKind, Beside};
use crate::config::SystemConfig;
use crate::confirm::draft_confirmation;
use crate::context::{Context, open_session};
use crate::message::Message;
use crate::name::{LoginName, Names};
use crate::origin::Origin;
use crate::password::{HashError, InvalidPassword, Password, QueueKey};
use crate::profile::{Metadata, Plan, Vendor};
use crate::scope::Scopes;
use crate::sign_in::{ChooseError, choose_password};
use crate::store::{StoreError, WriteError};
use crate::user::User;

/// What a new user is to be.
#[derive(Clone)]
pub struct SignUp {
    /// The names.
    pub names: Names,
    /// The password.
    pub password: Password,
    /// What clients keep with the user.
    pub metadata: Option<Metadata>,
    /// What only an administrator decides.
    pub privileges: Privileges,
}

/// The parts of a new user that only an administrator sets; the others get the defaults.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Privileges {
    /// The scopes; by default `user`.
    pub scopes: Option<Scopes>,
    /// The plan; by default `free`.
    pub plan: Option<Plan>,
    /// The vendors; by default what `DEFAULT_USER_VENDOR` says.
    pub vendor: Option<Vendor>,
    /// Whether the address is confirmed; by default not.
    pub is_active: Option<bool>,
}

/// Why no user was made.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SignUpError {
    /// `API_USER_CREATE_SCOPE` is set, and there was no token.
    #[error("a token is needed to create users")]
    TokenRequired,
    /// The caller's scopes do not reach: to create users, or to set what an administrator sets.
    #[error(transparent)]
    InsufficientScope(#[from] InsufficientScope),
    /// The password policy refuses the password.
    #[error(transparent)]
    Password(#[from] InvalidPassword),
    /// One of the names is somebody's.
    #[error("the name is taken")]
    NameTaken,
    /// The password could not be hashed.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<ChooseError> for SignUpError {
    fn from(error: ChooseError) -> Self {
        match error {
            ChooseError::Refused(error) => Self::Password(error),
            ChooseError::Hash(error) => Self::Hash(error),
        }
    }
}

/// Whether somebody may make a user at all. A route asks it before it reads the body, so that a
/// stranger learns nothing else; [`sign_up`] asks it again.
///
/// # Errors
/// [`SignUpError::TokenRequired`], [`SignUpError::InsufficientScope`].
pub fn may_sign_up(config: &SystemConfig, caller: Option<&Caller>) -> Result<(), SignUpError> {
    match (&config.user_create_scopes, caller) {
        (None, _) => Ok(()),
        (Some(_), None) => Err(SignUpError::TokenRequired),
        (Some(wanted), Some(caller)) if caller.scopes.intersects(wanted) => Ok(()),
        (Some(_), Some(_)) => Err(InsufficientScope.into()),
    }
}

/// A new user, and the token for it if it may use one.
#[derive(Clone, Debug)]
pub struct SignedUp {
    /// The user.
    pub user: User,
    /// What to sign; none if the user has to confirm the address first.
    pub grant: Option<Grant>,
}

/// Creates a user, and signs the user in unless the address has to be confirmed first.
///
/// # Errors
/// [`SignUpError`].
pub async fn sign_up(
    ctx: &Context,
    config: &SystemConfig,
    caller: Option<&Caller>,
    origin: &Origin,
    new: SignUp,
    key: QueueKey,
) -> Result<SignedUp, SignUpError> {
    may_sign_up(config, caller)?;
    if new.privileges != Privileges::default() && !caller.is_some_and(Caller::is_admin) {
        return Err(InsufficientScope.into());
    }
    let by_operator = caller.is_some_and(Caller::is_admin);
    let user = insert_user(ctx, config, origin, new, by_operator, key).await?;
    if !ctx.rules.admits(&user) {
        return Ok(SignedUp { user, grant: None });
    }
    let session = open_session(&ctx.rules, user, ctx.clock.now());
    Ok(SignedUp { user: session.user, grant: Some(session.grant) })
}

/// Creates a user, who is active unless the operator says otherwise. For operators at the machine; requests go
/// through [`sign_up`].
///
/// # Errors
/// [`SignUpError`].
pub async fn create_user(
    ctx: &Context,
    config: &SystemConfig,
    origin: &Origin,
    mut new: SignUp,
    key: QueueKey,
) -> Result<User, SignUpError> {
    new.privileges.is_active.get_or_insert(true);
    insert_user(ctx, config, origin, new, true, key).await
}

async fn insert_user(
    ctx: &Context,
    config: &SystemConfig,
    origin: &Origin,
    new: SignUp,
    by_operator: bool,
    key: QueueKey,
) -> Result<User, SignUpError> {
    let user = draft_user(ctx, config, new, by_operator, key).await?;
    let entry = AuditEntry::new(user.created, AuditKind::UserCreated, origin).about(user.id);
    let beside = beside_new(ctx, config, &user, entry)?;
    ctx.store.insert(user.clone(), beside).await.map_err(not_kept)?;
    Ok(user)
}

/// A user as it is to be stored. `by_operator`: an administrator or a command creates the user.
pub(crate) async fn draft_user(
    ctx: &Context,
    config: &SystemConfig,
    new: SignUp,
    by_operator: bool,
    key: QueueKey,
) -> Result<User, SignUpError> {
    // The store has the last word, but a name that is seen to be taken need not cost a hash.
    for name in new.names.logins() {
        if is_taken(ctx, name).await? {
            return Err(SignUpError::NameTaken);
        }
    }
    let password_hash = choose_password(ctx, new.password, &new.names, key).await?;
    let now = ctx.clock.now();
    let privileges = new.privileges;
    let is_active = privileges.is_active.unwrap_or(false);
    Ok(User {
        id: ctx.ids.next(now),
        names: new.names,
        password_hash,
        scopes: privileges.scopes.unwrap_or_else(Scopes::of_new_user),
        plan: privileges.plan.unwrap_or_else(Plan::free),
        is_active,
        vendor: privileges.vendor.unwrap_or_else(|| config.default_vendor.clone()),
        allowed_private_components: Vec::new(),
        phone_number: None,
        title: None,
        metadata: new.metadata.unwrap_or_default(),
        created: now,
        modified: now,
        generation: 0,
        confirmation_pending: !is_active,
        address_vouched: by_operator,
    })
}

/// What is written with a new user.
pub(crate) fn beside_new(
    ctx: &Context,
    config: &SystemConfig,
    user: &User,
    entry: AuditEntry,
) -> Result<Beside, HashError> {
    let message = Message::user_created(&ctx.ids, config.open_channels, user, user.created);
    let confirmation = if user.confirmation_pending { draft_confirmation(ctx, config)? } else { None };
    Ok(ctx.beside(entry).and_message(message).and_confirmation(confirmation))
}

/// Of a user who is new, a taken name is all that can be refused.
pub(crate) fn not_kept(error: WriteError) -> SignUpError {
    match error {
        WriteError::Store(error) => error.into(),
        WriteError::NameTaken | WriteError::NotFound | WriteError::Overtaken | WriteError::LastAdmin => {
            SignUpError::NameTaken
        }
    }
}

async fn is_taken(ctx: &Context, name: &LoginName) -> Result<bool, StoreError> {
    if ctx.store.find_by_login(name).await?.is_some() {
        return Ok(true);
    }
    let others = name.spellings().into_iter().flat_map(|spellings| spellings.others);
    for other in others.filter_map(|other| LoginName::parse(&other).ok()) {
        if ctx.store.find_by_login(&other).await?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}
