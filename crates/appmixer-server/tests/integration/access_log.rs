//! The access log, traces, and a log that nobody reads.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::Stdio;

use serde_json::Value;

use crate::support::{PATIENCE, TestServer, binary, eventually};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

fn lines(server: &TestServer) -> Vec<Value> {
    let events = server.log().lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>();
    events.into_iter().filter(|event| event["target"] == "access").collect()
}

#[test]
fn each_request_leaves_one_line_with_its_trace_and_its_user_and_no_secret() {
    let server = TestServer::with(&[("APPMIXER_LOG__ACCESS", "true")]);
    let token = server.user("joe@acme");
    let id = server.get("/user", &token).expect(200).text("id");
    let parent = format!("00-{TRACE}-{PARENT}-01");
    let agent = "a".repeat(500);
    let headers = [
        ("Authorization", &*format!("Bearer {token}")),
        ("traceparent", &*parent),
        ("User-Agent", &*agent),
        ("X-Request-Id", "the-id"),
    ];
    server.request("GET", "/users/5f1e5f1e5f1e5f1e5f1e5f1e?code=query-secret", &headers, b"").expect(403);
    server.request("GET", &format!("/{}", "x".repeat(2000)), &[("traceparent", "no")], b"").expect(404);
    eventually(|| lines(&server).len() == 4);
    let lines = lines(&server);

    let line = &lines[2];
    for (member, value) in [
        ("request_id", "the-id"),
        ("trace_id", TRACE),
        ("parent_id", PARENT),
        ("client", "127.0.0.1"),
        ("method", "GET"),
        ("route", "/users/{userId}"),
        ("path", "/users/5f1e5f1e5f1e5f1e5f1e5f1e"),
        ("user", id.as_str()),
    ] {
        assert_eq!(line[member], value, "{member}: {line}");
    }
    assert_eq!(line["status"], 403);
    assert_eq!(line["agent"].as_str().unwrap().len(), 160);
    assert!(line["bytes"].as_u64().unwrap() > 20 && line["micros"].is_u64(), "{line}");

    let line = &lines[3];
    assert_eq!((&line["route"], line["path"].as_str().unwrap().len()), (&"none".into(), 256));
    assert_eq!(line["parent_id"], Value::Null);
    assert_ne!(line["trace_id"], lines[2]["trace_id"]);

    let log = server.log();
    for secret in ["joe@acme", "abc321", "query-secret", &token] {
        assert!(!log.contains(secret), "{secret}");
    }
}

#[test]
fn nobody_who_has_not_asked_for_it_gets_an_access_log() {
    let mut server = TestServer::start();
    server.user("joe@acme");
    server.signal("TERM");
    assert!(server.wait().success());
    // The last line is there: what was waiting has been written.
    eventually(|| server.log().contains("\"stopped\""));
    assert_eq!(lines(&server), Vec::<Value>::new());
}

#[test]
fn a_log_that_nobody_reads_stops_no_request() {
    const REQUESTS: usize = 12_000;
    let folder = tempfile::tempdir().unwrap();
    let mut command = binary(&folder.path().join("data"));
    command.args(["serve", "--listen", "127.0.0.1:0"]);
    command.env("APPMIXER_LOG__ACCESS", "true").env("APPMIXER_MANAGEMENT__LISTEN", "127.0.0.1:0");
    let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut address = |message: &str| loop {
        let event: Value = serde_json::from_str(&log.next().unwrap().unwrap()).unwrap();
        if event["message"] == message {
            break event["address"].as_str().unwrap().to_owned();
        }
    };
    let (management, address) = (address("listening for management"), address("listening"));

    // From here on nobody reads: the pipe is full after a few hundred lines, and the room for lines after some
    // thousand more.
    let mut connection = TcpStream::connect(address).unwrap();
    connection.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut answers = BufReader::new(connection.try_clone().unwrap());
    for _ in 0..REQUESTS / 100 {
        connection.write_all("GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n".repeat(100).as_bytes()).unwrap();
        for _ in 0..100 {
            let mut line = String::new();
            answers.read_line(&mut line).unwrap();
            assert!(line.starts_with("HTTP/1.1 200"), "{line}");
            while line != "\r\n" {
                line.clear();
                answers.read_line(&mut line).unwrap();
            }
            answers.read_exact(&mut [0; br#"{"status":"ok"}"#.len()]).unwrap();
        }
    }
    let mut connection = TcpStream::connect(management).unwrap();
    connection.write_all(b"GET /metrics HTTP/1.1\r\nHost: t\r\n\r\n").unwrap();
    let mut text = String::new();
    connection.read_to_string(&mut text).unwrap();
    let lost = text.lines().find_map(|line| line.strip_prefix("appmixer_log_lines_lost_total "));
    assert!(lost.unwrap().parse::<usize>().unwrap() > 0, "{text}");
    child.kill().unwrap();
    child.wait().unwrap();
}
