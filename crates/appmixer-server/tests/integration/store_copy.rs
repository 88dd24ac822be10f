//! `store copy` and `store migrate`: what a database keeps is in another one afterwards, and what is refused.

use std::path::{Path, PathBuf};
use std::process::Output;

use appmixer_testbed::Postgres;
use rusqlite::Connection;
use rusqlite::types::Value as Sql;
use serde_json::{Value, json};

use crate::backup;
use crate::commands::Desk;
use crate::import::{file, text};
use crate::receivers::{Manner, Receiver, configure};
use crate::support::{SECRET, TestServer, eventually};

/// What is in a file, but for what is made of it again.
const TABLES: [&str; 11] = [
    "users",
    "names",
    "deletions",
    "config",
    "access_rules",
    "reset_codes",
    "outbox",
    "audit",
    "signing_keys",
    "sqlite_sequence",
    "unfinished_copy",
];

pub(crate) fn sqlite(path: &Path) -> String {
    format!("sqlite:{}", path.display())
}

/// All rows of a file.
pub(crate) fn dump(path: &Path) -> Vec<(String, Vec<Vec<Sql>>)> {
    let db = Connection::open(path).unwrap();
    let check: String = db.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
    let mut tables: Vec<_> = TABLES.iter().map(|name| format!("SELECT * FROM {name} ORDER BY 1")).collect();
    tables.push("SELECT kind, value, users FROM facets ORDER BY 1, 2".to_owned());
    tables.push("SELECT list, sum(entries) FROM list_blocks GROUP BY list ORDER BY 1".to_owned());
    tables
        .into_iter()
        .map(|sql| {
            let mut statement = db.prepare(&sql).unwrap();
            let columns = statement.column_count();
            let rows = statement
                .query_map([], |row| (0..columns).map(|place| row.get(place)).collect::<Result<Vec<_>, _>>());
            let rows = rows.unwrap().map(Result::unwrap).collect();
            (sql, rows)
        })
        .collect()
}

/// A server that has something of everything, stopped: its data, and tokens of the administrator and of a user.
struct Furnished {
    server: TestServer,
    admin: String,
    joe: String,
}

fn furnished() -> Furnished {
    let mut server = TestServer::with(&[
        ("APPMIXER_LIMITS__ENABLED", "false"),
        ("APPMIXER_DELIVERY__FIRST_RETRY", "1h"),
        ("APPMIXER_DELIVERY__TIMEOUT", "2s"),
    ]);
    let admin = server.admin();
    // It refuses what comes first, which then waits.
    let receiver = Receiver::start(Manner::Answers(vec![500; 100]));
    configure(
        &server,
        &admin,
        &[
            ("WEBHOOK_SECRET", json!("the key that signs webhooks")),
            ("WEBHOOK_USER_CREATED", json!(receiver.url)),
            ("WEBHOOK_USER_FORGOT_PASSWORD", json!(receiver.url)),
            ("SOMETHING_ELSE", json!({"b": [1, "ž\u{0}"], "a": null})),
        ],
    );
    let joe = server.user("Žofie@acme");
    for number in 0..5 {
        server.user(&format!("u{number}@acme"));
    }
    let metadata = r#"{"plan":"gold","vendor":["b","a"],"metadata":{"z":1,"a":"\u0000"},"title":"Dr."}"#;
    let id = server.get("/user", &joe).text("id");
    server.put_as(&admin, &format!("/users/{id}"), metadata).expect(200);
    let gone = server.sign_in("u4@acme", "abc321").text("token");
    let gone = server.get("/user", &gone).text("id");
    server.delete_as(&admin, &format!("/users/{gone}")).expect(200);
    server.post("/user/forgot-password", r#"{"email":"u1@acme"}"#).expect(200);
    server.post("/user/forgot-password", r#"{"email":"nobody@acme"}"#).expect(200);
    server
        .post_as(
            &admin,
            "/acl/routes",
            r#"[{"role":"user","resource":"flows","action":["read"],"attributes":["*"]}]"#,
        )
        .expect(200);
    server.done(&["key", "rotate", "--algorithm", "eddsa", "--activate-in", "0"], "");
    server.sign_in("u2@acme", "wrong1").error(403);
    let joe_by_key = {
        eventually(|| !server.request("GET", "/.well-known/jwks.json", &[], b"").json()["keys"][0].is_null());
        server.sign_in("Žofie@acme", "abc321").text("token")
    };
    server.get("/user", &joe).expect(200);
    eventually(|| {
        let waiting = server.done(&["outbox", "list", "--json"], "");
        waiting.lines().count() == 7 && waiting.lines().all(|line| line.contains("\"attempts\":1"))
    });
    server.signal("TERM");
    assert!(server.wait().success());
    Furnished { server, admin, joe: joe_by_key }
}

/// What commands tell of a database.
fn told(run: impl Fn(&[&str]) -> String) -> Vec<String> {
    [
        &["user", "export", "-"][..],
        &["config", "list", "--json"],
        &["acl", "list", "routes", "--json"],
        &["acl", "list", "components", "--json"],
        &["audit", "list", "--limit", "100000", "--json"],
        &["outbox", "list", "--json"],
        &["key", "list", "--json"],
        &["user", "list", "--sort", "created:1", "--json"],
        &["user", "list", "--filter", "vendor:a", "--json"],
        &["user", "list", "--pattern", "ofie", "--json"],
        &["user", "count", "--json"],
    ]
    .into_iter()
    .map(run)
    .collect()
}

#[track_caller]
pub(crate) fn copied(output: &Output) -> Value {
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{out}\n{err}");
    let summary: Value = serde_json::from_str(out.lines().last().unwrap()).unwrap();
    assert_eq!(summary["same"], true, "{out}");
    summary
}

#[test]
fn everything_goes_to_postgresql_and_back_and_tokens_and_passwords_work_there() {
    let Furnished { server, admin, joe } = furnished();
    let original = server.data().join("appmixer.sqlite");
    let before = dump(&original);
    for (sql, rows) in &before {
        assert!(!rows.is_empty() || sql.contains("unfinished_copy"), "{sql}: nothing to copy");
    }
    let desk = Desk::new();
    let url = Postgres::shared().database();
    let from = sqlite(&original);
    let to = file(&desk, "url", format!("{url}\n"));
    let summary =
        copied(&desk.output(&["store", "copy", "--from", &from, "--to", &format!("@{to}"), "--json"], ""));
    assert_eq!(summary["parts"][0]["source"]["rows"], 6);
    assert_eq!(dump(&original), before, "the source was written to");

    // The same is told of both.
    let here = told(|arguments| server.done(arguments, ""));
    let there = told(|arguments| {
        let mut command = desk.command(arguments);
        command.env("APPMIXER_STORE__URL", &url);
        let output = crate::support::run(command, "");
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        text(&output.stdout).trim().to_owned()
    });
    for (here, there) in here.iter().zip(&there) {
        assert_eq!(here, there);
    }

    // Back, as it is before anybody has used it there.
    let back = desk.0.path().join("back").join("appmixer.sqlite");
    let mut command =
        desk.command(&["store", "copy", "--from", "env:SOURCE", "--to", &sqlite(&back), "--json"]);
    copied(&crate::support::run(
        {
            command.env("SOURCE", &url);
            command
        },
        "",
    ));
    assert_eq!(dump(&back), before);

    let node = TestServer::with(&[("APPMIXER_STORE__URL", &url), ("APPMIXER_LIMITS__ENABLED", "false")]);
    node.get("/user", &joe).expect(200);
    node.get("/users", &admin).expect(200);
    node.sign_in("Žofie@acme", "abc321").expect(200);
    node.sign_in("u4@acme", "abc321").error(403);
    // New users and entries come behind those that went over.
    let new = node.user("new@acme");
    let log = node.done(&["audit", "list", "--limit", "100000", "--json"], "");
    assert!(log.lines().count() > here[4].lines().count());
    assert!(log.ends_with(&here[4]), "{log}");
    node.done(&["key", "rotate", "--activate-in", "0"], "");

    // And back with what was done there, also what no node has put into the log yet.
    let mut node = node;
    node.sign_in("u2@acme", "abc321").expect(200);
    node.signal("TERM");
    assert!(node.wait().success());
    let data = desk.0.path().join("data");
    let to = sqlite(&data.join("appmixer.sqlite"));
    let mut command = desk.command(&["store", "copy", "--to", &to, "--json"]);
    command.env("APPMIXER_STORE__URL", &url);
    copied(&crate::support::run(command, ""));
    let log = desk.done(&["audit", "list", "--limit", "3", "--json"], "");
    assert!(log.lines().next().unwrap().contains("\"sign-in\""), "{log}");
    let by_token = desk.done(&["token", "verify", &new], "");
    assert!(by_token.contains("new@acme") || !by_token.is_empty(), "{by_token}");
    assert_eq!(desk.done(&["user", "count"], ""), "7");
}

#[test]
fn a_source_that_is_served_and_a_target_that_is_not_empty_are_refused() {
    let server = TestServer::start();
    server.user("joe@acme");
    let desk = Desk::new();
    let from = sqlite(&server.data().join("appmixer.sqlite"));
    let new = sqlite(&desk.0.path().join("new.sqlite"));
    let refused = |code: i32, from: &str, to: &str, what: &str| {
        let why = desk.refused(code, &["store", "copy", "--from", from, "--to", to], "");
        assert!(why.contains(what), "{why}");
    };
    refused(2, &from, &new, "is in use by another server; stop that one first");
    refused(1, &sqlite(&desk.0.path().join("nowhere")), &new, "there is no database at");
    refused(2, "mysql://joe:s3cret@x", &new, "--from: must begin with sqlite: or postgres://");
    refused(2, &format!("@{}", desk.0.path().join("url").display()), &new, "No such file");
    refused(2, "env:NOWHERE", &new, "--from: the variable NOWHERE is not set");

    // Of another server, and of one that is running.
    desk.add("root@acme", &["admin"]);
    let full = sqlite(&desk.0.path().join("data").join("appmixer.sqlite"));
    let other = desk.0.path().join("other.sqlite");
    let other_desk = Desk::new();
    other_desk.add("root@acme", &["admin"]);
    let source = sqlite(&other_desk.0.path().join("data").join("appmixer.sqlite"));
    refused(1, &source, &full, "the target is not empty: it has users; copy into a new database");
    refused(2, &source, &from, "is in use by another server");
    refused(1, &source, &source, "this is the database itself");
    let url = Postgres::shared().database();
    let database = url.rsplit('/').next().unwrap().to_owned();
    let to = file(&desk, "url", &url);
    let to = format!("@{to}");
    desk.done(&["store", "copy", "--from", &source, "--to", &to], "");
    refused(1, &source, &to, "the target is not empty: it has users");
    // What is not of today is not copied, since it would have to be written to.
    Postgres::shared().psql(&database, "DELETE FROM refinery_schema_history");
    let told = desk.refused(1, &["store", "copy", "--from", &to, "--to", &sqlite(&other)], "");
    assert!(told.contains("the source has schema version 0 and not "), "{told}");
    assert!(told.contains("; bring it up to date with `store migrate`"), "{told}");
}

#[test]
fn a_password_in_an_argument_is_warned_of_and_one_elsewhere_is_shown_by_nobody() {
    let desk = Desk::new();
    desk.add("root@acme", &["admin"]);
    let url = "postgres://joe:s3cret@127.0.0.1:1/x";
    let to = file(&desk, "url", url);
    let why = desk.refused(1, &["store", "copy", "--to", &format!("@{to}")], "");
    assert!(why.contains("127.0.0.1:1/x cannot be reached") && !why.contains("s3cret"), "{why}");
    assert_eq!(why.lines().count(), 1, "{why}");
    let why = desk.refused(1, &["store", "copy", "--to", url], "");
    assert!(why.contains("--to shows a password") && !why.contains("s3cret"), "{why}");
}

#[test]
fn migrate_brings_a_schema_up_to_date_and_ends() {
    let desk = Desk::empty();
    let url = Postgres::shared().database();
    let here = || desk.done(&["store", "migrate"], "");
    let there = || {
        let mut command = desk.command(&["store", "migrate"]);
        command.env("APPMIXER_STORE__URL", &url).env("APPMIXER_TOKEN__SECRET", SECRET);
        let output = crate::support::run(command, "");
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout).trim().to_owned()
    };
    for migrate in [&here as &dyn Fn() -> String, &there] {
        let told = migrate();
        let newest = told.strip_prefix("schema version 0 became ").unwrap_or_else(|| panic!("{told}"));
        assert_eq!(migrate(), format!("schema version {newest}, as it was"));
    }
}

/// A desk with so many users in its database; and that.
pub(crate) fn desk_with(users: usize) -> (Desk, PathBuf) {
    let desk = backup::desk_with(users);
    let path = desk.0.path().join("data").join("appmixer.sqlite");
    (desk, path)
}
