//! The system configuration's entries.

use appmixer_core::{Beside, Change, ConfigEntry, ConfigKey, MAX_ENTRIES, Settings, StoreError};
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
    db.run(&SET, &[&entry.key().as_str(), &entry.value().to_string()]).await?;
    beside::keep(db, beside).await?;
    Ok(((), Some(Change::Config)))
}

async fn remove(db: Db<'_>, key: &ConfigKey, beside: &Beside) -> Result<Outcome<bool>, Stop<StoreError>> {
    let removed = db.run(&REMOVE, &[&key.as_str()]).await? > 0;
    if removed {
        beside::keep(db, beside).await?;
    }
    Ok((removed, removed.then_some(Change::Config)))
}
