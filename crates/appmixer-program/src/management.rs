//! The management address, if there is one.

use std::sync::Arc;

use appmixer_http::{App, serve_management};
use appmixer_metrics::Registry;
use tokio::task::JoinHandle;

use crate::config::Config;
use crate::failure::Failure;
use crate::sockets::listen;

/// Serves while it is there.
pub(crate) struct Management(JoinHandle<()>);

impl Drop for Management {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Opens it.
pub(crate) fn open(
    config: &Config,
    app: &Arc<App>,
    registry: Option<Registry>,
) -> Result<Option<Management>, Failure> {
    let Some((address, registry)) = config.management.listen.zip(registry) else {
        return Ok(None);
    };
    let listener = listen(address)?;
    let address = listener.local_addr()?;
    tracing::info!(%address, "listening for management");
    if !address.ip().is_loopback() {
        tracing::warn!(
            %address,
            "whoever reaches the management address can read all metrics: it asks for no token"
        );
    }
    Ok(Some(Management(tokio::spawn(serve_management(Arc::clone(app), registry, listener)))))
}
