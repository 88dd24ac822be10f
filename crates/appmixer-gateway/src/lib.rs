//! Forwards HTTP requests to pools of upstream servers: the part of a reverse proxy that knows neither users nor rules.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use appmixer_gateway::{Address, From, Gateway, Inbound, Outbound, Prefix, RouteOptions};
//! use http::{HeaderMap, Method, Uri, Version};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let route = RouteOptions {
//!     prefix: Prefix::parse("/flows")?,
//!     to: vec![Address::parse("http://10.0.0.1:2200")?, Address::parse("http://10.0.0.2:2200")?],
//!     is_open: false,
//!     strip_prefix: false,
//!     preserve_host: false,
//!     pass_authorization: true,
//!     forward_overrides: false,
//!     connect_timeout: Duration::from_secs(5),
//!     head_timeout: Duration::from_secs(60),
//!     idle_timeout: Duration::from_secs(300),
//!     health: None,
//!     max_request: Some(100 * 1024 * 1024),
//!     max_answer: None,
//! };
//! let gateway = Gateway::new(vec![route], None);
//! let route = gateway.find("/flows/1").ok_or("no route")?.route;
//!
//! let from = From { peer: None, is_trusted: false, is_secure: false, host: Some("api.example") };
//! let headers = gateway.headers(route, &HeaderMap::new(), Version::HTTP_11, &from)?;
//! let uri = Uri::from_static("/flows/1");
//! let request = Outbound { method: &Method::GET, uri: &uri, headers, upload: None, upgrade: None };
//! if let Inbound::Answer(answer) = gateway.forward(route, request).await? {
//!     println!("{}", answer.status());
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # What it promises
//!
//! - Bodies stream in both directions, with back-pressure: of each, no more is held than what one connection reads
//!   ahead. WebSocket is switched to and carried; nothing else is.
//! - What is for one connection ends with it (RFC 9110 section 7.6.1); lengths and framing are written by hyper, from what
//!   hyper has read. What clients say about who they are (`X-User-*`) reaches nobody, and what they say about where they
//!   come from only if they are [trusted](From::is_trusted). Headers that replace the method or the path
//!   (`X-HTTP-Method-Override`) end here unless [an operator wants them](RouteOptions::forward_overrides). Trailers are
//!   filtered by the same rule in both directions.
//! - A request is tried again, at another upstream, only if the first cannot have seen anything of it, or if it is
//!   idempotent and has no body; three times in all.
//! - Of several upstreams the one with fewer requests is asked, of two at random. One that cannot be reached is left
//!   alone, for a second and then longer; one that fails its health checks, until it passes one.
//! - Every wait has an end, but for the client's taking in what it has asked for: that is the server's to watch.
//!
//! # What it does not do
//!
//! - Who may ask for what, and telling upstreams who asks: the caller adds that to the [headers](Gateway::headers).
//! - Refusing paths with two readings: the caller does it, by what [`Gateway::find`] returns.
//! - HTTP/2 to upstreams, caching, compression, rewriting of answers.

mod address;
mod client_headers;
mod connector;
mod cookies;
mod counts;
mod download;
mod forward;
mod heads;
mod health;
mod lists;
mod pace;
mod patience;
mod pool;
mod prefix;
mod route;
mod trailers;
mod tunnel;
mod upload;

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::Arc;

use appmixer_metrics::Page;
use appmixer_path::{AmbiguousPath, RequestPath};
use http::{HeaderMap, Version};
use rustls::ClientConfig;
use tokio::task::JoinSet;

pub use address::{Address, InvalidAddress};
pub use client_headers::{may_override_method, overrides_method};
pub use download::{BrokenOff, Download};
pub use forward::{ForwardError, Inbound, Outbound};
pub use heads::From;
pub use pool::MOST_UPSTREAMS;
pub use prefix::{InvalidPrefix, Prefix};
pub use route::{HealthCheck, Route, RouteOptions};
pub use tunnel::Tunnel;
pub use upload::{ClientBody, Upload};

/// The route of a path.
pub struct Found<'g, 'p> {
    /// The route that the path is spelled for.
    pub route: &'g Arc<Route>,
    /// Whether anybody may ask: it is open, and so is every route with a longer prefix that an upstream may read in the
    /// path.
    pub is_open: bool,
    /// The path, if readers agree on its segments. Otherwise it must not be forwarded.
    pub path: Result<RequestPath<'p>, AmbiguousPath>,
}

/// Routes, and what is known of their upstreams.
pub struct Gateway {
    /// Those with the longest prefixes first.
    routes: Vec<Arc<Route>>,
    /// What this process calls itself in `Via`.
    pseudonym: String,
}

impl Gateway {
    /// A gateway with these routes. Upstreams with `https` need settings of TLS; without them they cannot be reached.
    #[must_use]
    pub fn new(routes: Vec<RouteOptions>, tls: Option<&ClientConfig>) -> Self {
        let mut routes: Vec<_> =
            routes.into_iter().map(|options| Arc::new(Route::new(options, tls))).collect();
        routes.sort_by_key(|route| std::cmp::Reverse(route.name().len()));
        // Different for each process: behind one gateway there may be another.
        let pseudonym = format!("appmixer-{:08x}", RandomState::new().hash_one(()) >> 32);
        Self { routes, pseudonym }
    }

    /// The route of a path: of those whose prefixes it begins with, letter by letter when it is decoded, the one with the
    /// longest prefix.
    #[must_use]
    pub fn find<'p>(&self, path: &'p str) -> Option<Found<'_, 'p>> {
        let parsed = RequestPath::parse(path);
        let decoded = parsed.as_ref().map_or(path, RequestPath::decoded);
        let route = self.routes.iter().find(|route| route.options.prefix.covers(decoded))?;
        let is_open = route.is_open() && parsed.as_ref().map_or(true, |path| self.is_open(route, path));
        Some(Found { route, is_open, path: parsed })
    }

    /// Whether every longer prefix that an upstream may read in the path is open too.
    fn is_open(&self, route: &Route, path: &RequestPath<'_>) -> bool {
        let (prefix, others) = (&route.options.prefix, self.routes.iter().map(|route| &route.options));
        let mut longer = others.filter(|other| other.prefix.segments() > prefix.segments());
        longer.all(|other| other.is_open || !other.prefix.may_cover(path))
    }

    /// The headers for the upstream, made of those that were sent.
    ///
    /// # Errors
    /// [`ForwardError::Loop`].
    pub fn headers(
        &self,
        route: &Route,
        sent: &HeaderMap,
        version: Version,
        from: &From<'_>,
    ) -> Result<HeaderMap, ForwardError> {
        let options = &route.options;
        let forwarding = heads::Forwarding {
            authorization: options.pass_authorization,
            overrides: options.forward_overrides,
        };
        let made = heads::for_upstream(sent, version, from, &self.pseudonym, forwarding);
        let mut headers = made.map_err(|heads::Loop| {
            route.counts.trouble(counts::Trouble::Client);
            ForwardError::Loop
        })?;
        if options.preserve_host
            && let Some(host) = from.host.and_then(|host| host.parse().ok())
        {
            headers.insert(http::header::HOST, host);
        }
        Ok(headers)
    }

    /// Forwards a request, and gives back the head of the answer.
    ///
    /// Must run within a tokio runtime with timers.
    ///
    /// # Errors
    /// [`ForwardError`].
    pub async fn forward(&self, route: &Arc<Route>, request: Outbound<'_>) -> Result<Inbound, ForwardError> {
        forward::forward(route, request).await
    }

    /// Asks the upstreams of routes with a [`HealthCheck`] whether they work, and never ends.
    ///
    /// Must run within a tokio runtime with timers.
    pub async fn watch_health(&self) {
        let mut checks = JoinSet::new();
        for route in &self.routes {
            for (check, upstream) in route
                .options
                .health
                .iter()
                .flat_map(|check| route.pool.upstreams().iter().map(move |up| (check, up)))
            {
                checks.spawn(health::watch(Arc::clone(route), Arc::clone(upstream), check.clone()));
            }
        }
        while checks.join_next().await.is_some() {}
    }

    /// Writes what was counted of each route, and which upstreams work.
    pub fn write(&self, page: &mut Page) {
        counts::write(self.routes.iter().map(|route| &**route), page);
    }
}

/// Whether a request wants to go on with WebSocket.
#[must_use]
pub fn wants_websocket(headers: &HeaderMap) -> bool {
    heads::wants_websocket(headers)
}

/// What an error comes from at last: refused, unreachable, a certificate that is not trusted.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    if let Some(refusal) = appmixer_tls::refusal(error) {
        return refusal;
    }
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn options(prefix: &str, is_open: bool) -> RouteOptions {
        RouteOptions {
            prefix: Prefix::parse(prefix).unwrap(),
            to: vec![Address::parse("http://127.0.0.1:9").unwrap()],
            is_open,
            strip_prefix: false,
            preserve_host: false,
            pass_authorization: true,
            forward_overrides: false,
            connect_timeout: Duration::from_secs(1),
            head_timeout: Duration::from_secs(1),
            idle_timeout: Duration::from_secs(1),
            health: None,
            max_request: None,
            max_answer: None,
        }
    }

    fn gateway(prefixes: &[&str]) -> Gateway {
        Gateway::new(prefixes.iter().map(|prefix| options(prefix, false)).collect(), None)
    }

    fn gateway_of(routes: &[(&str, bool)]) -> Gateway {
        Gateway::new(routes.iter().map(|(prefix, is_open)| options(prefix, *is_open)).collect(), None)
    }

    #[tokio::test]
    async fn the_longest_prefix_has_the_path_however_it_is_encoded() {
        let gateway = gateway(&["/", "/flows", "/flows/files"]);
        for (path, name) in [
            ("/", Some("/")),
            ("/flowsheet", Some("/")),
            ("/flows/1", Some("/flows")),
            ("/%66lows/1", Some("/flows")),
            ("/flows/files/1", Some("/flows/files")),
            ("/flows/%66iles", Some("/flows/files")),
            ("/FLOWS/1", Some("/")),
            ("/flows/Files", Some("/flows")),
            ("/flows/../x", Some("/flows")),
            ("*", None),
            ("", None),
        ] {
            let found = gateway.find(path);
            // `*` and an empty path begin with no slash, and so lie below nothing.
            assert_eq!(found.map(|found| found.route.name()), name, "{path}");
        }
    }

    #[tokio::test]
    async fn an_open_route_is_closed_where_an_upstream_may_read_a_longer_prefix_that_is_not_open() {
        let gateway = gateway_of(&[
            ("/", true),
            ("/api", false),
            ("/api/public", true),
            ("/api/public/x", true),
            ("/pub", true),
            ("/pub/admin", false),
            ("/Pub", true),
        ]);
        for (path, name, is_open) in [
            ("/pub/1", "/pub", true),
            ("/pub/1;jsessionid=2/a%20b", "/pub", true),
            ("/pub/admin", "/pub/admin", false),
            ("/pub/admin;x/1", "/pub", false),
            ("/pub/Admin", "/pub", false),
            ("/pub/admin.", "/pub", false),
            ("/Pub/admin", "/Pub", false),
            ("/PUB/1", "/", true),
            ("/PUB/admin", "/", false),
            ("/pub/administration", "/pub", true),
            ("/api/1", "/api", false),
            ("/api;x/1", "/", false),
            ("/api/public/1", "/api/public", true),
            ("/api/public/x.json", "/api/public", true),
            ("/api/Public/1", "/api", false),
            ("/API/public/1", "/", false),
            ("/x", "/", true),
            ("/pub//x", "/pub", true),
        ] {
            let found = gateway.find(path).unwrap();
            assert_eq!((found.route.name(), found.is_open), (name, is_open), "{path}");
        }
    }

    #[tokio::test]
    async fn upstreams_get_other_first_segments_where_prefixes_are_taken_off_or_addresses_have_paths() {
        let names = |strip_prefix, to: &[&str], path| {
            let to = to.iter().map(|address| Address::parse(address).unwrap()).collect();
            let route = RouteOptions { to, strip_prefix, ..options("/api/v1", false) };
            let gateway = Gateway::new(vec![route], None);
            let found = gateway.find(path).unwrap();
            let names = found.route.upstream_names(found.path.as_ref().unwrap());
            names.map(str::to_owned).collect::<Vec<_>>()
        };
        let (bare, based) = ("http://a", "http://b/Base.x/y");
        for (strip_prefix, to, path, expected) in [
            (false, &[bare][..], "/api/v1/flows/1", &[][..]),
            (true, &[bare], "/api/v1/flows/1", &["flows"]),
            (true, &[bare], "/api/v1/%66lows;x", &["flows;x", "flows"]),
            (true, &[bare], "/api/v1", &[""]),
            (false, &[based], "/api/v1/flows", &["Base", "Base.x"]),
            (true, &[based], "/api/v1/flows", &["Base", "Base.x"]),
            (true, &[bare, based], "/api/v1/flows", &["flows", "Base", "Base.x"]),
        ] {
            assert_eq!(names(strip_prefix, to, path), expected, "{strip_prefix} {to:?} {path}");
        }
    }
}
