//! Finds the client's address behind trusted proxies, from `Forwarded` (RFC 7239) and `X-Forwarded-For`.
//!
//! Anybody can send these headers. What they say is believed as far as it was written by proxies that are known:
//!
//! ```
//! use std::net::IpAddr;
//!
//! use appmixer_forwarded::{Networks, client};
//! use http::{HeaderMap, HeaderValue};
//!
//! let proxies = Networks::parse(&["10.0.0.0/8", "2001:db8:ff::/48"])?;
//! let mut headers = HeaderMap::new();
//! // The client has made up the first entry. The proxies have added the other two.
//! headers.insert("x-forwarded-for", HeaderValue::from_static("192.0.2.1, 198.51.100.7, 10.0.0.9"));
//!
//! let address = |text: &str| text.parse::<IpAddr>().ok();
//! assert_eq!(client(&proxies, address("10.0.0.5"), &headers).address, address("198.51.100.7"));
//! // From somebody else they count for nothing.
//! assert_eq!(client(&proxies, address("203.0.113.4"), &headers).address, address("203.0.113.4"));
//! # Ok::<(), appmixer_forwarded::InvalidNetwork>(())
//! ```
//!
//! # What it promises
//!
//! - Each proxy adds at the right whom it got the request from. The list is walked from there, over trusted proxies;
//!   the first address that is none is the client. Nothing to the left of it is looked at, so no client changes the
//!   outcome by what it sends, other than by sending nothing at all.
//! - What cannot be read, is hidden (`unknown`, `_obfuscated`) or is missing ends the walk: the client is then the
//!   last address that was good, and [`Client::in_doubt`].
//! - With both headers present each is walked by itself, since one of them may be what the client sent and the proxy
//!   does not know. If they differ, neither is believed: the client is the peer, in doubt.
//! - An IPv4 address is one, however it is written (`::ffff:192.0.2.1`).
//! - [`is_https`] believes the proxy that is next, and nobody before it.
//! - It takes time in proportion to the headers, and allocates nothing.

mod client;
mod networks;
mod node;
mod scheme;

pub use client::{Client, client};
pub use networks::{InvalidNetwork, Networks};
pub use scheme::is_https;
