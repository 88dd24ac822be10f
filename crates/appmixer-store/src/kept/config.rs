//! Entries of the system configuration, whose values are JSON.

use appmixer_core::{ConfigEntry, ConfigKey, StoreError};

pub(crate) fn read(key: &str, value: &str) -> Result<ConfigEntry, StoreError> {
    let key = ConfigKey::parse(key).map_err(|error| StoreError::Corrupt(format!("config, key: {error}")))?;
    let value = serde_json::from_str(value)
        .map_err(|_| StoreError::Corrupt(format!("config, {}: no JSON", key.as_str())))?;
    Ok(ConfigEntry::from_store(key, value))
}
