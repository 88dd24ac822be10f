//! `GET /auth/verify`, as proxies ask it.

use crate::support::{Answer, TestApp};

/// Asked with these headers besides the token.
fn verify(app: &TestApp, token: &str, headers: &[(&str, &str)]) -> Answer {
    let bearer = format!("Bearer {token}");
    let headers = [&[("Authorization", bearer.as_str())], headers].concat();
    app.request("GET", "/auth/verify", &headers, b"")
}

fn original<'a>(method: &'a str, uri: &'a str) -> [(&'a str, &'a str); 2] {
    [("X-Original-Method", method), ("X-Original-URI", uri)]
}

const RULES: &str = r#"[{"role":"user","resource":"flows","action":["*","!delete"]},
    {"role":"admin","resource":"stores","action":["*"]}]"#;

#[test]
fn a_good_token_is_204_with_who_it_is() {
    let app = TestApp::start();
    let joe = app.user("joe@acme");
    let id = app.get("/user", &joe).expect(200).text("id");
    // The second time it is remembered.
    for _ in 0..2 {
        let answer = verify(&app, &joe, &[]).expect(204);
        assert_eq!(answer.header("x-user-id"), Some(id.as_str()));
        assert_eq!(answer.header("x-user-scope"), Some("user"));
        assert_eq!(answer.header("x-user-name"), Some("joe@acme"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!((answer.header("content-type"), answer.body.as_str()), (None, ""));
    }
    let admin = verify(&app, &app.admin(), &[]).expect(204);
    assert_eq!(admin.header("x-user-scope"), Some("admin user"));
    let bearer = format!("Bearer {joe}");
    let head = app.request("HEAD", "/auth/verify", &[("Authorization", &bearer)], b"").expect(204);
    assert_eq!(head.header("x-user-name"), Some("joe@acme"));
}

#[test]
fn a_name_is_told_in_ascii_without_anything_that_separates() {
    let app = TestApp::start();
    let token = app.user(r#"Jürgen,\"x\";+%41@größe"#);
    let answer = verify(&app, &token, &[]).expect(204);
    let name = answer.header("x-user-name").unwrap();
    assert_eq!(name, "j%c3%bcrgen%2c%22x%22%3b+%2541@gr%c3%b6%c3%9fe");
}

#[test]
fn no_token_a_bad_one_and_one_that_is_revoked_are_401_with_the_challenge() {
    let app = TestApp::start();
    let joe = app.user("joe@acme");
    verify(&app, &joe, &[]).expect(204);
    let missing = app.request("GET", "/auth/verify", &[], b"").expect(401);
    assert_eq!(missing.header("www-authenticate"), Some(r#"bearer realm="appmixer""#));
    missing.error(401);
    app.post_as(&joe, "/user/sign-out-everywhere", "").expect(200);
    for token in ["nonsense", &joe] {
        let answer = verify(&app, token, &original("GET", "//"));
        let challenge = answer.header("www-authenticate").map(str::to_owned);
        assert_eq!(challenge.as_deref(), Some(r#"bearer realm="appmixer", error="invalid_token""#));
        answer.error(401);
    }
}

#[test]
fn a_user_who_is_gone_is_401_here() {
    let app = TestApp::start();
    let (admin, joe) = (app.admin(), app.user("joe@acme"));
    let id = verify(&app, &joe, &[]).expect(204).header("x-user-id").unwrap().to_owned();
    app.delete_as(&admin, &format!("/users/{id}")).expect(200);
    verify(&app, &joe, &[]).error(401);
}

#[test]
fn the_original_method_and_path_are_held_against_the_rules_about_routes_as_they_are_now() {
    let app = TestApp::start();
    let (admin, joe) = (app.admin(), app.user("joe@acme"));
    let ask = |token: &str, method: &str, uri: &str| verify(&app, token, &original(method, uri)).status;
    assert_eq!(ask(&joe, "DELETE", "/flows/1"), 204, "the rules that are there from the start");
    app.post_as(&admin, "/acl/routes", RULES).expect(200);
    for (token, method, uri, status) in [
        (&joe, "GET", "/flows", 204),
        (&joe, "HEAD", "/flows/1?x=y", 204),
        (&joe, "OPTIONS", "/flows", 204),
        (&joe, "DELETE", "/flows/1", 403),
        (&joe, "DELETE", "/%66lows/1", 403),
        // What the rules have no word for needs all that they have words for.
        (&joe, "PROPFIND", "/flows", 403),
        (&joe, "PROPFIND", "/others", 204),
        (&joe, "GET", "/stores", 403),
        (&joe, "GET", "/STORES", 403),
        (&joe, "DELETE", "/Flows", 403),
        (&admin, "DELETE", "/stores/1", 204),
        (&admin, "PROPFIND", "/stores/1", 204),
        (&joe, "DELETE", "/others", 204),
        (&joe, "GET", "/", 204),
    ] {
        assert_eq!(ask(token, method, uri), status, "{method} {uri}");
    }
    app.post_as(&admin, "/acl/routes", "[]").expect(200);
    assert_eq!(ask(&joe, "GET", "/stores"), 204);
}

#[test]
fn a_path_that_can_be_read_in_two_ways_is_refused_whatever_the_rules_say() {
    let app = TestApp::start();
    let joe = app.user("joe@acme");
    for uri in
        ["//flows", "/./flows", "/public/../flows", "/public/%2e%2e/flows", "/public%2f..%2fflows", "flows"]
    {
        let message = verify(&app, &joe, &original("GET", uri)).error(403);
        assert_eq!(message, "The path can be read in more than one way", "{uri}");
    }
    let forged =
        [&original("GET", "/flows")[..], &[("X-Forwarded-Uri", "/x"), ("X-Forwarded-Method", "GET")]]
            .concat();
    verify(&app, &joe, &forged).error(403);
    verify(&app, &joe, &forged[1..2]).error(403);
}

#[test]
fn what_stands_behind_the_route_is_the_original_path_with_any_method() {
    let app = TestApp::start();
    let (admin, joe) = (app.admin(), app.user("joe@acme"));
    app.post_as(&admin, "/acl/routes", RULES).expect(200);
    let bearer = format!("Bearer {joe}");
    let ask = |method: &str, target: &str, body: &[u8]| {
        // It is no header that decides here.
        let headers = [
            ("Authorization", bearer.as_str()),
            ("X-Forwarded-Uri", "/others"),
            ("X-Forwarded-Method", "GET"),
        ];
        app.request(method, &format!("/auth/verify{target}"), &headers, body).status
    };
    for (method, target, status) in [
        ("GET", "/", 200),
        ("GET", "/flows/1?a=b", 200),
        ("POST", "/flows", 200),
        ("PATCH", "/flows/1", 200),
        ("OPTIONS", "/flows/1", 200),
        ("DELETE", "/flows/1", 403),
        ("DELETE", "/auth/verify", 200),
        ("OPTIONS", "/stores", 403),
        ("GET", "//flows", 403),
        ("GET", "/flows/../stores", 403),
    ] {
        assert_eq!(ask(method, target, b""), status, "{method} {target}");
    }
    assert_eq!(ask("POST", "/flows", b"a body that nobody reads"), 200);
    assert_eq!(app.request("OPTIONS", "/auth/verify/flows", &[], b"").status, 401);
    assert_eq!(app.request("OPTIONS", "/auth/verify", &[], b"").status, 204, "asked of this app itself");
    assert_eq!(ask("POST", "", b""), 405);
}
