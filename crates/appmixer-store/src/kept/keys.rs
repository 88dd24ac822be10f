//! The keys that sign tokens, as both databases store them.

use std::time::Duration;

use appmixer_core::{KeyId, StoreError};

pub(crate) fn id(text: &str) -> Result<KeyId, StoreError> {
    KeyId::parse(text).map_err(|error| StoreError::Corrupt(format!("signing_keys, id: {error}")))
}

/// A lifetime as both databases store it, in seconds.
pub(crate) fn seconds(lifetime: Duration) -> i64 {
    i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX)
}

pub(crate) fn lifetime(seconds: i64) -> Duration {
    Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
}
