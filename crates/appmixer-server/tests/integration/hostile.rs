//! Input that is wrong, by mistake or on purpose: a clear error or a closed connection, and a server that
//! goes on.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::support::{Answer, TestServer, eventually};

#[test]
fn bodies_that_are_no_good_json_are_400() {
    let server = TestServer::start();
    let deep = format!(r#"{{"password":{}1{}}}"#, "[".repeat(10_000), "]".repeat(10_000));
    let deep_objects = format!("{}1{}", r#"{"a":"#.repeat(9_000), "}".repeat(9_000));
    for (body, message) in [
        (&b"{"[..], "Invalid JSON"),
        (b"", "required"),
        (b"null", "object"),
        (b"[1]", "object"),
        (b"\"text\"", "object"),
        (b"{\"username\":\"a@b\",\"password\":\"abc321\"} trailing", "Invalid JSON"),
        (br#"{"username":"a@b","username":"c@d","password":"abc321"}"#, "twice"),
        (br#"{"username":"a@b","password":"abc321","password":"abc321"}"#, "twice"),
        (br#"{"username":"a@b","password":"abc321","x":{"y":1,"y":2}}"#, "twice"),
        (b"{\"username\":\"a\xff@b\",\"password\":\"abc321\"}", "Invalid JSON"),
        (b"{\"username\":\"a\0@b\",\"password\":\"abc321\"}", "Invalid JSON"),
        (br#"{"username":"\ud800@b","password":"abc321"}"#, "Invalid JSON"),
        (br#"{"username":"a@b","password":1e999}"#, "Invalid JSON"),
        (deep.as_bytes(), "Invalid JSON"),
        (deep_objects.as_bytes(), "Invalid JSON"),
    ] {
        for path in ["/user", "/user/auth"] {
            let answer = server.request("POST", path, &[("Content-Type", "application/json")], body);
            let told = answer.error(400);
            let shown = String::from_utf8_lossy(&body[..body.len().min(60)]);
            assert!(told.contains(message), "{path} {shown}: {told}");
            assert!(!told.contains("abc321"), "{told}");
        }
    }
    server.assert_well();
}

#[test]
fn members_that_are_wrong_are_named_each_and_extra_ones_ignored() {
    let server = TestServer::start();
    for (body, paths) in [
        (r"{}", vec!["username", "password"]),
        (r#"{"username":null,"password":null}"#, vec!["username", "password"]),
        (r#"{"username":1,"password":true}"#, vec!["username", "password"]),
        (r#"{"username":["a@b"],"password":{"x":1}}"#, vec!["username", "password"]),
        (r#"{"username":"a b@c","password":"abc321"}"#, vec!["username"]),
        (r#"{"username":"a\u0000@c","password":"abc321"}"#, vec!["username"]),
        (r#"{"username":"a\n@c","password":"abc321"}"#, vec!["username"]),
        (r#"{"username":"nobody","password":""}"#, vec!["username", "password"]),
        (r#"{"username":"a@b@c","password":"abc321"}"#, vec!["username"]),
    ] {
        for path in ["/user", "/user/auth"] {
            let answer = server.post(path, body).expect(400);
            let details = answer.json()["details"].clone();
            let told: Vec<_> =
                details.as_array().unwrap().iter().map(|d| d["path"].as_str().unwrap()).collect();
            assert_eq!(told, paths, "{path} {body}");
        }
    }
    for (extra, path) in [
        (r#""email":"nobody""#, "email"),
        (r#""email":7"#, "email"),
        (r#""metadata":"x""#, "metadata"),
        (r#""scope":"admin""#, "scope"),
        (r#""scope":["a b"]"#, "scope"),
        (r#""vendor":[1]"#, "vendor"),
        (r#""plan":"""#, "plan"),
        (r#""isActive":"yes""#, "isActive"),
    ] {
        let body = format!(r#"{{"username":"a@b","password":"abc321",{extra}}}"#);
        assert_eq!(server.post("/user", &body).expect(400).json()["details"][0]["path"], path, "{body}");
    }
    let extra = r#"{"username":"a@b","password":"abc321","shoeSize":47,"nested":{"a":[{}]}}"#;
    server.post("/user", extra).expect(200);
    server.assert_well();
}

#[test]
fn passwords_are_bounded_before_any_hashing() {
    let server = TestServer::start();
    let body = |length: usize| format!(r#"{{"username":"a@b","password":"{}"}}"#, "x".repeat(length));
    assert!(server.post("/user", &body(5)).error(400).contains("at least 6 characters"));
    server.post("/user", &body(1024)).expect(200);
    assert!(server.post("/user", &body(1025)).error(400).contains("at most 1024 bytes"));
    assert!(server.post("/user/auth", &body(1025)).error(400).contains("at most 1024 bytes"));
    for path in ["/user", "/user/auth"] {
        assert!(server.post(path, &body(1024 * 1024)).error(413).contains("65536 bytes"));
    }
    server.assert_well();
}

#[test]
fn a_body_over_the_limit_is_413_while_it_comes_and_not_after() {
    let server = TestServer::start();
    // Announced: refused before a byte of it was sent.
    let mut connection = server.connect();
    connection
        .write_all(b"POST /user HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1073741824\r\n\r\n")
        .unwrap();
    assert_eq!(status_of(&mut connection), 413);

    // Chunked: refused once it is over, though there is no end in sight.
    let mut connection = server.connect();
    connection
        .write_all(b"POST /user HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
        .unwrap();
    let chunk = format!("4000\r\n{}\r\n", " ".repeat(0x4000));
    for _ in 0..5 {
        connection.write_all(chunk.as_bytes()).unwrap();
    }
    assert_eq!(status_of(&mut connection), 413);

    // Exactly the limit is read.
    let body = format!("{{{}}}", " ".repeat(65_534));
    server.post("/user", &body).error(400);
    server.assert_well();
}

fn status_of(connection: &mut TcpStream) -> u16 {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    while !bytes.windows(4).any(|end| end == b"\r\n\r\n") {
        let length = connection.read(&mut buffer).unwrap();
        assert!(length > 0, "closed without an answer: {}", String::from_utf8_lossy(&bytes));
        bytes.extend_from_slice(&buffer[..length]);
    }
    Answer::parse(&bytes).unwrap().status
}

/// Whether the server has closed the connection, which it must do within the tests' patience.
fn is_closed(connection: &mut TcpStream) -> bool {
    let mut rest = Vec::new();
    match connection.read_to_end(&mut rest) {
        Ok(_) => true,
        Err(error) => error.kind() == ErrorKind::ConnectionReset,
    }
}

#[test]
fn content_types_that_are_not_welcome_are_415() {
    let server = TestServer::start();
    let admin = server.admin();
    let bearer = format!("Bearer {admin}");
    for content_type in [
        "text/plain",
        "application/xml",
        "multipart/form-data; boundary=x",
        "application/json; charset=utf-16",
        "",
    ] {
        let headers = [("Content-Type", content_type), ("Authorization", bearer.as_str())];
        for path in ["/user", "/user/auth", "/config"] {
            server.request("POST", path, &headers, b"{}").error(415);
        }
    }
    server.request("POST", "/user", &[], b"{}").error(415);
    let form = [("Content-Type", "application/x-www-form-urlencoded"), ("Authorization", bearer.as_str())];
    server.request("POST", "/config", &form, b"key=a&value=b").error(415);
    for body in [&b"username=a%ff@b&password=abc321"[..], b"username=a@b&username=c@d&password=abc321"] {
        server.request("POST", "/user", &form, body).error(400);
    }
    server.assert_well();
}

#[test]
fn heads_that_are_broken_or_too_big_get_a_4xx_and_a_closed_connection() {
    let server = TestServer::start();
    let many = "X: y\r\n".repeat(2000);
    let long = "x".repeat(100_000);
    for (head, statuses) in [
        ("GET / HTTP/1.1\r\nHost: x\r\nbroken header\r\n\r\n".to_owned(), &[400][..]),
        ("GET / HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n".to_owned(), &[400]),
        ("GET / HTTP/1.1\r\nX : a\r\n\r\n".to_owned(), &[400]),
        ("nonsense\r\n\r\n".to_owned(), &[400]),
        ("GET  / HTTP/1.1\r\n\r\n".to_owned(), &[400]),
        ("GET / HTTP/1.1\r\nConnection: close\r\n\r\n".to_owned(), &[400]),
        ("GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\nConnection: close\r\n\r\n".to_owned(), &[400]),
        ("GET / HTTP/9.9\r\n\r\n".to_owned(), &[400]),
        (format!("GET /{long} HTTP/1.1\r\nHost: x\r\n\r\n"), &[400, 414, 431]),
        (format!("GET / HTTP/1.1\r\nHost: x\r\nX: {long}\r\n\r\n"), &[400, 431]),
        (format!("GET / HTTP/1.1\r\nHost: x\r\n{many}\r\n"), &[400, 431]),
        ("POST /user HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n".to_owned(), &[400]),
        (
            "POST /user HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n".to_owned(),
            &[400],
        ),
        (
            "POST /user HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}".to_owned(),
            &[400],
        ),
        ("POST /user HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n{}".to_owned(), &[400]),
        (
            "POST /user HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, identity\r\n\r\n{}".to_owned(),
            &[400],
        ),
        ("POST /user HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".to_owned(), &[400]),
        ("\x16\x03\x01\x02\x00\x01\x00\x01\r\n\r\n".to_owned(), &[400]),
    ] {
        let shown = &head[..head.len().min(80)];
        match server.raw(head.as_bytes()) {
            Ok(answer) => assert!(statuses.contains(&answer.status), "{shown:?}: {}", answer.status),
            // The kernel may drop the answer when more was sent than was read.
            Err(text) => assert!(text.is_empty() && head.len() > 10_000, "{shown:?}: {text:?}"),
        }
    }
    server.assert_well();
}

#[test]
fn a_client_that_does_not_take_in_its_answers_is_cut_off() {
    let server = TestServer::with(&[("APPMIXER_HTTP__HEADER_TIMEOUT", "1s")]);
    let token = server.user("joe@acme");
    let get = format!("GET /user HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n");
    let mut connection = server.connect();
    connection.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
    // Until neither side can send any more.
    while connection.write_all(get.repeat(100).as_bytes()).is_ok() {}
    // Once the server has given up, writing fails for another reason than fullness.
    eventually(|| match (&connection).write(b"x") {
        Ok(_) => false,
        Err(error) => !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
    });
    server.assert_well();
}

#[test]
fn transfer_encoding_wins_over_content_length_and_nothing_behind_it_is_smuggled_in() {
    let server = TestServer::start();
    let hidden = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    let head = "POST /user/auth HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
    for lengths in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
    ] {
        let bytes = format!("{head}{lengths}\r\n2\r\n{{}}\r\n0\r\n\r\n{hidden}");
        let mut connection = server.connect();
        connection.write_all(bytes.as_bytes()).unwrap();
        let mut text = String::new();
        let _ = connection.read_to_string(&mut text);
        assert!(text.starts_with("HTTP/1.1 400"), "the body is what the chunks hold: {text}");
        assert_eq!(text.matches("HTTP/1.1").count(), 1, "{lengths:?}: {text}");
    }
    for chunks in [
        "zz\r\n{}\r\n0\r\n\r\n",
        "2;x=\"\n\"\r\n{}\r\n0\r\n\r\n",
        "ffffffffffffffffff\r\n{}",
        "2\r\n{}XX0\r\n\r\n",
    ] {
        let bytes = format!("{head}Transfer-Encoding: chunked\r\n\r\n{chunks}{hidden}");
        let mut connection = server.connect();
        connection.write_all(bytes.as_bytes()).unwrap();
        connection.shutdown(Shutdown::Write).unwrap();
        let mut text = String::new();
        let _ = connection.read_to_string(&mut text);
        assert!(!text.contains("200 OK"), "{chunks:?}: {text}");
    }
    server.assert_well();
}

#[test]
fn two_authorization_headers_and_hostile_tokens_are_401() {
    let server = TestServer::start();
    let token = server.user("joe@acme");
    let bearer = format!("Bearer {token}");
    server
        .request("GET", "/user", &[("Authorization", &bearer), ("Authorization", "Bearer x")], b"")
        .error(401);
    let payload = token.split('.').nth(1).unwrap();
    let none = format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{payload}.");
    let long = "a".repeat(9000);
    for token in [none.as_str(), "..", "a.b.c", "%00.%00.%00", &long, "\u{e9}"] {
        server.get("/user", token).error(401);
    }
    server.assert_well();
}

#[test]
fn a_client_that_sends_a_byte_now_and_then_is_cut_off() {
    let server =
        TestServer::with(&[("APPMIXER_HTTP__HEADER_TIMEOUT", "1s"), ("APPMIXER_HTTP__BODY_TIMEOUT", "1s")]);
    // A head that never ends, a body that never ends, and nothing at all.
    let mut slow_head = server.connect();
    slow_head.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nX: ").unwrap();
    let mut silent = server.connect();
    let mut slow_body = server.connect();
    slow_body
        .write_all(b"POST /user HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
        .unwrap();
    assert_eq!(status_of(&mut slow_body), 408);
    // A byte in time does not buy more time.
    let mut trickle = slow_head.try_clone().unwrap();
    std::thread::spawn(move || {
        while trickle.write_all(b"y").is_ok() {
            std::thread::sleep(Duration::from_millis(50));
        }
    });
    assert!(is_closed(&mut slow_head));
    assert!(is_closed(&mut silent));
    server.assert_well();
}

#[test]
fn connections_past_the_limit_are_told_so_and_the_others_go_on() {
    let server = TestServer::with(&[("APPMIXER_HTTP__MAX_CONNECTIONS", "100")]);
    let mut first = server.connect();
    first.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    assert_eq!(status_of(&mut first), 200);
    let mut others: Vec<_> = (0..300).map(|_| server.connect()).collect();
    let mut refused = 0;
    for connection in others.iter_mut().skip(99) {
        let mut text = String::new();
        let _ = connection.read_to_string(&mut text);
        assert!(text.starts_with("HTTP/1.1 503") && text.contains("retry-after: 1"), "{text}");
        Answer::parse(text.as_bytes()).unwrap().error(503);
        refused += 1;
    }
    assert_eq!(refused, 201);
    first.write_all(b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    assert_eq!(status_of(&mut first), 200, "who was there first goes on");
    drop(others);
    eventually(|| {
        server.raw(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").is_ok_and(|a| a.status == 200)
    });
    server.assert_well();
}

/// So many open files, or as many as this process may have beside those of the other tests.
fn as_many_as_allowed(wanted: u64) -> u64 {
    let hard = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: hard, maximum: hard }).unwrap();
    hard.map_or(wanted, |hard| wanted.min(hard.saturating_sub(3000)))
}

#[test]
fn ten_thousand_idle_connections_meet_the_default_limit_and_leave_memory_bounded() {
    let server = TestServer::start();
    let token = server.user("joe@acme");
    let mut first = server.connect();
    let get = format!("GET /user HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n");
    first.write_all(get.as_bytes()).unwrap();
    assert_eq!(status_of(&mut first), 200);
    let idle: Vec<_> = (0..as_many_as_allowed(10_000)).map(|_| server.connect()).collect();
    first.write_all(get.as_bytes()).unwrap();
    assert_eq!(status_of(&mut first), 200);
    let resident = server.anonymous_kib();
    assert!(resident < 100 * 1024, "{resident} KiB with {} connections", idle.len());
    drop(idle);
    eventually(|| {
        server.raw(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").is_ok_and(|a| a.status == 200)
    });
    server.assert_well();
}

#[test]
fn too_many_sign_ins_at_once_are_told_to_come_back() {
    // One thread and a queue of one, and hashes that take a while.
    let server = TestServer::with(&[
        ("APPMIXER_PASSWORD__THREADS", "1"),
        ("APPMIXER_PASSWORD__QUEUE", "1"),
        ("APPMIXER_PASSWORD__MEMORY_KIB", "16384"),
        ("APPMIXER_PASSWORD__ITERATIONS", "4"),
    ]);
    let token = server.user("joe@acme");
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let tries: Vec<_> = (0..8).map(|_| scope.spawn(|| server.sign_in("joe@acme", "abc321"))).collect();
        // Meanwhile, what needs no hash is answered.
        server.get("/user", &token).expect(200);
        tries
            .into_iter()
            .map(|answer| {
                let answer = answer.join().unwrap();
                if answer.status == 503 {
                    assert_eq!(answer.header("retry-after"), Some("1"));
                }
                answer.status
            })
            .collect()
    });
    assert!(statuses.contains(&200) && statuses.contains(&503), "{statuses:?}");
    assert!(statuses.iter().all(|status| matches!(status, 200 | 503)), "{statuses:?}");
    server.sign_in("joe@acme", "abc321").expect(200);
    server.assert_well();
}

#[test]
fn a_client_that_goes_away_leaves_nothing_behind() {
    let server = TestServer::start();
    for _ in 0..200 {
        let mut connection = server.connect();
        let _ = connection.write_all(b"POST /user HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{\"us");
        drop(connection);
    }
    server.request("GET", "/healthz", &[], b"").expect(200);
    server.assert_well();
}
