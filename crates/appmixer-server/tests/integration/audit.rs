//! The audit log: who did what, from where, and when; and what is never in it.

use serde_json::{Value, json};

use crate::support::{TestServer, eventually};

/// The entries that are asked for, newest first.
pub(crate) fn entries(server: &TestServer, admin: &str, query: &str) -> Vec<Value> {
    let answer = server.get(&format!("/audit{query}"), admin).expect(200).json();
    answer.as_array().unwrap().clone()
}

/// The number of the newest entry, once the sign-in that was just made is there.
pub(crate) fn newest(server: &TestServer, admin: &str) -> u64 {
    let newest =
        |query: &str| entries(server, admin, query).first().map(|entry| entry["id"].as_u64().unwrap());
    eventually(|| newest("?kind=sign-in").is_some());
    newest("").unwrap()
}

pub(crate) fn id_of(server: &TestServer, token: &str) -> String {
    server.get("/user", token).expect(200).text("id")
}

pub(crate) fn database(server: &TestServer) -> rusqlite::Connection {
    rusqlite::Connection::open(server.data().join("appmixer.sqlite")).unwrap()
}

/// What the log says of each step, and nothing else. A step that is refused says nothing.
struct Steps<'a> {
    server: &'a TestServer,
    admin: &'a str,
    last: u64,
}

impl Steps<'_> {
    /// Kind, actor, subject and details of the entries since the last step.
    #[track_caller]
    fn leave(&mut self, expected: &[Value]) {
        let since = || entries(self.server, self.admin, &format!("?after={}", self.last));
        eventually(|| since().len() >= expected.len());
        let told = since();
        let shown: Vec<_> = told
            .iter()
            .rev()
            .map(|entry| json!([entry["kind"], entry["actor"], entry["user"], entry["details"]]))
            .collect();
        assert_eq!(shown, expected);
        for entry in &told {
            let from =
                if entry["actor"]["type"] == "command-line" { Value::Null } else { json!("127.0.0.1") };
            assert_eq!(entry["address"], from, "{entry}");
        }
        if let Some(entry) = told.first() {
            self.last = entry["id"].as_u64().unwrap();
        }
    }
}

#[test]
fn every_write_over_http_leaves_exactly_its_entry_and_a_refused_one_none() {
    let server = TestServer::start();
    let admin = server.admin();
    let root = json!({"type": "user", "id": id_of(&server, &admin)});
    let anonymous = json!({"type": "anonymous"});
    let mut steps = Steps { server: &server, admin: &admin, last: newest(&server, &admin) };

    let joe_token = server.user("joe@acme");
    let id = id_of(&server, &joe_token);
    let joe = json!({"type": "user", "id": id});
    steps.leave(&[json!(["user-created", anonymous, id, {}])]);
    server.post("/user", r#"{"username":"JOE@acme","password":"abc321"}"#).error(409);
    server.post("/user", r#"{"username":"joe2@acme","password":"x"}"#).error(400);
    server.post("/user", r#"{"username":"joe2@acme","password":"abc321","scope":["admin"]}"#).error(403);
    steps.leave(&[]);
    let ann = r#"{"username":"ann@acme","password":"abc321","scope":["user"]}"#;
    let ann = server.post_as(&admin, "/user", ann).expect(200).json()["user"]["id"].clone();
    steps.leave(&[json!(["user-created", root, ann, {}])]);

    server.sign_in("joe@acme", "abc321").expect(200);
    steps.leave(&[json!(["sign-in", joe, id, {}])]);
    server.sign_in("joe@acme", "wrong1").error(403);
    steps.leave(&[json!(["sign-in-failed", anonymous, id, {"reason": "credentials"}])]);
    server.sign_in("nobody@acme", "wrong1").error(403);
    steps.leave(&[json!(["sign-in-failed", anonymous, null, {"reason": "credentials"}])]);
    server.post("/user/auth", r#"{"username":"joe@acme"}"#).error(400);
    steps.leave(&[]);

    server.put_as(&joe_token, "/user", r#"{"metadata":{"a":1}}"#).expect(200);
    steps.leave(&[json!(["user-changed", joe, id, {"members": ["metadata"]}])]);
    server.put_as(&joe_token, "/user", "{}").expect(200);
    let path = format!("/users/{id}");
    let all = r#"{"username":"joseph@acme","plan":"beta","scope":["user","tester"],"isActive":false,"metadata":{"a":1}}"#;
    server.put_as(&admin, &path, all).expect(200);
    steps.leave(&[json!(["user-changed", root, id, {"members": ["username", "scope", "plan"]}])]);
    server.put_as(&admin, &path, r#"{"password":"xyz987"}"#).expect(200);
    steps.leave(&[json!(["user-changed", root, id, {"members": ["password"]}])]);
    server.put_as(&admin, &path, r#"{"username":"ann@acme"}"#).error(409);
    server.put_as(&admin, &path, r#"{"password":"x"}"#).error(400);
    server.put_as(&admin, "/users/0123456789abcdef01234567", r#"{"plan":"beta"}"#).error(404);
    steps.leave(&[]);

    let joe_token = server.sign_in("joe@acme", "xyz987").expect(200).text("token");
    steps.leave(&[json!(["sign-in", joe, id, {}])]);
    let change = |old: &str, new: &str| {
        server.post_as(
            &joe_token,
            "/user/change-password",
            &json!({"oldPassword": old, "newPassword": new}).to_string(),
        )
    };
    change("wrong1", "abc654").error(403);
    change("xyz987", "x").error(400);
    steps.leave(&[]);
    let joe_token = change("xyz987", "abc654").expect(200).text("token");
    steps.leave(&[json!(["password-changed", joe, id, {}])]);
    server.post_as(&joe_token, "/user/sign-out-everywhere", "{}").expect(200);
    steps.leave(&[json!(["signed-out-everywhere", joe, id, {}])]);
    server.post_as(&joe_token, "/user/sign-out-everywhere", "{}").error(401);
    let reset = |name: &str, password: &str| {
        server.post_as(
            &admin,
            "/user/reset-password",
            &json!({"email": name, "password": password}).to_string(),
        )
    };
    reset("nobody@acme", "abc321").error(404);
    reset("joe@acme", "x").error(400);
    steps.leave(&[]);
    reset("joe@acme", "abc321").expect(200);
    steps.leave(&[json!(["password-reset", root, id, {}])]);

    server.post_as(&admin, "/config", r#"{"key":"APP_NAME","value":"Acme"}"#).expect(200);
    steps.leave(&[json!(["config-set", root, null, {"key": "APP_NAME"}])]);
    server.post_as(&admin, "/config", r#"{"key":"MAIL_SMTP_PORT","value":"no"}"#).error(400);
    server.post_as(&joe_token, "/config", r#"{"key":"APP_NAME","value":"Joe"}"#).error(401);
    steps.leave(&[]);
    server.delete_as(&admin, "/config/APP_NAME").expect(200);
    steps.leave(&[json!(["config-removed", root, null, {"key": "APP_NAME"}])]);
    server.delete_as(&admin, "/config/APP_NAME").error(404);
    server.post_as(&admin, "/acl/routes", r#"[{"role":""}]"#).error(400);
    steps.leave(&[]);
    server.post_as(&admin, "/acl/routes", "[]").expect(200);
    steps.leave(&[json!(["rules-replaced", root, null, {"rules": "routes"}])]);

    server.delete_as(&admin, &path).expect(200);
    steps.leave(&[json!(["user-deleted", root, id, {}])]);
    server.delete_as(&admin, &path).error(404);
    let own = format!("/users/{}", root["id"].as_str().unwrap());
    server.delete_as(&admin, &own).error(409);
    steps.leave(&[]);
    server.assert_well();
}

#[test]
fn every_command_that_writes_leaves_exactly_its_entry_and_a_refused_one_none() {
    let server = TestServer::start();
    let admin = server.admin();
    let mut steps = Steps { server: &server, admin: &admin, last: newest(&server, &admin) };
    let uid: u32 = String::from_utf8(std::process::Command::new("id").arg("-u").output().unwrap().stdout)
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    let operator = json!({"type": "command-line", "uid": uid});
    let refused = |arguments: &[&str], input: &str| {
        assert_eq!(server.command(arguments, input).status.code(), Some(1), "{arguments:?}");
    };

    let id = server.done(&["user", "add", "joe@acme", "--password-stdin"], "abc321\n");
    steps.leave(&[json!(["user-created", operator, id, {}])]);
    refused(&["user", "add", "joe@acme", "--password-stdin"], "abc321\n");
    server.done(&["user", "set", "joe@acme", "--plan", "beta"], "");
    steps.leave(&[json!(["user-changed", operator, id, {"members": ["plan"]}])]);
    server.done(&["user", "reset-password", "joe@acme", "--password-stdin"], "xyz987\n");
    steps.leave(&[json!(["password-reset", operator, id, {}])]);
    refused(&["user", "reset-password", "joe@acme", "--password-stdin"], "x\n");
    refused(&["user", "delete", "root@acme", "--yes"], "");
    server.done(&["config", "set", "APP_NAME", "Acme"], "");
    steps.leave(&[json!(["config-set", operator, null, {"key": "APP_NAME"}])]);
    server.done(&["config", "unset", "APP_NAME"], "");
    steps.leave(&[json!(["config-removed", operator, null, {"key": "APP_NAME"}])]);
    refused(&["config", "unset", "APP_NAME"], "");
    server.done(&["user", "delete", "joe@acme", "--yes"], "");
    steps.leave(&[json!(["user-deleted", operator, id, {}])]);
    server.done(&["user", "list"], "");
    server.done(&["audit", "list"], "");
    steps.leave(&[]);
}

#[test]
fn a_user_whose_address_is_not_confirmed_is_told_apart_in_the_log() {
    let server = TestServer::with(&[("APPMIXER_USERS__REQUIRE_ACTIVE", "true")]);
    let root = [
        "user",
        "add",
        "root@acme",
        "--scope",
        "admin",
        "--scope",
        "user",
        "--active",
        "true",
        "--password-stdin",
    ];
    server.done(&root, "abc321\n");
    let admin = server.sign_in("root@acme", "abc321").expect(200).text("token");
    server.post("/user", r#"{"username":"joe@acme","password":"abc321"}"#).expect(200);
    server.sign_in("joe@acme", "abc321").error(403);
    let failed = || entries(&server, &admin, "?kind=sign-in-failed");
    eventually(|| !failed().is_empty());
    assert_eq!(failed()[0]["details"], json!({"reason": "not-active"}));
}

#[test]
fn the_address_is_the_connections_whatever_a_header_says() {
    let server = TestServer::start();
    let admin = server.admin();
    let headers = [
        ("Content-Type", "application/json"),
        ("X-Forwarded-For", "192.0.2.1"),
        ("Forwarded", "for=192.0.2.1"),
        ("X-Real-IP", "192.0.2.1"),
    ];
    server.request("POST", "/user/auth", &headers, br#"{"username":"a@b","password":"abc321"}"#).error(403);
    let failed = || entries(&server, &admin, "?kind=sign-in-failed");
    eventually(|| !failed().is_empty());
    assert_eq!(failed()[0]["address"], "127.0.0.1");
}

#[test]
fn no_secret_and_no_name_that_was_typed_is_in_the_log_or_on_the_disk() {
    let server = TestServer::start();
    let admin = server.admin();
    let joe = server.user("joe@acme");
    let id = id_of(&server, &joe);
    // A password in the wrong field, and passwords in the right one.
    server.sign_in("typed-in-the-wrong-field@x", "wrong-password-1").error(403);
    server.sign_in("joe@acme", "wrong-password-2").error(403);
    let changed = json!({"oldPassword": "abc321", "newPassword": "chosen-password-3"}).to_string();
    let joe = server.post_as(&joe, "/user/change-password", &changed).expect(200).text("token");
    server.put_as(&joe, "/user", r#"{"metadata":{"note":"value-in-metadata"}}"#).expect(200);
    server.put_as(&admin, &format!("/users/{id}"), r#"{"password":"chosen-password-4"}"#).expect(200);
    server
        .post_as(&admin, "/config", r#"{"key":"MAIL_SMTP_PASS","value":"value-in-configuration"}"#)
        .expect(200);
    let rules = r#"[{"role":"role-in-rules","resource":"x","action":["*"],"attributes":[]}]"#;
    server.post_as(&admin, "/acl/routes", rules).expect(200);
    server.delete_as(&admin, &format!("/users/{id}")).expect(200);
    eventually(|| entries(&server, &admin, "?kind=sign-in-failed").len() == 2);

    let answer = server.get("/audit?limit=1000", &admin).expect(200);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let listed = server.done(&["audit", "list"], "") + &server.done(&["audit", "list", "--json"], "");
    let files: Vec<u8> = ["appmixer.sqlite", "appmixer.sqlite-wal"]
        .into_iter()
        .flat_map(|name| std::fs::read(server.data().join(name)).unwrap())
        .collect();
    let on_disk = |text: &str| files.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(on_disk("sign-in-failed") && on_disk("root@acme"), "the search finds what is there");
    for text in [
        "typed-in-the-wrong-field",
        "wrong-password-1",
        "wrong-password-2",
        "chosen-password-3",
        "chosen-password-4",
        "abc321",
        &joe,
        &admin,
    ] {
        assert!(!on_disk(text), "{text} is on the disk");
    }
    let joined = |row: &rusqlite::Row<'_>| row.get::<_, String>(0);
    let database = database(&server);
    let mut statement = database
        .prepare("SELECT quote(time) || kind || quote(actor) || quote(uid) || quote(address) || quote(user) || details FROM audit")
        .unwrap();
    let rows: String = statement.query_map([], joined).unwrap().map(Result::unwrap).collect();
    assert!(rows.contains("MAIL_SMTP_PASS"));
    for shown in [&answer.body, &listed, &rows, &server.log()] {
        for text in ["acme", "value-in", "role-in", "typed-in", "password-1", "$argon2", "abc321"] {
            assert!(!shown.contains(text), "{text}: {shown}");
        }
    }
}

#[test]
fn sign_ins_are_answered_while_nothing_can_be_written() {
    let server = TestServer::start();
    let admin = server.admin();
    server.user("joe@acme");
    let last = newest(&server, &admin);
    let other = database(&server);
    // The server's writer waits for this one, for five seconds.
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    // Far fewer than could be answered in that time.
    for number in 0..10 {
        server.sign_in("joe@acme", "abc321").expect(200);
        server.sign_in("joe@acme", "wrong1").error(403);
        server.sign_in(&format!("nobody{number}@acme"), "wrong1").error(403);
    }
    let since = || entries(&server, &admin, &format!("?after={last}&limit=1000")).len();
    assert_eq!(since(), 0, "nothing could be written meanwhile");
    other.execute_batch("ROLLBACK").unwrap();
    eventually(|| since() == 30);
    server.assert_well();
}

#[test]
fn entries_that_could_not_be_kept_are_counted_in_the_servers_log() {
    let server = TestServer::start();
    let admin = server.admin();
    let before = newest(&server, &admin);
    let other = database(&server);
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    for _ in 0..3 {
        server.sign_in("nobody@acme", "wrong1").error(403);
    }
    // The writer gives up after five seconds.
    let warning = || {
        let log = server.log();
        let line = log.lines().find(|line| line.contains("missing from the audit log"))?;
        Some(serde_json::from_str::<Value>(line).unwrap())
    };
    eventually(|| warning().is_some());
    let lost = warning().unwrap()["lost"].as_u64().unwrap();
    assert!((1..=3).contains(&lost), "{lost}");
    other.execute_batch("ROLLBACK").unwrap();
    // What was not lost, and what comes later, is kept.
    server.sign_in("root@acme", "abc321").expect(200);
    let since = || entries(&server, &admin, &format!("?after={before}"));
    eventually(|| since().first().is_some_and(|entry| entry["kind"] == "sign-in"));
    assert_eq!(since().len() as u64 + lost, 4, "{:?}", since());
}
