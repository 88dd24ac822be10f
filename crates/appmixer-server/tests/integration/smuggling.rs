//! Requests that two programs in a row may cut at different places: a proxy in front would send one, and the server
//! would find two. Nothing that hides in another request's body is answered.

use std::io::{Read as _, Write as _};

use crate::support::TestServer;

const HIDDEN: &str = "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Request-Id: hidden\r\n\r\n";

/// One that soon closes where nothing more comes: whatever it takes for a request has been answered by then.
fn impatient() -> TestServer {
    TestServer::with(&[
        ("APPMIXER_HTTP__HEADER_TIMEOUT", "1s"),
        ("APPMIXER_HTTP__BODY_TIMEOUT", "1s"),
        ("APPMIXER_HTTP__IDLE_TIMEOUT", "1s"),
    ])
}

/// Everything that the server says to these bytes until it closes.
fn said_to(server: &TestServer, bytes: &[u8]) -> String {
    let mut connection = server.connect();
    let _ = connection.write_all(bytes);
    let mut said = Vec::new();
    let _ = connection.read_to_end(&mut said);
    String::from_utf8_lossy(&said).into_owned()
}

/// The statuses of all answers in it.
fn statuses(said: &str) -> Vec<u16> {
    let heads = said.split("HTTP/1.1 ").skip(1);
    heads.map(|head| head[..3].parse().unwrap()).collect()
}

fn assert_hides_nothing(server: &TestServer, bytes: &[u8]) {
    let said = said_to(server, bytes);
    let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(300)]).into_owned();
    let statuses = statuses(&said);
    assert!(matches!(statuses[..], [400..=499]), "{shown:?}: {said}");
    assert!(!said.contains("hidden"), "{shown:?}: {said}");
}

#[test]
fn lengths_that_can_be_read_in_two_ways_are_refused() {
    let server = impatient();
    for lengths in [
        "Content-Length: +2",
        "Content-Length: 0x2",
        "Content-Length: 2, 3",
        "Content-Length: 2\r\nContent-Length: 3",
        "Content-Length: 2 3",
        "Content-Length: 2;",
        "Content-Length: \u{664}",
        "Content-Length: 2\u{a0}",
        "Content-Length: ",
        "Content-Length: 2.0",
        "Content-Length: 2e0",
        "Content-Length: -2",
        "Content-Length: 18446744073709551618",
        "Content-Length : 2",
        " Content-Length: 2",
        "Content-Length\t: 2",
        "X: y\r\n Content-Length: 2",
        "Content-Length:\r\n 2",
        "Content-Length: 2\r\n\t3",
        "Content-Length: 2\0",
        "X\0: y\r\nContent-Length: 2",
        "X: a\rContent-Length: 2",
        "X: a\u{b}\u{0}",
    ] {
        let head = "POST /user/auth HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
        assert_hides_nothing(&server, format!("{head}{lengths}\r\n\r\n{{}}{HIDDEN}").as_bytes());
    }
    server.assert_well();
}

#[test]
fn codings_that_can_be_read_in_two_ways_are_refused() {
    let server = impatient();
    for (version, coding) in [
        ("1.1", "Transfer-Encoding: chunked, identity"),
        ("1.1", "Transfer-Encoding: identity"),
        ("1.1", "Transfer-Encoding: xchunked"),
        ("1.1", "Transfer-Encoding: chunked;q=1"),
        ("1.1", "Transfer-Encoding: \"chunked\""),
        ("1.1", "Transfer-Encoding: chunked\u{b}"),
        ("1.1", "Transfer-Encoding: gzip"),
        ("1.1", "Transfer-Encoding : chunked"),
        ("1.1", "Transfer-Encoding:\r\n chunked"),
        ("1.1", " Transfer-Encoding: chunked"),
        ("1.1", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity"),
        ("1.1", "X: y\rTransfer-Encoding: chunked"),
        ("1.0", "Transfer-Encoding: chunked"),
        ("1.0", "Transfer-Encoding: chunked\r\nContent-Length: 2"),
    ] {
        let head = format!("POST /user/auth HTTP/{version}\r\nHost: x\r\nContent-Type: application/json\r\n");
        let bytes = format!("{head}{coding}\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n{HIDDEN}");
        assert_hides_nothing(&server, bytes.as_bytes());
    }
    server.assert_well();
}

#[test]
fn chunks_that_can_be_read_in_two_ways_are_refused() {
    let server = impatient();
    let head = "POST /user/auth HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
        Transfer-Encoding: chunked\r\n\r\n";
    for chunks in [
        "0x2\r\n{}\r\n0\r\n\r\n",
        "+2\r\n{}\r\n0\r\n\r\n",
        "-2\r\n{}\r\n0\r\n\r\n",
        "10000000000000002\r\n{}\r\n0\r\n\r\n",
        "2\n{}\r\n0\r\n\r\n",
        "2\r{}\r\n0\r\n\r\n",
        "2\r\n{}\n0\r\n\r\n",
        "2\r\n{}0\r\n\r\n",
        "2;a=\n\r\n{}\r\n0\r\n\r\n",
        "\r\n{}\r\n0\r\n\r\n",
        "2\r\n{}\r\n0\r\nX: a\nb\r\n\r\n",
    ] {
        assert_hides_nothing(&server, format!("{head}{chunks}{HIDDEN}").as_bytes());
    }
    server.assert_well();
}

#[test]
fn heads_that_can_be_read_in_two_ways_are_refused() {
    let server = impatient();
    for head in [
        "GET /healthz HTTP/1.1\rHost: x\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
        "GET /healthz HTTP/1.1\r\n\r\n",
        "GET /healthz HTTP/1.1 HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: x\r\n: y\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: x\r\nX(y): z\r\n\r\n",
        "GET\t/healthz\tHTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /health\0z HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /healthz HTTP/1.2\r\nHost: x\r\n\r\n",
        "GET /healthz http/1.1\r\nHost: x\r\n\r\n",
        "GET /healthz HTTP/01.1\r\nHost: x\r\n\r\n",
        "GET healthz HTTP/1.1\r\nHost: x\r\n\r\n",
    ] {
        let said = said_to(&server, head.as_bytes());
        assert!(matches!(statuses(&said)[..], [400..=499]), "{head:?}: {said}");
    }
    server.assert_well();
}

#[test]
fn a_path_is_the_same_in_absolute_form_and_the_host_decides_nothing() {
    let server = impatient();
    let said = said_to(&server, b"GET http://a.example/healthz HTTP/1.1\r\nHost: b.example\r\n\r\n");
    assert_eq!(statuses(&said), [200], "{said}");
    let said = said_to(&server, b"GET http://healthz/nowhere HTTP/1.1\r\nHost: healthz\r\n\r\n");
    assert_eq!(statuses(&said), [404], "{said}");
    server.assert_well();
}

#[test]
fn requests_that_come_at_once_are_answered_in_their_order() {
    let server = impatient();
    let token = server.user("joe@acme");
    let mut bytes = Vec::new();
    for at in 0..200 {
        let (path, body) = match at % 4 {
            0 => ("GET /healthz", ""),
            1 => ("GET /user", ""),
            2 => ("GET /nowhere", ""),
            _ => ("POST /user/auth", "{}"),
        };
        write!(
            bytes,
            "{path} HTTP/1.1\r\nHost: x\r\nX-Request-Id: nr-{at}-\r\nAuthorization: Bearer {token}\r\n\
            Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
    }
    let said = said_to(&server, &bytes);
    assert_eq!(statuses(&said), [200, 200, 404, 400].repeat(50));
    let places: Vec<_> = (0..200).map(|at| said.find(&format!("nr-{at}-")).unwrap()).collect();
    assert!(places.is_sorted());
    server.assert_well();
}
