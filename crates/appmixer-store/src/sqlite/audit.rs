//! The audit log.

use appmixer_core::{Actor, AuditEntry, StoreError};
use rusqlite::{Connection, params};

use super::error::store_error;
use super::sql::statements;

statements! {
    /// Entries come in the order in which they are kept, also when what two threads saw of the clock, or the clock
    /// itself, goes back a little: a reader who goes on behind the last entry misses none. A clock that was far
    /// ahead is not followed.
    INSERT = "INSERT INTO audit (time, kind, actor, uid, address, user, details) VALUES (\
         max(?1, coalesce((SELECT time FROM audit WHERE id = (SELECT max(id) FROM audit) \
         AND time <= ?1 + 60000), 0)), ?2, ?3, ?4, ?5, ?6, ?7)";
}

pub(super) fn insert(db: &Connection, entry: &AuditEntry) -> Result<(), StoreError> {
    let (actor, uid) = match entry.origin.actor {
        Actor::Anonymous => (None, None),
        Actor::User(id) => (Some(id), None),
        Actor::CommandLine { uid } => (None, Some(uid)),
    };
    let details =
        serde_json::to_string(&entry.details).map_err(|error| StoreError::Internal(error.to_string()))?;
    let params = params![
        entry.time.millis(),
        entry.kind.as_str(),
        actor.as_ref().map(|id| &id.as_bytes()[..]),
        uid,
        entry.origin.address.map(|address| address.to_string()),
        entry.user.as_ref().map(|id| &id.as_bytes()[..]),
        details,
    ];
    let inserted = db.prepare_cached(INSERT).and_then(|mut statement| statement.execute(params));
    inserted.map(drop).map_err(|error| store_error(&error))
}
