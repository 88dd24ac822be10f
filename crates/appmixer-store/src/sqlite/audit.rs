//! The audit log. Entries are ordered by time, and those of one time by number.
//!
//! Whatever is asked for, an index leads to it, in order. Kinds and users are looked up one by one, each as far
//! as the limit, and what is found is put together here: SQLite would sort it, and sort all of it.

use std::cmp::Reverse;
use std::ops::RangeInclusive;

use appmixer_core::{
    AuditEntry, AuditId, AuditKind, AuditLog, AuditQuery, AuditRecord, Count, Day, StoreError, Timestamp,
    UserId,
};
use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension as _, Row, named_params, params};

use super::error::{JobError, store_error};
use super::sql::statements;
use super::writer::Outcome;
use super::{SqliteStore, daily};
use crate::kept::audit::{self as kept, AuditRow};

macro_rules! columns {
    () => {
        "id, time, kind, actor, uid, address, user, details"
    };
}

/// Behind the one place in the log and before the other.
macro_rules! between {
    () => {
        "(time, id) > (:low_time, :low_id) AND (time, id) < (:high_time, :high_id) \
         ORDER BY time DESC, id DESC LIMIT :limit"
    };
}

statements! {
    /// Entries come in the order in which they are kept, also when what two threads saw of the clock, or the clock
    /// itself, goes back a little: a reader who goes on behind the last entry misses none. A clock that was far
    /// ahead is not followed.
    INSERT = "INSERT INTO audit (time, kind, actor, uid, address, user, details) VALUES (\
         max(?1, coalesce((SELECT time FROM audit WHERE id = (SELECT max(id) FROM audit) \
         AND time <= ?1 + 60000), 0)), ?2, ?3, ?4, ?5, ?6, ?7)";

    FIND = concat!("SELECT ", columns!(), " FROM audit WHERE id = ?1");
    /// The entry may be gone: then its neighbour tells the place.
    PLACE_BEFORE = "SELECT time FROM audit WHERE id <= ?1 ORDER BY id DESC LIMIT 1";
    PLACE_AFTER = "SELECT time FROM audit WHERE id >= ?1 ORDER BY id LIMIT 1";

    ANY = concat!("SELECT time, id FROM audit WHERE ", between!());
    OF_KIND = concat!("SELECT time, id FROM audit WHERE kind = :kind AND ", between!());
    BY_USER = concat!("SELECT time, id FROM audit WHERE actor = :user AND kind = :kind AND ", between!());
    /// What users do to themselves `BY_USER` finds.
    ABOUT_USER = concat!(
        "SELECT time, id FROM audit WHERE user = :user AND user IS NOT actor AND kind = :kind AND ", between!()
    );

    FORGET_OLD = "DELETE FROM audit WHERE id IN \
         (SELECT id FROM audit WHERE time < ?1 ORDER BY time, id LIMIT ?2)";
    FORGET_OF_KIND = "DELETE FROM audit WHERE id IN \
         (SELECT id FROM audit WHERE kind = ?1 ORDER BY time, id LIMIT ?2)";
    FORGET_OLDEST = "DELETE FROM audit WHERE id IN \
         (SELECT id FROM audit WHERE time >= 0 ORDER BY time, id LIMIT ?1)";
    /// Not fewer than there are; and the number itself, which takes a look at each.
    AT_MOST = "SELECT coalesce((SELECT max(id) FROM audit) - (SELECT min(id) FROM audit) + 1, 0)";
    COUNT_AUDIT = "SELECT count(*) FROM audit";
}

#[async_trait]
impl AuditLog for SqliteStore {
    fn note(&self, entry: AuditEntry) {
        self.writer.note(entry);
    }

    async fn audit_entries(&self, query: AuditQuery) -> Result<Vec<AuditRecord>, StoreError> {
        self.readers.run(move |db| find(db, &query)).await
    }

    async fn counts(&self, days: RangeInclusive<Day>) -> Result<Vec<Count>, StoreError> {
        self.readers.run(move |db| daily::counts(db, &days)).await
    }

    async fn forget_audit_entries(
        &self,
        oldest: Timestamp,
        most: u64,
        batch: u32,
    ) -> Result<u32, StoreError> {
        // Counted where it holds up no write.
        let surplus = self.readers.run(move |db| surplus(db, most)).await?;
        self.writer
            .run(move |db| -> Result<Outcome<u32>, JobError<StoreError>> {
                let old = delete(db, FORGET_OLD, params![oldest.millis(), batch])?;
                let surplus = u32::try_from(surplus).unwrap_or(u32::MAX).saturating_sub(old);
                // Nobody remembers anything of the log.
                Ok((old + forget(db, surplus.min(batch))?, None))
            })
            .await
    }
}

/// How many entries there are beyond so many.
fn surplus(db: &Connection, most: u64) -> rusqlite::Result<u64> {
    let number = |sql: &str| -> rusqlite::Result<u64> {
        let number: i64 = db.prepare_cached(sql)?.query_one([], |row| row.get(0))?;
        Ok(number.unsigned_abs())
    };
    if number(AT_MOST)? <= most {
        return Ok(0);
    }
    Ok(number(COUNT_AUDIT)?.saturating_sub(most))
}

/// Forgets so many entries: first what anybody can fill the log with, or a stranger could hide by it what an
/// administrator did.
fn forget(db: &Connection, number: u32) -> rusqlite::Result<u32> {
    let mut left = number;
    for kind in AuditKind::ALL.into_iter().filter(|kind| kind.is_anybodys()) {
        left -= delete(db, FORGET_OF_KIND, params![kind.as_str(), left])?;
    }
    left -= delete(db, FORGET_OLDEST, [left])?;
    Ok(number - left)
}

/// Runs a statement whose last parameter is the most that it deletes.
fn delete(db: &Connection, sql: &str, params: impl rusqlite::Params) -> rusqlite::Result<u32> {
    let deleted = db.prepare_cached(sql)?.execute(params)?;
    Ok(u32::try_from(deleted).unwrap_or(u32::MAX))
}

/// Keeps entries, and counts them. The caller is in the transaction, or the savepoint, of what they tell of.
pub(super) fn keep(db: &Connection, entries: &[AuditEntry]) -> Result<(), StoreError> {
    entries.iter().filter(|entry| entry.is_kept).try_for_each(|entry| insert(db, entry))?;
    daily::count(db, entries)
}

fn insert(db: &Connection, entry: &AuditEntry) -> Result<(), StoreError> {
    let ((actor, uid), details) = (kept::actor(entry), kept::details(entry)?);
    let params = params![
        entry.time.millis(),
        entry.kind.as_str(),
        actor.as_ref().map(UserId::as_bytes),
        uid,
        entry.origin.address.map(|address| address.to_string()),
        entry.user.as_ref().map(UserId::as_bytes),
        details,
    ];
    let inserted = db.prepare_cached(INSERT).and_then(|mut statement| statement.execute(params));
    inserted.map(drop).map_err(|error| store_error(&error))
}

/// A place in the log: before, at, or behind an entry.
type Place = (i64, i64);

fn find(db: &Connection, query: &AuditQuery) -> Result<Vec<AuditRecord>, JobError<StoreError>> {
    let place = |sql: &str, id: AuditId| -> rusqlite::Result<Option<Place>> {
        let time: Option<i64> =
            db.prepare_cached(sql)?.query_one([id.number()], |row| row.get(0)).optional()?;
        Ok(time.map(|time| (time, id.number())))
    };
    let mut low = query.from.map_or((-1, 0), |from| (from.millis() - 1, i64::MAX));
    let mut high = query.to.map_or((i64::MAX, 0), |to| (to.millis(), 0));
    if let Some(id) = query.after {
        let Some(place) = place(PLACE_AFTER, id)? else { return Ok(Vec::new()) };
        low = low.max(place);
    }
    if let Some(id) = query.before {
        let Some(place) = place(PLACE_BEFORE, id)? else { return Ok(Vec::new()) };
        high = high.min(place);
    }

    let find = |sql: &str, user: Option<UserId>, kind: Option<AuditKind>| {
        places(db, sql, user, kind, (low, high), query.limit)
    };
    let kinds = || AuditKind::ALL.into_iter().filter(|k| query.kinds.is_empty() || query.kinds.contains(k));
    let mut found = Vec::new();
    match query.user {
        None if query.kinds.is_empty() => found = find(ANY, None, None)?,
        None => {
            for kind in kinds() {
                found.extend(find(OF_KIND, None, Some(kind))?);
            }
        }
        Some(user) => {
            for kind in kinds() {
                found.extend(find(BY_USER, Some(user), Some(kind))?);
                found.extend(find(ABOUT_USER, Some(user), Some(kind))?);
            }
        }
    }
    found.sort_unstable_by_key(|place| Reverse(*place));
    found.truncate(query.limit as usize);

    let mut statement = db.prepare_cached(FIND)?;
    let mut records = Vec::with_capacity(found.len());
    for (_, id) in found {
        let mut rows = statement.query([id])?;
        // It may have been forgotten meanwhile.
        if let Some(row) = rows.next()? {
            records.push(record(row)?);
        }
    }
    Ok(records)
}

fn places(
    db: &Connection,
    sql: &str,
    user: Option<UserId>,
    kind: Option<AuditKind>,
    (low, high): (Place, Place),
    limit: u32,
) -> rusqlite::Result<Vec<Place>> {
    let mut statement = db.prepare_cached(sql)?;
    let user = user.as_ref().map(UserId::as_bytes);
    let kind = kind.map(AuditKind::as_str);
    let mut bind = |name, value: &dyn rusqlite::ToSql| match statement.parameter_index(name)? {
        Some(index) => statement.raw_bind_parameter(index, value),
        None => Ok(()),
    };
    bind(":user", &user)?;
    bind(":kind", &kind)?;
    for (name, value) in named_params! {
        ":low_time": low.0, ":low_id": low.1, ":high_time": high.0, ":high_id": high.1, ":limit": limit,
    } {
        bind(name, *value)?;
    }
    let mut rows = statement.raw_query();
    let mut places = Vec::new();
    while let Some(row) = rows.next()? {
        places.push((row.get(0)?, row.get(1)?));
    }
    Ok(places)
}

fn record(row: &Row<'_>) -> Result<AuditRecord, JobError<StoreError>> {
    let row = AuditRow {
        id: row.get(0)?,
        time: row.get(1)?,
        kind: row.get(2)?,
        actor: row.get(3)?,
        uid: row.get(4)?,
        address: row.get(5)?,
        user: row.get(6)?,
        details: row.get(7)?,
    };
    Ok(row.read()?)
}
