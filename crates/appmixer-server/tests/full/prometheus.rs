//! What Prometheus' own tool says of the metrics and the alerts.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use crate::support::{Answer, TestServer, run};

fn promtool(arguments: &[&str], input: &str) -> String {
    let mut command = Command::new("promtool");
    command.args(arguments);
    let output = run(command, input);
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8(text).unwrap();
    assert!(output.status.success(), "promtool {arguments:?}: {text}");
    text
}

#[test]
fn promtool_accepts_the_alerts() {
    let alerts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/prometheus/alerts.yml");
    promtool(&["check", "rules", alerts.to_str().unwrap()], "");
}

#[test]
fn promtool_accepts_the_metrics() {
    let server = TestServer::with(&[
        ("APPMIXER_MANAGEMENT__LISTEN", "127.0.0.1:0"),
        ("APPMIXER_GATEWAY__ROUTES", r#"{"/behind":{"to":["http://127.0.0.1:9"]}}"#),
    ]);
    let token = server.user("joe@acme");
    server.get("/user", &token).expect(200);
    server.sign_in("joe@acme", "wrong1").error(403);
    let mut connection = TcpStream::connect(server.management()).unwrap();
    connection.write_all(b"GET /metrics HTTP/1.1\r\nHost: test\r\n\r\n").unwrap();
    let mut text = Vec::new();
    connection.read_to_end(&mut text).unwrap();
    let metrics = Answer::parse(&text).unwrap().expect(200).body;
    promtool(&["check", "metrics"], &metrics);
}
