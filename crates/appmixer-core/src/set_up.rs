//! Making the first administrator.

use std::time::Duration;

use thiserror::Error;

use crate::audit::{AuditDetails, AuditEntry, AuditKind};
use crate::config::SystemConfig;
use crate::context::{Context, Session};
use crate::name::Names;
use crate::origin::Origin;
use crate::password::{Password, QueueKey};
use crate::scope::Scopes;
use crate::sign_in::let_in;
use crate::sign_up::{Privileges, SignUp, SignUpError, beside_new, draft_user, not_kept};
use crate::store::StoreError;

/// Why there is no new administrator.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SetUpError {
    /// There is one already, who makes any other.
    #[error("there is an administrator already")]
    AdministratorExists,
    /// The user could not be made.
    #[error(transparent)]
    User(#[from] SignUpError),
}

impl From<StoreError> for SetUpError {
    fn from(error: StoreError) -> Self {
        Self::User(error.into())
    }
}

/// Makes the first administrator and signs it in for so long, in whole seconds. Of many who try at once, one does.
///
/// Whoever asks must have proved to be the operator.
///
/// # Errors
/// [`SetUpError`].
pub async fn set_up(
    ctx: &Context,
    config: &SystemConfig,
    origin: &Origin,
    names: Names,
    password: Password,
    key: QueueKey,
    lifetime: Duration,
) -> Result<Session, SetUpError> {
    // The store has the last word, but what is seen to be over need not cost a hash.
    if ctx.store.any_admin().await? {
        return Err(SetUpError::AdministratorExists);
    }
    let privileges = Privileges {
        scopes: Some(Scopes::of_first_administrator()),
        // Whoever can read the server's log needs no mail to be believed.
        is_active: Some(true),
        ..Privileges::default()
    };
    let new = SignUp { names, password, metadata: None, privileges };
    let user = draft_user(ctx, config, new, true, key).await?;
    let entry = AuditEntry::new(user.created, AuditKind::UserCreated, origin).about(user.id);
    let beside = beside_new(ctx, config, &user, entry.with(AuditDetails::reason("set-up")))
        .map_err(SignUpError::from)?;
    if !ctx.store.insert_first_administrator(user.clone(), beside).await.map_err(not_kept)? {
        return Err(SetUpError::AdministratorExists);
    }
    Ok(let_in(ctx, origin, user, lifetime))
}
