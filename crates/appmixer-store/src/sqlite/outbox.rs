//! The messages that wait for delivery.

use appmixer_core::{
    Channel, Claimed, MAX_WAITING, Message, MessageId, Outbox, Settlement, StoreError, Timestamp, UserId,
    Waiting,
};
use async_trait::async_trait;
use rusqlite::{Connection, Row, params};

use super::SqliteStore;
use super::error::{JobError, store_error};
use super::sql::statements;
use super::writer::Outcome;
use crate::kept::carried::Carried;
use crate::log_throttle::LogThrottle;

/// Sign-ups and forgotten passwords make messages, as many as clients like.
static FULL: LogThrottle = LogThrottle::new();

statements! {
    COUNT = "SELECT count(*) FROM outbox WHERE channel = ?1";
    INSERT = "INSERT INTO outbox (id, channel, payload, code, created, expires, due, confirmation_code) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?5, ?7)";
    CLAIM = "UPDATE outbox SET due = ?4, attempts = attempts + 1 WHERE id IN (SELECT id FROM outbox \
         WHERE channel = ?1 AND due <= ?2 ORDER BY due LIMIT ?3) \
         RETURNING id, payload, created, expires, attempts";
    DONE = "DELETE FROM outbox WHERE id = ?1 AND attempts = ?2";
    AGAIN = "UPDATE outbox SET due = ?3, error = ?4 WHERE id = ?1 AND attempts = ?2";
    NEXT_DUE = "SELECT min(due) FROM outbox WHERE channel = ?1";
    WAITING = "SELECT id, channel, created, expires, due, attempts, error FROM outbox WHERE id > ?1 \
         ORDER BY id LIMIT ?2";
    RELEASE = "UPDATE outbox SET due = 0 WHERE channel = ?1 AND due > 0";
}

/// Keeps a message, unless as many wait as may. The change that it tells of is made in either case.
pub(super) fn insert(db: &Connection, message: &Message, carried: Carried) -> Result<(), StoreError> {
    try_insert(db, message, carried).map_err(|error| store_error(&error))
}

fn try_insert(db: &Connection, message: &Message, carried: Carried) -> rusqlite::Result<()> {
    let channel = message.channel.as_str();
    let waiting: u32 = db.prepare_cached(COUNT)?.query_one([channel], |row| row.get(0))?;
    if waiting >= MAX_WAITING {
        if FULL.allows() {
            tracing::warn!(channel, waiting, "too many messages wait for delivery: new ones are dropped");
        }
        return Ok(());
    }
    let params = params![
        message.id.as_bytes(),
        channel,
        message.payload.as_json(),
        carried.reset(),
        message.created.millis(),
        message.expires.millis(),
        carried.confirmation(),
    ];
    db.prepare_cached(INSERT)?.execute(params).map(drop)
}

/// Makes everything due that was tried before, or was being delivered. Only for the one server of the file:
/// whoever had taken a message is gone.
pub(super) fn release(db: &Connection) -> rusqlite::Result<()> {
    for channel in Channel::ALL {
        db.execute(RELEASE, [channel.as_str()])?;
    }
    Ok(())
}

#[async_trait]
impl Outbox for SqliteStore {
    async fn claim(
        &self,
        channel: Channel,
        limit: u32,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<Claimed>, StoreError> {
        self.writer
            .run(move |db| -> Result<Outcome<Vec<Claimed>>, JobError<StoreError>> {
                let mut statement = db.prepare_cached(CLAIM)?;
                let params = params![channel.as_str(), now.millis(), limit, until.millis()];
                let mut claimed = statement
                    .query_map(params, |row| read_claimed(channel, row))?
                    .collect::<Result<Vec<_>, _>>()?;
                claimed.sort_by_key(|claimed| claimed.message.id);
                Ok((claimed, None))
            })
            .await
    }

    async fn settle(&self, id: MessageId, attempt: u32, outcome: Settlement) -> Result<(), StoreError> {
        self.writer
            .run(move |db| -> Result<Outcome<()>, JobError<StoreError>> {
                match outcome {
                    Settlement::Done => db.prepare_cached(DONE)?.execute(params![id.as_bytes(), attempt])?,
                    Settlement::Again { at, error } => db.prepare_cached(AGAIN)?.execute(params![
                        id.as_bytes(),
                        attempt,
                        at.millis(),
                        error
                    ])?,
                };
                Ok(((), None))
            })
            .await
    }

    async fn next_due(&self, channel: Channel) -> Result<Option<Timestamp>, StoreError> {
        self.readers
            .run(move |db| {
                let due = db.prepare_cached(NEXT_DUE)?.query_one([channel.as_str()], |row| row.get(0));
                due.map(|due: Option<i64>| due.map(Timestamp::from_millis))
            })
            .await
    }

    async fn waiting(&self, after: Option<MessageId>, limit: u32) -> Result<Vec<Waiting>, StoreError> {
        self.readers
            .run(move |db| -> Result<_, JobError<StoreError>> {
                // Every id comes after the empty one.
                let after = after.map_or_else(Vec::new, |id| id.as_bytes().to_vec());
                let mut statement = db.prepare_cached(WAITING)?;
                let mut rows = statement.query(params![after, limit])?;
                let mut waiting = Vec::new();
                while let Some(row) = rows.next()? {
                    waiting.push(read_waiting(row)?);
                }
                Ok(waiting)
            })
            .await
    }

    async fn count_waiting(&self, channel: Channel) -> Result<u64, StoreError> {
        let count = self.readers.run(move |db| {
            db.prepare_cached(COUNT)?.query_one([channel.as_str()], |row| row.get::<_, u32>(0))
        });
        Ok(count.await?.into())
    }

    async fn arrived(&self, seen: u64) -> u64 {
        let mut writes = self.writes.subscribe();
        // If the writer has gone there will be no more.
        writes.wait_for(|count| *count > seen).await.map_or(seen, |count| *count)
    }
}

fn read_claimed(channel: Channel, row: &Row<'_>) -> rusqlite::Result<Claimed> {
    let id = MessageId::new(UserId::from_bytes(row.get(0)?));
    let times = [Timestamp::from_millis(row.get(2)?), Timestamp::from_millis(row.get(3)?)];
    Ok(Claimed::new(id, channel, row.get(1)?, times, row.get(4)?))
}

fn read_waiting(row: &Row<'_>) -> Result<Waiting, JobError<StoreError>> {
    let channel: String = row.get(1)?;
    let unknown = || StoreError::Corrupt("outbox, channel: unknown".to_owned());
    Ok(Waiting {
        id: MessageId::new(UserId::from_bytes(row.get(0)?)),
        channel: Channel::parse(&channel).ok_or_else(unknown)?,
        created: Timestamp::from_millis(row.get(2)?),
        expires: Timestamp::from_millis(row.get(3)?),
        due: Timestamp::from_millis(row.get(4)?),
        attempts: row.get(5)?,
        error: row.get(6)?,
    })
}
