//! A route: the paths below a prefix, and the upstreams that they lead to.

use std::fmt;
use std::time::Duration;

use appmixer_path::RequestPath;
use http::HeaderValue;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::ClientConfig;

use crate::address::Address;
use crate::connector::Connector;
use crate::counts::Counts;
use crate::pool::{Pool, Turn, Upstream};
use crate::prefix::Prefix;
use crate::upload::Outgoing;

/// How long a connection waits for its next request. Node.js closes its own after five seconds: who waits as long as the
/// other side does sends requests into connections that are being closed.
const IDLE_CONNECTION: Duration = Duration::from_secs(4);
/// How many may wait for each upstream.
const IDLE_CONNECTIONS: usize = 256;
/// The largest head of an answer, and what is read ahead of its body.
const HEAD_LIMIT: usize = 64 * 1024;

/// What an operator sets about a route.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
pub struct RouteOptions {
    /// The paths that it is for.
    pub prefix: Prefix,
    /// Where they lead to: at least one, and at most [`MOST_UPSTREAMS`](crate::MOST_UPSTREAMS).
    pub to: Vec<Address>,
    /// Whether anybody may ask: it is the caller who heeds that.
    pub is_open: bool,
    /// Whether the prefix is taken off the path.
    pub strip_prefix: bool,
    /// Whether the upstream sees the `Host` that the client has sent, and not its own.
    pub preserve_host: bool,
    /// Whether the upstream gets the client's `Authorization`.
    pub pass_authorization: bool,
    /// Whether the upstream gets headers that frameworks take in the place of the method or the path.
    pub forward_overrides: bool,
    /// The longest wait for a connection: name, TCP and TLS together.
    pub connect_timeout: Duration,
    /// The longest wait for the head of an answer, from the last thing that the client has sent.
    pub head_timeout: Duration,
    /// The longest time in which nothing comes, within an answer or through a WebSocket.
    pub idle_timeout: Duration,
    /// How it is found out whether an upstream works; without it, by the requests alone.
    pub health: Option<HealthCheck>,
    /// The largest body of a request, in bytes; none for any.
    pub max_request: Option<u64>,
    /// The largest body of an answer, in bytes; none for any.
    pub max_answer: Option<u64>,
}

/// A request that an upstream that works answers with 2xx or 3xx.
#[derive(Clone, Debug)]
pub struct HealthCheck {
    /// What is asked for with `GET`: a path, perhaps with a query.
    pub path: http::uri::PathAndQuery,
    /// From one to the next, and the longest wait for an answer.
    pub interval: Duration,
}

/// The paths below a prefix, and the upstreams that they lead to.
pub struct Route {
    pub(crate) options: RouteOptions,
    pub(crate) pool: Pool,
    pub(crate) client: Client<Connector, Outgoing>,
    pub(crate) counts: Counts,
    /// What `X-Forwarded-Prefix` says where the prefix is taken off.
    pub(crate) prefix_header: HeaderValue,
    /// Whether an upstream gets paths that begin with the request's own, or with what is behind the prefix.
    has_bare_upstream: bool,
    /// The first segments that the addresses of the other upstreams put in front, by all their names.
    base_names: Vec<String>,
}

impl Route {
    pub(crate) fn new(mut options: RouteOptions, tls: Option<&ClientConfig>) -> Self {
        let to = std::mem::take(&mut options.to);
        let bases: Vec<_> = to.iter().map(Address::first_names).collect();
        let has_bare_upstream = bases.iter().any(Vec::is_empty);
        let mut base_names: Vec<_> = bases.into_iter().flatten().collect();
        base_names.sort_unstable();
        base_names.dedup();
        let pool = Pool::new(to);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_CONNECTION)
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .http1_max_buf_size(HEAD_LIMIT)
            .set_host(false)
            .build(Connector::new(options.connect_timeout, tls));
        // It is letters and digits.
        let prefix_header = HeaderValue::from_str(options.prefix.as_str());
        let prefix_header = prefix_header.unwrap_or(HeaderValue::from_static("/"));
        let counts = Counts::new();
        Self { options, pool, client, counts, prefix_header, has_bare_upstream, base_names }
    }

    /// Its prefix, by which metrics and logs call it.
    #[must_use]
    pub fn name(&self) -> &str {
        self.options.prefix.as_str()
    }

    /// The first segments, by all their names, of the paths that its upstreams get for this one, as far as they differ from
    /// the first segment of this one.
    pub fn upstream_names<'a>(&'a self, path: &'a RequestPath<'_>) -> impl Iterator<Item = &'a str> {
        let is_stripped = self.strips_prefix() && self.has_bare_upstream;
        let behind = is_stripped.then(|| path.names(self.options.prefix.segments()));
        behind.into_iter().flatten().chain(self.base_names.iter().map(String::as_str))
    }

    /// Whether something is taken off the path.
    pub(crate) const fn strips_prefix(&self) -> bool {
        self.options.strip_prefix && self.options.prefix.segments() > 0
    }

    /// Whether anybody may ask.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.options.is_open
    }

    /// Whether the upstream gets headers that frameworks take in the place of the method or the path.
    #[must_use]
    pub const fn forwards_overrides(&self) -> bool {
        self.options.forward_overrides
    }

    /// Tells an operator about an upstream.
    pub(crate) fn tell(&self, turn: Option<Turn>, upstream: &Upstream, cause: &dyn fmt::Display) {
        let (route, upstream) = (self.name(), &upstream.address);
        match turn {
            None => {}
            Some(Turn::Down) => {
                tracing::warn!(route, %upstream, %cause, "an upstream does not work and is left alone");
            }
            Some(Turn::Up) => tracing::info!(route, %upstream, "an upstream works again"),
        }
    }
}
