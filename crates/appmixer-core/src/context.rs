//! What the use cases work with.

use std::sync::Arc;
use std::time::Duration;

use crate::access::Grant;
use crate::audit::{AuditEntry, Beside};
use crate::daily::Counted;
use crate::id::IdGenerator;
use crate::password::PasswordHasher;
use crate::password_policy::PasswordPolicy;
use crate::reset_code::CodeMaker;
use crate::store::Store;
use crate::time::{Clock, Timestamp};
use crate::user::User;

/// 30 days, the documented lifetime of a token.
pub const DEFAULT_TOKEN_LIFETIME: Duration = Duration::from_hours(30 * 24);

/// The rules that an operator sets at the start.
#[derive(Clone, Debug)]
pub struct Rules {
    /// How long a token is good, in whole seconds.
    pub token_lifetime: Duration,
    /// What a new password must have.
    pub password_policy: PasswordPolicy,
    /// Whether only users whose address is confirmed (`isActive`) may sign in.
    pub require_active: bool,
    /// Whether new users are sent a code to confirm the address, also if they need not.
    pub confirm: bool,
    /// Whether there is an audit log.
    pub audit_log: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            token_lifetime: DEFAULT_TOKEN_LIFETIME,
            password_policy: PasswordPolicy::default(),
            require_active: false,
            confirm: false,
            audit_log: true,
        }
    }
}

impl Rules {
    /// Whether users with an unconfirmed address are sent a code.
    #[must_use]
    pub const fn sends_confirmations(&self) -> bool {
        self.require_active || self.confirm
    }

    /// Whether the user may use tokens.
    #[must_use]
    pub const fn admits(&self, user: &User) -> bool {
        user.is_active || !self.require_active
    }
}

/// The parts that every use case needs, each behind its trait.
pub struct Context {
    /// Keeps users and configuration.
    pub store: Arc<dyn Store>,
    /// Hashes passwords.
    pub hasher: Arc<dyn PasswordHasher>,
    /// Makes codes for forgotten passwords.
    pub codes: Arc<dyn CodeMaker>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Makes the ids of new users.
    pub ids: IdGenerator,
    /// The operator's rules.
    pub rules: Rules,
}

impl Context {
    /// What is kept beside a change: its entry in the audit log, if there is one.
    #[must_use]
    pub fn beside(&self, entry: AuditEntry) -> Beside {
        self.noted(entry).map(Beside::from).unwrap_or_default()
    }

    /// Notes in the audit log, if there is one, what changes nothing.
    pub(crate) fn note(&self, entry: AuditEntry) {
        if let Some(entry) = self.noted(entry) {
            self.store.note(entry);
        }
    }

    /// Without a log, what is counted is counted nevertheless.
    fn noted(&self, entry: AuditEntry) -> Option<AuditEntry> {
        let is_kept = self.rules.audit_log;
        (is_kept || Counted::of(entry.kind).is_some()).then_some(AuditEntry { is_kept, ..entry })
    }
}

/// A user who has just signed in or up, and what the token to hand out says.
#[derive(Clone, Debug)]
pub struct Session {
    /// The user.
    pub user: User,
    /// What to sign.
    pub grant: Grant,
}

/// What a user who signs in now is granted.
#[must_use]
pub fn open_session(rules: &Rules, user: User, now: Timestamp) -> Session {
    open_session_for(rules.token_lifetime, user, now)
}

/// The same for so long, in whole seconds.
pub(crate) fn open_session_for(lifetime: Duration, user: User, now: Timestamp) -> Session {
    // Tokens count in whole seconds.
    let issued_at = now.seconds();
    let grant = Grant {
        id: user.id,
        scopes: user.scopes.clone(),
        issued_at: Timestamp::from_seconds(issued_at),
        expires_at: Timestamp::from_seconds(issued_at.saturating_add(lifetime.as_secs())),
        generation: user.generation,
    };
    Session { user, grant }
}
