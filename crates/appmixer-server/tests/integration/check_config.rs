//! `check-config`: it finds what would stop the start, and shows a configuration that can be used.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::process::Output;

use appmixer_testbed::Port;
use serde_json::{Value, json};

use crate::commands::Desk;
use crate::support::{TestServer, run};

fn check(desk: &Desk, toml: &str, arguments: &[&str]) -> Output {
    let file = desk.0.path().join("checked.toml");
    fs::write(&file, toml).unwrap();
    let mut command = desk.command(&["--config", file.to_str().unwrap(), "check-config"]);
    command.args(arguments).env_remove("APPMIXER_LISTEN");
    run(command, "")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn what_would_stop_the_start_is_found_and_every_problem_is_named() {
    let desk = Desk::new();
    let busy = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = busy.local_addr().unwrap();
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    fs::write(desk.0.path().join("no.pem"), broken).unwrap();
    for (toml, parts) in [
        (format!("listen = '{address}'"), vec![format!("cannot listen on {address}")]),
        (
            format!("listen = 'off'\nlisten_unix = 'x'\n[management]\nlisten = '{address}'"),
            vec![address.to_string()],
        ),
        ("listen = 'off'".to_owned(), vec!["listen: is off".to_owned()]),
        (
            "listen = 'off'\n[tls]\nlisten = '127.0.0.1:0'\ncertificate = 'nowhere.pem'\nkey = 'nowhere.key'"
                .to_owned(),
            vec!["tls.".to_owned(), "nowhere".to_owned()],
        ),
        ("listen = '0'\n[delivery]\nca_file = 'no.pem'".to_owned(), vec!["delivery.ca_file: ".to_owned()]),
        ("listen = '0'\nlisten_unix = '/nowhere/x'".to_owned(), vec!["/nowhere/x".to_owned()]),
        ("listen = '0'\n[store]\nurl = 'sqlite:no.pem'".to_owned(), vec!["no.pem".to_owned()]),
        (
            format!("listen = '{address}'\n[delivery]\nca_file = 'no.pem'"),
            vec![address.to_string(), "delivery.ca_file".to_owned()],
        ),
    ] {
        let output = check(&desk, &toml, &[]);
        let told = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{toml}: {told}");
        for part in &parts {
            assert!(told.contains(part.as_str()), "{toml}: {told}");
        }
        assert!(told.lines().all(|line| line.starts_with("appmixer-server: ")), "{told}");
    }
    let output = check(&desk, "listen = '0'", &["--connect"]);
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()));
}

#[test]
fn the_check_and_the_start_refuse_the_same_configurations() {
    let desk = Desk::new();
    fs::write(desk.0.path().join("empty.pem"), "").unwrap();
    let empty = desk.0.path().join("empty.pem").display().to_string();
    let secret = format!("[token]\nsecret = '{}'\n", "s".repeat(32));
    let postgres = |rest: &str| {
        format!("listen = '0'\n{secret}[store]\nurl = 'postgres://joe:s3cret@127.0.0.1:1/{rest}'")
    };
    for (toml, part) in [
        (format!("listen_unix = '{}'", "x".repeat(120)), "listen_unix"),
        ("listen = '0'\nlisten_unix = ''".to_owned(), "listen_unix"),
        ("listen = '0'\n[store]\nurl = 'sqlite::memory:'".to_owned(), "store.url: sqlite::memory:"),
        (postgres("app?sslrootcert=/nix"), "/nix"),
        (postgres("app?port=1"), "a port is given twice"),
        (format!("listen = '0'\n[delivery]\nca_file = '{empty}'"), "delivery.ca_file"),
        (format!("listen = '0'\n[store]\nca_file = '{empty}'"), "store.ca_file"),
        ("listen = '0'\n[store]\nca_file = '/nix'".to_owned(), "store.ca_file"),
        (format!("listen = '0'\n[gateway]\nca_file = '{empty}'"), "gateway.ca_file"),
    ] {
        let checked = check(&desk, &toml, &[]);
        let mut serve =
            desk.command(&["--config", desk.0.path().join("checked.toml").to_str().unwrap(), "serve"]);
        serve.env_remove("APPMIXER_LISTEN");
        for (what, output) in [("check-config", checked), ("serve", run(serve, ""))] {
            let told = text(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{what}: {toml}: {told}");
            assert!(told.contains(part) && !told.contains("s3cret"), "{what}: {toml}: {told}");
        }
    }
    for data in ["/proc/nix", "/dev/null"] {
        let mut command = desk.command(&["check-config", "--data", data]);
        command.env_remove("APPMIXER_DATA");
        let output = run(command, "");
        let told = text(&output.stderr);
        assert!(output.status.code() == Some(2) && told.contains(data), "{data}: {told}");
    }
}

#[test]
fn an_address_in_use_by_such_a_server_is_a_warning() {
    let server = TestServer::start();
    let toml = format!("listen = '{}'", server.address);
    let output = check(&Desk::new(), &toml, &[]);
    let told = text(&output.stderr);
    assert!(output.status.success() && told.contains("a server runs on this address"), "{told}");
}

#[test]
fn a_running_server_is_no_problem_for_the_check_of_its_own_configuration() {
    let server = TestServer::start();
    let output = server.command(&["check-config"], "");
    assert!(output.status.success());
    assert!(text(&output.stderr).contains("warning: a server runs on this database"));
}

#[test]
fn what_needs_the_network_is_tried_if_that_is_asked_for() {
    let desk = Desk::new();
    let closed = Port::reserve();
    let port = closed.number();
    let unreachable = format!("listen = '0'\n[store]\nurl = 'postgres://app:s3cret@127.0.0.1:{port}/app'");
    assert!(check(&desk, &unreachable, &[]).status.success());
    let output = check(&desk, &unreachable, &["--connect"]);
    let told = text(&output.stderr);
    assert!(output.status.code() == Some(2) && told.contains("cannot be reached"), "{told}");
    assert!(!told.contains("s3cret"), "{told}");

    desk.done(&["config", "set", "MAIL_SMTP_HOST", "127.0.0.1"], "");
    desk.done(&["config", "set", "MAIL_SMTP_PORT", &port.to_string()], "");
    let upstream = format!("listen = '0'\n[gateway.routes.\"/flows\"]\nto = ['http://127.0.0.1:{port}']");
    let output = check(&desk, &upstream, &["--connect"]);
    let told = text(&output.stderr);
    // The start does not need them.
    assert!(output.status.success(), "{told}");
    for part in ["warning: MAIL_SMTP_HOST: 127.0.0.1", "warning: gateway.routes.\"/flows\".to"] {
        assert!(told.contains(part), "{told}");
    }
}

#[test]
fn what_is_shown_is_a_configuration_that_says_the_same() {
    let desk = Desk::new();
    let toml = "listen = ':0'\nlisten_unix = \"a \\\"b\\\" c\"\n[http]\ncors_origins = ['https://a.b', 'https://c.d']\n\
                [token]\nlifetime = '12h'\n[store]\nurl = 'sqlite:data/appmixer.sqlite'\n\
                [gateway.routes.\"/flows\"]\nto = ['http://127.0.0.1:9']\nidle_timeout = '7s'\n\
                [gateway.routes.\"/a.b/c\"]\nto = ['http://127.0.0.1:9']\nopen = true\n";
    let values = |toml: &str| {
        let lines = text(&check(&desk, toml, &["--json"]).stdout);
        let values = lines.lines().map(|line| {
            let line: Value = serde_json::from_str(line).unwrap();
            (line["key"].as_str().unwrap().to_owned(), line["value"].clone())
        });
        values.collect::<BTreeMap<_, _>>()
    };
    let output = check(&desk, toml, &[]);
    let shown = text(&output.stdout);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(shown.contains("gateway.routes.\"/flows\".idle_timeout = \"7s\""), "{shown}");
    // The secret is in the environment of both.
    assert!(shown.contains("# token.secret = \"********\"  # the environment"), "{shown}");
    assert_eq!(values(&shown), values(toml), "{shown}");
}

#[test]
fn of_a_databases_url_only_the_password_is_masked() {
    let toml = "listen = '0'\n[store]\nurl = 'postgres://app:s3cret@127.0.0.1:1/app?sslmode=disable'";
    let shown = text(&check(&Desk::new(), toml, &[]).stdout);
    let line = "# store.url = \"postgres://app:********@127.0.0.1:1/app?sslmode=disable\"";
    assert!(shown.contains(line) && !shown.contains("s3cret"), "{shown}");
}

#[test]
fn users_who_are_kept_out_by_require_active_are_warned_of_until_that_is_changed() {
    let required = "listen = '0'\n[users]\nrequire_active = true";
    let new = text(&check(&Desk::new(), required, &[]).stderr);
    assert!(new.contains("users.require_active is set, and no code can be sent"), "{new}");
    let desk = Desk::new();
    let admin = json!({
        "id": "5c88c7cc04a917256c726c3d", "username": "admin@acme", "scope": ["admin"], "isActive": false,
        "passwordHash": "$2b$04$abcdefghijklmnopqrstuuO0dUvLsRGjrZmzpkUQXqyGZ5cYFSWBe",
    });
    desk.done(&["user", "import", "-"], &admin.to_string());
    let warnings = |toml: &str| {
        let output = check(&desk, toml, &[]);
        assert!(output.status.success());
        text(&output.stderr)
    };
    let told = warnings(required);
    assert!(told.contains("users.require_active is set, and no code can be sent"), "{told}");
    assert!(told.contains("users.require_active is set, and no administrator is active"), "{told}");
    assert_eq!(warnings("listen = '0'"), "");
    desk.done(&["user", "set", "admin@acme", "--active", "true"], "");
    desk.done(&["config", "set", "WEBHOOK_USER_CONFIRM", "https://hooks.example/confirm"], "");
    assert_eq!(warnings(required), "");
}

#[test]
fn the_start_warns_if_new_users_cannot_confirm_their_address() {
    let warns = |server: &TestServer| server.log().contains("no code can be sent to new users");
    let server = TestServer::with(&[("APPMIXER_USERS__REQUIRE_ACTIVE", "true")]);
    assert!(warns(&server), "{}", server.log());
    assert!(!warns(&TestServer::start()));
}
