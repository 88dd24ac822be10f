//! What a request says before its body, and where it comes from.

use std::net::IpAddr;

use appmixer_core::{Caller, Origin};
use http::HeaderMap;

use crate::error::ApiError;
use crate::query::Query;

pub(crate) struct Head<'a> {
    pub(crate) headers: &'a HeaderMap,
    /// What stands behind the path's `?`.
    pub(crate) query: &'a str,
    /// The address at the other end of the connection, where it is known.
    pub(crate) address: Option<IpAddr>,
}

impl Head<'_> {
    /// Who asks, and from where.
    pub(crate) fn origin(&self, caller: Option<&Caller>) -> Origin {
        Origin::of(caller, self.address)
    }

    /// The query's parameters.
    pub(crate) fn query(&self) -> Result<Query, ApiError> {
        Query::parse(self.query)
    }
}
