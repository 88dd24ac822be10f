//! The keys that sign tokens. They are few: whatever is decided about them is decided over all, by one at a time.

use std::time::Duration;

use appmixer_core::key_plan::{self, KeyStep};
use appmixer_core::{AddKey, Beside, Change, KeyId, KeyRecord, Retired, SigningKeys, StoreError, Timestamp};
use async_trait::async_trait;
use tokio_postgres::Row;

use super::db::{Db, Outcome};
use super::error::Stop;
use super::index::take_turn;
use super::sql::statements;
use super::{PostgresStore, beside};
use crate::kept::keys;

statements! {
    ALL = "SELECT id, algorithm, sealed, created, activates, ends, lifetime FROM signing_keys ORDER BY number", [];
    INSERT = "INSERT INTO signing_keys (id, algorithm, sealed, created, activates, ends, lifetime) \
         VALUES ($1, $2, $3, $4, $5, NULL, $6)", [TEXT, TEXT, BYTEA, INT8, INT8, INT8];
    END = "UPDATE signing_keys SET ends = $2 WHERE id = $1", [TEXT, INT8];
    LIFETIME = "UPDATE signing_keys SET lifetime = $2 WHERE id = $1", [TEXT, INT8];
    DELETE = "DELETE FROM signing_keys WHERE id = $1", [TEXT];
    RESEAL = "UPDATE signing_keys SET sealed = $3 WHERE id = $1 AND sealed = $2", [TEXT, BYTEA, BYTEA];
}

type Done<T> = Result<Outcome<T>, Stop<StoreError>>;

#[async_trait]
impl SigningKeys for PostgresStore {
    async fn signing_keys(&self) -> Result<Vec<KeyRecord>, StoreError> {
        self.db.read(|db| Box::pin(all(db))).await
    }

    async fn add_signing_key(
        &self,
        key: KeyRecord,
        others_end: Timestamp,
        when: AddKey,
        beside: Beside,
    ) -> Result<Option<Timestamp>, StoreError> {
        self.db.write(|db| Box::pin(add(db, &key, others_end, when, &beside))).await
    }

    async fn record_lifetime(&self, ids: Vec<KeyId>, lifetime: Duration) -> Result<(), StoreError> {
        self.db.write(|db| Box::pin(record(db, &ids, lifetime))).await
    }

    async fn retire_signing_key(
        &self,
        id: KeyId,
        may_sign: bool,
        now: Timestamp,
        beside: Beside,
    ) -> Result<Retired, StoreError> {
        self.db.write(|db| Box::pin(retire(db, &id, may_sign, now, &beside))).await
    }

    async fn reseal_signing_key(&self, id: KeyId, old: Vec<u8>, new: Vec<u8>) -> Result<bool, StoreError> {
        self.db.write(|db| Box::pin(reseal(db, &id, &old, &new))).await
    }

    async fn forget_ended_keys(&self, now: Timestamp) -> Result<u32, StoreError> {
        self.db.write(|db| Box::pin(forget(db, now))).await
    }
}

async fn all(db: Db<'_>) -> Result<Vec<KeyRecord>, Stop<StoreError>> {
    db.all(&ALL, &[]).await?.iter().map(read).collect()
}

/// All of them, which stay as they are until this transaction has ended.
async fn all_to_change(db: Db<'_>) -> Result<Vec<KeyRecord>, Stop<StoreError>> {
    take_turn(db, "keys").await?;
    all(db).await
}

fn read(row: &Row) -> Result<KeyRecord, Stop<StoreError>> {
    let ends: Option<i64> = row.try_get(5)?;
    Ok(KeyRecord {
        id: keys::id(row.try_get(0)?)?,
        algorithm: row.try_get(1)?,
        sealed: row.try_get(2)?,
        created: Timestamp::from_millis(row.try_get(3)?),
        activates: Timestamp::from_millis(row.try_get(4)?),
        ends: ends.map(Timestamp::from_millis),
        lifetime: keys::lifetime(row.try_get(6)?),
    })
}

async fn carry_out(db: Db<'_>, steps: Vec<KeyStep>) -> Result<(), Stop<StoreError>> {
    for step in steps {
        match step {
            KeyStep::End(id, at) => db.run(&END, &[&id.as_str(), &at.map(Timestamp::millis)]).await?,
            KeyStep::Lifetime(id, lifetime) => {
                db.run(&LIFETIME, &[&id.as_str(), &keys::seconds(lifetime)]).await?
            }
            KeyStep::Delete(id) => db.run(&DELETE, &[&id.as_str()]).await?,
        };
    }
    Ok(())
}

async fn add(
    db: Db<'_>,
    key: &KeyRecord,
    others_end: Timestamp,
    when: AddKey,
    beside: &Beside,
) -> Done<Option<Timestamp>> {
    let kept = all_to_change(db).await?;
    let Some((steps, end)) = key_plan::adding(&kept, key, others_end, when)? else { return Ok((None, None)) };
    carry_out(db, steps).await?;
    let (created, activates) = (key.created.millis(), key.activates.millis());
    let lifetime = keys::seconds(key.lifetime);
    db.run(&INSERT, &[&key.id.as_str(), &key.algorithm, &key.sealed, &created, &activates, &lifetime])
        .await?;
    beside::keep(db, beside).await?;
    Ok((Some(end), Some(Change::Config)))
}

async fn record(db: Db<'_>, ids: &[KeyId], lifetime: Duration) -> Done<()> {
    let steps = key_plan::recording(&all_to_change(db).await?, ids, lifetime);
    let change = (!steps.is_empty()).then_some(Change::Config);
    carry_out(db, steps).await?;
    Ok(((), change))
}

async fn retire(db: Db<'_>, id: &KeyId, may_sign: bool, now: Timestamp, beside: &Beside) -> Done<Retired> {
    let (outcome, steps) = key_plan::retiring(&all_to_change(db).await?, id, may_sign, now);
    if outcome != Retired::Done {
        return Ok((outcome, None));
    }
    carry_out(db, steps).await?;
    beside::keep(db, beside).await?;
    Ok((Retired::Done, Some(Change::Config)))
}

async fn reseal(db: Db<'_>, id: &KeyId, old: &[u8], new: &[u8]) -> Done<bool> {
    let resealed = db.run(&RESEAL, &[&id.as_str(), &old, &new]).await? > 0;
    Ok((resealed, resealed.then_some(Change::Config)))
}

async fn forget(db: Db<'_>, now: Timestamp) -> Done<u32> {
    let steps = key_plan::forgetting(&all_to_change(db).await?, now);
    let forgotten = u32::try_from(steps.len()).unwrap_or(u32::MAX);
    carry_out(db, steps).await?;
    Ok((forgotten, (forgotten > 0).then_some(Change::Config)))
}
