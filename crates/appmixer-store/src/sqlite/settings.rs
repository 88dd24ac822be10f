//! The system configuration's entries.

use appmixer_core::{
    Beside, Change, ConfigEntry, ConfigKey, ConfigWrite, MAX_ENTRIES, Settings, StoreError,
    concerns_mail_password,
};
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

    async fn set_if_absent(&self, entry: ConfigEntry) -> Result<ConfigEntry, StoreError> {
        self.writer
            .run(move |db| -> Result<Outcome<ConfigEntry>, JobError<StoreError>> {
                let found = entries(db)?.into_iter().find(|found| found.key() == entry.key());
                if let Some(found) = found.filter(|found| !found.value().is_null()) {
                    return Ok((found, None));
                }
                let ((), change) = set(db, &entry, Beside::nothing())?;
                Ok((entry.clone(), change))
            })
            .await
    }

    async fn remove(&self, key: ConfigKey, beside: Beside) -> Result<bool, StoreError> {
        self.writer
            .run(move |db| -> Result<Outcome<bool>, JobError<StoreError>> {
                let exists = db.prepare_cached(sql::HAS_CONFIG)?.exists([key.as_str()])?;
                if exists {
                    write(db, (key, None), beside)?;
                }
                Ok((exists, exists.then_some(Change::Config)))
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
    write(db, (entry.key().clone(), Some(entry.value().clone())), beside)?;
    Ok(((), Some(Change::Config)))
}

/// Writes a change, with what depends on it.
fn write(db: &Connection, write: ConfigWrite, mut beside: Beside) -> Result<(), JobError<StoreError>> {
    let writes = if concerns_mail_password(&write.0) {
        config::writes(&entries(db)?, write, &mut beside)
    } else {
        vec![write]
    };
    for (key, value) in writes {
        match value {
            Some(value) => {
                db.prepare_cached(sql::SET_CONFIG)?.execute(params![key.as_str(), value.to_string()])?
            }
            None => db.prepare_cached(sql::REMOVE_CONFIG)?.execute([key.as_str()])?,
        };
    }
    Ok(beside::keep(db, beside)?)
}
