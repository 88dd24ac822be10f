//! From the start to the stop: what stops a start, what a signal does, what the log looks like.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{Answer, PATIENCE, TestServer, binary, eventually, run};
use crate::terminal::Terminal;

/// A start that must fail: the one line that says why.
#[track_caller]
fn refused(arguments: &[&str], settings: &[(&str, &str)]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let mut command = binary(&folder.path().join("data"));
    command.arg("serve").args(arguments).envs(settings.iter().copied());
    let output = run(command, "");
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{text}");
    let lines: Vec<_> = text.lines().filter(|line| !line.starts_with('{')).collect();
    assert_eq!(lines.len(), 1, "{text}");
    assert!(lines[0].starts_with("appmixer-server: "), "{text}");
    lines[0].to_owned()
}

#[test]
fn what_stops_a_start_is_one_line_and_status_2() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let line = refused(&[], &[("APPMIXER_LISTEN", "nowhere")]);
    assert!(line.contains("listen: ") && line.contains("APPMIXER_LISTEN"), "{line}");
    let line = refused(&["--listen", "nowhere"], &[]);
    assert!(line.contains("listen: ") && line.contains("--listen"), "{line}");
    let folder = tempfile::tempdir().unwrap();
    let mut command = binary(&folder.path().join("data"));
    command.args(["serve", "--listen", &address]);
    let output = run(command, "");
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains(&format!("cannot listen on {address}")) && text.contains("in use"), "{text}");

    // Even root cannot make a folder below a file, or in /proc.
    for data in ["/dev/null/data", "/proc/data"] {
        let line = refused(&["--data", data], &[]);
        assert!(line.contains(data) && line.contains("choose another data folder"), "{line}");
    }
    let line = refused(&["--config", "/nowhere/appmixer.toml"], &[]);
    assert!(line.contains("/nowhere/appmixer.toml"), "{line}");
    let line = refused(&[], &[("APPMIXER_TOKEN__SECRET", "too short")]);
    assert!(line.contains("token.secret") && !line.contains("too short"), "{line}");
    let line = refused(&[], &[("APPMIXER_HTTP__BODY_LIMITS", "1")]);
    assert!(line.contains("http.body_limits") && line.contains("APPMIXER_HTTP__BODY_LIMITS"), "{line}");
}

#[test]
fn a_second_server_on_the_same_data_is_refused_and_the_first_goes_on() {
    let server = TestServer::start();
    let output = server.command(&["serve", "--listen", "127.0.0.1:0"], "");
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("in use by another server"), "{text}");
    server.assert_well();
}

#[test]
fn without_a_command_it_serves_and_makes_its_secret_and_its_database() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = binary(&folder.path().join("unused"));
    command
        .env_remove("APPMIXER_DATA")
        .env_remove("APPMIXER_TOKEN__SECRET")
        .env("APPMIXER_LISTEN", "127.0.0.1:0");
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let data = folder.path().join("appmixer-data");
    eventually(|| data.join("token.secret").exists() && data.join("appmixer.sqlite").exists());
    child.kill().unwrap();
    child.wait().unwrap();
}

/// A sign-in of which the body's last byte is still to come.
fn unfinished(server: &TestServer) -> (TcpStream, &'static [u8]) {
    const BODY: &str = r#"{"username":"joe@acme","password":"abc321"}"#;
    let mut connection = server.connect();
    let (start, end) = BODY.as_bytes().split_at(BODY.len() - 1);
    let length = BODY.len();
    write!(
        connection,
        "POST /user/auth HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\
         Expect: 100-continue\r\n\r\n"
    )
    .unwrap();
    // The server asks for the body: the request runs.
    let mut line = [0; 25];
    connection.read_exact(&mut line).unwrap();
    assert_eq!(&line, b"HTTP/1.1 100 Continue\r\n\r\n");
    connection.write_all(start).unwrap();
    (connection, end)
}

#[test]
fn sigterm_lets_requests_end_takes_no_more_and_closes_the_database() {
    let mut server = TestServer::start();
    server.user("joe@acme");
    let idle = server.connect();
    let (mut running, end) = unfinished(&server);
    server.signal("TERM");
    eventually(|| TcpStream::connect(&server.address).is_err());
    running.write_all(end).unwrap();
    let mut bytes = Vec::new();
    running.read_to_end(&mut bytes).unwrap();
    let answer = Answer::parse(&bytes).unwrap().expect(200);
    assert_eq!(answer.header("connection"), Some("close"));
    drop(idle);
    assert_eq!(server.wait().code(), Some(0));
    eventually(|| server.log().contains("stopped"));
    assert!(!server.data().join("appmixer.sqlite-wal").exists(), "the log is folded into the file");
}

#[test]
fn a_request_that_does_not_end_is_cut_off_when_the_grace_is_over() {
    let mut server = TestServer::with(&[("APPMIXER_HTTP__SHUTDOWN_GRACE", "200ms")]);
    server.user("joe@acme");
    let (mut running, _) = unfinished(&server);
    let idle = server.connect();
    server.signal("INT");
    assert_eq!(server.wait().code(), Some(0));
    let mut bytes = Vec::new();
    let _ = running.read_to_end(&mut bytes);
    assert_eq!(bytes, b"", "no half an answer");
    assert!(!server.data().join("appmixer.sqlite-wal").exists());
    drop(idle);
}

#[test]
fn an_idle_connection_does_not_hold_up_the_stop() {
    let mut server = TestServer::start();
    let mut idle = server.connect();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut first = [0; 15];
    idle.read_exact(&mut first).unwrap();
    let never_used = server.connect();
    let started = Instant::now();
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
    // The grace is 30 s; this is not about speed, but about not waiting for it.
    assert!(started.elapsed() < Duration::from_secs(15));
    drop((idle, never_used));
}

#[test]
fn logs_are_json_elsewhere_and_coloured_text_at_a_terminal() {
    let server = TestServer::start();
    for line in server.log().lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        assert!(event["timestamp"].is_string() && event["level"].is_string(), "{line}");
    }
    let folder = tempfile::tempdir().unwrap();
    let mut command = binary(&folder.path().join("data"));
    command.args(["serve", "--listen", "127.0.0.1:0"]);
    let terminal = Terminal::run(&command);
    terminal.wait_for("listening", 1);
    terminal.wait_for("user add", 1);
    let screen = terminal.screen();
    assert!(screen.contains("\u{1b}[32m") && !screen.contains("{\""), "{screen}");
    assert!(screen.contains("user add"), "how to make the first administrator: {screen}");
    terminal.interrupt();
    let (status, screen) = terminal.end();
    assert!(status.success(), "{screen}");
}

#[test]
fn the_level_of_the_log_is_configured_and_debug_shows_requests_without_secrets() {
    let server = TestServer::with(&[("APPMIXER_LOG__LEVEL", "debug")]);
    let token = server.user("joe@acme");
    server.get("/user", &token).expect(200);
    server.get("/config", "not-a-token").expect(401);
    eventually(|| server.log().contains("\"path\":\"/config\""));
    let log = server.log();
    assert!(log.contains("\"status\":401") && log.contains("request_id"), "{log}");
    for secret in [token.as_str(), "abc321", "not-a-token", "joe@acme", "argon2id"] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
}

#[test]
fn a_database_of_a_newer_version_is_refused() {
    let mut server = TestServer::start();
    server.signal("TERM");
    server.wait();
    let database = rusqlite::Connection::open(server.data().join("appmixer.sqlite")).unwrap();
    let newer = "INSERT INTO refinery_schema_history (version, name, applied_on, checksum) VALUES (999, 'x', 'y', '1')";
    database.execute(newer, []).unwrap();
    drop(database);
    let output = server.command(&["serve", "--listen", "127.0.0.1:0"], "");
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("schema version 999") && text.contains("newer program"), "{text}");
}

#[test]
fn a_log_that_nobody_reads_any_more_does_not_end_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = binary(&folder.path().join("data"));
    command.args(["serve", "--listen", "127.0.0.1:0"]).env("APPMIXER_LOG__LEVEL", "debug");
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = child.stderr.take().unwrap();
    let mut text = String::new();
    while !text.contains("\"listening\"") {
        let mut buffer = [0; 1024];
        let length = stderr.read(&mut buffer).unwrap();
        text.push_str(&String::from_utf8_lossy(&buffer[..length]));
    }
    let line = text.lines().find(|line| line.contains("\"listening\"")).unwrap();
    let address = serde_json::from_str::<Value>(line).unwrap()["address"].as_str().unwrap().to_owned();
    drop(stderr);
    for _ in 0..3 {
        let mut connection = TcpStream::connect(&address).unwrap();
        connection.set_read_timeout(Some(PATIENCE)).unwrap();
        connection.write_all(b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut bytes = Vec::new();
        connection.read_to_end(&mut bytes).unwrap();
        assert!(bytes.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&bytes));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn signals_that_mean_nothing_end_nothing() {
    let server = TestServer::start();
    for signal in ["USR1", "USR2", "HUP", "PIPE"] {
        server.signal(signal);
    }
    // Signals are delivered before the process does anything else.
    server.get("/user", &server.user("joe@acme")).expect(200);
    server.assert_well();
}
