//! Bodies of requests on their way through the gateway: how slowly they may come.

use std::io::{ErrorKind, Read as _, Write as _};
use std::time::Duration;

use serde_json::json;

use crate::gateway::serve;
use crate::gateway_streams::begin;
use crate::support::{Answer, TestServer};
use crate::upstream::Upstream;

fn one_route(upstream: &Upstream, settings: &[(&str, &str)]) -> TestServer {
    serve(&json!({"/hooks": {"to": [upstream.url()], "open": true}}), settings)
}

#[test]
fn a_body_that_drips_is_cut_off_although_something_comes_all_the_time() {
    let upstream = Upstream::start();
    // Nobody sends as much in a second: every client is too slow.
    let settings = [("APPMIXER_HTTP__BODY_TIMEOUT", "1s"), ("APPMIXER_HTTP__BODY_MIN_RATE", "10000000000")];
    let server = one_route(&upstream, &settings);
    for framing in ["Content-Length: 1000000", "Transfer-Encoding: chunked"] {
        let mut connection = begin(&server, "", "POST", "/hooks/1", &format!("{framing}\r\n"));
        connection.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let mut said = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            match connection.read(&mut buffer) {
                Ok(0) => break,
                Ok(length) => said.extend(&buffer[..length]),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    let _ = connection.write_all(b"1\r\nx\r\n");
                }
                Err(_) => break,
            }
        }
        let answer = Answer::parse(&said).unwrap();
        assert_eq!(answer.error(408), "The request body took too long to arrive");
    }
    assert_eq!(upstream.count(), 0, "the upstream has read no whole request");
    server.assert_well();
}

#[test]
fn without_a_rate_a_body_may_drip_for_as_long_as_something_comes() {
    let upstream = Upstream::start();
    let settings = [("APPMIXER_HTTP__BODY_TIMEOUT", "1h"), ("APPMIXER_HTTP__BODY_MIN_RATE", "0")];
    let server = one_route(&upstream, &settings);
    let mut connection =
        begin(&server, "", "POST", "/hooks/echoes", "Transfer-Encoding: chunked\r\nConnection: close\r\n");
    for _ in 0..100 {
        connection.write_all(b"1\r\nx\r\n").unwrap();
    }
    connection.write_all(b"0\r\n\r\n").unwrap();
    let mut said = String::new();
    connection.read_to_string(&mut said).unwrap();
    assert!(said.starts_with("HTTP/1.1 200") && said.ends_with("0\r\n\r\n"), "{said}");
    server.assert_well();
}
