//! What a request says before its body, and where it comes from.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use appmixer_core::{Caller, Origin};
use appmixer_forwarded::{Client, Networks, client, is_https};
use http::header::FORWARDED;
use http::{HeaderMap, Method};

use crate::error::ApiError;
use crate::query::Query;

/// The other end of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Peer {
    /// Its address; none where it has none, as through a Unix socket, or where it is not known.
    pub address: Option<IpAddr>,
    /// Whether the connection is encrypted (TLS) up to this program.
    pub over_tls: bool,
}

pub(crate) struct Head<'a> {
    pub(crate) method: &'a Method,
    pub(crate) path: &'a str,
    pub(crate) headers: &'a HeaderMap,
    /// What stands behind the path's `?`.
    pub(crate) query: &'a str,
    /// The host and port that the request is for; none where HTTP/1.0 names none, and where it is
    /// refused.
    pub(crate) host: Option<&'a str>,
    pub(crate) peer: Peer,
    /// Whose word counts about whom they got the request from.
    pub(crate) proxies: &'a Networks,
}

impl Head<'_> {
    /// Where the request comes from. Worked out when it is asked for, which most requests are not.
    pub(crate) fn client(&self) -> Client {
        hint_at_proxy(self);
        client(self.proxies, self.peer.address, self.headers)
    }

    /// Whether the client is known to use TLS: with this program, or with a trusted proxy that says so.
    pub(crate) fn is_https(&self) -> bool {
        self.peer.over_tls || is_https(self.proxies, self.peer.address, self.headers)
    }

    /// Who asks, and from where.
    pub(crate) fn origin(&self, caller: Option<&Caller>) -> Origin {
        Origin::of(caller, self.client().address)
    }

    /// The query's parameters.
    pub(crate) fn query(&self) -> Result<Query, ApiError> {
        Query::parse(self.query)
    }
}

/// Says once that a proxy may be in front that is not trusted: then everybody seems to come from its address.
fn hint_at_proxy(head: &Head<'_>) {
    static TOLD: AtomicBool = AtomicBool::new(false);
    let forwarded = || head.headers.contains_key("x-forwarded-for") || head.headers.contains_key(FORWARDED);
    if head.proxies.is_empty() && forwarded() && !TOLD.swap(true, Ordering::Relaxed) {
        tracing::warn!(
            "requests come with X-Forwarded-For or Forwarded, which is not believed: if there is a proxy in front, name it in http.trusted_proxies"
        );
    }
}
