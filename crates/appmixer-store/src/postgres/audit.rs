//! The audit log. Entries are ordered by time, and those of one time by number.
//!
//! A transaction leaves its entry among the arrivals. From there they are taken into the log by one node at a time,
//! which numbers them; so numbers are in the order in which entries can be seen, and no writer waits for another.

use std::collections::HashSet;
use std::ops::RangeInclusive;

use appmixer_core::{
    AuditEntry, AuditId, AuditKind, AuditLog, AuditQuery, AuditRecord, Count, Day, StoreError, Timestamp,
};
use async_trait::async_trait;
use tokio_postgres::Row;

use super::db::{Database, Db, Outcome, Params};
use super::error::Stop;
use super::index::take_turn;
use super::sql::statements;
use super::{PostgresStore, daily, rows};
use crate::kept::audit::{self as kept, AuditRow};

/// Arrivals that are taken in one transaction.
const BATCH: i64 = 5000;

/// An entry that comes later does not show an earlier time, unless the clock was ahead by more than this; in
/// milliseconds.
const CLOCKS_DIFFER: i64 = 60_000;

macro_rules! columns {
    () => {
        "id, time, kind, actor, uid, address, subject, details"
    };
}

/// Behind the one place in the log and before the other.
macro_rules! between {
    () => {
        "(time, id) > ($1, $2) AND (time, id) < ($3, $4) ORDER BY time DESC, id DESC LIMIT $5"
    };
}

statements! {
    ARRIVE = "INSERT INTO audit_arrivals (time, kind, actor, uid, address, subject, details) SELECT * FROM \
         UNNEST($1::BIGINT[], $2::TEXT[], $3::BYTEA[], $4::BIGINT[], $5::TEXT[], $6::BYTEA[], $7::TEXT[])",
        [INT8_ARRAY, TEXT_ARRAY, BYTEA_ARRAY, INT8_ARRAY, TEXT_ARRAY, BYTEA_ARRAY, TEXT_ARRAY];
    ANY_ARRIVED = "SELECT 1 FROM audit_arrivals LIMIT 1", [];
    TAKE = "DELETE FROM audit_arrivals WHERE number IN \
         (SELECT number FROM audit_arrivals ORDER BY number LIMIT $1) \
         RETURNING number, time, kind, actor, uid, address, subject, details", [INT8];
    LAST_TIME = "SELECT time FROM audit ORDER BY id DESC LIMIT 1", [];
    ENTER = "INSERT INTO audit (id, time, kind, actor, uid, address, subject, details) SELECT * FROM \
         UNNEST($1::BIGINT[], $2::BIGINT[], $3::TEXT[], $4::BYTEA[], $5::BIGINT[], $6::TEXT[], $7::BYTEA[], \
         $8::TEXT[])",
        [INT8_ARRAY, INT8_ARRAY, TEXT_ARRAY, BYTEA_ARRAY, INT8_ARRAY, TEXT_ARRAY, BYTEA_ARRAY, TEXT_ARRAY];
    SET_LAST = "UPDATE turns SET value = $1 WHERE name = 'audit'", [INT8];

    /// The entry may be gone: then its neighbour tells the place.
    PLACE_BEFORE = "SELECT time FROM audit WHERE id <= $1 ORDER BY id DESC LIMIT 1", [INT8];
    PLACE_AFTER = "SELECT time FROM audit WHERE id >= $1 ORDER BY id LIMIT 1", [INT8];

    ANY = concat!("SELECT ", columns!(), " FROM audit WHERE ", between!()), [INT8, INT8, INT8, INT8, INT8];
    /// Each kind is looked up in its index, as far as the limit.
    OF_KINDS = concat!(
        "SELECT found.* FROM UNNEST($6::TEXT[]) AS wanted (kind) CROSS JOIN LATERAL (SELECT ", columns!(),
        " FROM audit WHERE audit.kind = wanted.kind AND ", between!(), ") AS found \
         ORDER BY time DESC, id DESC LIMIT $5"
    ), [INT8, INT8, INT8, INT8, INT8, TEXT_ARRAY];
    BY_USER = concat!(
        "SELECT found.* FROM UNNEST($6::TEXT[]) AS wanted (kind) CROSS JOIN LATERAL (SELECT ", columns!(),
        " FROM audit WHERE audit.actor = $7 AND audit.kind = wanted.kind AND ", between!(), ") AS found"
    ), [INT8, INT8, INT8, INT8, INT8, TEXT_ARRAY, BYTEA];
    ABOUT_USER = concat!(
        "SELECT found.* FROM UNNEST($6::TEXT[]) AS wanted (kind) CROSS JOIN LATERAL (SELECT ", columns!(),
        " FROM audit WHERE audit.subject = $7 AND audit.kind = wanted.kind AND ", between!(), ") AS found"
    ), [INT8, INT8, INT8, INT8, INT8, TEXT_ARRAY, BYTEA];

    FORGET_OLD = "DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE time < $1 \
         ORDER BY time, id LIMIT $2 FOR UPDATE SKIP LOCKED)", [INT8, INT8];
    FORGET_OF_KIND = "DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE kind = $1 \
         ORDER BY time, id LIMIT $2 FOR UPDATE SKIP LOCKED)", [TEXT, INT8];
    FORGET_OLDEST = "DELETE FROM audit WHERE id IN (SELECT id FROM audit \
         ORDER BY time, id LIMIT $1 FOR UPDATE SKIP LOCKED)", [INT8];
    /// Not fewer than there are; and the number itself, which takes a look at each.
    AT_MOST = "SELECT coalesce(max(id) - min(id) + 1, 0) FROM audit", [];
    COUNT = "SELECT count(*) FROM audit", [];
}

#[async_trait]
impl AuditLog for PostgresStore {
    fn note(&self, entry: AuditEntry) {
        self.notes.add(entry);
    }

    async fn audit_entries(&self, query: AuditQuery) -> Result<Vec<AuditRecord>, StoreError> {
        sequence(&self.db).await?;
        self.db.read_one_moment(|db| Box::pin(find(db, &query))).await
    }

    async fn counts(&self, days: RangeInclusive<Day>) -> Result<Vec<Count>, StoreError> {
        self.db.read(|db| Box::pin(daily::counts(db, &days))).await
    }

    async fn forget_audit_entries(
        &self,
        oldest: Timestamp,
        most: u64,
        batch: u32,
    ) -> Result<u32, StoreError> {
        sequence(&self.db).await?;
        let surplus = self.db.read(|db| Box::pin(surplus(db, most))).await?;
        self.db.write(|db| Box::pin(forget(db, oldest, surplus, batch.into()))).await
    }
}

/// Leaves entries in the transaction that they tell of, and counts them.
pub(super) async fn keep(db: Db<'_>, entries: &[AuditEntry]) -> Result<(), Stop<StoreError>> {
    let to_keep: Vec<_> = entries.iter().filter(|entry| entry.is_kept).collect();
    if !to_keep.is_empty() {
        arrive(db, &to_keep).await?;
    }
    daily::count(db, entries).await
}

async fn arrive(db: Db<'_>, entries: &[&AuditEntry]) -> Result<(), Stop<StoreError>> {
    let actors: Vec<_> = entries.iter().map(|entry| kept::actor(entry)).collect();
    let times: Vec<_> = entries.iter().map(|entry| entry.time.millis()).collect();
    let kinds: Vec<_> = entries.iter().map(|entry| entry.kind.as_str()).collect();
    let users: Vec<_> = actors.iter().map(|(user, _)| user.as_ref().map(|id| &id.as_bytes()[..])).collect();
    let uids: Vec<_> = actors.iter().map(|(_, uid)| uid.map(i64::from)).collect();
    let addresses: Vec<_> =
        entries.iter().map(|entry| entry.origin.address.map(|address| address.to_string())).collect();
    let subjects: Vec<_> =
        entries.iter().map(|entry| entry.user.as_ref().map(|id| &id.as_bytes()[..])).collect();
    let details = entries.iter().map(|entry| kept::details(entry)).collect::<Result<Vec<_>, _>>()?;
    db.run(&ARRIVE, &[&times, &kinds, &users, &uids, &addresses, &subjects, &details]).await?;
    Ok(())
}

/// Takes arrivals into the log.
pub(super) async fn sequence(db: &Database) -> Result<(), StoreError> {
    loop {
        let some = db.read(|db| Box::pin(async move { Ok(db.optional(&ANY_ARRIVED, &[]).await?.is_some()) }));
        if !some.await? || db.write(|db| Box::pin(take_arrivals(db))).await? < BATCH {
            return Ok(());
        }
    }
}

/// The time that the entry behind one of `latest` shows.
pub(super) fn shown(latest: i64, time: i64) -> i64 {
    if latest <= time + CLOCKS_DIFFER { latest.max(time) } else { time }
}

async fn take_arrivals(db: Db<'_>) -> Result<Outcome<i64>, Stop<StoreError>> {
    let last = take_turn(db, "audit").await?;
    let mut latest = db.number(&LAST_TIME, &[]).await?.unwrap_or(0);
    let mut rows = db.all(&TAKE, &[&BATCH]).await?;
    rows.sort_by_key(|row| row.try_get::<_, i64>(0).unwrap_or(0));
    let (mut ids, mut times, mut kinds) = (Vec::new(), Vec::new(), Vec::new());
    let (mut actors, mut uids, mut addresses) = (Vec::new(), Vec::new(), Vec::new());
    let (mut subjects, mut details) = (Vec::new(), Vec::new());
    for (row, id) in rows.iter().zip(last + 1..) {
        let time: i64 = row.try_get(1)?;
        latest = shown(latest, time);
        ids.push(id);
        times.push(latest);
        kinds.push(row.try_get::<_, &str>(2)?);
        actors.push(row.try_get::<_, Option<&[u8]>>(3)?);
        uids.push(row.try_get::<_, Option<i64>>(4)?);
        addresses.push(row.try_get::<_, Option<&str>>(5)?);
        subjects.push(row.try_get::<_, Option<&[u8]>>(6)?);
        details.push(row.try_get::<_, &str>(7)?);
    }
    let taken = i64::try_from(ids.len()).unwrap_or(BATCH);
    if taken > 0 {
        db.run(&ENTER, &[&ids, &times, &kinds, &actors, &uids, &addresses, &subjects, &details]).await?;
        db.run(&SET_LAST, &[&(last + taken)]).await?;
    }
    Ok((taken, None))
}

/// How many entries there are beyond so many.
async fn surplus(db: Db<'_>, most: u64) -> Result<u64, Stop<StoreError>> {
    let number =
        async |sql| Ok::<_, Stop<StoreError>>(db.number(sql, &[]).await?.unwrap_or(0).unsigned_abs());
    if number(&AT_MOST).await? <= most {
        return Ok(0);
    }
    Ok(number(&COUNT).await?.saturating_sub(most))
}

async fn forget(
    db: Db<'_>,
    oldest: Timestamp,
    surplus: u64,
    batch: i64,
) -> Result<Outcome<u32>, Stop<StoreError>> {
    let old = deleted(db.run(&FORGET_OLD, &[&oldest.millis(), &batch]).await?);
    let mut left = i64::try_from(surplus).unwrap_or(i64::MAX).saturating_sub(old).clamp(0, batch);
    let mut forgotten = old;
    // First what anybody can fill the log with, or a stranger could hide by it what an administrator did.
    for kind in AuditKind::ALL.into_iter().filter(|kind| kind.is_anybodys()) {
        let number = deleted(db.run(&FORGET_OF_KIND, &[&kind.as_str(), &left]).await?);
        (left, forgotten) = (left - number, forgotten + number);
    }
    forgotten += deleted(db.run(&FORGET_OLDEST, &[&left]).await?);
    // Nobody remembers anything of the log.
    Ok((u32::try_from(forgotten).unwrap_or(u32::MAX), None))
}

fn deleted(rows: u64) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

async fn find(db: Db<'_>, query: &AuditQuery) -> Result<Vec<AuditRecord>, Stop<StoreError>> {
    let mut low = query.from.map_or((-1, 0), |from| (from.millis() - 1, i64::MAX));
    let mut high = query.to.map_or((i64::MAX, 0), |to| (to.millis(), 0));
    if let Some(id) = query.after {
        let Some(time) = db.number(&PLACE_AFTER, &[&id.number()]).await? else { return Ok(Vec::new()) };
        low = low.max((time, id.number()));
    }
    if let Some(id) = query.before {
        let Some(time) = db.number(&PLACE_BEFORE, &[&id.number()]).await? else { return Ok(Vec::new()) };
        high = high.min((time, id.number()));
    }
    let limit = i64::from(query.limit);
    let kinds: Vec<_> = AuditKind::ALL
        .into_iter()
        .filter(|kind| query.kinds.is_empty() || query.kinds.contains(kind))
        .map(AuditKind::as_str)
        .collect();
    let found = match query.user {
        None if query.kinds.is_empty() => db.all(&ANY, &[&low.0, &low.1, &high.0, &high.1, &limit]).await?,
        None => db.all(&OF_KINDS, &[&low.0, &low.1, &high.0, &high.1, &limit, &kinds]).await?,
        Some(user) => {
            let user = &user.as_bytes()[..];
            let params: Params<'_> = &[&low.0, &low.1, &high.0, &high.1, &limit, &kinds, &user];
            let mut found = db.all(&BY_USER, params).await?;
            found.extend(db.all(&ABOUT_USER, params).await?);
            found
        }
    };
    // What users do to themselves is found twice.
    let mut seen: HashSet<AuditId> = HashSet::new();
    let mut records = Vec::with_capacity(found.len());
    for row in &found {
        let record = record(row)?;
        if seen.insert(record.id) {
            records.push(record);
        }
    }
    records.sort_by_key(|record| std::cmp::Reverse((record.entry.time, record.id)));
    records.truncate(query.limit as usize);
    Ok(records)
}

fn record(row: &Row) -> Result<AuditRecord, Stop<StoreError>> {
    let uid: Option<i64> = row.try_get(4)?;
    let row = AuditRow {
        id: row.try_get(0)?,
        time: row.try_get(1)?,
        kind: row.try_get(2)?,
        actor: rows::optional_id(row, 3)?,
        uid: uid.and_then(|uid| u32::try_from(uid).ok()),
        address: row.try_get(5)?,
        user: rows::optional_id(row, 6)?,
        details: row.try_get(7)?,
    };
    Ok(row.read()?)
}
