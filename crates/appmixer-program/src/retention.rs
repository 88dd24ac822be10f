//! Forgets what need not be kept, while the server runs: old entries of the audit log, keys that have ended.

use std::sync::Arc;
use std::time::Duration;

use appmixer_core::{Clock, Store, StoreError, Timestamp, trim_audit_log};
use tokio::time::sleep;

use crate::config::AuditConfig;

/// How long an entry that is to go may still be there, unless entries are kept for less than an hour.
const PAUSE: Duration = Duration::from_mins(3);

/// Goes on until it is dropped.
pub(crate) async fn run(store: Arc<dyn Store>, clock: Arc<dyn Clock>, config: AuditConfig) {
    let keep = config.keep.0;
    let pause = if keep.is_zero() { PAUSE } else { (keep / 20).clamp(Duration::from_secs(1), PAUSE) };
    loop {
        match trim_audit_log(&*store, clock.now().before(keep), config.max_rows).await {
            Ok(0) => {}
            Ok(entries) => tracing::debug!(entries, "the audit log has forgotten its oldest entries"),
            Err(error) => tracing::warn!(%error, "the audit log keeps what it should forget, for now"),
        }
        sleep(pause).await;
    }
}

/// Forgets signing keys that verify nothing any more. Goes on until it is dropped.
pub(crate) async fn of_keys(store: Arc<dyn Store>, clock: Arc<dyn Clock>) {
    loop {
        if let Err(error) = forget_keys(&*store, clock.now()).await {
            tracing::warn!(%error, "signing keys that have ended are still kept, for now");
        }
        sleep(PAUSE).await;
    }
}

/// Most of the time there is nothing to write.
async fn forget_keys(store: &dyn Store, now: Timestamp) -> Result<(), StoreError> {
    let kept = store.signing_keys().await?;
    if kept.iter().any(|key| key.has_ended(now) && !key.is_own()) {
        let keys = store.forget_ended_keys(now).await?;
        tracing::info!(keys, "forgot signing keys, whose tokens have all expired");
    }
    Ok(())
}
