//! Whom the server takes for the client, seen in what the audit log says.

use serde_json::{Value, json};

use crate::audit::entries;
use crate::support::{TestServer, eventually};

/// The address that the log has of a failed sign-in with these headers.
fn address(server: &TestServer, admin: &str, headers: &[(&str, &str)]) -> Value {
    let failures = || entries(server, admin, "?kind=sign-in-failed");
    let before = failures().len();
    let headers = [&[("Content-Type", "application/json")], headers].concat();
    let body = br#"{"username":"nobody@acme","password":"wrong1"}"#;
    server.request("POST", "/user/auth", &headers, body).error(403);
    eventually(|| failures().len() > before);
    failures()[0]["address"].clone()
}

#[test]
fn headers_from_a_peer_that_is_not_trusted_are_not_believed_and_the_log_hints_at_it_once() {
    let server = TestServer::start();
    let admin = server.admin();
    assert_eq!(address(&server, &admin, &[]), json!("127.0.0.1"));
    assert!(!server.log().contains("trusted_proxies"));
    for header in [("X-Forwarded-For", "198.51.100.7"), ("Forwarded", "for=198.51.100.7")] {
        assert_eq!(address(&server, &admin, &[header]), json!("127.0.0.1"));
    }
    assert_eq!(server.log().matches("trusted_proxies").count(), 1);
}

#[test]
fn a_trusted_proxy_tells_the_client_and_the_client_cannot_be_somebody_else() {
    let server = TestServer::with(&[("APPMIXER_HTTP__TRUSTED_PROXIES", "127.0.0.0/8, 2001:db8:ff::/48")]);
    let admin = server.admin();
    for (headers, expected) in [
        (&[("X-Forwarded-For", "192.0.2.1, 198.51.100.7")][..], "198.51.100.7"),
        (&[("X-Forwarded-For", "192.0.2.1"), ("X-Forwarded-For", "198.51.100.7, 127.0.0.9")], "198.51.100.7"),
        (&[("Forwarded", r#"for=192.0.2.1, for="[2001:db8::7]:4711";proto=https"#)], "2001:db8::7"),
        (&[("Forwarded", r#"for=192.0.2.1, for=198.51.100.7, for="[2001:db8:ff::1]""#)], "198.51.100.7"),
        (&[("Forwarded", "for=_hidden")], "127.0.0.1"),
        (&[("Forwarded", "for=192.0.2.1"), ("X-Forwarded-For", "198.51.100.7")], "127.0.0.1"),
        (&[], "127.0.0.1"),
    ] {
        assert_eq!(address(&server, &admin, headers), json!(expected), "{headers:?}");
    }
    server.assert_well();
}
