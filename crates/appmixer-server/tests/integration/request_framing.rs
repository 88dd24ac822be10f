//! Hosts and transfer codings: what another program may read differently is refused, on our own
//! routes and before anything is forwarded.

use serde_json::json;

use crate::frames::{Http2, nth};
use crate::gateway::serve;
use crate::secure::{Authority, address_of};
use crate::support::{Answer, TestServer};
use crate::upstream::Upstream;

/// Values of `Host` that are no host (RFC 9110, section 7.2; RFC 3986, section 3.2.2).
const BAD_HOSTS: &[&str] = &[
    "a\"; evil<x>, b",
    "a b",
    "a,b",
    "a;b",
    "a, b",
    "a;proto=https",
    "user@a",
    "user:password@a",
    "http://a",
    "a/b",
    "a\\b",
    "a?b",
    "a#b",
    "a<b>",
    "a\"",
    "'\"",
    "{a}",
    "a|b",
    "a^b",
    "a`b",
    "a\tb",
    "b\u{fc}cher.example",
    ":80",
    "a:b",
    "a:80a",
    "a:-1",
    "a:+80",
    "a:65536",
    "a:80:80",
    "::1",
    "[::1",
    "[::1]x",
    "[::1]:x",
    "[g::1]",
    "[fe80::1%25eth0]",
    "[fe80::1%eth0]",
    "[]",
    "a%",
    "a%4",
    "a%zz",
    "a%2fb",
    "a%0d%0ab",
    "a%40b",
];

const GOOD_HOSTS: &[&str] = &[
    "localhost",
    "LOCALHOST:2200",
    "api.acme.example",
    "api.acme.example.",
    "api.acme.example:443",
    "api.acme.example:",
    "a_b",
    "xn--bcher-kva.example",
    "127.0.0.1",
    "127.0.0.1:2200",
    "[::1]",
    "[2001:db8::1]:8443",
];

fn sent(server: &TestServer, head: &str) -> Answer {
    let bytes: Vec<u8> = head.chars().map(|letter| u8::try_from(u32::from(letter)).unwrap()).collect();
    server.raw(&bytes).unwrap_or_else(|said| panic!("{head:?}: {said:?}"))
}

#[test]
fn a_host_that_is_none_is_refused_on_our_routes_and_before_anything_is_forwarded() {
    let upstream = Upstream::start();
    let server = serve(&json!({"/hooks": {"to": [upstream.url()], "open": true}}), &[]);
    for path in ["/healthz", "/nowhere", "/console", "/console/api/users", "/hooks/1"] {
        for host in BAD_HOSTS {
            let answer =
                sent(&server, &format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"));
            let said = answer.error(400);
            assert!(said.starts_with("The host must be"), "{host}: {said}");
        }
        let said = sent(&server, &format!("GET {path} HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n"));
        assert!(said.error(400).starts_with("The host must be"));
        // HTTP/1.0 needs no Host; one that is there is looked at.
        sent(&server, &format!("GET {path} HTTP/1.0\r\nHost: a, b\r\n\r\n")).error(400);
        sent(&server, &format!("GET {path} HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n")).error(400);
    }
    assert_eq!(upstream.count(), 0);
    for host in GOOD_HOSTS {
        sent(&server, &format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"))
            .expect(200);
        sent(&server, &format!("GET /hooks/1 HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"))
            .expect(200);
        let told = upstream.seen().pop().unwrap()["headers"].take();
        assert_eq!(told["x-forwarded-host"], *host);
        assert_eq!(told["forwarded"], format!("for=127.0.0.1;host=\"{host}\";proto=http"));
    }
    sent(&server, "GET /healthz HTTP/1.0\r\n\r\n").expect(200);
    server.assert_well();
}

#[test]
fn an_absolute_target_is_checked_as_a_host_is_and_never_names_a_user() {
    let upstream = Upstream::start();
    let server = serve(&json!({"/hooks": {"to": [upstream.url()], "open": true}}), &[]);
    for path in ["/healthz", "/hooks/1"] {
        for (target, host) in [
            ("http://user:password@evil", "evil"),
            ("http://user@evil", "evil"),
            ("http://@evil", "evil"),
            ("http://evil:99999", "evil"),
            ("http://a,b", "a"),
            ("http://good", "a, b"),
            ("http://good", "user@good"),
        ] {
            let head = format!("GET {target}{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
            // Some of them are none for hyper already, which closes the connection.
            let status = sent(&server, &head).status;
            assert_eq!(status, 400, "{head:?}");
        }
    }
    assert_eq!(upstream.count(), 0);
    // RFC 9112, section 3.2.2: the target's host wins.
    sent(&server, "GET http://good:80/hooks/1 HTTP/1.1\r\nHost: other\r\nConnection: close\r\n\r\n")
        .expect(200);
    assert_eq!(upstream.seen()[0]["headers"]["x-forwarded-host"], "good:80");
    server.assert_well();
}

#[test]
fn with_http2_a_host_that_is_none_is_refused_wherever_it_stands() {
    let upstream = Upstream::start();
    let authority = Authority::new();
    let routes = json!({"/hooks": {"to": [upstream.url()], "open": true}}).to_string();
    let server = authority.serve(&[("APPMIXER_GATEWAY__ROUTES", &routes)]);
    let address = address_of(&server, "https");
    for path in ["/healthz", "/hooks/1"] {
        for host in BAD_HOSTS {
            for name in [":authority", "host"] {
                let mut http2 = Http2::connect(&authority, &address);
                let list = [(":method", "GET"), (":scheme", "https"), (":path", path), (name, host)];
                http2.ask(nth(0), &list);
                // What is no authority for h2 already resets the stream.
                let refused = match http2.refusal(nth(0)) {
                    Some(status) => status == 400,
                    None => true,
                };
                assert!(refused, "{name}: {host}");
            }
        }
        let mut http2 = Http2::connect(&authority, &address);
        for (each, host) in GOOD_HOSTS.iter().enumerate() {
            let list = [(":method", "GET"), (":scheme", "https"), (":path", path), (":authority", host)];
            http2.ask(nth(each), &list);
            assert_eq!(http2.answer(nth(each)).0, 200, "{host}");
        }
    }
    assert_eq!(upstream.count(), GOOD_HOSTS.len());
    server.assert_well();
}

#[test]
fn a_transfer_coding_that_is_not_implemented_is_501_and_a_second_chunked_is_400() {
    let upstream = Upstream::start();
    let server = serve(&json!({"/hooks": {"to": [upstream.url()], "open": true}}), &[]);
    let hidden = "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Request-Id: hidden\r\n\r\n";
    for path in ["/user/auth", "/hooks/1", "/nowhere"] {
        for (coding, status) in [
            ("Transfer-Encoding: gzip, chunked", 501),
            ("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked", 501),
            ("Transfer-Encoding: deflate;q=1, chunked", 501),
            ("Transfer-Encoding: identity, chunked", 501),
            ("Transfer-Encoding: x, chunked", 501),
            ("Transfer-Encoding: chunked, chunked", 400),
            ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", 400),
            ("Transfer-Encoding: chunked, gzip, chunked", 400),
            ("Transfer-Encoding: Chunked;x=y, chunked", 400),
            ("Transfer-Encoding: , chunked", 400),
            ("Transfer-Encoding: \"x\", chunked", 400),
        ] {
            let head = format!(
                "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{coding}\r\n\r\n"
            );
            let answer = sent(&server, &format!("{head}2\r\n{{}}\r\n0\r\n\r\n{hidden}"));
            assert_eq!(answer.header("connection"), Some("close"), "{coding}");
            assert!(!answer.body.contains("hidden"), "{coding}: {}", answer.body);
            answer.error(status);
        }
    }
    assert_eq!(upstream.count(), 0);
    let plain = "POST /hooks/1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\nConnection: close\r\n\r\n0\r\n\r\n";
    sent(&server, plain).expect(200);
    assert_eq!(upstream.seen()[0]["headers"]["transfer-encoding"], "chunked");
    server.assert_well();
}
