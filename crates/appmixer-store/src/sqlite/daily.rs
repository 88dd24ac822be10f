//! What is counted of each day. One writer, so one row of each.

use std::ops::RangeInclusive;

use appmixer_core::{AuditEntry, Count, Day, StoreError};
use rusqlite::{Connection, params};

use super::error::{JobError, store_error};
use super::sql::statements;
use crate::kept::daily as kept;

statements! {
    ADD_TO_DAY = "INSERT INTO daily_counts (id, day, kind, number) VALUES (?1, ?2, ?3, ?4) \
         ON CONFLICT (id) DO UPDATE SET number = number + excluded.number";
    DAYS = "SELECT day, kind, number FROM daily_counts WHERE id >= ?1 AND id < ?2";
}

/// Counts these entries. The caller is in the transaction that keeps them.
pub(super) fn count<'a>(
    db: &Connection,
    entries: impl IntoIterator<Item = &'a AuditEntry>,
) -> Result<(), StoreError> {
    for kept::Row { id, day, kind, number } in kept::rows(entries, 0) {
        let added =
            db.prepare_cached(ADD_TO_DAY).and_then(|mut add| add.execute(params![id, day, kind, number]));
        added.map_err(|error| store_error(&error))?;
    }
    Ok(())
}

pub(super) fn counts(
    db: &Connection,
    days: &RangeInclusive<Day>,
) -> Result<Vec<Count>, JobError<StoreError>> {
    let (first, end) = kept::keys(days);
    let mut statement = db.prepare_cached(DAYS)?;
    let mut rows = statement.query([first, end])?;
    let mut counts = Vec::new();
    while let Some(row) = rows.next()? {
        let kind: String = row.get(1)?;
        counts.extend(kept::read(row.get(0)?, &kind, row.get(2)?)?);
    }
    Ok(counts)
}
