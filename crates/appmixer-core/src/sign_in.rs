//! Signing in with a name and a password.

use std::time::Duration;

use thiserror::Error;

use crate::attempt::{Attempt, AttemptOutcome};
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
    attempt: &mut dyn Attempt,
) -> Result<Session, SignInError> {
    let who = For::Anybody(ctx.rules.token_lifetime);
    check_in(ctx, origin, name, password, key, attempt, who).await
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
    attempt: &mut dyn Attempt,
    lifetime: Duration,
) -> Result<Session, SignInError> {
    check_in(ctx, origin, name, password, key, attempt, For::Administrators(lifetime)).await
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
    attempt: &mut dyn Attempt,
    who: For,
) -> Result<Session, SignInError> {
    let user = ctx.store.find_by_login(name).await?;
    // An unknown user costs one hash as well, so that time does not tell who exists.
    let stored = user.as_ref().map_or_else(|| ctx.hasher.decoy(), |user| user.password_hash.clone());
    let id = user.as_ref().map(|user| user.id);
    let open = OpenSignIn::charge(ctx, origin, id, attempt);
    let verdict = match ctx.hasher.verify(password.clone(), stored, key).await {
        Ok(verdict) => verdict,
        Err(error) => {
            open.settle(AttemptOutcome::Void);
            return Err(error.into());
        }
    };
    let Some(user) = user.filter(|_| verdict.matches) else {
        open.refuse("credentials", AttemptOutcome::Failed);
        return Err(SignInError::BadCredentials);
    };
    let (For::Anybody(lifetime) | For::Administrators(lifetime)) = who;
    if matches!(who, For::Administrators(_)) && !user.scopes.has_admin() {
        open.refuse("no-admin", AttemptOutcome::Failed);
        return Err(SignInError::BadCredentials);
    }
    if !ctx.rules.admits(&user) {
        open.refuse("not-active", AttemptOutcome::Void);
        return Err(SignInError::NotActive);
    }
    note_sign_in(ctx, origin, user.id);
    open.settle(AttemptOutcome::Succeeded(&user.names));
    let user = if verdict.outdated { rehashed(ctx, user, password, key).await } else { user };
    Ok(open_session_for(lifetime, user, ctx.clock.now()))
}

/// A sign-in, or a confirmation, whose hash is queued. If it is dropped before it is settled, the client has gone.
pub(crate) struct OpenSignIn<'a> {
    ctx: &'a Context,
    origin: &'a Origin,
    user: Option<UserId>,
    attempt: &'a mut dyn Attempt,
    is_settled: bool,
}

impl<'a> OpenSignIn<'a> {
    pub(crate) fn charge(
        ctx: &'a Context,
        origin: &'a Origin,
        user: Option<UserId>,
        attempt: &'a mut dyn Attempt,
    ) -> Self {
        attempt.charge();
        Self { ctx, origin, user, attempt, is_settled: false }
    }

    pub(crate) fn refuse(self, reason: &'static str, outcome: AttemptOutcome<'_>) {
        note_failure(self.ctx, self.origin, self.user, reason);
        self.settle(outcome);
    }

    pub(crate) fn settle(mut self, outcome: AttemptOutcome<'_>) {
        self.is_settled = true;
        self.attempt.settle(outcome);
    }
}

impl Drop for OpenSignIn<'_> {
    fn drop(&mut self) {
        if !self.is_settled {
            note_failure(self.ctx, self.origin, self.user, "aborted");
        }
    }
}

/// Opens a session of somebody who has proved who it is.
pub(crate) fn let_in(ctx: &Context, origin: &Origin, user: User, lifetime: Duration) -> Session {
    note_sign_in(ctx, origin, user.id);
    open_session_for(lifetime, user, ctx.clock.now())
}

fn note_sign_in(ctx: &Context, origin: &Origin, user: UserId) {
    let origin = Origin { actor: Actor::User(user), ..*origin };
    ctx.note(AuditEntry::new(ctx.clock.now(), AuditKind::SignIn, &origin).about(user));
}

/// Notes that sign-ins are turned away before anybody looks at them. Whose they would have been is not known then.
pub fn note_limited_sign_in(ctx: &Context, origin: &Origin) {
    note_failure(ctx, origin, None, "limited");
}

/// Of the name that was typed the log has nothing: it may be a password in the wrong field. Who the user is it
/// has, where there is one: administrators alone read it.
fn note_failure(ctx: &Context, origin: &Origin, user: Option<UserId>, reason: &'static str) {
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
