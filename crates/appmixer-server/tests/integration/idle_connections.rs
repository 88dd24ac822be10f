//! How long a connection stays open between two requests, which is for `http.idle_timeout` to say.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::frames::{Http2, nth, request};
use crate::secure::{Authority, address_of};
use crate::support::TestServer;

/// Where an unfinished head is cut off soon, and a connection between two requests is not.
const PATIENT: [(&str, &str); 2] =
    [("APPMIXER_HTTP__HEADER_TIMEOUT", "1s"), ("APPMIXER_HTTP__IDLE_TIMEOUT", "1h")];
/// The other way round.
const IMPATIENT: [(&str, &str); 2] =
    [("APPMIXER_HTTP__HEADER_TIMEOUT", "1h"), ("APPMIXER_HTTP__IDLE_TIMEOUT", "1s")];

/// One request on a connection that stays open, and the whole answer to it.
fn ask(connection: &mut TcpStream) {
    connection.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let (mut said, mut byte) = (Vec::new(), [0]);
    while !said.ends_with(b"{\"status\":\"ok\"}") {
        connection.read_exact(&mut byte).unwrap();
        said.push(byte[0]);
    }
    assert!(said.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&said));
}

#[test]
fn a_connection_between_two_requests_outlasts_the_time_for_heads() {
    let server = TestServer::with(&PATIENT);
    let mut connection = server.connect();
    for _ in 0..2 {
        ask(&mut connection);
        server.outlast_silence();
    }
    ask(&mut connection);
    // The next head has no more time than the first one.
    connection.write_all(b"GET /healthz HTTP/1.1\r\nHos").unwrap();
    let mut said = Vec::new();
    let _ = connection.read_to_end(&mut said);
    assert_eq!(said, b"", "closed without an answer");
    server.assert_well();
}

#[test]
fn a_connection_that_is_idle_for_too_long_is_closed() {
    let server = TestServer::with(&IMPATIENT);
    let mut connection = server.connect();
    ask(&mut connection);
    let mut said = Vec::new();
    connection.read_to_end(&mut said).unwrap();
    assert_eq!(said, b"");
    server.assert_well();
}

#[test]
fn the_same_holds_for_http2() {
    let authority = Authority::new();
    let server = authority.serve(&PATIENT);
    let mut http2 = Http2::connect(&authority, &address_of(&server, "https"));
    for each in 0..2 {
        http2.ask(nth(each), &request("GET", "/healthz"));
        assert_eq!(http2.answer(nth(each)).0, 200);
        server.outlast_silence();
    }
    http2.ask(nth(2), &request("GET", "/healthz"));
    assert_eq!(http2.answer(nth(2)).0, 200);
    let server = authority.serve(&IMPATIENT);
    let mut http2 = Http2::connect(&authority, &address_of(&server, "https"));
    http2.ask(nth(0), &request("GET", "/healthz"));
    assert_eq!(http2.answer(nth(0)).0, 200);
    assert_eq!(http2.ended(), Some(0), "NO_ERROR");
    server.assert_well();
}
