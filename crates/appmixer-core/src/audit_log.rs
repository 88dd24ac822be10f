//! The audit log as a whole: notes for it, what it answers, and how it forgets.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use async_trait::async_trait;
use serde::{Serialize, Serializer};
use thiserror::Error;

use crate::audit::{AuditDetails, AuditEntry, AuditKind};
use crate::daily::{Count, Day};
use crate::id::UserId;
use crate::origin::Actor;
use crate::store::StoreError;
use crate::time::Timestamp;

/// Entries that are forgotten in one transaction: some milliseconds, in which no other write is made.
const BATCH: u32 = 500;

/// The text is no number of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("must be the id of an entry, a whole number")]
pub struct InvalidAuditId;

/// The number of an entry: 1 or more, and never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct AuditId(i64);

impl AuditId {
    /// The number that a store has given.
    #[must_use]
    pub const fn from_store(number: i64) -> Self {
        Self(number)
    }

    /// As a number.
    #[must_use]
    pub const fn number(self) -> i64 {
        self.0
    }
}

impl FromStr for AuditId {
    type Err = InvalidAuditId;

    fn from_str(text: &str) -> Result<Self, InvalidAuditId> {
        // `parse` would take a sign.
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|number| digits && *number > 0).map(Self).ok_or(InvalidAuditId)
    }
}

impl fmt::Display for AuditId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Which entries are asked for: those for which all holds.
#[derive(Clone, Debug)]
pub struct AuditQuery {
    /// Of this time or later.
    pub from: Option<Timestamp>,
    /// Earlier than this.
    pub to: Option<Timestamp>,
    /// By this user, or about it.
    pub user: Option<UserId>,
    /// Of one of these kinds; of any, if there are none.
    pub kinds: Vec<AuditKind>,
    /// Older than this entry.
    pub before: Option<AuditId>,
    /// Newer than this entry.
    pub after: Option<AuditId>,
    /// At most so many.
    pub limit: u32,
}

/// An entry as it is kept. As JSON, what `GET /audit` shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRecord {
    /// Its number.
    pub id: AuditId,
    /// The entry.
    pub entry: AuditEntry,
}

impl Serialize for AuditRecord {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Record<'a> {
            id: AuditId,
            time: Timestamp,
            kind: &'static str,
            actor: Who,
            address: Option<std::net::IpAddr>,
            user: Option<UserId>,
            details: &'a AuditDetails,
        }

        #[derive(Serialize)]
        #[serde(tag = "type", rename_all = "kebab-case")]
        enum Who {
            Anonymous,
            User { id: UserId },
            CommandLine { uid: u32 },
        }

        let entry = &self.entry;
        let actor = match entry.origin.actor {
            Actor::Anonymous => Who::Anonymous,
            Actor::User(id) => Who::User { id },
            Actor::CommandLine { uid } => Who::CommandLine { uid },
        };
        Record {
            id: self.id,
            time: entry.time,
            kind: entry.kind.as_str(),
            actor,
            address: entry.origin.address,
            user: entry.user,
            details: &entry.details,
        }
        .serialize(serializer)
    }
}

/// The audit log. What changes something is noted together with the change ([`crate::Beside`]).
#[async_trait]
pub trait AuditLog: Send + Sync {
    /// Notes something that changes nothing, as a sign-in. It neither waits nor fails: the entry is kept soon, and
    /// lost where the store cannot keep up or keep anything, of which the operator's log tells.
    fn note(&self, entry: AuditEntry);

    /// The newest of the entries that are asked for, newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn audit_entries(&self, query: AuditQuery) -> Result<Vec<AuditRecord>, StoreError>;

    /// What was counted of these days: of each entry that was noted or kept beside a change, also of those that the log
    /// does not keep, or has forgotten.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn counts(&self, days: RangeInclusive<Day>) -> Result<Vec<Count>, StoreError>;

    /// Forgets entries that are older than `oldest`, and as long as there are more than `most`, those that anybody
    /// can cause ([`AuditKind::is_anybodys`]) and then any; the oldest first, and at most twice `batch`. Answers how
    /// many.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn forget_audit_entries(&self, oldest: Timestamp, most: u64, batch: u32)
    -> Result<u32, StoreError>;
}

/// Forgets what is too old, and the oldest of what is too much, a little at a time. Answers how many entries.
///
/// # Errors
/// [`StoreError`].
pub async fn trim_audit_log(log: &dyn AuditLog, oldest: Timestamp, most: u64) -> Result<u64, StoreError> {
    let mut forgotten = 0;
    loop {
        let batch = log.forget_audit_entries(oldest, most, BATCH).await?;
        forgotten += u64::from(batch);
        if batch == 0 {
            return Ok(forgotten);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::origin::Origin;

    #[test]
    fn a_record_is_shown_with_who_from_where_what_to_whom_and_when() {
        let (joe, ann) = (UserId::from_bytes([1; 12]), UserId::from_bytes([2; 12]));
        let shown = |actor, address: &str, about: bool| {
            let origin = Origin { actor, address: address.parse().ok() };
            let entry = AuditEntry::new(Timestamp::from_millis(0), AuditKind::UserDeleted, &origin);
            let entry = if about { entry.about(ann) } else { entry };
            serde_json::to_string(&AuditRecord { id: AuditId(7), entry }).unwrap()
        };
        assert_eq!(
            shown(Actor::User(joe), "192.0.2.1", true),
            r#"{"id":7,"time":"1970-01-01T00:00:00.000Z","kind":"user-deleted","actor":{"type":"user","id":"010101010101010101010101"},"address":"192.0.2.1","user":"020202020202020202020202","details":{}}"#
        );
        assert!(
            shown(Actor::Anonymous, "2001:db8::1", false).ends_with(
                r#""actor":{"type":"anonymous"},"address":"2001:db8::1","user":null,"details":{}}"#
            )
        );
        assert!(
            shown(Actor::CommandLine { uid: 1000 }, "", false)
                .contains(r#""actor":{"type":"command-line","uid":1000},"address":null"#)
        );
    }

    #[test]
    fn ids_are_whole_numbers_from_one() {
        assert_eq!("42".parse(), Ok(AuditId(42)));
        for bad in ["", "0", "-1", "+1", "1.0", "99999999999999999999", " 1", "5f1e"] {
            assert_eq!(bad.parse::<AuditId>(), Err(InvalidAuditId), "{bad}");
        }
    }
}
