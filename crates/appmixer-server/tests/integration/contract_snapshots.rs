//! Snapshots of the wire: statuses, headers, key order and error shapes of the routes that Appmixer's clients use.
//!
//! A snapshot that changes breaks a client that exists. `cargo insta review` shows the difference.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use insta::assert_snapshot;
use serde_json::Value;

use crate::support::{Answer, TestServer};

/// The headers that clients read. `x-request-id` and `date` differ each time.
const HEADERS: [&str; 8] = [
    "content-type",
    "cache-control",
    "www-authenticate",
    "allow",
    "x-total-count",
    "link",
    "ratelimit-policy",
    "location",
];

/// The requests of one test and their answers, as text.
struct Transcript<'a> {
    server: &'a TestServer,
    text: String,
}

impl<'a> Transcript<'a> {
    fn new(server: &'a TestServer) -> Self {
        Self { server, text: String::new() }
    }

    fn send(&mut self, token: &str, method: &str, path: &str, json: &str) -> Answer {
        let bearer = format!("Bearer {token}");
        let mut headers = vec![];
        if !token.is_empty() {
            headers.push(("Authorization", bearer.as_str()));
        }
        if !json.is_empty() {
            headers.push(("Content-Type", "application/json"));
        }
        self.request(method, path, &headers, json)
    }

    fn request(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let answer = self.server.request(method, path, headers, body.as_bytes());
        write!(self.text, "{method} {path} {body}\n{}\n", answer.status).unwrap();
        for name in HEADERS {
            if let Some(value) = answer.header(name) {
                writeln!(self.text, "{name}: {value}").unwrap();
            }
        }
        write!(self.text, "{}\n\n", answer.body).unwrap();
        answer
    }

    /// The text without what differs each time: ids, times and signatures.
    fn redacted(&self) -> String {
        let mut out = String::new();
        let mut rest = self.text.as_str();
        while !rest.is_empty() {
            let is_word = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
            let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            let (word, other) = rest.split_at(end);
            out.push_str(&redact(word));
            let end = other.find(is_word).unwrap_or(other.len());
            out.push_str(&other[..end]);
            rest = &other[end..];
        }
        out.replace(&self.server.address, "<address>")
    }
}

fn redact(word: &str) -> String {
    let is_hex = word.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let is_time = word.len() == 24 && word.ends_with('Z') && word.as_bytes()[10] == b'T';
    match word.split('.').collect::<Vec<_>>()[..] {
        [header, claims, _] if word.starts_with("eyJ") => token(header, claims),
        _ if word.len() == 24 && is_hex => "<id>".to_owned(),
        _ if is_time => "<time>".to_owned(),
        _ => word.to_owned(),
    }
}

/// A token's header and claims as they are, but for the id and the times.
fn token(header: &str, claims: &str) -> String {
    let decode = |part| String::from_utf8(URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
    let (header, claims) = (decode(header), decode(claims));
    let values: Value = serde_json::from_str(&claims).unwrap();
    let (issued, expires) = (values["iat"].as_u64().unwrap(), values["exp"].as_u64().unwrap());
    let claims = claims
        .replace(values["id"].as_str().unwrap(), "<id>")
        .replace(&format!(r#""exp":{expires}"#), &format!(r#""exp":<iat+{}>"#, expires - issued))
        .replace(&format!(r#""iat":{issued}"#), r#""iat":<iat>"#);
    format!("<{header}.{claims}>")
}

#[test]
fn snapshot_of_an_account() {
    let server = TestServer::start();
    let mut wire = Transcript::new(&server);
    let abc = r#"{ "username": "abc@example.com", "email": "abc@example.com", "password": "abc321" }"#;
    wire.send("", "POST", "/user", abc);
    let answer =
        wire.send("", "POST", "/user/auth", r#"{ "username": "abc@example.com", "password": "abc321" }"#);
    let token = answer.text("token");
    wire.send(&token, "GET", "/user", "");
    wire.send(&token, "PUT", "/user", r#"{"metadata":{"b":1,"a":[null]}}"#);
    let change = r#"{"oldPassword":"abc321","newPassword":"abc322"}"#;
    let token = wire.send(&token, "POST", "/user/change-password", change).text("token");
    wire.send(&token, "POST", "/user/sign-out-everywhere", "");
    wire.send("", "POST", "/user/forgot-password", r#"{"email":"nobody@example.com"}"#);
    assert_snapshot!(wire.redacted());
}

#[test]
fn snapshot_of_errors() {
    let server = TestServer::start();
    let token = server.user("joe@acme");
    let (signed, _) = token.rsplit_once('.').unwrap();
    let mut wire = Transcript::new(&server);
    let wrong = format!("{signed}.{}", "A".repeat(43));
    for (token, method, path, json) in [
        ("", "POST", "/user/auth", r#"{"username":"joe@acme","password":"abc322"}"#),
        ("", "POST", "/user/auth", r#"{"username":"eoj@acme","password":"abc322"}"#),
        ("", "POST", "/user/auth", "{}"),
        ("", "POST", "/user/auth", r#"{"username":1,"password":null}"#),
        ("", "POST", "/user/auth", "{"),
        ("", "POST", "/user", r#"{"username":"joe@acme","password":"abc321"}"#),
        ("", "POST", "/user", r#"{"username":"joe","email":"x y@z","password":"short"}"#),
        ("", "POST", "/user", r#"{"username":"a@b","password":"abc321","scope":["admin"]}"#),
        ("", "GET", "/user", ""),
        (&wrong, "GET", "/user", ""),
        ("x", "GET", "/user", ""),
        (&token, "GET", "/users", ""),
        (&token, "POST", "/user/change-password", r#"{"oldPassword":"abc322","newPassword":"abc323"}"#),
        ("", "POST", "/user/forgot-password/reset", r#"{"code":"x","password":"abc321"}"#),
        ("", "GET", "/nothing", ""),
        ("", "PATCH", "/user", ""),
    ] {
        wire.send(token, method, path, json);
    }
    wire.request("POST", "/user/auth", &[("Content-Type", "text/plain")], "x");
    assert_snapshot!(wire.redacted());
}

#[test]
fn snapshot_of_administration() {
    let server = TestServer::start();
    let admin = server.admin();
    let mut wire = Transcript::new(&server);
    let joe = r#"{"username":"joe@acme","password":"abc321","scope":["user","acme1"],"vendor":"acme"}"#;
    let id = wire.send(&admin, "POST", "/user", joe).json()["user"]["id"].as_str().unwrap().to_owned();
    let path = format!("/users/{id}");
    wire.send(&admin, "GET", "/users?sort=username:1&limit=1", "");
    wire.send(&admin, "GET", "/users?limit=0&sort=x&filter=y", "");
    wire.send(&admin, "GET", "/users/count?filter=scope:acme1&pattern=joe", "");
    wire.send(&admin, "GET", &path, "");
    wire.send(&admin, "PUT", &path, r#"{"plan":"beta","allowedPrivateComponents":["a.b.c"]}"#);
    wire.send(&admin, "PUT", &path, r#"{"username":"root@acme"}"#);
    wire.send(&admin, "POST", "/user/reset-password", r#"{"email":"joe@acme","password":"abc322"}"#);
    wire.send(&admin, "GET", "/users/x", "");
    wire.send(&admin, "GET", "/users/000000000000000000000000", "");
    let ticket = wire.send(&admin, "DELETE", &path, "").text("ticket");
    wire.send(&admin, "GET", &format!("{path}/delete-status/{ticket}"), "");
    let own = server.get("/user", &admin).text("id");
    wire.send(&admin, "DELETE", &format!("/users/{own}"), "");
    assert_snapshot!(wire.redacted());
}

#[test]
fn snapshot_of_configuration_and_access_rules() {
    let server = TestServer::start();
    let admin = server.admin();
    let mut wire = Transcript::new(&server);
    wire.send(&admin, "GET", "/config", "");
    wire.send(&admin, "POST", "/config", r#"{"key":"APP_NAME","value":"Acme"}"#);
    wire.send(&admin, "POST", "/config", r#"{"key":"own","value":"1"}"#);
    wire.send(&admin, "POST", "/config", r#"{"key":"MAIL_SMTP_PORT","value":"x"}"#);
    wire.send(&admin, "POST", "/config", r#"{"key":"MAIL_SMTP_PASS","value":"hunter2"}"#);
    wire.send(&admin, "GET", "/config", "");
    wire.send(&admin, "DELETE", "/config/own", "");
    wire.send(&admin, "DELETE", "/config/own", "");
    wire.send(&admin, "GET", "/acl-types", "");
    wire.send(&admin, "GET", "/acl/routes", "");
    wire.send(&admin, "GET", "/acl/components", "");
    let rules = r#"[{"role":"user","resource":"flows","action":["read"],"attributes":["*"]}]"#;
    wire.send(&admin, "POST", "/acl/routes", rules);
    wire.send(&admin, "POST", "/acl/routes", r#"[{"role":"user","resource":"flows","action":["fly"]}]"#);
    wire.send(&admin, "GET", "/acl/nothing", "");
    wire.send(&admin, "GET", "/acl/routes/resources", "");
    wire.send(&admin, "GET", "/acl/routes/actions", "");
    wire.send(&admin, "GET", "/acl/components/resource/flows/attributes", "");
    assert_snapshot!(wire.redacted());
}

#[test]
fn snapshot_of_apps_and_status() {
    let server = TestServer::start();
    let token = server.user("joe@acme");
    let mut wire = Transcript::new(&server);
    wire.send(&token, "GET", "/apps", "");
    wire.send(&token, "GET", "/apps?ignoreACL=true", "");
    wire.send(&token, "GET", "/apps/components?app=appmixer.asana", "");
    wire.send("", "GET", "/healthz", "");
    wire.send("", "GET", "/readyz", "");
    wire.send("", "GET", "/.well-known/jwks.json", "");
    assert_snapshot!(wire.redacted());
}
