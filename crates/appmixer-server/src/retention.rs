//! Forgets what the audit log need not keep, while the server runs.

use std::sync::Arc;
use std::time::Duration;

use appmixer_core::{Clock, Store, trim_audit_log};
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
