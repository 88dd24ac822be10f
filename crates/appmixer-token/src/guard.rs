//! Checks requests: the header, the token, its scopes; and says what is wrong in the form of Appmixer's API.

#[cfg(feature = "hyper")]
mod hyper;
#[cfg(any(feature = "hyper", feature = "tower"))]
mod service;
#[cfg(feature = "tower")]
mod tower;

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use serde::Serialize;
use thiserror::Error;

#[cfg(any(feature = "hyper", feature = "tower"))]
pub use self::service::Guarded;
use crate::authorization::{Challenge, InvalidAuthorization, bearer};
use crate::claims::Claims;
use crate::error::TokenError;
use crate::keys::{KeySet, Verifier};

/// Why a request is not let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Refused {
    /// It has no `Authorization` header.
    #[error("Missing authentication")]
    Missing,
    /// The header tells no token.
    #[error(transparent)]
    Header(#[from] InvalidAuthorization),
    /// The token is not good.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The token is good, and lacks a scope.
    #[error("Insufficient scope")]
    Scope,
    /// There are no keys that would tell. Whoever has them keeps the reason for a log of its own.
    #[error("Tokens cannot be checked, try again later")]
    Unavailable,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    status_code: u16,
    error: &'static str,
    message: String,
}

impl Refused {
    /// The status that it is answered with.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Missing | Self::Header(_) | Self::Token(_) => StatusCode::UNAUTHORIZED,
            Self::Scope => StatusCode::FORBIDDEN,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// What `WWW-Authenticate` says.
    #[must_use]
    pub const fn challenge(self) -> Option<Challenge> {
        match self {
            Self::Missing => Some(Challenge::TokenMissing),
            Self::Header(_) | Self::Token(_) => Some(Challenge::InvalidToken),
            Self::Scope => Some(Challenge::InsufficientScope),
            Self::Unavailable => None,
        }
    }

    /// The answer, as Appmixer's own API gives it.
    #[must_use]
    pub fn into_response<B: From<String>>(self) -> Response<B> {
        let (status, message) = (self.status(), self.to_string());
        let error = status.canonical_reason().unwrap_or_default();
        let body = Body { status_code: status.as_u16(), error, message };
        // Texts and numbers alone: there is nothing in it that could fail to serialise.
        let mut response = Response::new(B::from(serde_json::to_string(&body).unwrap_or_default()));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(challenge) = self.challenge() {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge.as_str()));
        }
        if self == Self::Unavailable {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

/// Whatever tells whether a token is good: keys, and what others put in front of them, as a look into a database of
/// what was revoked.
pub trait CheckToken {
    /// The claims of a token that is good at `now`, in seconds since 1970.
    ///
    /// # Errors
    /// [`Refused`].
    fn check_token(&self, token: &str, now: u64) -> impl Future<Output = Result<Claims, Refused>> + Send;
}

impl CheckToken for Verifier {
    async fn check_token(&self, token: &str, now: u64) -> Result<Claims, Refused> {
        Ok(self.verify(token, now)?)
    }
}

impl CheckToken for KeySet {
    async fn check_token(&self, token: &str, now: u64) -> Result<Claims, Refused> {
        Ok(self.verify(token, now)?)
    }
}

#[cfg(feature = "fetch")]
impl CheckToken for crate::RemoteKeys {
    async fn check_token(&self, token: &str, now: u64) -> Result<Claims, Refused> {
        use crate::RemoteError;

        self.verify(token, now).await.map_err(|error| match error {
            RemoteError::Token(error) => Refused::Token(error),
            RemoteError::NoKeys(_) => Refused::Unavailable,
        })
    }
}

/// Lets requests through that have a good token. Cheap to clone.
///
/// ```
/// use appmixer_token::{Claims, Guard, KeySet, Refused, Secret};
/// use http::{HeaderMap, HeaderValue, Response};
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let keys = KeySet::new(Secret::new(b"a secret of at least 32 bytes, as it is random")?, []);
/// # let claims = Claims { id: "joe".into(), scope: vec!["user".into()], iat: 1, exp: 1 << 40, generation: None };
/// # let token = keys.issue(&claims)?;
/// let guard = Guard::new(keys).require("user");
///
/// let mut headers = HeaderMap::new();
/// assert_eq!(guard.check(&headers).await, Err(Refused::Missing));
/// headers.insert("authorization", HeaderValue::try_from(format!("Bearer {token}"))?);
/// assert_eq!(guard.check(&headers).await?.id, "joe");
///
/// // With another scope, the answer of Appmixer's API.
/// let refused = guard.require("admin").check(&headers).await.unwrap_err();
/// let answer: Response<String> = refused.into_response();
/// assert_eq!(answer.status(), 403);
/// assert_eq!(answer.body(), r#"{"statusCode":403,"error":"Forbidden","message":"Insufficient scope"}"#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// With the feature `tower` it is a layer, and with `hyper` it goes around a service; either way the service finds the
/// [`Claims`] among the request's extensions. A layer that answers the preflights of browsers goes around it: they have no
/// token.
#[derive(Clone, Debug)]
pub struct Guard<K> {
    keys: K,
    scopes: Arc<[String]>,
    now: fn() -> u64,
}

impl<K: CheckToken> Guard<K> {
    /// Lets through whoever has a token that these keys verify.
    #[must_use]
    pub fn new(keys: K) -> Self {
        Self { keys, scopes: Arc::default(), now: seconds_since_1970 }
    }

    /// The same, if the token has this scope as well.
    #[must_use]
    pub fn require(self, scope: impl Into<String>) -> Self {
        let scopes = self.scopes.iter().cloned().chain([scope.into()]).collect();
        Self { scopes, ..self }
    }

    /// The same by another clock, which tells the seconds since 1970.
    #[must_use]
    pub fn with_clock(self, now: fn() -> u64) -> Self {
        Self { now, ..self }
    }

    /// Whose request it is. Whether that user has revoked the token is known to the server alone.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn check(&self, headers: &HeaderMap) -> Result<Claims, Refused> {
        let token = bearer(headers)?.ok_or(Refused::Missing)?.text()?;
        let claims = self.keys.check_token(token, (self.now)()).await?;
        if self.scopes.iter().all(|scope| claims.scope.contains(scope)) {
            Ok(claims)
        } else {
            Err(Refused::Scope)
        }
    }
}

/// A clock that stands before 1970 lets nobody through whose token was issued since.
fn seconds_since_1970() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
