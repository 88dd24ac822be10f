//! From a request of the console to one of the API: the cookie becomes the token that the API knows.

use http::header::{AUTHORIZATION, COOKIE};
use http::{HeaderMap, HeaderValue, Method};

use super::{Console, cookie, same_origin};
use crate::error::ApiError;
use crate::head::Head;
use crate::router::{CONSOLE_API, Place, Router};

/// A request of the console as one of the API.
pub(crate) struct Exchange<'p> {
    /// With `Authorization`, and without the cookie.
    pub(crate) headers: HeaderMap,
    /// The API's path.
    pub(crate) path: &'p str,
    /// Where that leads to.
    pub(crate) place: Option<Place<'p>>,
    /// Why it goes no further.
    pub(crate) refused: Option<ApiError>,
}

impl<'p> Exchange<'p> {
    /// What a request for something below [`CONSOLE_API`] asks for.
    pub(crate) fn of(console: &Console, router: &Router, head: &Head<'p>) -> Self {
        let path = head.path.strip_prefix(CONSOLE_API).unwrap_or_default();
        // There is no way through the console into itself.
        let place = router.find(path).filter(|(resource, _)| !resource.is_console());
        let mut headers = head.headers.clone();
        headers.remove(COOKIE);
        headers.remove(AUTHORIZATION);
        // What works where is no secret, and whoever asks has no cookie then.
        let outcome = if head.method == Method::OPTIONS { Ok(None) } else { bearer(console, head).map(Some) };
        let (bearer, refused) = match outcome {
            Ok(bearer) => (bearer, None),
            Err(error) => (None, Some(error)),
        };
        headers.extend(bearer.map(|bearer| (AUTHORIZATION, bearer)));
        Self { headers, path, place, refused }
    }
}

/// What the API is shown of a request that may go on.
fn bearer(console: &Console, head: &Head<'_>) -> Result<HeaderValue, ApiError> {
    same_origin::refuse_others(console, head)?;
    if head.headers.contains_key(AUTHORIZATION) {
        return Err(ApiError::bad_request(
            "The console takes no Authorization header: its session is a cookie",
        ));
    }
    let token = cookie::read(head.headers, console.is_secure(head))?.ok_or_else(ApiError::token_missing)?;
    if !head.method.is_safe() {
        console.check_csrf(head.headers, token)?;
    }
    as_bearer(token)
}

/// The header that shows a token.
pub(crate) fn as_bearer(token: &str) -> Result<HeaderValue, ApiError> {
    let bearer = HeaderValue::try_from(format!("Bearer {token}"));
    let mut bearer = bearer.map_err(|_| ApiError::invalid_token("The session cookie is no token"))?;
    bearer.set_sensitive(true);
    Ok(bearer)
}
