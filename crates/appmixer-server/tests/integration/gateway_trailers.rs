//! Trailers through the gateway: filtered as headers are, in both directions.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread::{self, JoinHandle};

use serde_json::json;

use crate::frames::{DATA, END_HEADERS, END_STREAM, HEADERS, Http2, fields, nth, request};
use crate::gateway::serve;
use crate::secure::{Authority, address_of, text};
use crate::support::{PATIENCE, TestServer};

/// An upstream that reads one chunked request to its end, and answers with these bytes.
struct RawUpstream {
    url: String,
    thread: JoinHandle<String>,
}

impl RawUpstream {
    fn start(response: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let thread = thread::spawn(move || {
            let (mut connection, _) = listener.accept().unwrap();
            connection.set_read_timeout(Some(PATIENCE)).unwrap();
            let request = read_message(&mut connection);
            connection.write_all(response.as_bytes()).unwrap();
            request
        });
        Self { url, thread }
    }

    /// The request as it came, in lower case.
    fn request(self) -> String {
        self.thread.join().unwrap()
    }
}

/// A head, and a chunked body with its trailers if the head announces one.
fn read_message(connection: &mut TcpStream) -> String {
    let (mut message, mut byte) = (Vec::new(), [0]);
    loop {
        connection.read_exact(&mut byte).unwrap();
        message.push(byte[0]);
        let text = String::from_utf8_lossy(&message).to_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let is_chunked = head.contains("transfer-encoding: chunked");
            let end = body.rfind("0\r\n");
            if !is_chunked || end.is_some_and(|end| body[end..].ends_with("\r\n\r\n")) {
                return text;
            }
        }
    }
}

const FORGED: &str = "x-user-id: root\r\nx_user_name: root\r\nx-forwarded-for: 192.0.2.1\r\nx-real-ip: 192.0.2.1\r\n\
    authorization: Bearer forged\r\ncookie: a=b\r\ncontent-length: 7\r\nhost: evil\r\nx-hop: 1\r\n\
    x-request-id: forged\r\nconnection: close\r\ntransfer-encoding: chunked\r\n";

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

fn one_route(upstream: &RawUpstream, settings: &[(&str, &str)]) -> TestServer {
    serve(&json!({"/hooks": {"to": [upstream.url], "open": true}}), settings)
}

/// That what came behind the body is the sum alone.
#[track_caller]
fn assert_only_the_sum(request: &str, announced: &str) {
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert!(head.lines().any(|line| line == format!("trailer: {announced}")), "{head}");
    assert!(body.ends_with("\r\n0\r\nx-sum: 42\r\n\r\n"), "{body}");
    assert!(!request.contains("forged") && !request.contains("root"), "{request}");
}

#[test]
fn a_client_cannot_say_in_trailers_what_it_cannot_say_in_headers() {
    let upstream = RawUpstream::start(OK);
    let server = one_route(&upstream, &[]);
    let names: Vec<_> =
        FORGED.lines().filter_map(|line| line.split_once(": ")).map(|(name, _)| name).collect();
    let bytes = format!(
        "POST /hooks/1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close, X-Hop\r\n\
         Trailer: {}\r\nTrailer: X-Sum, X-User-Scope\r\n\r\n3\r\nabc\r\n0\r\n{FORGED}x-user-scope: admin\r\nX-Sum: 42\r\n\r\n",
        names.join(", ")
    );
    server.raw(bytes.as_bytes()).unwrap().expect(200);
    assert_only_the_sum(&upstream.request(), "x-sum");
    server.assert_well();
}

#[test]
fn trailers_of_http2_are_filtered_and_a_pseudo_header_among_them_reaches_nobody() {
    let upstream = RawUpstream::start(OK);
    let authority = Authority::new();
    let routes = json!({"/hooks": {"to": [upstream.url], "open": true}}).to_string();
    let server = authority.serve(&[("APPMIXER_GATEWAY__ROUTES", &routes)]);
    let mut http2 = Http2::connect(&authority, &address_of(&server, "https"));
    let mut list = request("POST", "/hooks/1");
    list.extend([("trailer", "x-user-id, x-sum, cookie"), ("trailer", "x-forwarded-for")]);
    http2.send(HEADERS, END_HEADERS, nth(0), &fields(&list));
    http2.send(DATA, 0, nth(0), b"abc");
    let trailers = [
        (":path", "/forged"),
        ("x-user-id", "root"),
        ("cookie", "forged"),
        ("x-sum", "42"),
        ("x-forwarded-for", "forged"),
    ];
    http2.send(HEADERS, END_HEADERS | END_STREAM, nth(0), &fields(&trailers));
    assert_eq!(http2.answer(nth(0)).0, 200);
    assert_only_the_sum(&upstream.request(), "x-sum");
    server.assert_well();
}

const WITH_TRAILERS: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nconnection: close, x-hop\r\n\
    trailer: X-Sum, Set-Cookie, X-Hop, Content-Length\r\n\r\n3\r\nabc\r\n0\r\n\
    x-sum: 42\r\nset-cookie: forged=1\r\nx-hop: forged\r\ncontent-length: 7\r\nx-late: 43\r\n\r\n";

#[test]
fn trailers_of_an_upstream_are_filtered_as_its_headers_are() {
    let upstream = RawUpstream::start(WITH_TRAILERS);
    let server = one_route(&upstream, &[]);
    let asked = b"GET /hooks/1 HTTP/1.1\r\nHost: x\r\nTE: trailers\r\nConnection: close, te\r\n\r\n";
    let answer = server.raw(asked).unwrap().expect(200);
    assert_eq!(answer.header("trailer"), Some("x-sum"));
    assert!(answer.body.ends_with("0\r\nx-sum: 42\r\n\r\n"), "{}", answer.body);
    server.assert_well();
}

#[test]
fn a_client_with_http2_gets_trailers_that_nobody_has_announced() {
    let upstream = RawUpstream::start(WITH_TRAILERS);
    let authority = Authority::new();
    let routes = json!({"/hooks": {"to": [upstream.url], "open": true}}).to_string();
    let server = authority.serve(&[("APPMIXER_GATEWAY__ROUTES", &routes)]);
    let url = format!("https://{}/hooks/1", address_of(&server, "https"));
    let output = text(&authority.curl(&["--http2", "--dump-header", "-", "-H", "TE: trailers", &url]));
    let (before, after) = output.split_once("abc").unwrap();
    assert!(before.starts_with("HTTP/2 200") && before.contains("trailer: x-sum\r\n"), "{output}");
    assert!(after.contains("x-sum: 42") && after.contains("x-late: 43"), "{output}");
    assert!(!output.contains("forged"), "{output}");
    server.assert_well();
}
