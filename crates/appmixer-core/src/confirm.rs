//! Confirming that an email address belongs to its user.

use std::time::Duration;

use async_trait::async_trait;
use thiserror::Error;

use crate::attempt::{Attempt, AttemptOutcome};
use crate::audit::{AuditEntry, AuditKind, Beside};
use crate::config::SystemConfig;
use crate::context::Context;
use crate::forgot_password::{ForgotPasswordError, draft_code};
use crate::message::Channel;
use crate::name::LoginName;
use crate::origin::Origin;
use crate::outbox::NewCode;
use crate::password::{HashError, Password, QueueKey};
use crate::reset_code::{CodeDigest, ResetCode};
use crate::sign_in::OpenSignIn;
use crate::store::{StoreError, WriteError};
use crate::time::Timestamp;
use crate::user::User;

/// How long a code is valid (contract, `POST /user/confirm`).
pub const CONFIRMATION_CODE_LIFETIME: Duration = Duration::from_hours(24);

/// The most valid codes of one user. One more replaces the oldest.
pub const MAX_CONFIRMATION_CODES: u32 = 3;

/// The codes that confirm an address.
#[async_trait]
pub trait ConfirmationCodes: Send + Sync {
    /// Stores a code for the user of this name, with its messages, if the user is pending; at most
    /// [`MAX_CONFIRMATION_CODES`] of them, the newest. Otherwise the same is written, now and later, so that time
    /// does not tell; but it is no user's.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn store_confirmation_code(
        &self,
        name: LoginName,
        code: NewCode,
        beside: Beside,
    ) -> Result<(), StoreError>;

    /// The pending user whose code this is, while it is valid.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn find_by_confirmation_code(
        &self,
        code: CodeDigest,
        now: Timestamp,
    ) -> Result<Option<User>, StoreError>;

    /// Activates the user whose code this is, which ends all codes of the user.
    ///
    /// # Errors
    /// [`WriteError::NotFound`]: the code is not valid, or not any more. [`WriteError::Store`].
    async fn redeem_confirmation_code(
        &self,
        code: CodeDigest,
        now: Timestamp,
        beside: Beside,
    ) -> Result<User, WriteError>;
}

/// Why an address was not confirmed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ConfirmError {
    /// The code is not valid, or the password is not its user's: the same, so that no one learns which.
    #[error("the code or the password is wrong")]
    BadCredentials,
    /// The password could not be checked.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The store failed.
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl From<StoreError> for ConfirmError {
    fn from(error: StoreError) -> Self {
        Self::Write(error.into())
    }
}

/// Whether a code that confirms an address can be sent: by mail, or through a webhook.
#[must_use]
pub fn can_send_confirmations(config: &SystemConfig) -> bool {
    [Channel::ConfirmMail, Channel::ConfirmWebhook]
        .into_iter()
        .any(|channel| config.open_channels.has(channel))
}

/// A code for a user who has to confirm the address, if one is to be sent and a channel is open.
pub(crate) fn draft_confirmation(ctx: &Context, config: &SystemConfig) -> Result<Option<NewCode>, HashError> {
    if ctx.rules.sends_confirmations() { code_for_channels(ctx, config) } else { Ok(None) }
}

fn code_for_channels(ctx: &Context, config: &SystemConfig) -> Result<Option<NewCode>, HashError> {
    draft_code(ctx, config, [Channel::ConfirmMail, Channel::ConfirmWebhook], CONFIRMATION_CODE_LIFETIME)
}

/// Sends another code to the user of this name, if the user is pending and the operator wants addresses confirmed.
///
/// Time tells nothing, as in [`forgot_password`](crate::forgot_password()): one write, which is the same for all.
///
/// # Errors
/// [`ForgotPasswordError`].
pub async fn resend_confirmation(
    ctx: &Context,
    config: &SystemConfig,
    origin: &Origin,
    name: LoginName,
) -> Result<(), ForgotPasswordError> {
    match draft_confirmation(ctx, config)? {
        Some(code) => send(ctx, origin, name, code).await,
        None => Ok(()),
    }
}

/// Sends a code to a pending user for an operator, whatever `users.confirm` says. Answers whether a channel is open.
///
/// # Errors
/// [`ForgotPasswordError`].
pub async fn send_confirmation(
    ctx: &Context,
    config: &SystemConfig,
    origin: &Origin,
    user: &User,
) -> Result<bool, ForgotPasswordError> {
    let Some(code) = code_for_channels(ctx, config)? else { return Ok(false) };
    send(ctx, origin, user.names.username.as_login().clone(), code).await?;
    Ok(true)
}

async fn send(
    ctx: &Context,
    origin: &Origin,
    name: LoginName,
    code: NewCode,
) -> Result<(), ForgotPasswordError> {
    let entry = AuditEntry::new(code.created, AuditKind::ConfirmationRequested, origin);
    Ok(ctx.store.store_confirmation_code(name, code, ctx.beside(entry)).await?)
}

/// Activates the user whom a code was sent to, who also has to know the password: a stranger may have signed up with
/// the address, and its owner is not to activate that account. `None` stands for what cannot be a code.
///
/// # Errors
/// [`ConfirmError`].
pub async fn confirm(
    ctx: &Context,
    origin: &Origin,
    code: Option<&ResetCode>,
    password: Password,
    key: QueueKey,
    attempt: &mut dyn Attempt,
) -> Result<User, ConfirmError> {
    let digest = code.map(|code| ctx.codes.digest(code));
    let user = match digest {
        Some(digest) => ctx.store.find_by_confirmation_code(digest, ctx.clock.now()).await?,
        None => None,
    };
    // An unknown code costs one hash as well, so that time does not tell which of the two is wrong.
    let stored = user.as_ref().map_or_else(|| ctx.hasher.decoy(), |user| user.password_hash.clone());
    let open = OpenSignIn::charge(ctx, origin, user.as_ref().map(|user| user.id), attempt);
    let is_right = match ctx.hasher.verify(password, stored, key).await {
        Ok(verdict) => verdict.matches,
        Err(error) => {
            open.settle(AttemptOutcome::Void);
            return Err(error.into());
        }
    };
    let (Some(digest), Some(user)) = (digest, user.filter(|_| is_right)) else {
        open.refuse("confirmation", AttemptOutcome::Failed);
        return Err(ConfirmError::BadCredentials);
    };
    open.settle(AttemptOutcome::Succeeded(&user.names));
    let now = ctx.clock.now();
    let entry = AuditEntry::new(now, AuditKind::UserConfirmed, origin).about(user.id);
    match ctx.store.redeem_confirmation_code(digest, now, ctx.beside(entry)).await {
        Ok(user) => Ok(user),
        // Used, replaced or ended since it was found.
        Err(WriteError::NotFound) => Err(ConfirmError::BadCredentials),
        Err(error) => Err(error.into()),
    }
}
