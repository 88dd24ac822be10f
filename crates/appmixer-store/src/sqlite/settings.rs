//! The system configuration's entries.

use appmixer_core::{Beside, Change, ConfigEntry, ConfigKey, MAX_ENTRIES, Settings, StoreError};
use async_trait::async_trait;
use rusqlite::{Connection, params};

use super::error::JobError;
use super::writer::Outcome;
use super::{SqliteStore, beside, sql};
use crate::kept::config;

#[async_trait]
impl Settings for SqliteStore {
    async fn entries(&self) -> Result<Vec<ConfigEntry>, StoreError> {
        self.readers.run(entries).await
    }

    async fn set(&self, entry: ConfigEntry, beside: Beside) -> Result<(), StoreError> {
        self.writer.run(move |db| set(db, &entry, beside)).await
    }

    async fn remove(&self, key: ConfigKey, beside: Beside) -> Result<bool, StoreError> {
        self.writer
            .run(move |db| -> Result<Outcome<bool>, JobError<StoreError>> {
                let removed = db.prepare_cached(sql::REMOVE_CONFIG)?.execute([key.as_str()])? > 0;
                if removed {
                    beside::keep(db, beside)?;
                }
                Ok((removed, removed.then_some(Change::Config)))
            })
            .await
    }
}

fn entries(db: &Connection) -> Result<Vec<ConfigEntry>, JobError<StoreError>> {
    let mut statement = db.prepare_cached(sql::CONFIG)?;
    let mut rows = statement.query([])?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        let (key, value): (String, String) = (row.get(0)?, row.get(1)?);
        entries.push(config::read(&key, &value)?);
    }
    Ok(entries)
}

fn set(db: &Connection, entry: &ConfigEntry, beside: Beside) -> Result<Outcome<()>, JobError<StoreError>> {
    if !entry.key().is_known() {
        let others: u32 = db
            .prepare_cached(sql::COUNT_OTHER_CONFIG)?
            .query_one([entry.key().as_str()], |row| row.get(0))?;
        if others as usize >= MAX_ENTRIES {
            return Err(StoreError::TooMany(MAX_ENTRIES).into());
        }
    }
    let value = entry.value().to_string();
    db.prepare_cached(sql::SET_CONFIG)?.execute(params![entry.key().as_str(), value])?;
    beside::keep(db, beside)?;
    Ok(((), Some(Change::Config)))
}
