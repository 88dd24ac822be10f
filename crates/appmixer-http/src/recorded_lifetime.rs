//! Records how long tokens live, before they are signed: the end of a replaced key follows from it.

use std::time::Duration;

use appmixer_core::{Grant, KeyId, KeyRecord, SigningKeys, StoreError, Timestamp};

use crate::app::App;
use crate::error::ApiError;
use crate::options::TokenOptions;
use crate::tokens::claims_of;

/// What the keys that sign have recorded of the lifetimes of their tokens.
#[derive(Clone, Debug)]
pub struct RecordedLifetime {
    signers: Vec<KeyId>,
    lifetime: Duration,
}

impl RecordedLifetime {
    /// Reads the records of the keys that sign now or later.
    #[must_use]
    pub fn of(tokens: &TokenOptions, kept: &[KeyRecord], now: Timestamp) -> Self {
        let signers: Vec<_> = tokens.signers(kept, now).collect();
        let lifetime = signers.iter().map(|key| key.lifetime).min().unwrap_or_default();
        Self { signers: signers.into_iter().map(|key| key.id.clone()).collect(), lifetime }
    }

    /// Whether a token for this grant can be signed without a new record.
    #[must_use]
    pub fn covers(&self, grant: &Grant) -> bool {
        grant.lifetime() <= self.lifetime
    }

    /// Records the lifetime of a grant. A token must not be signed before this returns: a rotation would end its key
    /// too early.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn extend(&self, store: &dyn SigningKeys, grant: &Grant) -> Result<(), StoreError> {
        store.record_lifetime(self.signers.clone(), grant.lifetime()).await
    }
}

impl App {
    /// Signs a token. Writes to the store only for the first token that lives longer than its key has recorded.
    pub(crate) async fn issue(&self, grant: &Grant) -> Result<String, ApiError> {
        let mut settings = self.settings().await?;
        if !settings.recorded.covers(grant) {
            settings.recorded.extend(&*self.ctx.store, grant).await?;
            settings = self.settings().await?;
        }
        Ok(settings.keys.issue(&claims_of(grant))?)
    }
}
