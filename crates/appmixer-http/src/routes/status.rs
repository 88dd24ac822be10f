//! `GET /`, `/healthz`, `/readyz`: for people, load balancers and orchestrators. No cache keeps
//! what they say.

use std::time::Duration;

use appmixer_core::StoreError;
use tokio::time::timeout;

use crate::app::App;
use crate::error::ApiError;
use crate::response::{Answer, private_json};
use crate::views::{RootView, StatusView};

/// The longest that a database may take to say that it is there.
const PATIENCE: Duration = Duration::from_secs(2);

/// What is here.
pub(crate) const ROOT: RootView =
    RootView { name: "appmixer-server", version: env!("CARGO_PKG_VERSION"), status: "ok" };

pub(crate) fn root() -> Result<Answer, ApiError> {
    private_json(&ROOT)
}

/// The process lives: nothing else is asked.
pub(crate) fn healthz() -> Result<Answer, ApiError> {
    private_json(&StatusView { status: "ok" })
}

/// The store answers, and takes writes, as far as is known: what it knows is at most some seconds old.
pub(crate) async fn readyz(app: &App) -> Result<Answer, ApiError> {
    let ping = timeout(PATIENCE, app.ctx.store.ping()).await;
    let ping = ping.unwrap_or_else(|_| Err(StoreError::Unavailable("no answer in time".to_owned())));
    ping.map_err(ApiError::not_ready)?;
    private_json(&StatusView { status: "ok" })
}
