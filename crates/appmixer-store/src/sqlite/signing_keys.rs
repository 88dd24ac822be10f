//! The keys that sign tokens. They are few: whatever is decided about them is decided over all.

use std::time::Duration;

use appmixer_core::key_plan::{self, KeyStep};
use appmixer_core::{AddKey, Beside, Change, KeyId, KeyRecord, Retired, SigningKeys, StoreError, Timestamp};
use async_trait::async_trait;
use rusqlite::{Connection, Row, params};

use super::error::{JobError, store_error};
use super::sql::statements;
use super::writer::Outcome;
use super::{SqliteStore, beside};
use crate::kept::keys;

statements! {
    SIGNING_KEYS = "SELECT id, algorithm, sealed, created, activates, ends, lifetime FROM signing_keys ORDER BY number";
    INSERT_KEY = "INSERT INTO signing_keys (id, algorithm, sealed, created, activates, ends, lifetime) \
         VALUES (?1, ?2, ?3, ?4, ?5, NULL, ?6)";
    END_KEY = "UPDATE signing_keys SET ends = ?2 WHERE id = ?1";
    KEY_LIFETIME = "UPDATE signing_keys SET lifetime = ?2 WHERE id = ?1";
    DELETE_KEY = "DELETE FROM signing_keys WHERE id = ?1";
    RESEAL_KEY = "UPDATE signing_keys SET sealed = ?3 WHERE id = ?1 AND sealed = ?2";
}

type Job<T> = Result<Outcome<T>, JobError<StoreError>>;

#[async_trait]
impl SigningKeys for SqliteStore {
    async fn signing_keys(&self) -> Result<Vec<KeyRecord>, StoreError> {
        self.readers.run(all).await
    }

    async fn add_signing_key(
        &self,
        key: KeyRecord,
        others_end: Timestamp,
        when: AddKey,
        beside: Beside,
    ) -> Result<Option<Timestamp>, StoreError> {
        self.writer.run(move |db| add(db, &key, others_end, when, beside)).await
    }

    async fn record_lifetime(&self, ids: Vec<KeyId>, lifetime: Duration) -> Result<(), StoreError> {
        self.writer
            .run(move |db| -> Job<()> {
                let steps = key_plan::recording(&all(db)?, &ids, lifetime);
                let change = (!steps.is_empty()).then_some(Change::Config);
                carry_out(db, steps)?;
                Ok(((), change))
            })
            .await
    }

    async fn retire_signing_key(
        &self,
        id: KeyId,
        may_sign: bool,
        now: Timestamp,
        beside: Beside,
    ) -> Result<Retired, StoreError> {
        self.writer.run(move |db| retire(db, &id, may_sign, now, beside)).await
    }

    async fn reseal_signing_key(&self, id: KeyId, old: Vec<u8>, new: Vec<u8>) -> Result<bool, StoreError> {
        self.writer
            .run(move |db| -> Job<bool> {
                let resealed = db.prepare_cached(RESEAL_KEY)?.execute(params![id.as_str(), old, new])? > 0;
                Ok((resealed, resealed.then_some(Change::Config)))
            })
            .await
    }

    async fn forget_ended_keys(&self, now: Timestamp) -> Result<u32, StoreError> {
        self.writer
            .run(move |db| -> Job<u32> {
                let steps = key_plan::forgetting(&all(db)?, now);
                let forgotten = u32::try_from(steps.len()).unwrap_or(u32::MAX);
                carry_out(db, steps)?;
                Ok((forgotten, (forgotten > 0).then_some(Change::Config)))
            })
            .await
    }
}

fn all(db: &Connection) -> Result<Vec<KeyRecord>, JobError<StoreError>> {
    let mut statement = db.prepare_cached(SIGNING_KEYS)?;
    let mut rows = statement.query([])?;
    let mut keys = Vec::new();
    while let Some(row) = rows.next()? {
        keys.push(read(row)?);
    }
    Ok(keys)
}

fn read(row: &Row<'_>) -> Result<KeyRecord, StoreError> {
    let get = |error| store_error(&error);
    let id: String = row.get(0).map_err(get)?;
    let time = |column| row.get(column).map(Timestamp::from_millis).map_err(get);
    Ok(KeyRecord {
        id: keys::id(&id)?,
        algorithm: row.get(1).map_err(get)?,
        sealed: row.get(2).map_err(get)?,
        created: time(3)?,
        activates: time(4)?,
        ends: row.get::<_, Option<i64>>(5).map_err(get)?.map(Timestamp::from_millis),
        lifetime: keys::lifetime(row.get(6).map_err(get)?),
    })
}

fn carry_out(db: &Connection, steps: Vec<KeyStep>) -> Result<(), JobError<StoreError>> {
    for step in steps {
        match step {
            KeyStep::End(id, at) => {
                db.prepare_cached(END_KEY)?.execute(params![id.as_str(), at.map(Timestamp::millis)])?;
            }
            KeyStep::Lifetime(id, lifetime) => {
                db.prepare_cached(KEY_LIFETIME)?.execute(params![id.as_str(), keys::seconds(lifetime)])?;
            }
            KeyStep::Delete(id) => {
                db.prepare_cached(DELETE_KEY)?.execute([id.as_str()])?;
            }
        }
    }
    Ok(())
}

fn add(
    db: &Connection,
    key: &KeyRecord,
    others_end: Timestamp,
    when: AddKey,
    beside: Beside,
) -> Job<Option<Timestamp>> {
    let Some((steps, end)) = key_plan::adding(&all(db)?, key, others_end, when)? else {
        return Ok((None, None));
    };
    carry_out(db, steps)?;
    let (created, activates) = (key.created.millis(), key.activates.millis());
    let lifetime = keys::seconds(key.lifetime);
    let params = params![key.id.as_str(), key.algorithm, key.sealed, created, activates, lifetime];
    db.prepare_cached(INSERT_KEY)?.execute(params)?;
    beside::keep(db, beside)?;
    Ok((Some(end), Some(Change::Config)))
}

fn retire(db: &Connection, id: &KeyId, may_sign: bool, now: Timestamp, beside: Beside) -> Job<Retired> {
    let (outcome, steps) = key_plan::retiring(&all(db)?, id, may_sign, now);
    if outcome != Retired::Done {
        return Ok((outcome, None));
    }
    carry_out(db, steps)?;
    beside::keep(db, beside)?;
    Ok((Retired::Done, Some(Change::Config)))
}
