//! The system configuration and the keys that follow from it, read once and again after each change.

use std::sync::Arc;

use appmixer_core::{Clock, Settings, SigningKeys, SystemConfig};
use appmixer_token::KeySet;
use arc_swap::ArcSwapOption;

use crate::epochs::Epochs;
use crate::error::ApiError;
use crate::options::TokenOptions;
use crate::recorded_lifetime::RecordedLifetime;

/// The configuration as one request sees it.
pub(crate) struct Snapshot {
    pub(crate) config: SystemConfig,
    /// To issue tokens, use `App::issue`, which records their lifetime first.
    pub(crate) keys: KeySet,
    pub(crate) recorded: RecordedLifetime,
    /// Where the configuration stood when it was read.
    pub(crate) epoch: u64,
}

pub(crate) struct LiveSettings {
    own: TokenOptions,
    clock: Arc<dyn Clock>,
    current: ArcSwapOption<Snapshot>,
}

impl LiveSettings {
    pub(crate) fn new(own: TokenOptions, clock: Arc<dyn Clock>) -> Self {
        Self { own, clock, current: ArcSwapOption::empty() }
    }

    pub(crate) const fn own(&self) -> &TokenOptions {
        &self.own
    }

    pub(crate) const fn min_secret_bytes(&self) -> usize {
        self.own.min_secret_bytes()
    }

    /// The configuration, no older than the last change that was acknowledged.
    pub(crate) async fn get(
        &self,
        store: &(impl Settings + SigningKeys + ?Sized),
        epochs: &Epochs,
    ) -> Result<Arc<Snapshot>, ApiError> {
        let epoch = epochs.all();
        if let Some(snapshot) = self.current.load_full()
            && snapshot.epoch == epoch
        {
            return Ok(snapshot);
        }
        let config = SystemConfig::from_entries(&store.entries().await?).map_err(|(key, error)| {
            ApiError::internal(&format_args!(
                "the system configuration's {} {error}; set it anew with `appmixer-server config set`",
                key.as_str()
            ))
        })?;
        let kept = store.signing_keys().await?;
        let recorded = RecordedLifetime::of(&self.own, &kept, self.clock.now());
        let (keys, unusable) = self.own.key_set(&config, &kept);
        // A start with such a key is refused. Now that it runs it goes on with the others.
        for key in unusable {
            tracing::error!("{key}; its tokens are not accepted");
        }
        let snapshot = Arc::new(Snapshot { config, keys, recorded, epoch });
        self.current.store(Some(Arc::clone(&snapshot)));
        Ok(snapshot)
    }
}
