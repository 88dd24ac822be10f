//! The system configuration's entries.

use appmixer_core::{
    Beside, Change, ConfigEntry, ConfigKey, ConfigWrite, MAX_ENTRIES, Settings, StoreError,
    concerns_mail_password,
};
use async_trait::async_trait;

use super::db::{Db, Outcome};
use super::error::Stop;
use super::index::take_turn;
use super::sql::statements;
use super::{PostgresStore, beside};
use crate::kept::config;

statements! {
    CONFIG = "SELECT key, value FROM config ORDER BY key", [];
    COUNT_OTHERS = "SELECT count(*) FROM config WHERE key <> $1", [TEXT];
    HAS = "SELECT 1::BIGINT FROM config WHERE key = $1", [TEXT];
    SET = "INSERT INTO config (key, value) VALUES ($1, $2) \
         ON CONFLICT (key) DO UPDATE SET value = excluded.value", [TEXT, TEXT];
    REMOVE = "DELETE FROM config WHERE key = $1", [TEXT];
}

#[async_trait]
impl Settings for PostgresStore {
    async fn entries(&self) -> Result<Vec<ConfigEntry>, StoreError> {
        self.db.read(|db| Box::pin(entries(db))).await
    }

    async fn set(&self, entry: ConfigEntry, beside: Beside) -> Result<(), StoreError> {
        self.db.write(|db| Box::pin(set(db, &entry, &beside))).await
    }

    async fn set_if_absent(&self, entry: ConfigEntry) -> Result<ConfigEntry, StoreError> {
        self.db.write(|db| Box::pin(set_if_absent(db, &entry))).await
    }

    async fn remove(&self, key: ConfigKey, beside: Beside) -> Result<bool, StoreError> {
        self.db.write(|db| Box::pin(remove(db, &key, &beside))).await
    }
}

async fn entries(db: Db<'_>) -> Result<Vec<ConfigEntry>, Stop<StoreError>> {
    let mut entries = Vec::new();
    for row in db.all(&CONFIG, &[]).await? {
        entries.push(config::read(row.try_get(0)?, row.try_get(1)?)?);
    }
    Ok(entries)
}

async fn set(db: Db<'_>, entry: &ConfigEntry, beside: &Beside) -> Result<Outcome<()>, Stop<StoreError>> {
    if !entry.key().is_known() {
        take_turn(db, "config").await?;
        let others = db.number(&COUNT_OTHERS, &[&entry.key().as_str()]).await?.unwrap_or(0);
        if usize::try_from(others).is_ok_and(|others| others >= MAX_ENTRIES) {
            return Err(StoreError::TooMany(MAX_ENTRIES).into());
        }
    }
    write(db, (entry.key().clone(), Some(entry.value().clone())), beside).await?;
    Ok(((), Some(Change::Config)))
}

async fn set_if_absent(db: Db<'_>, entry: &ConfigEntry) -> Result<Outcome<ConfigEntry>, Stop<StoreError>> {
    take_turn(db, "config").await?;
    let found = entries(db).await?.into_iter().find(|found| found.key() == entry.key());
    if let Some(found) = found.filter(|found| !found.value().is_null()) {
        return Ok((found, None));
    }
    let ((), change) = set(db, entry, &Beside::nothing()).await?;
    Ok((entry.clone(), change))
}

async fn remove(db: Db<'_>, key: &ConfigKey, beside: &Beside) -> Result<Outcome<bool>, Stop<StoreError>> {
    let exists = db.number(&HAS, &[&key.as_str()]).await?.is_some();
    if exists {
        write(db, (key.clone(), None), beside).await?;
    }
    Ok((exists, exists.then_some(Change::Config)))
}

/// Writes a change, with what depends on it.
async fn write(db: Db<'_>, write: ConfigWrite, beside: &Beside) -> Result<(), Stop<StoreError>> {
    let mut beside = beside.clone();
    let writes = if concerns_mail_password(&write.0) {
        // Of two changes at once, the second one sees what the first one wrote.
        take_turn(db, "config").await?;
        config::writes(&entries(db).await?, write, &mut beside)
    } else {
        vec![write]
    };
    for (key, value) in writes {
        match value {
            Some(value) => db.run(&SET, &[&key.as_str(), &value.to_string()]).await?,
            None => db.run(&REMOVE, &[&key.as_str()]).await?,
        };
    }
    beside::keep(db, &beside).await
}
