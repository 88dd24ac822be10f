//! What an operator sets about the server.

use std::time::Duration;

use appmixer_forwarded::Networks;
use appmixer_token::{Algorithm, Secret};
use http::{HeaderName, HeaderValue};
use thiserror::Error;

use crate::console::ConsoleOptions;
use crate::host;
use crate::limits::LimitOptions;

/// The limits and manners of the HTTP server.
#[derive(Clone, Debug)]
pub struct HttpOptions {
    /// The largest request body, in bytes.
    pub body_limit: usize,
    /// The largest request head (request line and headers), in bytes; at least 8,192.
    pub header_limit: usize,
    /// The longest time in which nothing gets done on a connection where something is unfinished:
    /// no request head is completed, and no byte of an answer taken in. Then it is closed; a
    /// quarter of that later at most.
    pub header_timeout: Duration,
    /// The longest time between two requests on a connection. Then it is closed; a quarter of
    /// `header_timeout` later at most.
    pub idle_timeout: Duration,
    /// The longest wait for a whole request body, unless it is forwarded.
    pub body_timeout: Duration,
    /// The least rate of a request body that is forwarded, on average over each `body_timeout`, in
    /// bytes a second.
    pub body_min_rate: u64,
    /// The memory for request bodies while they come in, in bytes, all together; the first 4 KiB of each do not count.
    pub body_memory: usize,
    /// The most connections at once; one more is told so and closed.
    pub max_connections: usize,
    /// The most of them from one address, or from one IPv6 network of 64 bits; 0 for any number. Not counted are
    /// trusted proxies, Unix sockets, `127.0.0.1` and `::1`.
    pub max_connections_per_address: usize,
    /// Limits on guessing; `None` for none.
    pub limits: Option<LimitOptions>,
    /// The proxies whose `Forwarded` and `X-Forwarded-For` tell the client's address.
    pub trusted_proxies: Networks,
    /// The most requests at once on one connection with HTTP/2. Of all such connections together, there are never
    /// more than `max_connections`.
    pub max_streams: u32,
    /// The longest TLS handshake.
    pub handshake_timeout: Duration,
    /// What answers over TLS tell browsers about its use.
    pub transport_security: TransportSecurity,
    /// The origins whose scripts may read answers.
    pub cors_origins: CorsOrigins,
    /// The headers that their scripts may send.
    pub cors_headers: CorsHeaders,
    /// The memory for remembered sessions, in bytes.
    pub session_cache_bytes: u64,
    /// The console; none, as by default, for a server without it.
    pub console: Option<ConsoleOptions>,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            body_limit: 64 * 1024,
            header_limit: 16 * 1024,
            header_timeout: Duration::from_secs(30),
            // Longer than load balancers keep their own idle connections, which is a minute.
            idle_timeout: Duration::from_secs(75),
            body_timeout: Duration::from_secs(30),
            body_min_rate: 500,
            body_memory: 4 * 1024 * 1024,
            max_connections: 4096,
            max_connections_per_address: 512,
            limits: Some(LimitOptions::default()),
            trusted_proxies: Networks::none(),
            max_streams: 100,
            handshake_timeout: Duration::from_secs(10),
            transport_security: TransportSecurity::default(),
            cors_origins: CorsOrigins::Any,
            cors_headers: CorsHeaders::default(),
            session_cache_bytes: 16 * 1024 * 1024,
            console: None,
        }
    }
}

/// `Strict-Transport-Security` (RFC 6797): for how long a browser that was here once insists on TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransportSecurity {
    /// Nothing is said when it is zero.
    pub max_age: Duration,
    /// Whether it holds for all names below this one too.
    pub include_subdomains: bool,
}

impl Default for TransportSecurity {
    fn default() -> Self {
        Self { max_age: Duration::from_hours(365 * 24), include_subdomains: false }
    }
}

impl TransportSecurity {
    /// The header's value.
    pub(crate) fn value(self) -> Option<HeaderValue> {
        let subdomains = if self.include_subdomains { "; includeSubDomains" } else { "" };
        let value = format!("max-age={}{subdomains}", self.max_age.as_secs());
        HeaderValue::try_from(value).ok().filter(|_| self.max_age.as_secs() > 0)
    }
}

/// The server's own secrets. Keys that the store keeps are sealed under them; until there are any, `current` signs,
/// or `JWTSecret` in the system configuration, when it is set.
#[derive(Clone)]
pub struct TokenOptions {
    /// Signs, and verifies; seals.
    pub current: Secret,
    /// Verify what was signed before, and open what was sealed before.
    pub previous: Vec<Secret>,
    /// Whether `JWTSecret` may be shorter than RFC 7518 section 3.2 asks for.
    pub allow_short_secret: bool,
    /// What a new key is for where nobody asks for something else.
    pub algorithm: Algorithm,
}

impl TokenOptions {
    /// The shortest `JWTSecret` that is accepted, in bytes.
    #[must_use]
    pub const fn min_secret_bytes(&self) -> usize {
        if self.allow_short_secret { 1 } else { appmixer_token::MIN_SECRET_BYTES }
    }
}

/// The origins (RFC 6454) whose scripts may read answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CorsOrigins {
    /// Every origin: tokens travel in a header, so no cookie is at stake.
    Any,
    /// These alone.
    Only(Vec<String>),
}

/// The request headers that scripts of other origins may send, as `Access-Control-Allow-Headers`
/// lists them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorsHeaders(HeaderValue);

/// What clients of the API need, and what tracing libraries add to every request (W3C Trace
/// Context, Baggage, Sentry).
const CORS_HEADERS: &str =
    "Authorization, Content-Type, X-Request-Id, traceparent, tracestate, baggage, sentry-trace";

/// The text is no name of a header.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is not the name of a header such as X-Client-Version")]
pub struct InvalidCorsHeader(String);

impl Default for CorsHeaders {
    fn default() -> Self {
        Self(HeaderValue::from_static(CORS_HEADERS))
    }
}

impl CorsHeaders {
    /// Reads the names of headers that are allowed besides those that always are.
    ///
    /// # Errors
    /// [`InvalidCorsHeader`] for the first entry that is none.
    pub fn parse<S: AsRef<str>>(names: &[S]) -> Result<Self, InvalidCorsHeader> {
        let mut list = CORS_HEADERS.to_owned();
        for name in names.iter().map(AsRef::as_ref) {
            let wrong = || InvalidCorsHeader(name.to_owned());
            HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?;
            list.push_str(", ");
            list.push_str(name);
        }
        let wrong = |_| InvalidCorsHeader("the list".to_owned());
        HeaderValue::try_from(list).map(Self).map_err(wrong)
    }

    pub(crate) fn value(&self) -> HeaderValue {
        self.0.clone()
    }
}

/// The text is no origin.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is not an origin such as https://app.example.com, nor *")]
pub struct InvalidOrigin(String);

impl CorsOrigins {
    /// Reads a list of origins; `*` among them means every one.
    ///
    /// # Errors
    /// [`InvalidOrigin`] for the first entry that is none.
    pub fn parse<S: AsRef<str>>(origins: &[S]) -> Result<Self, InvalidOrigin> {
        if origins.iter().any(|origin| origin.as_ref() == "*") {
            return Ok(Self::Any);
        }
        let parse = |origin: &S| {
            let text = origin.as_ref();
            is_origin(text).then(|| text.to_ascii_lowercase()).ok_or_else(|| InvalidOrigin(text.to_owned()))
        };
        origins.iter().map(parse).collect::<Result<_, _>>().map(Self::Only)
    }

    /// Whether a request's `Origin` is among them.
    pub(crate) fn allow(&self, origin: &[u8]) -> bool {
        match self {
            Self::Any => true,
            Self::Only(list) => list.iter().any(|allowed| allowed.as_bytes().eq_ignore_ascii_case(origin)),
        }
    }
}

fn is_origin(text: &str) -> bool {
    let Ok(uri) = text.parse::<http::Uri>() else {
        return false;
    };
    uri.scheme().is_some()
        && uri
            .authority()
            .is_some_and(|authority| host::is_valid(authority.as_str()) && !authority.as_str().ends_with(':'))
        && matches!(uri.path(), "" | "/")
        && uri.query().is_none()
        && !text.ends_with('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_have_a_scheme_a_host_and_no_more() {
        let good = ["https://app.example.com", "http://localhost:8080"];
        let origins = CorsOrigins::parse(&good).unwrap();
        assert!(origins.allow(b"HTTP://localhost:8080") && !origins.allow(b"http://localhost:8081"));
        for bad in ["app.example.com", "https://app.example.com/", "https://a/b", "https://u@a", "null", ""] {
            assert_eq!(CorsOrigins::parse(&[bad]), Err(InvalidOrigin(bad.to_owned())), "{bad}");
        }
        assert_eq!(CorsOrigins::parse(&["https://a.b", "*"]), Ok(CorsOrigins::Any));
    }
}
