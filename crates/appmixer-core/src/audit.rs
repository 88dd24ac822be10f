//! The audit log's entries: who did what to whom, from where, and when. Never a value that was written, and
//! never what somebody typed.

use serde::{Deserialize, Serialize};

use crate::acl::AclType;
use crate::config::ConfigKey;
use crate::id::UserId;
use crate::message::Message;
use crate::origin::Origin;
use crate::outbox::NewCode;
use crate::signing_key::KeyId;
use crate::time::Timestamp;
use crate::user::User;

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AuditKind {
    /// A user has signed in.
    SignIn,
    /// Somebody has tried to.
    SignInFailed,
    /// A user was made.
    UserCreated,
    /// A user was changed.
    UserChanged,
    /// A user was deleted.
    UserDeleted,
    /// A user has chosen another password.
    PasswordChanged,
    /// An administrator, or somebody with a code, has set a user's password.
    PasswordReset,
    /// Somebody has said to have forgotten a password.
    PasswordForgotten,
    /// A user, or an administrator in its place, has ended all of its tokens.
    SignedOutEverywhere,
    /// An entry of the system configuration was set.
    ConfigSet,
    /// An entry of the system configuration was removed.
    ConfigRemoved,
    /// The access rules of a type were replaced.
    RulesReplaced,
    /// Users were imported.
    UsersImported,
    /// A key that signs tokens was added.
    KeyRotated,
    /// A key that signed tokens was ended before its time.
    KeyRetired,
    /// A code to confirm an address was asked for.
    ConfirmationRequested,
    /// A user has confirmed the address with a code.
    UserConfirmed,
}

impl AuditKind {
    /// Every kind.
    pub const ALL: [Self; 17] = [
        Self::SignIn,
        Self::SignInFailed,
        Self::UserCreated,
        Self::UserChanged,
        Self::UserDeleted,
        Self::PasswordChanged,
        Self::PasswordReset,
        Self::PasswordForgotten,
        Self::SignedOutEverywhere,
        Self::ConfigSet,
        Self::ConfigRemoved,
        Self::RulesReplaced,
        Self::UsersImported,
        Self::KeyRotated,
        Self::KeyRetired,
        Self::ConfirmationRequested,
        Self::UserConfirmed,
    ];

    /// The kind of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// Whether somebody without a token can cause any number of it, and nothing else that is kept.
    #[must_use]
    pub const fn is_anybodys(self) -> bool {
        matches!(self, Self::SignInFailed | Self::PasswordForgotten | Self::ConfirmationRequested)
    }

    /// Its name, which stays as it is: it is kept, and scripts filter by it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SignIn => "sign-in",
            Self::SignInFailed => "sign-in-failed",
            Self::UserCreated => "user-created",
            Self::UserChanged => "user-changed",
            Self::UserDeleted => "user-deleted",
            Self::PasswordChanged => "password-changed",
            Self::PasswordReset => "password-reset",
            Self::PasswordForgotten => "password-forgotten",
            Self::SignedOutEverywhere => "signed-out-everywhere",
            Self::ConfigSet => "config-set",
            Self::ConfigRemoved => "config-removed",
            Self::RulesReplaced => "rules-replaced",
            Self::UsersImported => "users-imported",
            Self::KeyRotated => "key-rotated",
            Self::KeyRetired => "key-retired",
            Self::ConfirmationRequested => "confirmation-requested",
            Self::UserConfirmed => "user-confirmed",
        }
    }
}

/// What is told besides; what it has depends on the kind. Names of things alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditDetails {
    /// The members of a user that have changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    members: Option<Vec<String>>,
    /// The key of an entry of the system configuration, or the name of a key that signs tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    /// The key of another entry of the system configuration, which was removed by the same change.
    #[serde(skip_serializing_if = "Option::is_none")]
    cleared: Option<String>,
    /// The type of the access rules.
    #[serde(skip_serializing_if = "Option::is_none")]
    rules: Option<String>,
    /// Why somebody was not signed in, or how an administrator came to be made by nobody.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// How many users an import has made, and how many it has not.
    #[serde(skip_serializing_if = "Option::is_none")]
    imported: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<u64>,
}

impl AuditDetails {
    /// The members in which two states of a user differ.
    #[must_use]
    pub fn members(before: &User, after: &User) -> Self {
        let members = before.members_that_differ(after).into_iter().map(str::to_owned).collect();
        Self { members: Some(members), ..Self::default() }
    }

    /// An entry of the system configuration.
    #[must_use]
    pub fn key(key: &ConfigKey) -> Self {
        Self { key: Some(key.as_str().to_owned()), ..Self::default() }
    }

    /// The same, with an entry of the system configuration that the change removed as well.
    #[must_use]
    pub fn and_cleared(self, key: &ConfigKey) -> Self {
        Self { cleared: Some(key.as_str().to_owned()), ..self }
    }

    /// A key that signs tokens.
    #[must_use]
    pub fn signing_key(id: &KeyId) -> Self {
        Self { key: Some(id.as_str().to_owned()), ..Self::default() }
    }

    /// The rules of a type.
    #[must_use]
    pub fn rules(kind: AclType) -> Self {
        Self { rules: Some(kind.as_str().to_owned()), ..Self::default() }
    }

    /// The outcome of an import, in users.
    #[must_use]
    pub fn import(imported: u64, refused: u64) -> Self {
        Self { imported: Some(imported), refused: Some(refused), ..Self::default() }
    }

    /// Why somebody was not signed in, or how an administrator came to be made by nobody.
    pub(crate) fn reason(reason: &'static str) -> Self {
        Self { reason: Some(reason.to_owned()), ..Self::default() }
    }

    /// Whether there is nothing to tell.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Something that was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// When.
    pub time: Timestamp,
    /// What.
    pub kind: AuditKind,
    /// By whom, and from where.
    pub origin: Origin,
    /// To which user, if to one.
    pub user: Option<UserId>,
    /// What is told besides.
    pub details: AuditDetails,
    /// Whether the log keeps it; it is counted ([`crate::daily()`]) in any case.
    pub is_kept: bool,
}

impl AuditEntry {
    /// An entry without details, about no user.
    #[must_use]
    pub fn new(time: Timestamp, kind: AuditKind, origin: &Origin) -> Self {
        Self { time, kind, origin: *origin, user: None, details: AuditDetails::default(), is_kept: true }
    }

    /// The same, about a user.
    #[must_use]
    pub fn about(self, user: UserId) -> Self {
        Self { user: Some(user), ..self }
    }

    /// The same with details.
    #[must_use]
    pub fn with(self, details: AuditDetails) -> Self {
        Self { details, ..self }
    }
}

/// What is kept in the same transaction beside a change, if the change is made.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Beside {
    /// What the audit log says of it. Of a [`AuditKind::UserChanged`] the store fills in the members, since it
    /// alone knows what the user was before.
    pub audit: Option<AuditEntry>,
    /// What goes into the outbox.
    pub messages: Vec<Message>,
    /// A code for the user who is written, if the user has to confirm the address and has no valid code.
    pub confirmation: Option<NewCode>,
}

impl Beside {
    /// Nothing.
    #[must_use]
    pub fn nothing() -> Self {
        Self::default()
    }

    /// The same with a message, if there is one.
    #[must_use]
    pub fn and_message(mut self, message: Option<Message>) -> Self {
        self.messages.extend(message);
        self
    }

    /// Adds a code to confirm the address, if there is one.
    #[must_use]
    pub fn and_confirmation(self, confirmation: Option<NewCode>) -> Self {
        Self { confirmation, ..self }
    }
}

impl From<AuditEntry> for Beside {
    fn from(entry: AuditEntry) -> Self {
        Self { audit: Some(entry), ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_by_names_that_differ() {
        for kind in AuditKind::ALL {
            assert_eq!(AuditKind::parse(kind.as_str()), Some(kind));
        }
        assert_eq!(AuditKind::parse("Sign-In"), None);
    }

    #[test]
    fn details_have_what_there_is_to_tell_and_no_more() {
        let key = AuditDetails::key(&ConfigKey::parse("APP_NAME").unwrap());
        assert_eq!(serde_json::to_string(&key).unwrap(), r#"{"key":"APP_NAME"}"#);
        assert_eq!(serde_json::to_string(&AuditDetails::default()).unwrap(), "{}");
        assert_eq!(serde_json::from_str::<AuditDetails>("{}").unwrap(), AuditDetails::default());
        assert!(!AuditDetails::import(0, 0).is_empty());
    }
}
