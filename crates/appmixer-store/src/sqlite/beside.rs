//! What is kept in the same transaction beside a change.

use appmixer_core::{AuditDetails, AuditKind, Beside, StoreError, User};
use rusqlite::Connection;

use super::{audit, outbox};
use crate::kept::carried::Carried;

/// Keeps it. The caller is in the savepoint of a change that is made.
pub(super) fn keep(db: &Connection, beside: Beside) -> Result<(), StoreError> {
    let Beside { messages, audit, .. } = beside;
    for message in &messages {
        outbox::insert(db, message, Carried::Nothing)?;
    }
    audit::keep(db, audit.as_slice())
}

/// The same where a user was changed.
pub(super) fn keep_of_change(
    db: &Connection,
    mut beside: Beside,
    before: &User,
    after: &User,
) -> Result<(), StoreError> {
    if let Some(entry) = beside.audit.as_mut().filter(|entry| entry.kind == AuditKind::UserChanged) {
        entry.details = AuditDetails::members(before, after);
    }
    keep(db, beside)
}
