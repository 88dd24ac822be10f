//! Requests that are well framed, and ask for what a program like this does not do: a plain refusal, and no more.

use std::io::{Read as _, Write as _};

use crate::support::{Answer, TestServer};

#[test]
fn other_protocols_and_methods_are_refused_and_nothing_is_switched() {
    let server =
        TestServer::with(&[("APPMIXER_HTTP__HEADER_TIMEOUT", "1s"), ("APPMIXER_HTTP__IDLE_TIMEOUT", "1s")]);
    let upgrade = "Connection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n";
    for (bytes, statuses) in [
        (format!("GET /healthz HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\n{upgrade}\r\n"), &[200][..]),
        (
            "GET /healthz HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n".into(),
            &[200],
        ),
        ("CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\n".to_owned(), &[400, 404, 405]),
        ("TRACE / HTTP/1.1\r\nHost: x\r\nX-Secret: s3cr3t\r\n\r\n".to_owned(), &[405]),
        ("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), &[204, 400, 404]),
        ("BREW / HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), &[405]),
        (format!("{} / HTTP/1.1\r\nHost: x\r\n\r\n", "M".repeat(4000)), &[400, 405]),
    ] {
        let mut connection = server.connect();
        connection.write_all(bytes.as_bytes()).unwrap();
        let mut said = Vec::new();
        let _ = connection.read_to_end(&mut said);
        let answer = Answer::parse(&said).unwrap();
        assert!(statuses.contains(&answer.status), "{bytes:?}: {}", answer.head);
        assert!(!answer.head.contains("101 switching") && !answer.body.contains("s3cr3t"), "{}", answer.body);
    }
    // HTTP/2 without TLS is not spoken: the connection is closed.
    let preface = server.raw(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    assert!(preface.is_err_and(|said| said.is_empty()));
    server.assert_well();
}

#[test]
fn a_body_that_waits_to_be_asked_for_is_asked_for_only_if_it_is_wanted() {
    let server = TestServer::start();
    let head = "POST /user/auth HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nConnection: close\r\n";
    // Refused by its length, its type or its path: never asked for.
    for (rest, status) in [
        ("Content-Type: application/json\r\nContent-Length: 1073741824\r\n\r\n", "413"),
        ("Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n", "415"),
    ] {
        let mut connection = server.connect();
        connection.write_all(format!("{head}{rest}").as_bytes()).unwrap();
        let mut first = [0; 12];
        connection.read_exact(&mut first).unwrap();
        assert_eq!(String::from_utf8_lossy(&first), format!("HTTP/1.1 {status}"));
    }
    // Wanted, and then read.
    let mut connection = server.connect();
    connection
        .write_all(format!("{head}Content-Type: application/json\r\nContent-Length: 2\r\n\r\n").as_bytes())
        .unwrap();
    let mut first = [0; 25];
    connection.read_exact(&mut first).unwrap();
    assert_eq!(first, *b"HTTP/1.1 100 Continue\r\n\r\n");
    connection.write_all(b"{}").unwrap();
    let mut said = Vec::new();
    connection.read_to_end(&mut said).unwrap();
    Answer::parse(&said).unwrap().error(400);
    // An expectation that nobody knows, and one without a body, change nothing.
    for request in [
        "GET /healthz HTTP/1.1\r\nHost: x\r\nExpect: miracles\r\nConnection: close\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n",
    ] {
        assert_eq!(server.raw(request.as_bytes()).unwrap().status, 200);
    }
    server.assert_well();
}

#[test]
fn paths_and_queries_that_are_no_utf8_are_400_or_404() {
    let server = TestServer::start();
    let admin = server.admin();
    let bearer = format!("Bearer {admin}");
    for (path, statuses) in [
        ("/users/%ff", &[400][..]),
        ("/users/%00", &[400]),
        ("/users/..%2f..%2fetc%2fpasswd", &[400]),
        ("/%2e%2e/%2e%2e/etc/passwd", &[404]),
        ("//user", &[404]),
        ("/user/", &[404]),
        ("/users?pattern=%ff", &[400]),
        ("/users?pattern=%00", &[400]),
        ("/users?pattern=%", &[200, 400]),
        ("/users?limit=%31%30", &[200]),
        ("/users?limit=99999999999999999999", &[400]),
        ("/users?limit=-1", &[400]),
        ("/users?offset=1e9", &[400]),
        ("/config/%ff", &[400, 404]),
    ] {
        let answer = server.request("GET", path, &[("Authorization", &bearer)], b"");
        let statuses = if path.starts_with("/config/") { &[400, 404, 405] } else { statuses };
        assert!(statuses.contains(&answer.status), "{path}: {}\n{}", answer.head, answer.body);
    }
    // Bytes that no target has (RFC 3986 section 2).
    for path in [&b"/users/\xff"[..], b"/users?pattern=\xff\xfe", b"/users?pattern=\x01"] {
        let bytes = [b"GET ", path, b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"].concat();
        let status = server.raw(&bytes).unwrap().status;
        assert!(matches!(status, 400 | 401), "{path:?}: {status}");
    }
    let many = format!("/users?{}", "filter=scope:user&".repeat(500));
    server.request("GET", &many, &[("Authorization", &bearer)], b"").error(400);
    server.assert_well();
}

#[test]
fn bodies_of_many_members_huge_numbers_or_compressed_bytes_cost_no_more_than_their_length() {
    let server = TestServer::start();
    let json = [("Content-Type", "application/json")];
    let keys: Vec<_> = (0..7000).map(|at| format!(r#""{at}":0"#)).collect();
    let (digits, exponents) = ("9".repeat(60_000), format!("1e{}", "9".repeat(60_000)));
    for (body, statuses) in [
        (format!("{{{}}}", keys.join(",")), &[400][..]),
        (format!(r#"{{"metadata":{digits}}}"#), &[400]),
        (format!(r#"{{"metadata":{exponents}}}"#), &[400]),
        (format!(r#"{{"metadata":{{"x":-{digits}}}}}"#), &[400]),
        (format!(r#"{{"username":"{}"}}"#, "\\u0000".repeat(10_000)), &[400]),
        (format!(r#"{{"{}":1}}"#, "k".repeat(65_000)), &[400]),
    ] {
        let status = server.request("POST", "/user", &json, body.as_bytes()).status;
        assert!(statuses.contains(&status), "{status}: {}", &body[..60]);
    }
    // A million members are more than the limit, and are refused by their length.
    let keys: Vec<_> = (0..1_000_000).map(|at| format!(r#""{at}":0"#)).collect();
    server.request("POST", "/user", &json, format!("{{{}}}", keys.join(",")).as_bytes()).error(413);
    // A bomb of some kilobytes stays what it is: bodies are not unpacked.
    let bomb = [&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff][..], &vec![0x62; 30_000]].concat();
    for encoding in ["gzip", "deflate", "br", "zstd", "gzip, gzip"] {
        let headers = [json[0], ("Content-Encoding", encoding)];
        let status = server.request("POST", "/user", &headers, &bomb).status;
        assert!(matches!(status, 400 | 415), "{encoding}: {status}");
    }
    server.assert_well();
}
