//! Who the client is: lines of `peer`, trusted networks, and headers.

#![no_main]

use std::net::IpAddr;

use appmixer_forwarded::{Networks, client};
use http::{HeaderMap, HeaderName, HeaderValue};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let mut text = || std::str::from_utf8(lines.next().unwrap_or_default()).unwrap_or_default();
    let peer: Option<IpAddr> = text().parse().ok();
    let entries: Vec<_> = text().split_whitespace().collect();
    let networks = Networks::parse(&entries).unwrap_or_else(|_| Networks::none());
    let mut headers = HeaderMap::new();
    for (at, line) in lines.take(64).enumerate() {
        let name = HeaderName::from_static(if at % 2 == 0 { "forwarded" } else { "x-forwarded-for" });
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.append(name, value);
        }
    }
    let found = client(&networks, peer, &headers);
    if !networks.contain(peer) {
        assert_eq!(found.address, peer.map(|peer| peer.to_canonical()), "only a trusted proxy is believed");
    }
});
