//! Who the client is.

use std::net::IpAddr;

use http::HeaderMap;
use http::header::{FORWARDED, HeaderName};

use crate::networks::Networks;
use crate::node::{self, Node};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Where a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    /// The address; none for the peer of a Unix socket.
    pub address: Option<IpAddr>,
    /// Whether a trusted proxy has sent something that could not be followed to its end, so that the client may be
    /// anybody behind that proxy. What is given to an address on trust should not be given then.
    pub in_doubt: bool,
}

/// The client of a request that came from `peer`, which is `None` for a Unix socket.
///
/// `proxies` are those whose headers are believed.
#[must_use]
pub fn client(proxies: &Networks, peer: Option<IpAddr>, headers: &HeaderMap) -> Client {
    let peer = peer.map(|address| address.to_canonical());
    let told = |name: &HeaderName| headers.contains_key(name);
    if proxies.is_empty() || !(told(&FORWARDED) || told(&X_FORWARDED_FOR)) || !proxies.contain(peer) {
        return Client { address: peer, in_doubt: false };
    }
    let forwarded = || walk(proxies, peer, node::forwarded(&headers.get_all(FORWARDED)));
    let x_forwarded_for = || walk(proxies, peer, node::x_forwarded_for(&headers.get_all(X_FORWARDED_FOR)));
    match (told(&FORWARDED), told(&X_FORWARDED_FOR)) {
        (true, false) => forwarded(),
        (false, _) => x_forwarded_for(),
        (true, true) => {
            let client = forwarded();
            if client == x_forwarded_for() { client } else { Client { address: peer, in_doubt: true } }
        }
    }
}

/// Over trusted addresses to the first that is not, which is the client; or as far as the entries go.
fn walk(proxies: &Networks, peer: Option<IpAddr>, nodes: impl Iterator<Item = Node>) -> Client {
    let mut last = peer;
    for node in nodes {
        match node {
            None => return Client { address: last, in_doubt: true },
            Some(address) if proxies.contain(Some(address)) => last = Some(address),
            Some(address) => return Client { address: Some(address), in_doubt: false },
        }
    }
    // Somebody within the trusted networks; or an empty header, which tells nothing.
    Client { address: last, in_doubt: last == peer }
}
