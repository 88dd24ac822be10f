//! Attempts whose client leaves before the answer: they count as failures, and the audit log has them.

use std::io::Write as _;
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use rustix::net::sockopt;
use serde_json::{Value, json};

use crate::audit::{entries, id_of};
use crate::frames::{DATA, END_STREAM, Http2, RST_STREAM, nth};
use crate::observability::scrape;
use crate::secure::{Authority, address_of};
use crate::support::{TestServer, eventually};

/// One hash takes a quarter of a GiB and many seconds: longer than a test, which ends the server.
const SLOW: &str = "$argon2id$v=19$m=262144,t=64,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
const STRANGER: &str = "203.0.113.1";
const SETTINGS: [(&str, &str); 3] = [
    ("APPMIXER_PASSWORD__THREADS", "1"),
    ("APPMIXER_HTTP__TRUSTED_PROXIES", "127.0.0.1"),
    ("APPMIXER_MANAGEMENT__LISTEN", "127.0.0.1:0"),
];

/// A server whose hashes all wait.
struct Stalled {
    admin: String,
    /// Of `joe@acme`.
    token: String,
    joe: String,
    _busy: [TcpStream; 2],
}

impl Stalled {
    fn new(server: &TestServer) -> Self {
        let file = server.data().join("slow.jsonl");
        let line = json!({"id": "5c88c7cca1b2c3d4e5000001", "username": "slow@acme", "passwordHash": SLOW});
        std::fs::write(&file, line.to_string()).unwrap();
        server.done(&["user", "import", file.to_str().unwrap()], "");
        let (admin, token) = (server.admin(), server.user("joe@acme"));
        let joe = id_of(server, &token);
        let busy = [1, 2].map(|_| send(server, "/user/auth", "", "127.0.0.1", &sign_in("slow@acme")));
        // One is being hashed, and nothing is done before it.
        eventually(|| waiting(server, &admin) == 1);
        Self { admin, token, joe, _busy: busy }
    }

    /// Does something, and waits until so many more passwords wait to be hashed.
    fn queues<T>(&self, server: &TestServer, number: u64, work: impl FnOnce() -> T) -> T {
        let before = waiting(server, &self.admin);
        let done = work();
        eventually(|| waiting(server, &self.admin) == before + number);
        done
    }

    /// Subjects, addresses and reasons of the sign-ins that have failed.
    fn failures(&self, server: &TestServer) -> Vec<Value> {
        let entries = entries(server, &self.admin, "?kind=sign-in-failed&limit=1000");
        entries
            .iter()
            .map(|entry| json!([entry["user"], entry["address"], entry["details"]["reason"]]))
            .collect()
    }
}

/// How many passwords wait to be hashed.
fn waiting(server: &TestServer, admin: &str) -> u64 {
    server.get("/stats", admin).expect(200).json()["node"]["hashQueue"]["waiting"].as_u64().unwrap()
}

fn sign_in(name: &str) -> String {
    json!({"username": name, "password": "wrong1"}).to_string()
}

/// Sends a request as a proxy passes it on from this address, and waits for nothing.
fn send(server: &TestServer, path: &str, headers: &str, address: &str, body: &str) -> TcpStream {
    let mut connection = server.connect();
    write!(
        connection,
        "POST {path} HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n{headers}\
         X-Forwarded-For: {address}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    connection
}

/// The status of an attempt that is refused before any hash.
fn refused(server: &TestServer, path: &str, token: &str, body: &str) -> u16 {
    let bearer = format!("Bearer {token}");
    let mut headers = vec![("Content-Type", "application/json"), ("X-Forwarded-For", STRANGER)];
    headers.extend((!token.is_empty()).then_some(("Authorization", bearer.as_str())));
    server.request("POST", path, &headers, body.as_bytes()).status
}

#[test]
fn sign_ins_that_are_aborted_count_as_failures_and_are_in_the_audit_log() {
    let server = TestServer::with(&SETTINGS);
    let stalled = Stalled::new(&server);
    for (name, user) in [("joe@acme", json!(stalled.joe)), ("nobody@acme", Value::Null)] {
        let body = sign_in(name);
        let begin = || (0..6).map(|_| send(&server, "/user/auth", "", STRANGER, &body)).collect::<Vec<_>>();
        let open = stalled.queues(&server, 6, begin);
        // While they are pending, they count already.
        assert_eq!(refused(&server, "/user/auth", "", &body), 429);
        for (at, connection) in open.into_iter().enumerate() {
            match at % 3 {
                0 => drop(connection),
                1 => connection.shutdown(Shutdown::Write).unwrap(),
                // A close that is no goodbye: the connection is reset.
                _ => sockopt::set_socket_linger(&connection, Some(Duration::ZERO)).unwrap(),
            }
        }
        let entry = json!([user, STRANGER, "aborted"]);
        let aborted = || stalled.failures(&server).iter().filter(|failure| **failure == entry).count();
        eventually(|| aborted() == 6);
        // Six mistakes cost nothing: the seventh waits.
        assert_eq!(refused(&server, "/user/auth", "", &body), 429);
    }
    let metrics = scrape(&server.management());
    assert!((metrics[r#"appmixer_sign_ins_total{outcome="aborted"}"#] - 12.0).abs() < 1e-9);
    server.assert_well();
}

#[test]
fn sign_ins_that_are_reset_on_http2_count_as_failures_and_are_in_the_audit_log() {
    let authority = Authority::new();
    let server = authority.serve(&SETTINGS);
    let stalled = Stalled::new(&server);
    let address = address_of(&server, "https");
    let mut http2 = Http2::connect(&authority, &address);
    let mut gone = Http2::connect(&authority, &address);
    stalled.queues(&server, 6, || {
        for each in 0..6 {
            let connection = if each % 2 == 0 { &mut http2 } else { &mut gone };
            connection.begin(nth(each), "/user/auth", None);
            connection.send(DATA, END_STREAM, nth(each), sign_in("nobody@acme").as_bytes());
        }
    });
    for each in [0, 2, 4] {
        // CANCEL
        http2.send(RST_STREAM, 0, nth(each), &8_u32.to_be_bytes());
    }
    drop(gone);
    eventually(|| stalled.failures(&server) == vec![json!([Value::Null, "127.0.0.1", "aborted"]); 6]);
    http2.begin(nth(6), "/user/auth", None);
    http2.send(DATA, END_STREAM, nth(6), sign_in("nobody@acme").as_bytes());
    assert_eq!(http2.answer(nth(6)).0, 429);
    server.assert_well();
}

#[test]
fn old_passwords_that_are_aborted_count_as_failures() {
    let server = TestServer::with(&SETTINGS);
    let stalled = Stalled::new(&server);
    let (path, bearer) = ("/user/change-password", format!("Authorization: Bearer {}\r\n", stalled.token));
    let body = json!({"oldPassword": "wrong1", "newPassword": "xyz987"}).to_string();
    let begin = || (0..6).map(|_| send(&server, path, &bearer, STRANGER, &body)).collect::<Vec<_>>();
    let open = stalled.queues(&server, 6, begin);
    assert_eq!(refused(&server, path, &stalled.token, &body), 429);
    drop(open);
    // None is pending any more, and each counts: at sign-in it is the same account.
    let address = server.management();
    eventually(|| scrape(&address)["appmixer_http_requests_in_flight"] <= 2.0);
    assert_eq!(refused(&server, path, &stalled.token, &body), 429);
    assert_eq!(refused(&server, "/user/auth", "", &sign_in("joe@acme")), 429);
    server.assert_well();
}

#[test]
fn a_backend_that_signs_in_many_users_at_once_is_not_limited_by_attempts_that_are_pending() {
    let quota = [("APPMIXER_LIMITS__SIGN_IN", "3/1h")];
    let server = TestServer::with(&[&SETTINGS[..], &quota].concat());
    let stalled = Stalled::new(&server);
    let begin = |number| send(&server, "/user/auth", "", STRANGER, &sign_in(&format!("{number}@acme")));
    // None of them is refused.
    drop(stalled.queues(&server, 60, || (0..60).map(begin).collect::<Vec<_>>()));
    server.assert_well();
}
