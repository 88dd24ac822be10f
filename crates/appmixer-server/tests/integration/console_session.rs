//! The console's page and its session, asked as a browser would.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::observability::scrape;
use crate::support::{Answer, TestServer, eventually};

/// What a browser sends along with whatever its page asks for.
pub(crate) const OWN: (&str, &str) = ("Sec-Fetch-Site", "same-origin");

/// A browser in which an administrator is signed in.
pub(crate) struct Browser<'s> {
    pub(crate) server: &'s TestServer,
    /// The name and the value.
    pub(crate) cookie: String,
    pub(crate) csrf: String,
}

impl<'s> Browser<'s> {
    /// What a browser keeps of an answer.
    pub(crate) fn of(server: &'s TestServer, answer: &Answer) -> Self {
        let [cookie] = &answer.cookies[..] else { panic!("one cookie: {answer:?}") };
        let cookie = cookie.split(';').next().unwrap().to_owned();
        Self { server, cookie, csrf: answer.text("csrf") }
    }

    /// Signed in as `root@acme`, who must be there.
    pub(crate) fn signed_in(server: &'s TestServer) -> Self {
        Self::of(server, &sign_in(server, "root@acme", "abc321").expect(200))
    }

    pub(crate) fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let mut all = vec![OWN, ("Cookie", &*self.cookie), ("Content-Type", "application/json")];
        all.extend(headers);
        self.server.request(method, path, &all, body.as_bytes())
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], &Value::Null)
    }

    /// As the page does it, with its CSRF token.
    pub(crate) fn send(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.ask(method, path, &[("X-CSRF-Token", &self.csrf)], body)
    }
}

pub(crate) fn sign_in(server: &TestServer, name: &str, password: &str) -> Answer {
    let body = json!({ "username": name, "password": password }).to_string();
    server.request("POST", "/console/session", &[OWN, ("Content-Type", "application/json")], body.as_bytes())
}

#[test]
fn the_page_and_its_assets_are_kept_by_browsers_and_load_nothing_from_elsewhere() {
    let server = TestServer::start();
    let page = server.request("GET", "/console", &[], b"").expect(200);
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(page.header("cache-control"), Some("public, no-cache"));
    assert_eq!(page.header("vary"), Some("accept-encoding"));
    assert_eq!(server.request("GET", "/console/", &[], b"").expect(200).body, page.body);
    let script = page.body.split("src=\"").nth(1).unwrap().split('"').next().unwrap();
    assert!(script.starts_with("/console/assets/") && script.contains("?v="), "{script}");
    let script_answer = server.request("GET", script, &[], b"").expect(200);
    assert_eq!(script_answer.header("content-type"), Some("text/javascript; charset=utf-8"));
    assert_eq!(script_answer.header("cache-control"), Some("public, max-age=31536000, immutable"));
    let path = script.split('?').next().unwrap();
    for query in ["", "?v=", "?v=0123456789abcdef"] {
        let answer = server.request("GET", &format!("{path}{query}"), &[], b"").expect(200);
        assert_eq!(answer.header("cache-control"), Some("public, no-cache"), "{query}");
    }
    for path in ["/console", script] {
        let answer = server.request("GET", path, &[], b"").expect(200);
        let tag = answer.header("etag").unwrap();
        let again = server.request("GET", path, &[("If-None-Match", tag)], b"").expect(304);
        assert_eq!((again.body.as_str(), again.header("content-encoding")), ("", None));
        let packed = server.request("HEAD", path, &[("Accept-Encoding", "br, gzip;q=0.5")], b"").expect(200);
        assert_eq!(packed.header("content-encoding"), Some("gzip"));
        assert_ne!(packed.header("etag"), Some(tag), "other bytes");
        let refused = server.request("HEAD", path, &[("Accept-Encoding", "gzip;q=0")], b"").expect(200);
        assert_eq!(refused.header("content-encoding"), None);
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"), "{policy}");
        for (name, value) in [
            ("referrer-policy", "no-referrer"),
            ("x-content-type-options", "nosniff"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{path}");
        }
        server.request("POST", path, &[], b"").error(405);
    }
    for nothing in
        ["/console/assets/none.js", "/console/assets/..%2fCargo.toml", "/console/x", "/console/api"]
    {
        server.request("GET", nothing, &[], b"").error(404);
    }
    server.assert_well();
}

#[test]
fn an_administrator_signs_in_works_with_the_api_and_signs_out() {
    let server = TestServer::start();
    let token = server.admin();
    let answer = sign_in(&server, "root@acme", "abc321").expect(200);
    let cookie = answer.header("set-cookie").unwrap();
    assert!(cookie.ends_with("; httponly; samesite=strict; path=/console; max-age=43200"), "{cookie}");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.json()["user"], server.get("/user", &token).json());
    let browser = Browser::of(&server, &answer);

    let again = browser.get("/console/session").expect(200);
    assert_eq!(again.body, answer.body, "a reloaded page gets what it had");
    let users = browser.get("/console/api/users?pattern=root&limit=1").expect(200);
    assert_eq!(users.body, server.get("/users?pattern=root&limit=1", &token).body);
    assert_eq!(users.header("vary"), Some("cookie"));
    let new = json!({ "username": "joe@acme", "password": "abc321", "scope": ["user", "tester"] });
    let id = browser.send("POST", "/console/api/user", &new).expect(200).json()["user"]["id"].clone();
    let path = format!("/console/api/users/{}", id.as_str().unwrap());
    browser.send("PUT", &path, &json!({ "plan": "gold" })).expect(200);
    assert_eq!(browser.get(&path).json()["plan"], "gold");
    browser.send("POST", "/console/api/config", &json!({ "key": "APP_NAME", "value": "A b" })).expect(200);
    browser.send("DELETE", "/console/api/config/APP_NAME", &Value::Null).expect(200);
    browser.send("DELETE", &path, &Value::Null).expect(200);
    browser.get(&path).error(404);
    browser.get("/console/api/nowhere").error(404);
    assert_eq!(browser.get("/console/api/").expect(200).json()["status"], "ok");
    browser.get("/console/api/console/session").error(404);
    let wrong = browser.send("DELETE", "/console/api/users", &Value::Null);
    assert_eq!(wrong.header("allow"), Some("get, head, options"));
    wrong.error(405);
    browser.ask("HEAD", "/console/api/users", &[], &Value::Null).expect(200);

    let out = browser.send("DELETE", "/console/session", &Value::Null).expect(200);
    assert_eq!(out.body, "{}");
    let gone = "appmixer_console=; httponly; samesite=strict; path=/console; max-age=0";
    assert_eq!(out.header("set-cookie"), Some(gone));
    server.request("GET", "/console/session", &[OWN], b"").error(401);
    server.request("DELETE", "/console/session", &[OWN], b"").expect(200);
    server.assert_well();
}

#[test]
fn every_sign_in_is_in_the_audit_log_and_only_administrators_get_in() {
    let server = TestServer::start();
    let token = server.admin();
    server.user("joe@acme");
    let refused = [
        sign_in(&server, "root@acme", "wrong-password"),
        sign_in(&server, "joe@acme", "abc321"),
        sign_in(&server, "joe@acme", "wrong-password"),
        sign_in(&server, "nobody@acme", "abc321"),
    ];
    let messages = refused.map(|answer| {
        assert_eq!(answer.header("set-cookie"), None);
        (answer.body.clone(), answer.error(403))
    });
    assert!(messages.iter().all(|message| *message == messages[0]), "{messages:?}");
    sign_in(&server, "root@acme", "abc321").expect(200);

    let entries = || server.get("/audit?limit=5", &token).json();
    let reasons = |entries: &Value| -> Vec<String> {
        let told = entries.as_array().unwrap().iter().rev();
        told.map(|entry| format!("{} {}", entry["kind"], entry["details"]["reason"])).collect()
    };
    let expected = [
        r#""sign-in-failed" "credentials""#,
        r#""sign-in-failed" "no-admin""#,
        r#""sign-in-failed" "credentials""#,
        r#""sign-in-failed" "credentials""#,
        r#""sign-in" null"#,
    ];
    eventually(|| reasons(&entries()) == expected);
}

#[test]
fn bad_input_is_told_all_at_once_in_the_contracts_shape() {
    let server = TestServer::start();
    let json = ("Content-Type", "application/json");
    let post = |path: &str, headers: &[(&str, &str)], body: &str| {
        server.request("POST", path, &[&[OWN], headers].concat(), body.as_bytes())
    };
    for path in ["/console/session", "/console/setup"] {
        let wrong = post(path, &[json], r#"{"username":"no address","password":7}"#).expect(400).json();
        let paths: Vec<_> = wrong["details"].as_array().unwrap().iter().map(|d| &d["path"]).collect();
        assert!(paths.contains(&&json!("username")) && paths.contains(&&json!("password")), "{wrong}");
        post(path, &[json], "{").error(400);
        post(path, &[json], "").error(400);
        let form = ("Content-Type", "application/x-www-form-urlencoded");
        post(path, &[form], "username=root%40acme&password=abc321").error(415);
        post(path, &[json], &format!("{{\"username\":\"{}\"}}", "x".repeat(100_000))).error(413);
    }
    let code = post("/console/setup", &[json], r#"{"username":"root@acme","password":"abc321"}"#);
    assert_eq!(code.error(400), "\"code\" is required");
    server.assert_well();
}

#[test]
fn a_console_that_is_switched_off_is_not_there_and_nothing_else_changes() {
    let off = TestServer::with(&[("APPMIXER_CONSOLE__ENABLED", "false")]);
    let token = off.admin();
    for path in ["/console", "/console/", "/console/session", "/console/assets/app.js", "/console/api/users"]
    {
        let answer = off.request("GET", path, &[], b"");
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "as any path that is not there");
        assert_eq!(answer.error(404), "Not Found", "{path}");
    }
    assert!(off.log().lines().all(|line| !line.contains("/console")), "no link: {}", off.log());

    let on = TestServer::start();
    let other = on.admin();
    let steady = |answer: Answer| {
        let lines = answer
            .head
            .lines()
            .filter(|line| !line.starts_with("date:") && !line.starts_with("x-request-id:"));
        (lines.map(str::to_owned).collect::<Vec<_>>(), answer.status)
    };
    for path in ["/", "/user", "/users", "/nowhere", "/consoles", "/openapi.json", "/config"] {
        let (off, on) = (steady(off.get(path, &token)), steady(on.get(path, &other)));
        assert_eq!(off, on, "{path}");
    }
}

#[test]
fn what_is_asked_through_the_console_is_counted_and_logged_as_what_it_is() {
    let server =
        TestServer::with(&[("APPMIXER_MANAGEMENT__LISTEN", "127.0.0.1:0"), ("APPMIXER_LOG__ACCESS", "true")]);
    server.admin();
    // Another process made the administrator. A server that hears of that only now forgets whose a token is.
    let server = server.kill_and_restart();
    let address = server.management();
    let before = scrape(&address);
    let browser = Browser::signed_in(&server);
    browser.get("/console/api/users?pattern=secret").expect(200);
    browser.get("/console/api/users").expect(200);
    browser.ask("POST", "/console/api/user", &[], &json!({})).error(403);
    sign_in(&server, "root@acme", "wrong-password").error(403);
    browser.get("/console/elsewhere").error(404);
    let after = scrape(&address);
    for (series, difference) in [
        (r#"appmixer_http_requests_total{route="/users",method="GET",status="200"}"#, 2.0),
        (r#"appmixer_http_requests_total{route="/user",method="POST",status="403"}"#, 1.0),
        (r#"appmixer_http_requests_total{route="/console/session",method="POST",status="200"}"#, 1.0),
        (r#"appmixer_http_requests_total{route="none",method="GET",status="404"}"#, 1.0),
        (r#"appmixer_sign_ins_total{outcome="ok"}"#, 1.0),
        (r#"appmixer_sign_ins_total{outcome="credentials"}"#, 1.0),
    ] {
        let value = |all: &BTreeMap<String, f64>| all.get(series).copied().unwrap_or(0.0);
        assert!((value(&after) - value(&before) - difference).abs() < 0.1, "{series}");
    }
    let id = browser.get("/console/session").json()["user"]["id"].clone();
    let lines = || -> Vec<Value> {
        let events =
            server.log().lines().filter_map(|line| serde_json::from_str(line).ok()).collect::<Vec<Value>>();
        events.into_iter().filter(|event| event["path"] == "/console/api/users").collect()
    };
    eventually(|| lines().len() == 2);
    assert!(lines().iter().all(|line| line["route"] == "/users" && line["user"] == id), "{:?}", lines());
    let token = browser.cookie.split_once('=').unwrap().1;
    assert!(!server.log().contains(token) && !server.log().contains("pattern"));
}
