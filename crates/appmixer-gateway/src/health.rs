//! Asks upstreams whether they work.

use std::sync::Arc;

use http::header::{HOST, USER_AGENT};
use http::{HeaderValue, Request};
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::pool::Upstream;
use crate::route::{HealthCheck, Route};
use crate::upload::Outgoing;

const AGENT: HeaderValue = HeaderValue::from_static("appmixer-gateway");

/// Asks one upstream again and again, and never ends.
pub(crate) async fn watch(route: Arc<Route>, upstream: Arc<Upstream>, check: HealthCheck) {
    let mut ticks = interval(check.interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let outcome = timeout(check.interval, ask(&route, &upstream, &check)).await;
        let outcome = outcome.unwrap_or_else(|_| Err("no answer in time".to_owned()));
        let turn = upstream.checked(outcome.is_ok());
        route.tell(turn, &upstream, &outcome.err().unwrap_or_default());
    }
}

async fn ask(route: &Route, upstream: &Upstream, check: &HealthCheck) -> Result<(), String> {
    let url = upstream.address.url(check.path.clone()).map_err(|error| error.to_string())?;
    let mut request = Request::new(Outgoing::none());
    *request.uri_mut() = url;
    request.headers_mut().insert(HOST, upstream.address.host().clone());
    request.headers_mut().insert(USER_AGENT, AGENT);
    let answer = route.client.request(request).await.map_err(|error| crate::innermost(&error))?;
    let status = answer.status();
    if status.is_success() || status.is_redirection() { Ok(()) } else { Err(format!("it answers {status}")) }
}
