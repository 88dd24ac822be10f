//! What a rule's role matches, where it counts: at `/auth/verify`, through the gateway, and in what `/apps` shows.

use std::fs;

use serde_json::{Value, json};

use crate::commands::Desk;
use crate::gateway::serve;
use crate::support::TestServer;
use crate::upstream::Upstream;

fn verify(server: &TestServer, token: &str, method: &str, uri: &str) -> u16 {
    let bearer = format!("Bearer {token}");
    let headers =
        [("Authorization", bearer.as_str()), ("X-Original-Method", method), ("X-Original-URI", uri)];
    server.request("GET", "/auth/verify", &headers, b"").status
}

fn set_rules(server: &TestServer, admin: &str, rules: &Value) {
    server.post_as(admin, "/acl/routes", &rules.to_string()).expect(200);
}

fn rule(role: &str, resource: &str, action: &[&str]) -> Value {
    json!({"role": role, "resource": resource, "action": action, "attributes": ["*"]})
}

#[test]
fn an_address_whose_domain_is_spelled_like_a_scope_has_nothing_of_it() {
    let upstream = Upstream::start();
    let server = serve(&json!({"/billing": {"to": [upstream.url()]}}), &[]);
    let admin = server.admin();
    set_rules(
        &server,
        &admin,
        &json!([rule("admin", "billing", &["*"]), rule("flows.read", "flows", &["*"])]),
    );
    let evil = server.user("evil@admin");
    for method in ["GET", "DELETE", "PROPFIND"] {
        assert_eq!(verify(&server, &evil, method, "/billing/1"), 403, "{method}");
        assert_eq!(verify(&server, &admin, method, "/billing/1"), 204, "{method}");
    }
    server.get("/billing/1", &evil).error(403);
    assert_eq!(upstream.count(), 0);
    // A scope with a dot is a domain in an allowance, so that it needs its prefix.
    server.done(
        &["user", "add", "x@y", "--scope", "flows.read", "--scope", "user", "--password-stdin"],
        "abc321\n",
    );
    let reader = server.sign_in("x@y", "abc321").text("token");
    assert_eq!(verify(&server, &reader, "GET", "/flows"), 403);
    set_rules(&server, &admin, &json!([rule("scope:flows.read", "flows", &["*"])]));
    assert_eq!(verify(&server, &reader, "GET", "/flows"), 204);
    assert_eq!(verify(&server, &server.user("evil@flows.read"), "GET", "/flows"), 403);
    server.assert_well();
}

#[test]
fn a_denial_by_a_bare_word_holds_for_the_scope_and_for_the_domain() {
    let server = TestServer::start();
    let admin = server.admin();
    set_rules(
        &server,
        &admin,
        &json!([
            rule("*", "x", &["*"]),
            rule("tester", "x", &["!delete"]),
            rule("acme.com", "x", &["!delete"])
        ]),
    );
    for (name, scopes, status) in [
        ("a@b", &["user"][..], 204),
        ("a@tester", &["user"], 403),
        ("b@b", &["user", "tester"], 403),
        ("a@ACME.com", &["user"], 403),
        ("c@b", &["acme.com"], 403),
    ] {
        let scopes = scopes.iter().flat_map(|scope| ["--scope", scope]);
        let arguments: Vec<_> = ["user", "add", name, "--password-stdin"].into_iter().chain(scopes).collect();
        server.done(&arguments, "abc321\n");
        let token = server.sign_in(name, "abc321").text("token");
        assert_eq!(verify(&server, &token, "DELETE", "/x"), status, "{name}");
        assert_eq!(verify(&server, &token, "GET", "/x"), 204, "{name}");
    }
}

#[test]
fn a_domain_is_the_one_that_its_mail_goes_to_however_it_is_spelled() {
    let server = TestServer::start();
    let admin = server.admin();
    set_rules(
        &server,
        &admin,
        &json!([
            rule("@strasse.de", "s", &["*"]),
            rule("@xn--strae-oqa.de", "a", &["*"]),
            rule("*", "x", &["*"]),
            rule("stra\u{df}e.de", "x", &["!delete"]),
        ]),
    );
    for (name, s, a, x) in [
        ("evil@stra\u{df}e.de", 403, 204, 403),
        ("ann@xn--strae-oqa.de", 403, 204, 403),
        ("joe@Strasse.DE", 204, 403, 204),
    ] {
        server.done(&["user", "add", name, "--password-stdin"], "abc321\n");
        let token = server.sign_in(name, "abc321").text("token");
        let statuses = ["/s", "/a", "/x"].map(|path| verify(&server, &token, "DELETE", path));
        assert_eq!(statuses, [s, a, x], "{name}");
    }
}

#[test]
fn components_are_shown_by_the_same_meaning_of_roles() {
    let folder = tempfile::tempdir().unwrap();
    let module = folder.path().join("acme/mail/gmail");
    fs::create_dir_all(module.join("Send")).unwrap();
    fs::write(folder.path().join("acme/mail/service.json"), r#"{"name":"acme.mail","label":"Mail"}"#)
        .unwrap();
    fs::write(module.join("module.json"), r#"{"name":"acme.mail.gmail","label":"Gmail"}"#).unwrap();
    fs::write(module.join("Send/component.json"), r#"{"name":"acme.mail.gmail.Send"}"#).unwrap();
    let server = TestServer::with(&[("APPMIXER_APPS__FOLDER", folder.path().to_str().unwrap())]);
    let (admin, evil) = (server.admin(), server.user("evil@admin"));
    let shows = |rules: &Value, token: &str| {
        server.post_as(&admin, "/acl/components", &rules.to_string()).expect(200);
        server.get("/apps", token).expect(200).body != "{}"
    };
    let all = |role: &str| json!([rule(role, "*", &["*"])]);
    assert!(!shows(&all("admin"), &evil) && shows(&all("admin"), &admin));
    assert!(shows(&all("scope:admin"), &admin) && !shows(&all("scope:admin"), &evil));
    // Both are found by this rule, and only one is allowed by it.
    let mixed = json!([rule("admin", "*", &["*", "!delete"])]);
    assert!(shows(&mixed, &admin) && !shows(&mixed, &evil));
    assert!(!shows(&json!([rule("*", "*", &["*"]), rule("admin", "*", &["!read"])]), &evil));
}

#[test]
fn a_role_of_a_group_is_stored_and_matches_no_one_yet() {
    let server = TestServer::start();
    let (admin, joe) = (server.admin(), server.user("joe@acme"));
    let rules =
        json!([rule("group:7", "x", &["*"]), rule("*", "y", &["*"]), rule("group:7", "y", &["!read"])]);
    set_rules(&server, &admin, &rules);
    assert_eq!(server.get("/acl/routes", &admin).json(), rules);
    assert_eq!(verify(&server, &joe, "GET", "/x"), 403);
    assert_eq!(verify(&server, &joe, "GET", "/y"), 204);
}

#[test]
fn a_scope_that_reads_like_an_address_or_a_group_cannot_be_given_to_users() {
    let server = TestServer::start();
    let admin = server.admin();
    let joe = server.user("joe@acme");
    let id = server.get("/user", &joe).text("id");
    for scope in ["root@acme", "@acme", "group:7", "scope:admin"] {
        let scopes = json!(["user", scope]);
        let new = json!({"username": "new@acme", "password": "abc321", "scope": scopes}).to_string();
        let answer = server.post_as(&admin, "/user", &new).expect(400).json();
        assert_eq!(answer["details"][0]["path"], "scope", "{answer}");
        let answer = server.put_as(&admin, &format!("/users/{id}"), &json!({"scope": scopes}).to_string());
        assert_eq!(answer.expect(400).json()["details"][0]["path"], "scope");
        for arguments in [
            &["user", "add", "new@acme", "--password-stdin", "--scope", scope][..],
            &["user", "set", "joe@acme", "--scope", scope],
        ] {
            let refused = server.command(arguments, "abc321\n");
            assert_eq!(refused.status.code(), Some(1), "{arguments:?}");
            let error = String::from_utf8(refused.stderr).unwrap();
            assert!(error.contains("--scope: must not contain @ nor begin with group:"), "{error}");
        }
    }
    assert_eq!(server.get("/user", &joe).json()["scope"], json!(["user"]));
}

#[test]
fn a_stored_scope_that_reads_like_an_address_or_a_group_goes_on_working_and_is_told_to_no_service() {
    let server = TestServer::start();
    server.done(&["user", "add", "joe@acme", "--scope", "user", "--password-stdin"], "abc321\n");
    let database = rusqlite::Connection::open(server.data().join("appmixer.sqlite")).unwrap();
    let changed = database
        .execute(
            r#"UPDATE users SET scope = '["user","root@acme","group:7"]' WHERE username = 'joe@acme'"#,
            [],
        )
        .unwrap();
    assert_eq!(changed, 1);
    drop(database);
    let server = server.kill_and_restart();
    let admin = server.admin();
    let signed_in = server.sign_in("joe@acme", "abc321").expect(200);
    let token = signed_in.text("token");
    let user = server.get("/user", &token).expect(200).json();
    assert_eq!(user["scope"], json!(["user", "root@acme", "group:7"]));
    let bearer = format!("Bearer {token}");
    let answer = server.request("GET", "/auth/verify", &[("Authorization", &bearer)], b"").expect(204);
    assert_eq!(answer.header("x-user-scope"), Some("user"));
    // Rules about the address and the group are not about the scope.
    set_rules(&server, &admin, &json!([rule("root@acme", "x", &["*"]), rule("group:7", "x", &["*"])]));
    assert_eq!(verify(&server, &token, "GET", "/x"), 403);
    set_rules(&server, &admin, &json!([rule("scope:group:7", "x", &["*"])]));
    assert_eq!(verify(&server, &token, "GET", "/x"), 204);
    // Clients write back what they have read.
    let id = user["id"].as_str().unwrap();
    let put = |scopes: Value| {
        let change = json!({"scope": scopes, "plan": "beta"}).to_string();
        server.put_as(&admin, &format!("/users/{id}"), &change)
    };
    put(json!(["user", "root@acme", "group:7", "group:8"])).expect(400);
    assert_eq!(put(json!(["user", "root@acme", "group:7"])).expect(200).text("plan"), "beta");
    // An export can be imported elsewhere.
    let export = server.done(&["user", "export", "-"], "");
    let other = TestServer::start();
    other.done(&["user", "import", "-"], &export);
    let token = other.sign_in("joe@acme", "abc321").expect(200).text("token");
    assert_eq!(other.get("/user", &token).json()["scope"], json!(["user", "root@acme", "group:7"]));
}

#[test]
fn what_is_allowed_to_an_address_needs_a_confirmed_one_and_what_is_denied_does_not() {
    let server = TestServer::start();
    let admin = server.admin();
    set_rules(
        &server,
        &admin,
        &json!([
            rule("acme.com", "domain", &["*"]),
            rule("@acme.com", "domain2", &["*"]),
            rule("joe@acme.com", "address", &["*"]),
            rule("*", "denied", &["*"]),
            rule("@acme.com", "denied", &["!read"]),
        ]),
    );
    let ask = |token: &str, resource: &str| verify(&server, token, "GET", &format!("/{resource}"));
    let expect = |token: &str, status: u16| {
        for resource in ["domain", "domain2", "address"] {
            assert_eq!(ask(token, resource), status, "{resource}");
        }
        assert_eq!(ask(token, "denied"), 403);
    };
    // Anybody can sign up with it.
    let joe = server.user("joe@acme.com");
    expect(&joe, 403);
    let id = server.get("/user", &joe).text("id");
    let put = |change: Value| server.put_as(&admin, &format!("/users/{id}"), &change.to_string()).expect(200);
    put(json!({"isActive": true}));
    expect(&joe, 204);
    put(json!({"isActive": false}));
    expect(&joe, 403);
    server.delete_as(&admin, &format!("/users/{id}")).expect(200);
    // An administrator, and whoever works at the machine, knows whose address it is.
    let new = r#"{"username":"joe@acme.com","password":"abc321"}"#;
    server.post_as(&admin, "/user", new).expect(200);
    expect(&server.sign_in("joe@acme.com", "abc321").text("token"), 204);
    let id = server.get("/users?pattern=joe@acme.com", &admin).json()[0]["id"].as_str().unwrap().to_owned();
    server.delete_as(&admin, &format!("/users/{id}")).expect(200);
    server.done(&["user", "add", "joe@acme.com", "--password-stdin"], "abc321\n");
    expect(&server.sign_in("joe@acme.com", "abc321").text("token"), 204);
}

#[test]
fn an_audit_lists_the_rules_and_the_users_that_the_upgrade_affects() {
    let upstream = Upstream::start();
    let server = serve(
        &json!({
            "/api": {"to": [upstream.url()], "strip_prefix": true},
            "/v": {"to": [format!("{}/vault/v1", upstream.url())]},
            "/flows": {"to": [upstream.url()]},
            "/public": {"to": [upstream.url()], "strip_prefix": true, "open": true},
        }),
        &[],
    );
    let admin = server.admin();
    let audit = |arguments: &[&str]| server.done(&[&["acl", "audit"], arguments].concat(), "");
    assert_eq!(audit(&[]), "no rule applies to any user in another way than in version 0.1");
    server.user("evil@admin");
    server.user("joe@acme.com");
    set_rules(
        &server,
        &admin,
        &json!([
            rule("user", "flows", &["*"]),
            rule("admin", "billing*", &["*"]),
            rule("acme.com", "flows", &["read"]),
            rule("user", "vault", &["read"]),
            rule("admin", "vault", &["*"]),
        ]),
    );
    let billing = r#"{"role":"admin","resource":"billing*","action":["*"],"attributes":["*"]}"#;
    let flows = r#"{"role":"acme.com","resource":"flows","action":["read"],"attributes":["*"]}"#;
    // The defaults of the other type are rules too.
    let components = r#"{"role":"admin","resource":"*","action":["*"],"attributes":["non-private"]}"#;
    let vault = billing.replace("billing*", "vault");
    let expected = format!(
        "components, rule 1: no longer allows 1 user\n  {components}\n  evil@admin\n\
         routes, rule 2: no longer allows 1 user\n  {billing}\n  evil@admin\n\
         routes, rule 3: no longer allows 1 user\n  {flows}\n  joe@acme.com\n\
         routes, rule 5: no longer allows 1 user\n  {vault}\n  evil@admin\n\
         gateway, /api: now denies 2 users read, create, update, delete of the upstream's /billing\n  \
         evil@admin\n  and 1 more; --users 0 names all\n\
         gateway, /api: now denies 2 users create, update, delete of the upstream's /vault\n  evil@admin\n  \
         and 1 more; --users 0 names all\n\
         gateway, /v: now denies 2 users create, update, delete of the upstream's /vault\n  evil@admin\n  \
         and 1 more; --users 0 names all"
    );
    assert_eq!(audit(&["--users", "1"]), expected);
    let lines = audit(&["--json", "--users", "0"]);
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        lines[1],
        json!({
            "type": "routes", "number": 2, "rule": serde_json::from_str::<Value>(billing).unwrap(),
            "change": "no longer allows", "count": 1, "users": ["evil@admin"],
        })
    );
    assert_eq!(
        lines[4],
        json!({
            "type": "gateway", "prefix": "/api", "resource": "billing",
            "actions": ["read", "create", "update", "delete"], "change": "now denies", "count": 2,
            "users": ["evil@admin", "joe@acme.com"],
        })
    );
    assert_eq!(lines.len(), 7);
}

#[test]
fn a_check_of_the_configuration_warns_of_rules_by_address_while_anyone_may_sign_up() {
    let desk = Desk::new();
    let warning = || {
        let output = desk.output(&["check-config"], "");
        assert!(output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    desk.done(&["acl", "list", "routes"], "");
    assert_eq!(warning(), "");
    let rules =
        json!([rule("user", "x", &["*"]), rule("acme.com", "x", &["*"]), rule("joe@acme", "x", &["!read"])]);
    desk.done(&["acl", "set", "routes", "-"], &rules.to_string());
    let told = warning();
    assert!(told.contains("API_USER_CREATE_SCOPE") && told.contains(": routes (by number: 2, 3);"), "{told}");
    assert!(!told.contains("joe"), "{told}");
    desk.done(&["config", "set", "API_USER_CREATE_SCOPE", "admin"], "");
    assert_eq!(warning(), "");
}
