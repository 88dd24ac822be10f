//! The messages that wait for delivery. Each is taken by one node; what a node that has gone had taken is due again
//! when its time is over.

use appmixer_core::{
    Channel, Claimed, MAX_WAITING, Message, MessageId, Outbox, Settlement, StoreError, Timestamp, UserId,
    Waiting,
};
use async_trait::async_trait;
use tokio_postgres::Row;

use super::db::{Db, Params};
use super::error::Stop;
use super::sql::statements;
use super::{PostgresStore, rows};
use crate::kept::carried::Carried;
use crate::log_throttle::LogThrottle;

/// Sign-ups and forgotten passwords make messages, as many as clients like.
static FULL: LogThrottle = LogThrottle::new();

statements! {
    COUNT = "SELECT count(*) FROM outbox WHERE channel = $1", [TEXT];
    INSERT = "INSERT INTO outbox (id, channel, payload, code, created, expires, due, confirmation_code) \
         SELECT id, $2, payload, $4, created, expires, created, $7 FROM \
         UNNEST($1::BYTEA[], $3::TEXT[], $5::BIGINT[], $6::BIGINT[]) AS new (id, payload, created, expires)",
        [BYTEA_ARRAY, TEXT, TEXT_ARRAY, BYTEA, INT8_ARRAY, INT8_ARRAY, BYTEA];
    CLAIM = "UPDATE outbox SET due = $4, attempts = attempts + 1 WHERE id IN (SELECT id FROM outbox \
         WHERE channel = $1 AND due <= $2 ORDER BY due LIMIT $3 FOR UPDATE SKIP LOCKED) \
         RETURNING id, payload, created, expires, attempts", [TEXT, INT8, INT8, INT8];
    DONE = "DELETE FROM outbox WHERE id = $1 AND attempts = $2", [BYTEA, INT8];
    AGAIN = "UPDATE outbox SET due = $3, error = $4 WHERE id = $1 AND attempts = $2", [BYTEA, INT8, INT8, TEXT];
    NEXT_DUE = "SELECT min(due) FROM outbox WHERE channel = $1", [TEXT];
    WAITING = "SELECT id, channel, created, expires, due, attempts, error FROM outbox WHERE id > $1 \
         ORDER BY id LIMIT $2", [BYTEA, INT8];
}

/// Keeps messages, unless as many wait as may. The change that they tell of is made in either case.
pub(super) async fn insert(
    db: Db<'_>,
    messages: &[Message],
    carried: Carried,
) -> Result<(), Stop<StoreError>> {
    for channel in Channel::ALL {
        let messages: Vec<_> = messages.iter().filter(|message| message.channel == channel).collect();
        if messages.is_empty() {
            continue;
        }
        let name = channel.as_str();
        let waiting = db.number(&COUNT, &[&name]).await?.unwrap_or(0);
        let room = usize::try_from(i64::from(MAX_WAITING) - waiting).unwrap_or(0);
        let messages = if messages.len() > room {
            if FULL.allows() {
                tracing::warn!(
                    channel = name,
                    waiting,
                    "too many messages wait for delivery: new ones are dropped"
                );
            }
            &messages[..room]
        } else {
            &messages[..]
        };
        let ids: Vec<_> = messages.iter().map(|message| &message.id.as_bytes()[..]).collect();
        let payloads: Vec<_> = messages.iter().map(|message| message.payload.as_json()).collect();
        let created: Vec<_> = messages.iter().map(|message| message.created.millis()).collect();
        let expires: Vec<_> = messages.iter().map(|message| message.expires.millis()).collect();
        let (reset, confirmation) = (carried.reset(), carried.confirmation());
        db.run(&INSERT, &[&ids, &name, &payloads, &reset, &created, &expires, &confirmation]).await?;
    }
    Ok(())
}

#[async_trait]
impl Outbox for PostgresStore {
    async fn claim(
        &self,
        channel: Channel,
        limit: u32,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<Claimed>, StoreError> {
        self.db
            .write(|db| {
                Box::pin(async move {
                    let params: Params<'_> =
                        &[&channel.as_str(), &now.millis(), &i64::from(limit), &until.millis()];
                    let taken = db.all(&CLAIM, params).await?;
                    let mut claimed =
                        taken.iter().map(|row| read_claimed(channel, row)).collect::<Result<Vec<_>, _>>()?;
                    claimed.sort_by_key(|claimed| claimed.message.id);
                    Ok((claimed, None))
                })
            })
            .await
    }

    async fn settle(&self, id: MessageId, attempt: u32, outcome: Settlement) -> Result<(), StoreError> {
        let outcome = &outcome;
        self.db
            .write(|db| {
                Box::pin(async move {
                    let (id, attempt) = (&id.as_bytes()[..], i64::from(attempt));
                    match outcome {
                        Settlement::Done => db.run(&DONE, &[&id, &attempt]).await?,
                        Settlement::Again { at, error } => {
                            // NUL is the one character that a text cannot have here.
                            let error = error.replace('\0', "");
                            db.run(&AGAIN, &[&id, &attempt, &at.millis(), &error]).await?
                        }
                    };
                    Ok(((), None))
                })
            })
            .await
    }

    async fn next_due(&self, channel: Channel) -> Result<Option<Timestamp>, StoreError> {
        self.db
            .read(|db| {
                Box::pin(async move {
                    let due = db.number(&NEXT_DUE, &[&channel.as_str()]).await?;
                    Ok(due.map(Timestamp::from_millis))
                })
            })
            .await
    }

    async fn count_waiting(&self, channel: Channel) -> Result<u64, StoreError> {
        let count = self.db.read(|db| {
            Box::pin(async move { Ok(db.number(&COUNT, &[&channel.as_str()]).await?.unwrap_or(0)) })
        });
        Ok(count.await?.unsigned_abs())
    }

    async fn waiting(&self, after: Option<MessageId>, limit: u32) -> Result<Vec<Waiting>, StoreError> {
        // Every id comes after the empty one.
        let after = after.as_ref().map_or(&[][..], |id| id.as_bytes());
        self.db
            .read(|db| {
                Box::pin(async move {
                    let found = db.all(&WAITING, &[&after, &i64::from(limit)]).await?;
                    found.iter().map(read_waiting).collect()
                })
            })
            .await
    }

    async fn arrived(&self, seen: u64) -> u64 {
        let mut writes = self.db.changes.writes.subscribe();
        // If the store has gone there will be no more.
        writes.wait_for(|count| *count > seen).await.map_or(seen, |count| *count)
    }
}

fn read_claimed(channel: Channel, row: &Row) -> Result<Claimed, Stop<StoreError>> {
    let id = MessageId::new(UserId::from_bytes(rows::id(row, 0)?));
    let times = [Timestamp::from_millis(row.try_get(2)?), Timestamp::from_millis(row.try_get(3)?)];
    Ok(Claimed::new(id, channel, row.try_get(1)?, times, rows::small(row, 4)?))
}

fn read_waiting(row: &Row) -> Result<Waiting, Stop<StoreError>> {
    let unknown = || StoreError::Corrupt("outbox, channel: unknown".to_owned());
    Ok(Waiting {
        id: MessageId::new(UserId::from_bytes(rows::id(row, 0)?)),
        channel: Channel::parse(row.try_get(1)?).ok_or_else(unknown)?,
        created: Timestamp::from_millis(row.try_get(2)?),
        expires: Timestamp::from_millis(row.try_get(3)?),
        due: Timestamp::from_millis(row.try_get(4)?),
        attempts: rows::small(row, 5)?,
        error: row.try_get(6)?,
    })
}
