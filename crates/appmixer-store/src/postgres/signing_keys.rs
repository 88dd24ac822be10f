//! The keys that sign tokens. They are few: whatever is decided about them is decided over all, by one at a time.

use appmixer_core::{AddKey, Beside, Change, KeyId, KeyRecord, Retired, SigningKeys, StoreError, Timestamp};
use async_trait::async_trait;
use tokio_postgres::Row;

use super::db::{Db, Outcome};
use super::error::Stop;
use super::index::take_turn;
use super::sql::statements;
use super::{PostgresStore, beside};
use crate::kept::keys::{self, Step};

statements! {
    ALL = "SELECT id, algorithm, sealed, created, activates, ends FROM signing_keys ORDER BY number", [];
    INSERT = "INSERT INTO signing_keys (id, algorithm, sealed, created, activates, ends) \
         VALUES ($1, $2, $3, $4, $5, NULL)", [TEXT, TEXT, BYTEA, INT8, INT8];
    END = "UPDATE signing_keys SET ends = $2 WHERE id = $1", [TEXT, INT8];
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
    ) -> Result<bool, StoreError> {
        self.db.write(|db| Box::pin(add(db, &key, others_end, when, &beside))).await
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
    })
}

async fn carry_out(db: Db<'_>, steps: Vec<Step>) -> Result<(), Stop<StoreError>> {
    for step in steps {
        match step {
            Step::End(id, at) => db.run(&END, &[&id.as_str(), &at.map(Timestamp::millis)]).await?,
            Step::Delete(id) => db.run(&DELETE, &[&id.as_str()]).await?,
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
) -> Done<bool> {
    let kept = all_to_change(db).await?;
    let Some(steps) = keys::adding(&kept, key, others_end, when)? else { return Ok((false, None)) };
    carry_out(db, steps).await?;
    let (created, activates) = (key.created.millis(), key.activates.millis());
    db.run(&INSERT, &[&key.id.as_str(), &key.algorithm, &key.sealed, &created, &activates]).await?;
    beside::keep(db, beside).await?;
    Ok((true, Some(Change::Config)))
}

async fn retire(db: Db<'_>, id: &KeyId, may_sign: bool, now: Timestamp, beside: &Beside) -> Done<Retired> {
    let (outcome, steps) = keys::retiring(&all_to_change(db).await?, id, may_sign, now);
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
    let steps = keys::forgetting(&all_to_change(db).await?, now);
    let forgotten = u32::try_from(steps.len()).unwrap_or(u32::MAX);
    carry_out(db, steps).await?;
    Ok((forgotten, (forgotten > 0).then_some(Change::Config)))
}
