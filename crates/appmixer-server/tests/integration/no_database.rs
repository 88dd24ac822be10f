//! Commands in a folder without a database, and without the server's secret.

use std::process::Command;

use appmixer_testbed::Postgres;

use crate::commands::Desk;
use crate::support::{TestServer, binary, run};

/// What works on a database that must be there.
const NEED_ONE: &[&[&str]] = &[
    &["user", "list"],
    &["user", "count"],
    &["user", "show", "joe@acme"],
    &["user", "set", "joe@acme", "--plan", "beta"],
    &["user", "reset-password", "joe@acme", "--password-stdin"],
    &["user", "sign-out", "joe@acme"],
    &["user", "delete", "joe@acme", "--yes"],
    &["user", "export", "-"],
    &["config", "list"],
    &["config", "get", "APP_NAME"],
    &["config", "set", "API_USER_CREATE_SCOPE", "admin"],
    &["config", "unset", "APP_NAME"],
    &["acl", "list", "routes"],
    &["acl", "set", "routes", "-"],
    &["acl", "reset", "routes"],
    &["acl", "test", "routes", "--user", "joe@acme", "--action", "read", "--resource", "x"],
    &["audit", "list"],
    &["outbox", "list"],
    &["console", "link"],
    &["key", "list"],
    &["key", "rotate"],
    &["key", "retire", "x", "--yes"],
    &["token", "issue", "joe@acme"],
    &["token", "verify", "x"],
    &["backup", "copy.sqlite"],
    &["store", "copy", "--to", "sqlite:copy.sqlite"],
];

#[test]
fn a_command_that_needs_a_database_creates_none() {
    let desk = Desk::empty();
    for arguments in NEED_ONE {
        let input = if arguments.contains(&"set") { "[]" } else { "abc321\n" };
        let refusal = desk.refused(1, arguments, input);
        assert!(refusal.contains("there is no database at /"), "{arguments:?}: {refusal}");
        assert!(refusal.contains("data/appmixer.sqlite"), "{arguments:?}: {refusal}");
        assert_eq!(std::fs::read_dir(desk.0.path()).unwrap().count(), 0, "{arguments:?}");
    }
    assert!(desk.refused(1, &["user", "list"], "").contains("--data or --config"));
}

#[test]
fn a_command_that_creates_a_database_says_so() {
    let source = Desk::new();
    source.add("root@acme", &["admin"]);
    source.done(&["backup", "copy.sqlite"], "");
    let backup = source.0.path().join("copy.sqlite").display().to_string();
    let from = format!("sqlite:{backup}");
    for (arguments, input) in [
        (&["user", "add", "joe@acme", "--password-stdin"][..], "abc321\n"),
        (&["user", "import", "-"], ""),
        (&["store", "migrate"], ""),
        (&["restore", &backup, "--yes"], ""),
        (&["store", "copy", "--from", &from, "--to", "sqlite:data/appmixer.sqlite"], ""),
    ] {
        let desk = Desk::empty();
        let output = desk.output(arguments, input);
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{arguments:?}: {told}");
        assert!(
            told.contains("created the database ") && told.contains("appmixer.sqlite"),
            "{arguments:?}: {told}"
        );
        let again = desk.output(&["user", "add", "jim@acme", "--password-stdin"], "abc321\n");
        assert_eq!(String::from_utf8(again.stderr).unwrap(), "", "{arguments:?}");
    }
    assert!(TestServer::start().log().contains("created the database "));
}

#[test]
fn an_empty_postgresql_database_is_none_either() {
    let url = Postgres::shared().database();
    let folder = tempfile::tempdir().unwrap();
    let command = |arguments: &[&str]| {
        let mut command = binary(&folder.path().join("data"));
        command.env("APPMIXER_STORE__URL", &url).args(arguments);
        let output = run(command, "abc321\n");
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, refusal) = command(&["config", "set", "APP_NAME", "Ours"]);
    assert!(code == Some(1) && refusal.contains("has no tables of this server"), "{refusal}");
    let (code, told) = command(&["store", "migrate"]);
    assert!(code == Some(0) && told.contains("created the tables"), "{told}");
    assert_eq!(command(&["config", "set", "APP_NAME", "Ours"]), (Some(0), String::new()));
}

/// A command as somebody runs it who does not have the server's secret.
fn without_secret(server: &TestServer, arguments: &[&str]) -> Command {
    let mut command = binary(&server.data());
    command.env_remove("APPMIXER_TOKEN__SECRET").args(arguments);
    command
}

#[test]
fn a_command_without_the_servers_secret_makes_no_other_one() {
    let server = TestServer::start();
    server.user("joe@acme");
    for arguments in [
        &["token", "issue", "joe@acme"][..],
        &["token", "verify", "x"],
        &["key", "list"],
        &["key", "rotate"],
        &["key", "retire", "configuration", "--yes"],
        &["console", "link"],
    ] {
        let output = run(without_secret(&server, arguments), "");
        let refusal = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {refusal}");
        assert!(refusal.contains("token.secret") && refusal.contains("--config"), "{arguments:?}: {refusal}");
        assert!(output.stdout.is_empty() && !server.data().join("token.secret").exists(), "{arguments:?}");
    }
    for arguments in [
        &["token", "issue", "joe@acme"][..],
        &["token", "verify", "x"],
        &["key", "rotate"],
        &["console", "link"],
    ] {
        let mut command = without_secret(&server, arguments);
        command.env("APPMIXER_TOKEN__SECRET", "another secret, which is as long as that of the server");
        let output = run(command, "");
        let refusal = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {refusal}");
        assert!(refusal.contains("the token.secret that the server has"), "{arguments:?}: {refusal}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}
