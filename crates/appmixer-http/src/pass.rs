//! What a forwarded request was let through by, for as long as it runs: who may ask for something may not for ever.

use std::sync::Arc;
use std::time::Duration;

use appmixer_core::StoreError;
use appmixer_gateway::Route;
use appmixer_path::RequestPath;
use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Uri};
use tokio::time::{sleep, timeout};

use crate::app::App;
use crate::asked::{Asked, Deeds};
use crate::error::ApiError;
use crate::identity::{Identity, identify};
use crate::sessions::Remembered;

/// Nothing is looked at again more often than this, whatever changes, nor what is over before that.
const LOOKS_APART: Duration = Duration::from_secs(1);

/// It is looked again after so long in any case: clocks are set, and machines sleep.
const LONGEST_TRUST: Duration = Duration::from_mins(1);

/// How long it may stay open whether it is still good. What runs should outlive a database that is restarted; who was
/// signed out meanwhile should not gain much by it.
const LONGEST_DOUBT: Duration = Duration::from_mins(1);

/// A token that was good for a request, and the session that this was known by.
pub(crate) struct Pass {
    authorization: Option<HeaderValue>,
    deeds: Deeds,
    uri: Uri,
    route: Arc<Route>,
    session: Arc<Remembered>,
}

impl Pass {
    /// That of a request which was let through.
    pub(crate) fn of(request: &Parts, route: &Arc<Route>, deeds: Deeds, identity: Identity) -> Self {
        Self {
            authorization: request.headers.get(AUTHORIZATION).cloned(),
            deeds,
            uri: request.uri.clone(),
            route: Arc::clone(route),
            session: identity.into_session(),
        }
    }

    /// Ready when it is good no longer, with what the request would be answered now. Costs those who do not wait for
    /// long no more than a timer.
    pub(crate) async fn withdrawn(&mut self, app: &App) -> ApiError {
        sleep(LOOKS_APART).await;
        Box::pin(self.refused(app)).await
    }

    async fn refused(&mut self, app: &App) -> ApiError {
        loop {
            self.in_question(app).await;
            match timeout(LONGEST_DOUBT, self.looked_at(app)).await {
                Ok(Ok(identity)) => self.session = identity.into_session(),
                Ok(Err(error)) => return error,
                Err(_) => return StoreError::Unavailable("for too long".to_owned()).into(),
            }
            sleep(LOOKS_APART).await;
        }
    }

    /// Ready when something has changed, or the token has expired.
    async fn in_question(&self, app: &App) {
        let Remembered { caller, expires_at, epoch, .. } = &*self.session;
        let left = Duration::from_secs(expires_at.saturating_sub(app.ctx.clock.now().seconds()));
        let changed = app.epochs.changed_since(caller.user.id, *epoch);
        let _ = timeout(left.min(LONGEST_TRUST), changed).await;
    }

    /// As at the beginning. Once more as long as the server cannot tell.
    async fn looked_at(&self, app: &App) -> Result<Identity, ApiError> {
        let headers: HeaderMap =
            self.authorization.iter().map(|value| (AUTHORIZATION, value.clone())).collect();
        loop {
            let asked = || {
                let path = RequestPath::parse(self.uri.path())?;
                Ok(Some(Asked::by_route(self.deeds, path, &self.route)?))
            };
            let turn = app.second_looks.acquire().await;
            let looked = identify(app, &headers, asked).await;
            drop(turn);
            match looked {
                Err(error) if error.status.is_server_error() => sleep(LOOKS_APART).await,
                looked => return looked,
            }
        }
    }
}
