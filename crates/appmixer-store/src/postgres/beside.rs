//! What is kept in the same transaction beside a change.

use appmixer_core::{AuditDetails, AuditKind, Beside, StoreError, User};

use super::db::Db;
use super::error::Stop;
use super::{audit, outbox};
use crate::kept::carried::Carried;

pub(super) async fn keep(db: Db<'_>, beside: &Beside) -> Result<(), Stop<StoreError>> {
    outbox::insert(db, &beside.messages, Carried::Nothing).await?;
    audit::keep(db, beside.audit.as_slice()).await
}

/// The same where a user was changed.
pub(super) async fn keep_of_change(
    db: Db<'_>,
    beside: &Beside,
    before: &User,
    after: &User,
) -> Result<(), Stop<StoreError>> {
    let mut beside = beside.clone();
    if let Some(entry) = beside.audit.as_mut().filter(|entry| entry.kind == AuditKind::UserChanged) {
        entry.details = AuditDetails::members(before, after);
    }
    keep(db, &beside).await
}
