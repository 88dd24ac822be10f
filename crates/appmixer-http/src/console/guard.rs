//! What every answer of the console tells browsers.

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_MAX_AGE, CACHE_CONTROL,
    CONTENT_SECURITY_POLICY, COOKIE, HeaderName, REFERRER_POLICY, VARY,
};
use http::{HeaderMap, HeaderValue};

use crate::router::CONSOLE;

/// Scripts, styles and requests are the console's own, and nobody puts a frame around it.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
);
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const SAME_ORIGIN: HeaderValue = HeaderValue::from_static("same-origin");

/// Whether a path belongs to the console, also where there is nothing.
pub(crate) fn is_below(path: &str) -> bool {
    path.strip_prefix(CONSOLE).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Completes an answer: nothing of it is for other origins, whatever [`crate::options::CorsOrigins`] says, and what
/// depends on the cookie is kept by nobody.
pub(crate) fn guard(headers: &mut HeaderMap) {
    for name in [ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_MAX_AGE] {
        headers.remove(name);
    }
    headers.insert(CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(OPENER_POLICY, SAME_ORIGIN);
    headers.insert(RESOURCE_POLICY, SAME_ORIGIN);
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    // The page and its assets are the same for everybody.
    let is_public =
        headers.get(CACHE_CONTROL).is_some_and(|control| control.as_bytes().starts_with(b"public"));
    if !is_public {
        headers.append(VARY, COOKIE.into());
    }
}
