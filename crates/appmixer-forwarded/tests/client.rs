//! Whom the headers make the client, and whom they cannot.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::net::IpAddr;

use appmixer_forwarded::{Client, Networks, client};
use http::header::{FORWARDED, HeaderName};
use http::{HeaderMap, HeaderValue};
use proptest::prelude::*;

const PROXY: &str = "10.0.0.1";

fn proxies() -> Networks {
    Networks::parse(&["10.0.0.0/8", "2001:db8:ff::/48"]).unwrap()
}

fn headers(lines: &[(&str, &str)]) -> HeaderMap {
    let line = |(name, value): &(&str, &str)| {
        (name.parse::<HeaderName>().unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap())
    };
    lines.iter().map(line).collect()
}

fn told(peer: &str, lines: &[(&str, &str)]) -> (String, bool) {
    let Client { address, in_doubt } = client(&proxies(), peer.parse().ok(), &headers(lines));
    (address.map_or_else(|| "unix".to_owned(), |address| address.to_string()), in_doubt)
}

fn sure(address: &str) -> (String, bool) {
    (address.to_owned(), false)
}

fn in_doubt(address: &str) -> (String, bool) {
    (address.to_owned(), true)
}

#[test]
fn nobody_but_a_trusted_proxy_is_believed() {
    for name in ["forwarded", "x-forwarded-for"] {
        let lines = [(name, "for=192.0.2.1")];
        assert_eq!(told("198.51.100.7", &lines), sure("198.51.100.7"));
        assert_eq!(told("unix", &lines), sure("unix"));
    }
    let nobody = client(&Networks::none(), PROXY.parse().ok(), &headers(&[("x-forwarded-for", "192.0.2.1")]));
    assert_eq!(nobody, Client { address: PROXY.parse().ok(), in_doubt: false });
}

#[test]
fn the_first_untrusted_address_from_the_right_is_the_client() {
    for lines in [
        [("x-forwarded-for", "192.0.2.1, 198.51.100.7, 10.0.0.9")].as_slice(),
        &[("x-forwarded-for", "192.0.2.1"), ("x-forwarded-for", "198.51.100.7,10.0.0.9")],
        &[("x-forwarded-for", "192.0.2.1, 198.51.100.7:4711, [2001:db8:ff::1]:443")],
        &[("forwarded", "for=192.0.2.1, for=198.51.100.7;proto=https, for=10.0.0.9")],
        &[("forwarded", "for=192.0.2.1"), ("forwarded", r#"for="198.51.100.7:1", for="[2001:db8:ff::1]""#)],
        &[("forwarded", r#"for="unclosed, for=198.51.100.7"#)],
        &[("x-forwarded-for", "::ffff:198.51.100.7, ::ffff:10.0.0.9")],
    ] {
        assert_eq!(told(PROXY, lines), sure("198.51.100.7"), "{lines:?}");
        assert_eq!(told("::ffff:10.0.0.1", lines), sure("198.51.100.7"), "{lines:?}");
    }
}

#[test]
fn without_headers_a_proxy_asks_for_itself() {
    assert_eq!(told(PROXY, &[]), sure(PROXY));
    assert_eq!(told(PROXY, &[("x-forwarded-for", "10.0.0.7, 10.0.0.9")]), sure("10.0.0.7"));
}

#[test]
fn what_cannot_be_read_ends_the_walk_at_the_last_good_address() {
    for (value, last) in [
        ("192.0.2.1, garbage, 10.0.0.9", "10.0.0.9"),
        ("192.0.2.1, unknown", PROXY),
        ("192.0.2.1, _hidden, 10.0.0.9", "10.0.0.9"),
        ("192.0.2.1, \u{f6}", PROXY),
        ("", PROXY),
        (" , ", PROXY),
    ] {
        assert_eq!(told(PROXY, &[("x-forwarded-for", value)]), in_doubt(last), "{value}");
    }
    for (value, last) in
        [("for=192.0.2.1, for=unknown, for=10.0.0.9", "10.0.0.9"), ("for=192.0.2.1, by=10.0.0.1", PROXY)]
    {
        assert_eq!(told(PROXY, &[("forwarded", value)]), in_doubt(last), "{value}");
    }
}

#[test]
fn two_headers_that_differ_are_both_not_believed() {
    let both = |one, other| told(PROXY, &[("forwarded", one), ("x-forwarded-for", other)]);
    assert_eq!(both("for=198.51.100.7", "192.0.2.1, 198.51.100.7"), sure("198.51.100.7"));
    assert_eq!(both("for=192.0.2.1", "198.51.100.7"), in_doubt(PROXY));
    assert_eq!(both("for=198.51.100.7", ""), in_doubt(PROXY));
    assert_eq!(both("nonsense", "198.51.100.7"), in_doubt(PROXY));
}

#[test]
fn the_peer_of_a_unix_socket_is_a_proxy_if_the_operator_says_so() {
    let unix = Networks::parse(&["unix"]).unwrap();
    let client = client(&unix, None, &headers(&[("forwarded", "for=192.0.2.1")]));
    assert_eq!(client, Client { address: "192.0.2.1".parse().ok(), in_doubt: false });
}

proptest! {
    /// What a proxy adds at the right decides, whatever the client has sent.
    #[test]
    fn a_client_cannot_be_another_one(made_up in "[ -~]{0,60}", own_line: bool, quoted: bool) {
        let appended = if quoted { r#"for="198.51.100.7:80";host="a\",b""# } else { "for=198.51.100.7" };
        for (name, appended) in [("forwarded", appended), ("x-forwarded-for", "198.51.100.7")] {
            let joined = format!("{made_up}, {appended}");
            let lines = if own_line {
                vec![(name, made_up.as_str()), (name, appended)]
            } else {
                vec![(name, joined.as_str())]
            };
            prop_assert_eq!(told(PROXY, &lines), sure("198.51.100.7"));
        }
    }

    /// The other header changes at most whether the proxy's own is believed.
    #[test]
    fn a_header_that_the_proxy_does_not_know_makes_nobody_somebody_else(made_up in "[ -~]{0,60}") {
        let told = told(PROXY, &[("forwarded", &made_up), ("x-forwarded-for", "198.51.100.7")]);
        prop_assert!(told == in_doubt(PROXY) || told == sure("198.51.100.7"), "{:?}", told);
    }

    #[test]
    fn every_address_is_read_as_it_is_written(v4: u32, v6: u128, port: u16) {
        for address in [IpAddr::V4(v4.into()), IpAddr::V6(v6.into())] {
            let bare = address.to_string();
            let node = match address {
                IpAddr::V4(_) => format!("{address}:{port}"),
                IpAddr::V6(_) => format!("[{address}]:{port}"),
            };
            let forwarded = format!("for=\"{node}\"");
            for line in [("x-forwarded-for", bare.as_str()), ("x-forwarded-for", &node), ("forwarded", &forwarded)] {
                let expected = Some(address.to_canonical());
                prop_assert_eq!(client(&proxies(), PROXY.parse().ok(), &headers(&[line])).address, expected);
            }
        }
    }

    #[test]
    fn no_bytes_panic(bytes: Vec<u8>) {
        let Ok(value) = HeaderValue::from_bytes(&bytes) else { return Ok(()) };
        let mut headers = HeaderMap::new();
        headers.insert(FORWARDED, value.clone());
        headers.insert("x-forwarded-for", value);
        let _ = client(&proxies(), PROXY.parse().ok(), &headers);
    }
}
