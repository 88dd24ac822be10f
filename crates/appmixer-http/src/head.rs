//! What a request says before its body, and where it comes from.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use appmixer_core::{Caller, Origin};
use appmixer_forwarded::{Client, Networks, client};
use http::header::FORWARDED;
use http::{HeaderMap, Method};

use crate::error::ApiError;
use crate::query::Query;

pub(crate) struct Head<'a> {
    pub(crate) method: &'a Method,
    pub(crate) path: &'a str,
    pub(crate) headers: &'a HeaderMap,
    /// What stands behind the path's `?`.
    pub(crate) query: &'a str,
    /// The address at the other end of the connection, where it is known.
    pub(crate) peer: Option<IpAddr>,
    /// Whose word counts about whom they got the request from.
    pub(crate) proxies: &'a Networks,
}

impl Head<'_> {
    /// Where the request comes from. Worked out when it is asked for, which most requests are not.
    pub(crate) fn client(&self) -> Client {
        hint_at_proxy(self);
        client(self.proxies, self.peer, self.headers)
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
