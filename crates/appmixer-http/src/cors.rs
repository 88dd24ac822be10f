//! Cross-origin requests (the Fetch standard, "CORS protocol").

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, ALLOW, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue};

use crate::options::{CorsOrigins, HttpOptions};
use crate::response::{Answer, no_content};

const EXPOSED: HeaderValue =
    HeaderValue::from_static("X-Request-Id, Retry-After, RateLimit, RateLimit-Policy, X-Total-Count, Link");
const A_DAY: HeaderValue = HeaderValue::from_static("86400");

/// Answers `OPTIONS` on a route with these methods; [`allow_origin`] completes it.
pub(crate) fn options(request: &HeaderMap, methods: &'static str, options: &HttpOptions) -> Answer {
    let mut answer = no_content();
    let headers = answer.headers_mut();
    let methods = HeaderValue::from_static(methods);
    if request.contains_key(ACCESS_CONTROL_REQUEST_METHOD) {
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods.clone());
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, options.cors_headers.value());
        headers.insert(ACCESS_CONTROL_MAX_AGE, A_DAY);
    }
    headers.insert(ALLOW, methods);
    answer
}

/// Whether a browser asks what a script may do.
pub(crate) fn is_preflight(request: &HeaderMap) -> bool {
    request.contains_key(ORIGIN) && request.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// Answers a preflight for what is forwarded: a script of an allowed origin may ask for whatever its user may, with
/// whatever headers the service knows. [`allow_origin`] completes it.
pub(crate) fn preflight(request: &HeaderMap) -> Answer {
    let mut answer = no_content();
    let headers = answer.headers_mut();
    for (asked, allowed) in [
        (ACCESS_CONTROL_REQUEST_METHOD, ACCESS_CONTROL_ALLOW_METHODS),
        (ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_ALLOW_HEADERS),
    ] {
        if let Some(value) = request.get(asked) {
            headers.insert(allowed, value.clone());
        }
    }
    headers.insert(ACCESS_CONTROL_MAX_AGE, A_DAY);
    answer
}

/// Lets the scripts of allowed origins read the answer. Without credentials: tokens travel in a header.
pub(crate) fn allow_origin(origins: &CorsOrigins, request: &HeaderMap, answer: &mut HeaderMap) {
    let allowed = match origins {
        CorsOrigins::Any => HeaderValue::from_static("*"),
        CorsOrigins::Only(_) => {
            // A cache must not give one origin's answer to another.
            answer.append(VARY, HeaderValue::from_static("Origin"));
            match request.get(ORIGIN) {
                Some(origin) if origins.allow(origin.as_bytes()) => origin.clone(),
                _ => return,
            }
        }
    };
    answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
    answer.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
}
