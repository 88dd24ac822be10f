//! New passwords for users who are there, and the end of the tokens that they had.

use thiserror::Error;

use crate::access::Caller;
use crate::attempt::{Attempt, AttemptOutcome};
use crate::audit::{AuditEntry, AuditKind};
use crate::context::{Context, Session, open_session};
use crate::id::UserId;
use crate::name::LoginName;
use crate::origin::Origin;
use crate::password::{HashError, InvalidPassword, Password, QueueKey};
use crate::sign_in::{ChooseError, choose_password};
use crate::store::{StoreError, WriteError};
use crate::user::{User, UserChange};

/// Why a password was not changed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ChangePasswordError {
    /// The old password is not the user's.
    #[error("the old password is wrong")]
    WrongPassword,
    /// The policy refuses the new one.
    #[error(transparent)]
    Refused(#[from] InvalidPassword),
    /// One of the two could not be hashed.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The change was not written, or the user is not there.
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl From<ChooseError> for ChangePasswordError {
    fn from(error: ChooseError) -> Self {
        match error {
            ChooseError::Refused(error) => Self::Refused(error),
            ChooseError::Hash(error) => Self::Hash(error),
        }
    }
}

impl From<StoreError> for ChangePasswordError {
    fn from(error: StoreError) -> Self {
        Self::Write(error.into())
    }
}

/// Replaces the caller's password, revokes every token that there is, and signs in anew.
///
/// # Errors
/// [`ChangePasswordError`].
pub async fn change_password(
    ctx: &Context,
    caller: &Caller,
    origin: &Origin,
    old: Password,
    new: Password,
    key: QueueKey,
    attempt: &mut dyn Attempt,
) -> Result<Session, ChangePasswordError> {
    // What is refused anyway need not cost a hash.
    ctx.rules.password_policy.check(&new, &caller.user.names)?;
    attempt.charge();
    let verdict = ctx.hasher.verify(old, caller.user.password_hash.clone(), key).await;
    attempt.settle(AttemptOutcome::of(&verdict, &caller.user.names));
    if !verdict?.matches {
        return Err(ChangePasswordError::WrongPassword);
    }
    let change = UserChange {
        password_hash: Some(ctx.hasher.hash(new, key).await?),
        // A reset that came between proof and change must win: the old password may be in wrong hands.
        only_at_generation: Some(caller.user.generation),
        ..UserChange::default()
    };
    let now = ctx.clock.now();
    let entry = AuditEntry::new(now, AuditKind::PasswordChanged, origin).about(caller.user.id);
    let user = ctx.store.update(caller.user.id, change, now, ctx.beside(entry)).await?;
    Ok(open_session(&ctx.rules, user, ctx.clock.now()))
}

/// Gives a user another password, whatever the old one was, and revokes the user's tokens.
///
/// # Errors
/// [`ChangePasswordError`], with [`WriteError::NotFound`] for a name that nobody has.
pub async fn reset_password(
    ctx: &Context,
    origin: &Origin,
    name: &LoginName,
    new: Password,
    key: QueueKey,
) -> Result<(), ChangePasswordError> {
    let user = ctx.store.find_by_login(name).await?.ok_or(WriteError::NotFound)?;
    set_password(ctx, origin, &user, new, key).await
}

/// Gives a user another password, whatever the old one was, and revokes the user's tokens.
///
/// # Errors
/// [`ChangePasswordError`].
pub async fn set_password(
    ctx: &Context,
    origin: &Origin,
    user: &User,
    new: Password,
    key: QueueKey,
) -> Result<(), ChangePasswordError> {
    let hash = choose_password(ctx, new, &user.names, key).await?;
    let change = UserChange { password_hash: Some(hash), ..UserChange::default() };
    let now = ctx.clock.now();
    let entry = AuditEntry::new(now, AuditKind::PasswordReset, origin).about(user.id);
    ctx.store.update(user.id, change, now, ctx.beside(entry)).await?;
    Ok(())
}

/// Revokes every token of a user; where it is the caller, the present one too.
///
/// # Errors
/// [`WriteError`].
pub async fn sign_out_everywhere(ctx: &Context, origin: &Origin, id: UserId) -> Result<(), WriteError> {
    let change = UserChange { revoke_tokens: true, ..UserChange::default() };
    let now = ctx.clock.now();
    let entry = AuditEntry::new(now, AuditKind::SignedOutEverywhere, origin).about(id);
    ctx.store.update(id, change, now, ctx.beside(entry)).await.map(drop)
}
