//! An entry of the audit log in its columns.

use std::net::IpAddr;

use appmixer_core::{
    Actor, AuditEntry, AuditId, AuditKind, AuditRecord, Origin, StoreError, Timestamp, UserId,
};

/// A row as it was read.
pub(crate) struct AuditRow {
    pub(crate) id: i64,
    pub(crate) time: i64,
    pub(crate) kind: String,
    pub(crate) actor: Option<[u8; 12]>,
    pub(crate) uid: Option<u32>,
    pub(crate) address: Option<String>,
    pub(crate) user: Option<[u8; 12]>,
    pub(crate) details: String,
}

impl AuditRow {
    pub(crate) fn read(self) -> Result<AuditRecord, StoreError> {
        // What stands there is not told.
        let damaged = |column: &str| StoreError::Corrupt(format!("audit {}, {column}", self.id));
        let actor = match (self.actor, self.uid) {
            (Some(id), _) => Actor::User(UserId::from_bytes(id)),
            (None, Some(uid)) => Actor::CommandLine { uid },
            (None, None) => Actor::Anonymous,
        };
        let address = self.address.as_deref().map(str::parse::<IpAddr>).transpose();
        let entry = AuditEntry {
            time: Timestamp::from_millis(self.time),
            kind: AuditKind::parse(&self.kind).ok_or_else(|| damaged("kind"))?,
            origin: Origin { actor, address: address.map_err(|_| damaged("address"))? },
            user: self.user.map(UserId::from_bytes),
            details: serde_json::from_str(&self.details).map_err(|_| damaged("details"))?,
            is_kept: true,
        };
        Ok(AuditRecord { id: AuditId::from_store(self.id), entry })
    }
}

/// Who did it: a user, or the operating system's number of whoever ran a command.
pub(crate) const fn actor(entry: &AuditEntry) -> (Option<UserId>, Option<u32>) {
    match entry.origin.actor {
        Actor::Anonymous => (None, None),
        Actor::User(id) => (Some(id), None),
        Actor::CommandLine { uid } => (None, Some(uid)),
    }
}

pub(crate) fn details(entry: &AuditEntry) -> Result<String, StoreError> {
    serde_json::to_string(&entry.details).map_err(|error| StoreError::Internal(error.to_string()))
}
