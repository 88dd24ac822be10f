//! Choosing another password when the old one is forgotten.

use std::time::Duration;

use thiserror::Error;

use crate::attempt::{Attempt, AttemptOutcome};
use crate::audit::{AuditEntry, AuditKind};
use crate::config::SystemConfig;
use crate::context::Context;
use crate::message::{Channel, Message};
use crate::name::LoginName;
use crate::origin::Origin;
use crate::outbox::NewCode;
use crate::password::{HashError, InvalidPassword, Password, QueueKey};
use crate::reset_code::{RESET_CODE_LIFETIME, ResetCode};
use crate::sign_in::{ChooseError, choose_password};
use crate::store::{StoreError, WriteError};
use crate::user::User;

/// Why a request was not taken. That nobody has the name is no reason.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ForgotPasswordError {
    /// No code could be made.
    #[error(transparent)]
    Code(#[from] HashError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a password was not set with a code.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RedeemError {
    /// There is no such code, or not any more.
    #[error("the code is not good, or not any more")]
    BadCode,
    /// The policy refuses the password; the code stays good.
    #[error(transparent)]
    Refused(#[from] InvalidPassword),
    /// The password could not be hashed.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The password was not written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl From<ChooseError> for RedeemError {
    fn from(error: ChooseError) -> Self {
        match error {
            ChooseError::Refused(error) => Self::Refused(error),
            ChooseError::Hash(error) => Self::Hash(error),
        }
    }
}

impl From<StoreError> for RedeemError {
    fn from(error: StoreError) -> Self {
        Self::Write(error.into())
    }
}

/// Sends a code to the user of this name, if there is one, through whatever door is open.
///
/// Whether there is one must not be told by time. So nothing is read here: a single write looks the user up
/// inside its transaction, writes the same rows either way, and waits for the same fsync. Delivery is somebody
/// else's work, later; it takes nobody's messages from the outbox as all others, so that the writes that follow,
/// and what they do to the next request, are the same too. With no door open there is nothing to write, for
/// nobody and for everybody.
///
/// # Errors
/// [`ForgotPasswordError`].
pub async fn forgot_password(
    ctx: &Context,
    config: &SystemConfig,
    origin: &Origin,
    name: LoginName,
) -> Result<(), ForgotPasswordError> {
    let channels = [Channel::ResetMail, Channel::ResetWebhook];
    let Some(code) = draft_code(ctx, config, channels, RESET_CODE_LIFETIME)? else {
        return Ok(());
    };
    let entry = AuditEntry::new(code.created, AuditKind::PasswordForgotten, origin);
    Ok(ctx.store.keep_reset_code(name, code, ctx.beside(entry)).await?)
}

/// A new code with a message for each of the channels that is open; none if no one is.
pub(crate) fn draft_code(
    ctx: &Context,
    config: &SystemConfig,
    channels: [Channel; 2],
    lifetime: Duration,
) -> Result<Option<NewCode>, HashError> {
    let open: Vec<_> = channels.into_iter().filter(|channel| config.open_channels.has(*channel)).collect();
    if open.is_empty() {
        return Ok(None);
    }
    let code = ctx.codes.make()?;
    let now = ctx.clock.now();
    let expires = now.after(lifetime);
    let message = |channel| Message::with_code(&ctx.ids, channel, &code, now, expires);
    let messages = open.into_iter().map(message).collect();
    Ok(Some(NewCode { digest: ctx.codes.digest(&code), created: now, expires, messages }))
}

/// Sets a new password with a code, uses the code up, and revokes the user's tokens. The user is who it was for.
///
/// # Errors
/// [`RedeemError`].
pub async fn redeem_reset_code(
    ctx: &Context,
    origin: &Origin,
    code: &ResetCode,
    new: Password,
    key: QueueKey,
    attempt: &mut dyn Attempt,
) -> Result<User, RedeemError> {
    let digest = ctx.codes.digest(code);
    // A code that is not good costs no hash, and the policy judges by the user's names.
    attempt.charge();
    let found = ctx.store.find_by_reset_code(digest, ctx.clock.now()).await;
    attempt.settle(match &found {
        Ok(Some(user)) => AttemptOutcome::Succeeded(&user.names),
        Ok(None) => AttemptOutcome::Failed,
        Err(_) => AttemptOutcome::Void,
    });
    let user = found?.ok_or(RedeemError::BadCode)?;
    let hash = choose_password(ctx, new, &user.names, key).await?;
    let now = ctx.clock.now();
    let entry = AuditEntry::new(now, AuditKind::PasswordReset, origin).about(user.id);
    match ctx.store.redeem_reset_code(digest, hash, now, ctx.beside(entry)).await {
        Ok(user) => Ok(user),
        // Somebody else was quicker with it, or the time was up.
        Err(WriteError::NotFound | WriteError::Overtaken) => Err(RedeemError::BadCode),
        Err(error) => Err(error.into()),
    }
}
