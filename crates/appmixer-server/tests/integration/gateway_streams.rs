//! What goes through the gateway for long: large bodies, events, WebSocket; and what happens to it at the end.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::json;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{self, Message, WebSocket};

use crate::gateway::serve;
use crate::observability::scrape;
use crate::support::{PATIENCE, TestServer, eventually};
use crate::upstream::Upstream;

const MEGABYTE: usize = 1024 * 1024;
/// Far more than may ever be in memory.
const MUCH: usize = 200 * MEGABYTE;

fn one_route(upstream: &Upstream, settings: &[(&str, &str)]) -> TestServer {
    serve(&json!({"/flows": {"to": [upstream.url()], "max_request_body": 0}}), settings)
}

/// Begins a request with a token.
pub(crate) fn begin(server: &TestServer, token: &str, method: &str, path: &str, headers: &str) -> TcpStream {
    let mut connection = server.connect();
    write!(
        connection,
        "{method} {path} HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {token}\r\n{headers}\r\n"
    )
    .unwrap();
    connection
}

/// The head of an answer; what follows is left.
pub(crate) fn head(reader: &mut impl std::io::BufRead) -> String {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert!(reader.read_line(&mut head).unwrap() > 0, "no head: {head}");
    }
    head
}

pub(crate) fn socket(server: &TestServer, token: &str, path: &str) -> WebSocket<TcpStream> {
    let mut request = format!("ws://{}{path}", server.address).into_client_request().unwrap();
    request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    let (socket, answer) = tungstenite::client(request, server.connect()).unwrap();
    assert_eq!(answer.status(), 101);
    socket
}

#[test]
fn a_large_upload_streams_through_without_being_kept() {
    let upstream = Upstream::start();
    let server = one_route(&upstream, &[]);
    let token = server.user("joe@acme");
    let before = server.anonymous_kib();
    let mut connection = begin(
        &server,
        &token,
        "POST",
        "/flows/1",
        &format!("Content-Length: {MUCH}\r\nConnection: close\r\n"),
    );
    let piece = vec![b'x'; MEGABYTE];
    let mut most = 0;
    for _ in 0..MUCH / MEGABYTE {
        connection.write_all(&piece).unwrap();
        most = most.max(server.anonymous_kib());
    }
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.contains(&format!(r#""length":{MUCH}"#)),
        "{answer}"
    );
    assert!(most < before + 16 * 1024, "{before} KiB before, then {most}");
    server.assert_well();
}

#[test]
fn a_large_answer_waits_for_a_client_that_is_slow_without_being_kept() {
    let upstream = Upstream::start();
    let server = one_route(&upstream, &[]);
    let token = server.user("joe@acme");
    let before = server.anonymous_kib();
    let connection =
        begin(&server, &token, "GET", &format!("/flows/big?bytes={MUCH}"), "Connection: close\r\n");
    let mut reader = BufReader::with_capacity(MEGABYTE, connection);
    let answer = head(&mut reader);
    assert!(answer.contains(&format!("content-length: {MUCH}")), "{answer}");
    let (mut read, mut most) = (0, 0);
    let mut buffer = vec![0; MEGABYTE];
    loop {
        match reader.read(&mut buffer).unwrap() {
            0 => break,
            length => read += length,
        }
        most = most.max(server.anonymous_kib());
    }
    assert_eq!(read, MUCH);
    assert!(most < before + 16 * 1024, "{before} KiB before, then {most}");
}

#[test]
fn a_client_that_takes_nothing_in_is_cut_off() {
    let upstream = Upstream::start();
    let server = one_route(&upstream, &[("APPMIXER_HTTP__HEADER_TIMEOUT", "1s")]);
    let token = server.user("joe@acme");
    let connection = begin(&server, &token, "GET", &format!("/flows/big?bytes={MUCH}"), "");
    // The kernel takes some megabytes for it; then it takes nothing.
    eventually(|| upstream.given_up() == 1);
    let mut reader = BufReader::new(connection);
    let mut read = 0;
    let mut buffer = vec![0; MEGABYTE];
    while let Ok(length @ 1..) = reader.read(&mut buffer) {
        read += length;
    }
    assert!(read < MUCH, "it was all kept for somebody who did not take it");
    server.assert_well();
}

#[test]
fn bodies_go_both_ways_at_once() {
    let upstream = Upstream::start();
    let server = one_route(&upstream, &[]);
    let token = server.user("joe@acme");
    let mut connection = begin(&server, &token, "POST", "/flows/echoes", "Transfer-Encoding: chunked\r\n");
    let mut reader = BufReader::new(connection.try_clone().unwrap());
    for word in ["one", "two", "six"] {
        write!(connection, "3\r\n{word}\r\n").unwrap();
        if word == "one" {
            assert!(head(&mut reader).contains("transfer-encoding: chunked"));
        }
        let mut piece = [0; 8];
        reader.read_exact(&mut piece).unwrap();
        assert_eq!(piece, *format!("3\r\n{word}\r\n").as_bytes());
    }
    connection.write_all(b"0\r\n\r\n").unwrap();
    let mut end = [0; 5];
    reader.read_exact(&mut end).unwrap();
    assert_eq!(&end, b"0\r\n\r\n");
}

#[test]
fn events_arrive_when_they_are_told_and_silence_is_not_the_clients_fault() {
    let upstream = Upstream::start();
    let server = one_route(&upstream, &[("APPMIXER_HTTP__HEADER_TIMEOUT", "1s")]);
    let token = server.user("joe@acme");
    let connection = begin(&server, &token, "GET", "/flows/events", "Accept: text/event-stream\r\n");
    let mut reader = BufReader::new(connection);
    assert!(head(&mut reader).contains("content-type: text/event-stream"));
    for number in 0..3 {
        let mut text = String::new();
        while !text.ends_with(&format!("data: {number}\n")) {
            assert!(reader.read_line(&mut text).unwrap() > 0, "the stream has ended: {text}");
        }
        if number == 0 {
            server.outlast_silence();
        }
        upstream.go_on();
    }
}

#[test]
fn a_stream_that_says_nothing_for_too_long_is_cut_off() {
    let upstream = Upstream::start();
    let server = serve(&json!({"/flows": {"to": [upstream.url()], "idle_timeout": "1s"}}), &[]);
    let token = server.user("joe@acme");
    let connection = begin(&server, &token, "GET", "/flows/events", "");
    let mut text = String::new();
    let _ = BufReader::new(connection).read_to_string(&mut text);
    assert!(text.contains("data: 0") && !text.contains("data: 1") && !text.ends_with("0\r\n\r\n"), "{text}");
}

#[test]
fn a_client_is_told_to_go_on_when_the_upstream_takes_its_body_and_not_before() {
    let upstream = Upstream::start();
    let server = one_route(&upstream, &[]);
    let token = server.user("joe@acme");
    let expects = "Content-Length: 5\r\nExpect: 100-continue\r\n";
    let mut connection = begin(&server, &token, "POST", "/flows/1", expects);
    let mut reader = BufReader::new(connection.try_clone().unwrap());
    assert!(head(&mut reader).starts_with("HTTP/1.1 100"));
    connection.write_all(b"hello").unwrap();
    assert!(head(&mut reader).starts_with("HTTP/1.1 200"));
    assert!(upstream.seen()[0]["headers"].get("expect").is_none());
    let refused = begin(&server, "nonsense", "POST", "/flows/1", expects);
    assert!(head(&mut BufReader::new(refused)).starts_with("HTTP/1.1 401"));
}

#[test]
fn trailers_go_through_in_both_directions() {
    let upstream = Upstream::start();
    let server = one_route(&upstream, &[]);
    let token = server.user("joe@acme");
    let headers =
        "Transfer-Encoding: chunked\r\nTrailer: x-digest\r\nTE: trailers\r\nConnection: close, te\r\n";
    let mut connection = begin(&server, &token, "POST", "/flows/trailers", headers);
    connection.write_all(b"3\r\nabc\r\n0\r\nx-digest: abc\r\n\r\n").unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("trailer: x-sum") && answer.ends_with("0\r\nx-sum: 42\r\n\r\n"), "{answer}");
    assert_eq!(upstream.seen()[0]["trailers"], json!({"x-digest": "abc"}));
}

#[test]
fn an_answer_that_comes_before_the_bodys_end_is_read() {
    let upstream = Upstream::start();
    let server = one_route(&upstream, &[]);
    let token = server.user("joe@acme");
    let mut connection =
        begin(&server, &token, "POST", "/flows/early", &format!("Content-Length: {MEGABYTE}\r\n"));
    let mut reader = BufReader::new(connection.try_clone().unwrap());
    let _ = connection.write_all(&vec![b'x'; MEGABYTE]);
    assert!(head(&mut reader).starts_with("HTTP/1.1 413"));
    server.assert_well();
}

#[test]
fn a_client_that_stops_in_its_body_is_told_so() {
    let upstream = Upstream::start();
    let server = one_route(&upstream, &[("APPMIXER_HTTP__BODY_TIMEOUT", "1s")]);
    let token = server.user("joe@acme");
    let mut connection = begin(&server, &token, "POST", "/flows/1", "Content-Length: 10\r\n");
    connection.write_all(b"hello").unwrap();
    assert!(head(&mut BufReader::new(connection)).starts_with("HTTP/1.1 408"));
    server.assert_well();
}

#[test]
fn web_sockets_carry_messages_of_any_size_in_both_directions() {
    let upstream = Upstream::start();
    let server = one_route(&upstream, &[("APPMIXER_HTTP__HEADER_TIMEOUT", "1s")]);
    let token = server.user("joe@acme");
    let mut socket = socket(&server, &token, "/flows/ws");
    let told = &upstream.seen()[0]["headers"];
    assert_eq!((&told["x-user-name"], &told["upgrade"]), (&json!("joe@acme"), &json!("websocket")));
    socket.send(Message::text("hello")).unwrap();
    assert_eq!(socket.read().unwrap(), Message::text("hello"));
    // What holds for clients of HTTP does not hold here.
    server.outlast_silence();
    let large = Message::binary(vec![7; 4 * MEGABYTE]);
    socket.send(large.clone()).unwrap();
    assert_eq!(socket.read().unwrap(), large);
    socket.close(None).unwrap();
    while socket.read().is_ok() {}
    server.get("/flows/ws", "nonsense").error(401);
    // Without the handshake it is the upstream that refuses.
    server.get("/flows/ws", &token).expect(400);
    server.assert_well();
}

#[test]
fn a_web_socket_is_a_connection_and_ends_when_it_is_idle() {
    let upstream = Upstream::start();
    let server = serve(
        &json!({"/flows": {"to": [upstream.url()], "idle_timeout": "3s"}}),
        &[("APPMIXER_HTTP__MAX_CONNECTIONS", "2"), ("APPMIXER_MANAGEMENT__LISTEN", "127.0.0.1:0")],
    );
    let token = server.user("joe@acme");
    // The place of a connection is free a moment after it has ended.
    eventually(|| scrape(&server.management())["appmixer_http_connections"] == 0.0);
    let (mut first, _second) = (socket(&server, &token, "/flows/ws"), socket(&server, &token, "/flows/ws"));
    let refused = server.raw(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    assert_eq!(refused.error(503), "Too many open connections");
    assert!(first.read().is_err(), "nothing has come for too long");
    eventually(|| {
        server
            .raw(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            .is_ok_and(|answer| answer.status == 200)
    });
    server.assert_well();
}

#[test]
fn at_the_stop_streams_come_to_their_end_and_web_sockets_are_closed() {
    let upstream = Upstream::start();
    let mut server = one_route(&upstream, &[]);
    let token = server.user("joe@acme");
    let mut socket = socket(&server, &token, "/flows/ws");
    let connection = begin(&server, &token, "GET", &format!("/flows/big?bytes={MUCH}"), "");
    let mut reader = BufReader::with_capacity(MEGABYTE, connection);
    assert!(head(&mut reader).starts_with("HTTP/1.1 200"));
    server.signal("TERM");
    assert!(socket.read().is_err(), "it ends, although nobody has closed it");
    let mut read = 0;
    let mut buffer = vec![0; MEGABYTE];
    while let length @ 1.. = reader.read(&mut buffer).unwrap() {
        read += length;
    }
    assert_eq!(read, MUCH);
    assert!(server.wait().success());
}

#[test]
fn a_hundred_web_sockets_at_once_each_get_their_own() {
    let upstream = Upstream::start();
    let server = one_route(&upstream, &[]);
    let token = server.user("joe@acme");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let url = format!("ws://{}/flows/ws", server.address);
    runtime.block_on(async {
        let mut sockets = Vec::new();
        for number in 0..100 {
            let mut request = url.clone().into_client_request().unwrap();
            request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
            let (socket, _) = tokio_tungstenite::connect_async(request).await.unwrap();
            sockets.push((number, socket));
        }
        for (number, socket) in &mut sockets {
            socket.send(Message::text(number.to_string())).await.unwrap();
        }
        for (number, socket) in &mut sockets {
            let message = tokio::time::timeout(PATIENCE, socket.next()).await.unwrap().unwrap().unwrap();
            assert_eq!(message, Message::text(number.to_string()));
        }
    });
    server.assert_well();
}
