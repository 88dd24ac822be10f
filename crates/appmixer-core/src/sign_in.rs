//! Signing in with a name and a password.

use std::time::Duration;

use thiserror::Error;

use crate::audit::{AuditDetails, AuditEntry, AuditKind};
use crate::context::{Context, Session, open_session_for};
use crate::id::UserId;
use crate::name::{LoginName, Names};
use crate::origin::{Actor, Origin};
use crate::password::{HashError, Password, PasswordHash, QueueKey};
use crate::store::StoreError;
use crate::user::User;

/// Why nobody was signed in.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SignInError {
    /// Wrong password or unknown user: the same, so that nobody learns who exists.
    #[error("invalid credentials")]
    BadCredentials,
    /// The password is right, and the operator wants confirmed addresses only.
    #[error("the account is not active")]
    NotActive,
    /// The password could not be checked.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Signs a user in.
///
/// # Errors
/// [`SignInError`].
pub async fn sign_in(
    ctx: &Context,
    origin: &Origin,
    name: &LoginName,
    password: Password,
    key: QueueKey,
) -> Result<Session, SignInError> {
    check_in(ctx, origin, name, password, key, For::Anybody(ctx.rules.token_lifetime)).await
}

/// Signs an administrator in for so long, in whole seconds. For anybody else, however good the password, it is as if
/// it were wrong: whoever guesses here learns only who administers, and that only by being in.
///
/// # Errors
/// [`SignInError`].
pub async fn sign_in_administrator(
    ctx: &Context,
    origin: &Origin,
    name: &LoginName,
    password: Password,
    key: QueueKey,
    lifetime: Duration,
) -> Result<Session, SignInError> {
    check_in(ctx, origin, name, password, key, For::Administrators(lifetime)).await
}

/// Who may sign in, and for how long.
#[derive(Clone, Copy)]
enum For {
    Anybody(Duration),
    Administrators(Duration),
}

async fn check_in(
    ctx: &Context,
    origin: &Origin,
    name: &LoginName,
    password: Password,
    key: QueueKey,
    who: For,
) -> Result<Session, SignInError> {
    let user = ctx.store.find_by_login(name).await?;
    // An unknown user costs one hash as well, so that time does not tell who exists.
    let stored = user.as_ref().map_or_else(|| ctx.hasher.decoy(), |user| user.password_hash.clone());
    let verdict = ctx.hasher.verify(password.clone(), stored, key).await?;
    let id = user.as_ref().map(|user| user.id);
    let Some(user) = user.filter(|_| verdict.matches) else {
        note_failure(ctx, origin, id, "credentials");
        return Err(SignInError::BadCredentials);
    };
    let (For::Anybody(lifetime) | For::Administrators(lifetime)) = who;
    if matches!(who, For::Administrators(_)) && !user.scopes.has_admin() {
        note_failure(ctx, origin, id, "no-admin");
        return Err(SignInError::BadCredentials);
    }
    if !ctx.rules.admits(&user) {
        note_failure(ctx, origin, id, "not-active");
        return Err(SignInError::NotActive);
    }
    let user = if verdict.outdated { rehashed(ctx, user, password, key).await } else { user };
    Ok(let_in(ctx, origin, user, lifetime))
}

/// Opens a session of somebody who has proved who it is.
pub(crate) fn let_in(ctx: &Context, origin: &Origin, user: User, lifetime: Duration) -> Session {
    let now = ctx.clock.now();
    let origin = Origin { actor: Actor::User(user.id), ..*origin };
    ctx.note(AuditEntry::new(now, AuditKind::SignIn, &origin).about(user.id));
    open_session_for(lifetime, user, now)
}

/// Notes that sign-ins are turned away before anybody looks at them. Whose they would have been is not known then.
pub fn note_limited_sign_in(ctx: &Context, origin: &Origin) {
    note_failure(ctx, origin, None, "limited");
}

/// Of the name that was typed the log has nothing: it may be a password in the wrong field. Who the user is it
/// has, where there is one: administrators alone read it.
pub(crate) fn note_failure(ctx: &Context, origin: &Origin, user: Option<UserId>, reason: &'static str) {
    let entry = AuditEntry::new(ctx.clock.now(), AuditKind::SignInFailed, origin);
    ctx.note(AuditEntry { user, ..entry.with(AuditDetails::reason(reason)) });
}

/// Replaces the user's hash by one with today's parameters. A failure is no reason to turn away
/// somebody who knows the password: the next sign-in tries again.
async fn rehashed(ctx: &Context, user: User, password: Password, key: QueueKey) -> User {
    let Ok(new) = ctx.hasher.hash(password, key).await else {
        return user;
    };
    match ctx.store.replace_hash(user.id, user.password_hash.clone(), new.clone()).await {
        Ok(true) => User { password_hash: new, ..user },
        Ok(false) | Err(_) => user,
    }
}

/// Makes the hash of a password that is chosen for the user of these names.
///
/// # Errors
/// [`ChooseError`].
pub async fn choose_password(
    ctx: &Context,
    password: Password,
    names: &Names,
    key: QueueKey,
) -> Result<PasswordHash, ChooseError> {
    ctx.rules.password_policy.check(&password, names)?;
    Ok(ctx.hasher.hash(password, key).await?)
}

/// Why a password was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ChooseError {
    /// The policy refuses it.
    #[error(transparent)]
    Refused(#[from] crate::password::InvalidPassword),
    /// It could not be hashed.
    #[error(transparent)]
    Hash(#[from] HashError),
}
