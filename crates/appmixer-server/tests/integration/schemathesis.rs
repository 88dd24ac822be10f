//! schemathesis reads `/openapi.json` and asks the server some thousands of things, right and wrong ones: no answer
//! may be other than the document says, and none a 5xx.
//!
//! `cargo xtask test` installs it. What it does is in `tests/schemathesis`.

use std::path::Path;
use std::time::Duration;

use crate::python::{module, python};
use crate::support::{TestServer, run_within};

/// It takes some 20 seconds alone, and much more on a machine that is busy.
const PATIENCE: Duration = Duration::from_mins(20);

/// A body of 1,000 rules is larger than the default, which a schema cannot say. And it tries thousands of passwords.
const ROOM: &[(&str, &str)] = &[
    ("APPMIXER_HTTP__BODY_LIMIT", "1048576"),
    ("APPMIXER_LIMITS__ENABLED", "false"),
    ("APPMIXER_DELIVERY__TIMEOUT", "200ms"),
];

fn run(server: &TestServer, arguments: &[&str], variables: &[(&str, &str)]) {
    let Some(python) = python() else { return };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schemathesis");
    let address = format!("http://{}", server.address);
    let scratch = tempfile::tempdir().unwrap();
    let mut command = module(&python, "schemathesis.cli");
    command.arg("--config-file").arg(folder.join("schemathesis.toml"));
    command.args(["run", &format!("{address}/openapi.json"), "--checks", "all"]).args(arguments);
    // hooks.py has them in another form.
    command.args(["--exclude-checks", "use_after_free,positive_data_acceptance"]);
    command.env("PYTHONPATH", &folder).env("APPMIXER_TEST_ADDRESS", &address).envs(variables.iter().copied());
    let output = run_within(command.current_dir(&scratch), "", PATIENCE);
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}\n{errors}");
    assert!(text.contains("Stateful") && text.contains(" passed"), "{text}\n{errors}");
    server.assert_well();
}

#[test]
fn every_answer_to_an_administrator_is_what_the_document_says() {
    let server = TestServer::with(ROOM);
    let token = server.admin();
    let id = server.get("/user", &token).text("id");
    // The document's examples are about this one.
    server.user("abc@example.com");
    let gone = server.get("/user", &server.user("gone@example.com")).text("id");
    let ticket = server.delete_as(&token, &format!("/users/{gone}")).text("ticket");
    let variables = [
        ("APPMIXER_TEST_TOKEN", token.as_str()),
        ("APPMIXER_TEST_NAME", "root@acme"),
        ("APPMIXER_TEST_ID", &id),
        ("APPMIXER_TEST_DELETED", &gone),
        ("APPMIXER_TEST_TICKET", &ticket),
    ];
    run(&server, &[], &variables);
    server.get("/user", &token).expect(200);
}

#[test]
fn every_answer_to_a_stranger_is_what_the_document_says() {
    let server = TestServer::with(ROOM);
    server.user("abc@example.com");
    // That most is refused is the point.
    run(&server, &["--warnings", "off"], &[]);
}
