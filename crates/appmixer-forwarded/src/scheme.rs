//! Whether the client's connection is encrypted.

use std::net::IpAddr;

use http::HeaderMap;
use http::header::{FORWARDED, HeaderName};

use crate::networks::Networks;
use crate::node;

const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Whether the proxy that a request came from says that its client has used `https`.
///
/// Only what was added last counts, which is what the proxy next to the server has added: of several in a row, each must
/// pass on what the first one has seen. With both headers there, both must say so.
#[must_use]
pub fn is_https(proxies: &Networks, peer: Option<IpAddr>, headers: &HeaderMap) -> bool {
    if proxies.is_empty() || !proxies.contain(peer) {
        return false;
    }
    let says = |proto: Option<&str>| proto.is_some_and(|proto| proto.eq_ignore_ascii_case("https"));
    let forwarded = || says(node::last_parameter(&headers.get_all(FORWARDED), "proto"));
    let x_forwarded_proto = || says(node::last_entry(&headers.get_all(X_FORWARDED_PROTO)));
    match (headers.contains_key(FORWARDED), headers.contains_key(X_FORWARDED_PROTO)) {
        (true, true) => forwarded() && x_forwarded_proto(),
        (true, false) => forwarded(),
        (false, _) => x_forwarded_proto(),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn told(peer: &str, headers: &[(&'static str, &'static str)]) -> bool {
        let proxies = Networks::parse(&["10.0.0.0/8"]).unwrap();
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        is_https(&proxies, peer.parse().ok(), &headers.collect())
    }

    #[test]
    fn a_trusted_proxy_says_what_its_client_has_used() {
        assert!(told("10.0.0.1", &[("x-forwarded-proto", "https")]));
        assert!(told("10.0.0.1", &[("x-forwarded-proto", "http, HTTPS")]));
        assert!(!told("10.0.0.1", &[("x-forwarded-proto", "https, http")]));
        assert!(told(
            "10.0.0.1",
            &[("forwarded", "for=192.0.2.1;proto=http, for=192.0.2.2;proto=\"https\"")]
        ));
        assert!(!told("10.0.0.1", &[("forwarded", "for=192.0.2.1;proto=https, for=192.0.2.2")]));
        assert!(!told("10.0.0.1", &[("forwarded", "for=192.0.2.1"), ("x-forwarded-proto", "https")]));
        assert!(!told("10.0.0.1", &[]));
    }

    #[test]
    fn nobody_else_is_believed() {
        assert!(!told("192.0.2.1", &[("x-forwarded-proto", "https")]));
        assert!(!told("unix", &[("x-forwarded-proto", "https")]));
    }

    proptest! {
        #[test]
        fn no_header_panics(value in "[ -~]{0,60}") {
            let proxies = Networks::parse(&["unix"]).unwrap();
            let mut headers = HeaderMap::new();
            headers.insert(FORWARDED, HeaderValue::from_str(&value).unwrap());
            headers.insert(X_FORWARDED_PROTO, HeaderValue::from_str(&value).unwrap());
            let _ = is_https(&proxies, None, &headers);
        }
    }
}
