//! Who is calling: what a token grants, and whether it still does.

use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use crate::id::UserId;
use crate::scope::{Scope, Scopes};
use crate::store::{StoreError, Users};
use crate::time::Timestamp;
use crate::user::User;

/// What a token says, once its signature and times are good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The user.
    pub id: UserId,
    /// What the token allows.
    pub scopes: Scopes,
    /// When it was made, to the second.
    pub issued_at: Timestamp,
    /// From when on it is no longer good, to the second.
    pub expires_at: Timestamp,
    /// The user's token generation when it was made.
    pub generation: u32,
}

impl Grant {
    /// How long the token is valid, from its issue on.
    #[must_use]
    pub fn lifetime(&self) -> Duration {
        Duration::from_secs(self.expires_at.seconds().saturating_sub(self.issued_at.seconds()))
    }
}

/// A user whose token is good.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The user, as stored.
    pub user: Arc<User>,
    /// What the caller may do: what both the token and the user's present scopes allow.
    pub scopes: Scopes,
}

/// Why a token that is well signed is not good.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AuthenticateError {
    /// The user is gone.
    #[error("the user of the token does not exist")]
    UserGone,
    /// The operator wants confirmed addresses only, and the user's is not.
    #[error("the account is not active")]
    NotActive,
    /// The user's tokens were revoked since.
    #[error("the token was revoked")]
    Revoked,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Finds the user of a grant, and whether the grant is still good. `require_active`: whether only active users may
/// use tokens.
///
/// # Errors
/// [`AuthenticateError`].
pub async fn authenticate(
    users: &dyn Users,
    grant: &Grant,
    require_active: bool,
) -> Result<Caller, AuthenticateError> {
    let user = users.find_by_id(grant.id).await?.ok_or(AuthenticateError::UserGone)?;
    // Before the generation, which a deactivation moves: the client learns what has happened.
    if require_active && !user.is_active {
        return Err(AuthenticateError::NotActive);
    }
    if user.generation != grant.generation {
        return Err(AuthenticateError::Revoked);
    }
    Ok(Caller { scopes: grant.scopes.intersection(&user.scopes), user: Arc::new(user) })
}

/// The caller's scopes do not reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("insufficient scope")]
pub struct InsufficientScope;

impl Caller {
    /// Whether the caller administers.
    #[must_use]
    pub fn is_admin(&self) -> bool {
        self.scopes.has_admin()
    }

    /// Goes on only for callers with the scope.
    ///
    /// # Errors
    /// [`InsufficientScope`].
    pub fn require(&self, scope: &Scope) -> Result<(), InsufficientScope> {
        if self.scopes.contains(scope) { Ok(()) } else { Err(InsufficientScope) }
    }
}
