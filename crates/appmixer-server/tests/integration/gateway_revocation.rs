//! What runs through the gateway ends when its token is good no longer, whatever the reason and wherever it comes from.

use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::thread;

use appmixer_testbed::Postgres;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::frames::{DATA, Http2, RST_STREAM, nth, request};
use crate::gateway::serve;
use crate::gateway_streams::{begin, head, socket};
use crate::nodes::nodes;
use crate::observability::scrape;
use crate::receivers::configure;
use crate::secure::{Authority, address_of};
use crate::support::{TestServer, eventually};
use crate::upstream::Upstream;

fn two_routes(upstream: &Upstream, settings: &[(&str, &str)]) -> TestServer {
    let open = json!({"to": [upstream.url()], "open": true});
    serve(&json!({"/flows": {"to": [upstream.url()], "max_request_body": 0}, "/open": open}), settings)
}

/// A stream of events of which the first has come.
fn events(server: &TestServer, token: &str, path: &str) -> BufReader<TcpStream> {
    let mut reader = BufReader::new(begin(server, token, "GET", path, ""));
    assert!(head(&mut reader).starts_with("HTTP/1.1 200"));
    next_event(&mut reader, 0);
    reader
}

fn next_event(reader: &mut BufReader<TcpStream>, number: usize) {
    let mut text = String::new();
    while !text.ends_with(&format!("data: {number}\n")) {
        assert!(reader.read_line(&mut text).unwrap() > 0, "the stream has ended: {text}");
    }
}

/// That the server ends it, and not as if it were complete.
#[track_caller]
fn assert_broken_off(mut reader: BufReader<TcpStream>) {
    let mut text = Vec::new();
    if let Err(error) = reader.read_to_end(&mut text) {
        assert_eq!(error.kind(), ErrorKind::ConnectionReset, "it goes on");
    }
    assert!(!text.ends_with(b"0\r\n\r\n"), "it looks complete");
}

/// What happens to a user: at this server, with the user's token and id, and an administrator's token.
type Event = fn(&TestServer, &str, &str, &str);

/// Whatever makes a token worthless, and what its user is answered from then on.
const ENDS: [(&str, u16, Event); 6] = [
    ("signed out everywhere", 401, |server, token, _, _| {
        server.post_as(token, "/user/sign-out-everywhere", "").expect(200);
    }),
    ("another password", 401, |server, token, _, _| {
        let body = r#"{"oldPassword":"abc321","newPassword":"abc322"}"#;
        server.post_as(token, "/user/change-password", body).expect(200);
    }),
    ("deleted by an administrator", 401, |server, _, id, admin| {
        server.delete_as(admin, &format!("/users/{id}")).expect(200);
    }),
    ("rules that keep the user out", 403, |server, _, _, admin| {
        let rules = r#"[{"role":"admin","resource":"flows","action":["*"]}]"#;
        server.post_as(admin, "/acl/routes", rules).expect(200);
    }),
    ("a key that is retired at the machine", 401, |server, _, _, _| {
        server.done(&["key", "rotate", "--algorithm", "eddsa", "--activate-in", "0"], "");
        server.done(&["key", "retire", "configuration", "--yes"], "");
    }),
    ("signed out at the machine", 401, |server, _, _, _| {
        server.done(&["user", "sign-out", "joe@acme"], "");
    }),
];

#[test]
fn a_stream_and_a_web_socket_end_with_their_token_whatever_ends_it_and_others_go_on() {
    thread::scope(|scope| {
        for (what, status, happens) in ENDS {
            scope.spawn(move || {
                let upstream = Upstream::start();
                let server = two_routes(&upstream, &[]);
                let (admin, token) = (server.admin(), server.user("joe@acme"));
                let id = server.get("/user", &token).text("id");
                let mut open = events(&server, &token, "/open/events");
                let stream = events(&server, &token, "/flows/events");
                let mut web_socket = socket(&server, &token, "/flows/ws");
                happens(&server, &token, &id, &admin);
                assert!(web_socket.read().is_err(), "{what}");
                assert_broken_off(stream);
                server.get("/flows/1", &token).error(status);
                // Where nobody is asked for a token, none can end. The first to wait has gone.
                upstream.go_on();
                upstream.go_on();
                next_event(&mut open, 1);
                server.assert_well();
            });
        }
    });
}

#[test]
fn a_stream_and_a_web_socket_end_when_their_token_expires() {
    let upstream = Upstream::start();
    let server = two_routes(&upstream, &[("APPMIXER_TOKEN__LIFETIME", "3s")]);
    let token = server.user("joe@acme");
    let stream = events(&server, &token, "/flows/events");
    let mut web_socket = socket(&server, &token, "/flows/ws");
    assert!(web_socket.read().is_err());
    server.get("/flows/1", &token).error(401);
    assert_broken_off(stream);
    server.assert_well();
}

#[test]
fn a_stream_and_a_web_socket_end_when_their_user_is_deactivated_where_only_active_users_may_use_tokens() {
    let upstream = Upstream::start();
    let server = two_routes(&upstream, &[("APPMIXER_USERS__REQUIRE_ACTIVE", "true")]);
    let admin = server.admin();
    let joe = r#"{"username":"joe@acme","password":"abc321","isActive":true}"#;
    let token = server.post_as(&admin, "/user", joe).expect(200).text("token");
    let id = server.get("/user", &token).text("id");
    let stream = events(&server, &token, "/flows/events");
    let mut web_socket = socket(&server, &token, "/flows/ws");
    server.put_as(&admin, &format!("/users/{id}"), r#"{"isActive":false}"#).expect(200);
    assert!(web_socket.read().is_err());
    assert_broken_off(stream);
    assert_eq!(server.get("/flows/1", &token).error(403), "The account is not active");
    server.assert_well();
}

#[test]
fn a_change_that_leaves_the_token_good_ends_nothing() {
    let upstream = Upstream::start();
    let server = two_routes(&upstream, &[("APPMIXER_MANAGEMENT__LISTEN", "127.0.0.1:0")]);
    let (admin, token) = (server.admin(), server.user("joe@acme"));
    let mut stream = events(&server, &token, "/flows/events");
    let mut web_socket = socket(&server, &token, "/flows/ws");
    let management = server.management();
    let looks = || scrape(&management)[r#"appmixer_tokens_checked_total{outcome="ok"}"#];
    for change in ["the user", "the configuration", "the rules"] {
        let before = looks();
        match change {
            "the user" => drop(server.put_as(&token, "/user", r#"{"metadata":{"a":1}}"#).expect(200)),
            "the configuration" => configure(&server, &admin, &[("APP_NAME", json!("Acme"))]),
            _ => drop(server.post_as(&admin, "/acl/components", "[]").expect(200)),
        }
        eventually(|| looks() > before);
    }
    upstream.go_on();
    next_event(&mut stream, 1);
    web_socket.send(Message::text("hello")).unwrap();
    assert_eq!(web_socket.read().unwrap(), Message::text("hello"));
    let ended = || scrape(&management)["appmixer_gateway_withdrawn_total"];
    assert!(ended() < 1.0);
    server.post_as(&token, "/user/sign-out-everywhere", "").expect(200);
    assert!(web_socket.read().is_err());
    eventually(|| ended() > 1.0);
    server.assert_well();
}

#[test]
fn who_still_waits_for_an_answer_hears_why_there_will_be_none() {
    let upstream = Upstream::start();
    let server = two_routes(&upstream, &[]);
    let token = server.user("joe@acme");
    let mut waiting = begin(&server, &token, "GET", "/flows/slow", "Connection: close\r\n");
    // Its body is still coming, and the upstream waits for it.
    let mut sending = begin(&server, &token, "POST", "/flows/1", "Transfer-Encoding: chunked\r\n");
    sending.write_all(b"3\r\none\r\n").unwrap();
    eventually(|| upstream.count() == 1);
    server.post_as(&token, "/user/sign-out-everywhere", "").expect(200);
    for connection in [&mut waiting, &mut sending] {
        assert!(head(&mut BufReader::new(connection)).starts_with("HTTP/1.1 401"));
    }
    eventually(|| upstream.broken_off() == 1);
    assert_eq!(upstream.count(), 1, "the other request is not complete");
    server.assert_well();
}

#[test]
fn a_body_that_is_still_coming_is_cut_off_during_the_answer_and_behind_it() {
    for path in ["/flows/echoes", "/flows/early"] {
        let upstream = Upstream::start();
        let server = two_routes(&upstream, &[]);
        let token = server.user("joe@acme");
        let mut connection = begin(&server, &token, "POST", path, "Transfer-Encoding: chunked\r\n");
        connection.write_all(b"3\r\none\r\n").unwrap();
        let mut reader = BufReader::new(connection.try_clone().unwrap());
        head(&mut reader);
        let mut piece = [0; 3];
        reader.read_exact(&mut piece).unwrap();
        connection.write_all(b"3\r\ntwo\r\n").unwrap();
        server.post_as(&token, "/user/sign-out-everywhere", "").expect(200);
        eventually(|| upstream.broken_off() == 1);
        server.assert_well();
    }
}

#[test]
fn a_stream_of_http2_is_reset_and_others_of_its_connection_go_on() {
    let (upstream, authority) = (Upstream::start(), Authority::new());
    let routes = json!({"/flows": {"to": [upstream.url()]}}).to_string();
    let server = authority.serve(&[("APPMIXER_GATEWAY__ROUTES", routes.as_str())]);
    let (joe, ann) = (server.user("joe@acme"), server.user("ann@acme"));
    let mut http2 = Http2::connect(&authority, &address_of(&server, "https"));
    for (stream, token) in [(nth(0), &joe), (nth(1), &ann)] {
        let bearer = format!("Bearer {token}");
        let mut list = request("GET", "/flows/events");
        list.push(("authorization", &bearer));
        http2.ask(stream, &list);
        assert_eq!(http2.until(DATA).payload, b"data: 0\n\n");
    }
    server.post_as(&joe, "/user/sign-out-everywhere", "").expect(200);
    assert_eq!(http2.until(RST_STREAM).stream, nth(0));
    upstream.go_on();
    upstream.go_on();
    let next = http2.until(DATA);
    assert_eq!((next.stream, &next.payload[..]), (nth(1), &b"data: 1\n\n"[..]));
    server.assert_well();
}

#[test]
fn what_runs_at_one_node_ends_with_what_another_one_does() {
    let upstream = Upstream::start();
    let url = Postgres::shared().database();
    let routes = json!({"/flows": {"to": [upstream.url()]}}).to_string();
    let nodes = nodes(&url, &[("APPMIXER_GATEWAY__ROUTES", &routes)], 2);
    let token = nodes[0].user("joe@acme");
    let stream = events(&nodes[1], &token, "/flows/events");
    let mut web_socket = socket(&nodes[1], &token, "/flows/ws");
    nodes[0].post_as(&token, "/user/sign-out-everywhere", "").expect(200);
    assert!(web_socket.read().is_err());
    assert_broken_off(stream);
    nodes.iter().for_each(TestServer::assert_well);
}

#[test]
fn what_runs_outlives_a_database_that_is_away_for_a_while() {
    let (upstream, postgres) = (Upstream::start(), Postgres::start());
    let url = postgres.database();
    let routes = json!({"/flows": {"to": [upstream.url()]}}).to_string();
    let settings = [("APPMIXER_GATEWAY__ROUTES", routes.as_str()), ("APPMIXER_STORE__STALE_AFTER", "1s")];
    let nodes = nodes(&url, &settings, 1);
    let server = &nodes[0];
    let token = server.user("joe@acme");
    let mut stream = events(server, &token, "/flows/events");
    let mut web_socket = socket(server, &token, "/flows/ws");
    postgres.kill();
    // Nothing that was remembered is believed any more.
    eventually(|| server.get("/user", &token).status == 503);
    postgres.start_again();
    eventually(|| server.get("/user", &token).status == 200);
    upstream.go_on();
    next_event(&mut stream, 1);
    web_socket.send(Message::text("hello")).unwrap();
    assert_eq!(web_socket.read().unwrap(), Message::text("hello"));
    server.post_as(&token, "/user/sign-out-everywhere", "").expect(200);
    assert!(web_socket.read().is_err());
    assert_broken_off(stream);
}
