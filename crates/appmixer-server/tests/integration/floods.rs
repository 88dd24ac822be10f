//! Many connections, large requests and clients that misbehave on purpose: whoever does that is told or cut off, and
//! others are served meanwhile.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use rustix::net::{AddressFamily, SocketType, bind, connect, socket, sockopt};

use crate::support::{Answer, PATIENCE, TestServer, eventually};

const HEALTH: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";

/// A connection from `127.0.0.LAST`: on Linux all of 127/8 is this machine.
pub(crate) fn connect_from(last: u8, server: &TestServer) -> TcpStream {
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    bind(&socket, &SocketAddr::from((Ipv4Addr::new(127, 0, 0, last), 0))).unwrap();
    connect(&socket, &server.address.parse::<SocketAddr>().unwrap()).unwrap();
    let connection = TcpStream::from(socket);
    connection.set_read_timeout(Some(PATIENCE)).unwrap();
    connection
}

/// The status of the next answer, which has come whole.
fn status(mut connection: &TcpStream) -> Option<u16> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    while !bytes.windows(4).any(|end| end == b"\r\n\r\n") {
        match connection.read(&mut buffer) {
            Ok(0) | Err(_) => return None,
            Ok(length) => bytes.extend_from_slice(&buffer[..length]),
        }
    }
    Answer::parse(&bytes).map(|answer| answer.status)
}

fn asks(mut connection: &TcpStream) -> Option<u16> {
    connection.write_all(HEALTH).ok()?;
    status(connection)
}

#[test]
fn one_address_cannot_take_the_connections_of_all() {
    let server = TestServer::with(&[
        ("APPMIXER_HTTP__MAX_CONNECTIONS", "200"),
        ("APPMIXER_HTTP__MAX_CONNECTIONS_PER_ADDRESS", "50"),
        ("APPMIXER_HTTP__TRUSTED_PROXIES", "127.0.0.9"),
    ]);
    let flood: Vec<_> = (0..50).map(|_| connect_from(2, &server)).collect();
    assert_eq!(asks(flood.last().unwrap()), Some(200));
    for _ in 0..200 {
        let mut refused = connect_from(2, &server);
        let mut said = Vec::new();
        let _ = refused.read_to_end(&mut said);
        let answer = Answer::parse(&said).unwrap();
        assert_eq!(answer.header("retry-after"), Some("1"));
        assert_eq!(answer.error(429), "Too many open connections from your address");
    }
    // Another machine, the trusted proxy, and this machine itself.
    assert_eq!(asks(&connect_from(3, &server)), Some(200));
    let through_proxy: Vec<_> = (0..60).map(|_| connect_from(9, &server)).collect();
    assert!(through_proxy.iter().all(|connection| asks(connection) == Some(200)));
    let own: Vec<_> = (0..60).map(|_| server.connect()).collect();
    assert!(own.iter().all(|connection| asks(connection) == Some(200)));
    // Who goes makes room for others of the address.
    drop(flood);
    eventually(|| asks(&connect_from(2, &server)) == Some(200));
    server.assert_well();
}

#[test]
fn large_bodies_that_do_not_end_leave_room_for_sign_ins() {
    let server = TestServer::with(&[("APPMIXER_HTTP__BODY_MEMORY", "262144")]);
    server.user("joe@acme");
    let part = format!(
        "POST /user HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n{}",
        " ".repeat(10_000)
    );
    // 4 KiB of each are free, and 8 KiB are taken at once: 32 of them fill it.
    let open: Vec<_> = (0..40)
        .map(|_| {
            let mut connection = server.connect();
            connection.write_all(part.as_bytes()).unwrap();
            connection.set_nonblocking(true).unwrap();
            connection
        })
        .collect();
    let mut start = [0; 12];
    let refused = |open: &Vec<TcpStream>, start: &mut [u8]| {
        open.iter().filter(|connection| connection.peek(start).is_ok_and(|length| length == 12)).count()
    };
    eventually(|| refused(&open, &mut [0; 12]) == 8);
    assert_eq!(refused(&open, &mut start), 8);
    assert_eq!(&start, b"HTTP/1.1 503");
    server.sign_in("joe@acme", "abc321").expect(200);
    let whole = format!(r#"{{"username":"joe@acme","password":"abc321","x":"{}"}}"#, "y".repeat(30_000));
    let answer = server.post("/user/auth", &whole);
    assert_eq!(answer.header("retry-after"), Some("1"));
    answer.error(503);
    drop(open);
    eventually(|| server.post("/user/auth", &whole).status == 200);
    server.assert_well();
}

#[test]
fn chunks_that_come_one_by_one_do_not_buy_more_time() {
    let server = TestServer::with(&[("APPMIXER_HTTP__BODY_TIMEOUT", "300ms")]);
    let mut connection = server.connect();
    connection
        .write_all(b"POST /user HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
        .unwrap();
    let mut trickle = connection.try_clone().unwrap();
    let sender = std::thread::spawn(move || {
        while trickle.write_all(b"1\r\n \r\n").is_ok() {
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    assert_eq!(status(&connection), Some(408));
    server.request("GET", "/healthz", &[], b"").expect(200);
    connection.shutdown(Shutdown::Both).unwrap();
    sender.join().unwrap();
    server.assert_well();
}

#[test]
fn extensions_and_trailers_without_end_are_cut_off() {
    let server = TestServer::start();
    let head = "POST /user HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    for start in ["2;", "2\r\n{}\r\n0\r\nX: "] {
        let mut connection = server.connect();
        connection.write_all(format!("{head}{start}").as_bytes()).unwrap();
        let (mut sent, piece) = (0, vec![b'x'; 65_536]);
        // Far less than this: the sockets between hold some of it.
        while sent < 64 * 1024 * 1024 && connection.write_all(&piece).is_ok() {
            sent += piece.len();
        }
        assert!(sent < 64 * 1024 * 1024, "{start:?} goes on");
        assert!(server.resident_kib() < 100 * 1024);
        server.request("GET", "/healthz", &[], b"").expect(200);
    }
    server.assert_well();
}

#[test]
fn a_client_that_closes_its_half_counts_as_gone() {
    let server = TestServer::with(&[("APPMIXER_HTTP__MAX_CONNECTIONS", "40")]);
    let token = server.user("joe@acme");
    let get = format!("GET /user HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n");
    let post =
        "POST /user HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{";
    for bytes in [get.repeat(20), format!("{get}GET /user HTTP/1.1\r\nHost"), post.to_owned(), String::new()]
    {
        let open: Vec<_> = (0..40).map(|_| server.connect()).collect();
        for mut connection in &open {
            // Whoever came before the place of one from the round before was free is cut off already.
            let _ = connection.write_all(bytes.as_bytes());
            let _ = connection.shutdown(Shutdown::Write);
        }
        for mut connection in &open {
            let mut said = Vec::new();
            // Whatever was answered before it was noticed; then the end, and not a wait for it.
            let _ = connection.read_to_end(&mut said);
            let said = String::from_utf8_lossy(&said);
            assert!(said.matches("HTTP/1.1 ").count() <= 20, "{said}");
        }
        // Their places are free, though this end of them is still open. Some are left for what comes next, since a
        // place is free a moment after its connection has ended.
        eventually(|| {
            let others: Vec<_> = (0..30).map(|_| server.connect()).collect();
            others.iter().all(|connection| asks(connection) == Some(200))
        });
        drop(open);
    }
    server.assert_well();
}

#[test]
fn connections_that_are_reset_at_any_moment_leave_nothing_behind() {
    let server = TestServer::with(&[("APPMIXER_HTTP__MAX_CONNECTIONS", "40")]);
    let token = server.user("joe@acme");
    let whole = format!(
        "POST /user/auth HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\
        Content-Type: application/json\r\nContent-Length: 44\r\n\r\n{{\"username\":\"joe@acme\",\"password\":\"abc321\"}}"
    );
    for at in 0..600 {
        let mut connection = server.connect();
        let _ = connection.write_all(&whole.as_bytes()[..at % (whole.len() + 1)]);
        // Without this a close is polite.
        sockopt::set_socket_linger(&connection, Some(Duration::ZERO)).unwrap();
    }
    // Each place is free again: as many as there are can be had at once.
    eventually(|| {
        let all: Vec<_> = (0..40).map(|_| server.connect()).collect();
        all.iter().all(|connection| asks(connection) == Some(200))
    });
    eventually(|| server.request("GET", "/readyz", &[], b"").status == 200);
    server.assert_well();
}
