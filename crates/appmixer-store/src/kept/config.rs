//! Entries of the system configuration, whose values are JSON.

use appmixer_core::{Beside, ConfigEntry, ConfigKey, ConfigWrite, StoreError, config_writes};

pub(crate) fn read(key: &str, value: &str) -> Result<ConfigEntry, StoreError> {
    let key = ConfigKey::parse(key).map_err(|error| StoreError::Corrupt(format!("config, key: {error}")))?;
    let value = serde_json::from_str(value)
        .map_err(|_| StoreError::Corrupt(format!("config, {}: no JSON", key.as_str())))?;
    Ok(ConfigEntry::from_store(key, value))
}

/// What a change to the entries writes, and what is kept beside it.
pub(crate) fn writes(before: &[ConfigEntry], write: ConfigWrite, beside: &mut Beside) -> Vec<ConfigWrite> {
    let changed = write.0.clone();
    let writes = config_writes(before, write, beside);
    for (key, _) in writes.iter().filter(|(key, value)| value.is_none() && *key != changed) {
        tracing::warn!(key = key.as_str(), "removed, since it belonged to another mail server; set it again");
    }
    writes
}
