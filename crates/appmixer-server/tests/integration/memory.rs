//! What a thousand connections of the worst kinds cost in memory.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::support::{TestServer, eventually};

const CONNECTIONS: usize = 1000;

/// The goal of the design is 60 MiB beside the memory of password hashes, which cost next to nothing here. Eight of
/// them are the program itself, as it is released; what is measured is the rest.
const MOST_KIB: u64 = 52 * 1024;

/// A thousand connections that have sent this, and what the server's memory is then at its highest.
fn with_all_having_sent(server: &TestServer, bytes: &[u8]) -> (Vec<TcpStream>, u64) {
    let mut highest = 0;
    let mut open = Vec::new();
    for at in 0..CONNECTIONS {
        let mut connection = server.connect();
        // What the server does not read stays in the sockets between.
        connection.set_nonblocking(true).unwrap();
        let _ = connection.write(bytes);
        open.push(connection);
        if at % 50 == 0 {
            highest = highest.max(server.anonymous_kib());
        }
    }
    // Each of these is answered after the server has seen what came before.
    for _ in 0..20 {
        server.request("GET", "/healthz", &[], b"").expect(200);
        highest = highest.max(server.anonymous_kib());
    }
    (open, highest)
}

#[test]
fn a_thousand_heads_that_do_not_end_stay_within_the_goal() {
    let server = TestServer::start();
    let head = format!("GET / HTTP/1.1\r\nHost: x\r\nX: {}", "y".repeat(16_000));
    let (_open, highest) = with_all_having_sent(&server, head.as_bytes());
    assert!(highest < MOST_KIB, "{highest} KiB");
    server.assert_well();
}

#[test]
fn a_thousand_bodies_that_do_not_end_stay_within_the_goal() {
    let server = TestServer::start();
    let head =
        "POST /user HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 65536\r\n\r\n";
    let (_open, highest) = with_all_having_sent(&server, format!("{head}{}", " ".repeat(65_000)).as_bytes());
    assert!(highest < MOST_KIB, "{highest} KiB");
    server.assert_well();
}

#[test]
fn a_thousand_clients_that_do_not_take_in_large_answers_stay_within_the_goal() {
    let server = TestServer::start();
    let token = server.user("joe@acme");
    let metadata = format!(r#"{{"metadata":{{"x":"{}"}}}}"#, "y".repeat(16_000));
    server.put_as(&token, "/user", &metadata).expect(200);
    for path in ["/user", "/openapi.json"] {
        let get = format!("GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n");
        let (open, highest) = with_all_having_sent(&server, get.repeat(100).as_bytes());
        assert!(highest < MOST_KIB, "{path}: {highest} KiB");
        eventually(|| {
            let mut start = [0; 12];
            (&open[0]).read(&mut start).is_ok_and(|length| length == 12) && &start == b"HTTP/1.1 200"
        });
    }
    server.assert_well();
}
