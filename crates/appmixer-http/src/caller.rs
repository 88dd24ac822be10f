//! Who is calling: from a token to a user, remembered.

use std::sync::{Arc, OnceLock};

use appmixer_core::{AuthenticateError, Scope, UserId, authenticate};
use appmixer_token::{BearerToken, bearer};
use http::HeaderMap;

use crate::app::App;
use crate::epochs::Epoch;
use crate::error::ApiError;
use crate::sessions::Remembered;
use crate::tokens::grant_of;
use crate::views::UserView;
use crate::{metrics, response};

/// Why a token was not accepted.
pub(crate) enum AuthenticationError {
    /// It is good, but its user does not exist any more.
    UserGone,
    /// Anything else.
    Api(ApiError),
}

impl From<ApiError> for AuthenticationError {
    fn from(error: ApiError) -> Self {
        Self::Api(error)
    }
}

impl From<AuthenticationError> for ApiError {
    fn from(error: AuthenticationError) -> Self {
        match error {
            AuthenticationError::UserGone => AuthenticateError::UserGone.into(),
            AuthenticationError::Api(error) => error,
        }
    }
}

impl App {
    /// Who is calling; `None` without an `Authorization` header.
    pub(crate) async fn authenticate(
        &self,
        headers: &HeaderMap,
    ) -> Result<Option<Arc<Remembered>>, AuthenticationError> {
        self.authenticate_as(headers, self.ctx.rules.require_active).await
    }

    async fn authenticate_as(
        &self,
        headers: &HeaderMap,
        require_active: bool,
    ) -> Result<Option<Arc<Remembered>>, AuthenticationError> {
        let Some(token) = bearer(headers).map_err(ApiError::from)? else {
            return Ok(None);
        };
        let now = self.ctx.clock.now().seconds();
        if let Some(session) = self.sessions.find(token.as_bytes(), &self.epochs, now) {
            self.traffic.remembered();
            return Ok(Some(session));
        }
        // Boxed is what is rare: it would have room in the future of every request.
        Box::pin(self.look_into(token, now, require_active)).await.map(Some)
    }

    /// Verifies a token that is not remembered, and remembers it.
    async fn look_into(
        &self,
        token: BearerToken<'_>,
        now: u64,
        require_active: bool,
    ) -> Result<Arc<Remembered>, AuthenticationError> {
        let settings = self.settings().await?;
        let text = token.text().inspect_err(|_| metrics::token_checked("malformed"));
        let text = text.map_err(ApiError::from)?;
        let granted = settings.keys.verify(text, now).and_then(|claims| grant_of(&claims));
        let granted = granted.inspect_err(|error| metrics::token_checked(metrics::why_refused(*error)));
        let grant = granted.map_err(ApiError::from)?;
        let epoch = Epoch { all: settings.epoch, user: self.epochs.of_user(grant.id) };
        let caller = authenticate(&*self.ctx.store, &grant, require_active).await;
        metrics::token_checked(metrics::outcome_of(&caller));
        let caller = caller.map_err(|error| match error {
            AuthenticateError::UserGone => AuthenticationError::UserGone,
            other => AuthenticationError::Api(other.into()),
        })?;
        let rendered = response::render(&UserView::of(&caller.user))?;
        let (expires_at, identity) = (grant.expires_at.seconds(), OnceLock::new());
        let session = Arc::new(Remembered { caller, rendered, expires_at, epoch, identity });
        // What is cached is accepted on every route.
        if self.ctx.rules.admits(&session.caller.user) {
            self.sessions.remember(token.as_bytes(), Arc::clone(&session));
        }
        Ok(session)
    }

    /// Whose token it is, if that is known without looking into it.
    pub(crate) fn user_of(&self, headers: &HeaderMap) -> Option<UserId> {
        let token = bearer(headers).ok()??;
        let now = self.ctx.clock.now().seconds();
        Some(self.sessions.find(token.as_bytes(), &self.epochs, now)?.caller.user.id)
    }

    /// Goes on only for users.
    pub(crate) async fn signed_in(&self, headers: &HeaderMap) -> Result<Arc<Remembered>, ApiError> {
        self.authenticate(headers).await?.ok_or_else(ApiError::token_missing)
    }

    /// Goes on only for users, also for one who is not active: anyone may sign out.
    pub(crate) async fn signed_in_to_sign_out(
        &self,
        headers: &HeaderMap,
    ) -> Result<Arc<Remembered>, ApiError> {
        self.authenticate_as(headers, false).await?.ok_or_else(ApiError::token_missing)
    }

    /// Goes on only for callers with the scope.
    pub(crate) async fn require(
        &self,
        headers: &HeaderMap,
        scope: &Scope,
    ) -> Result<Arc<Remembered>, ApiError> {
        let session = self.signed_in(headers).await?;
        session.caller.require(scope)?;
        Ok(session)
    }
}
