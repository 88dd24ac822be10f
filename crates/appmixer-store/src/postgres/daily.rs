//! What is counted of each day, in several rows of each: those who write at once mostly find one of their own.

use std::ops::RangeInclusive;

use appmixer_core::{AuditEntry, Count, Day, StoreError};

use super::db::{Db, random};
use super::error::Stop;
use super::sql::statements;
use crate::kept::daily as kept;

statements! {
    ADD_TO_DAY = "INSERT INTO daily_counts AS kept (id, day, kind, number) \
         SELECT * FROM UNNEST($1::BIGINT[], $2::BIGINT[], $3::TEXT[], $4::BIGINT[]) \
         ON CONFLICT (id) DO UPDATE SET number = kept.number + excluded.number",
        [INT8_ARRAY, INT8_ARRAY, TEXT_ARRAY, INT8_ARRAY];
    DAYS = "SELECT day, kind, number FROM daily_counts WHERE id >= $1 AND id < $2", [INT8, INT8];
}

/// Counts these entries in the transaction that keeps them. The rows are locked in one order by everybody.
pub(super) async fn count(db: Db<'_>, entries: &[AuditEntry]) -> Result<(), Stop<StoreError>> {
    let rows = kept::rows(entries, random() % kept::SLOTS);
    if rows.is_empty() {
        return Ok(());
    }
    let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
    let days: Vec<_> = rows.iter().map(|row| row.day).collect();
    let kinds: Vec<_> = rows.iter().map(|row| row.kind).collect();
    let numbers: Vec<_> = rows.iter().map(|row| row.number).collect();
    db.run(&ADD_TO_DAY, &[&ids, &days, &kinds, &numbers]).await?;
    Ok(())
}

pub(super) async fn counts(db: Db<'_>, days: &RangeInclusive<Day>) -> Result<Vec<Count>, Stop<StoreError>> {
    let (first, end) = kept::keys(days);
    let mut counts = Vec::new();
    for row in db.all(&DAYS, &[&first, &end]).await? {
        counts.extend(kept::read(row.try_get(0)?, row.try_get(1)?, row.try_get(2)?)?);
    }
    Ok(counts)
}
