//! What somebody tries who is not the console's own page.

use appmixer_testbed::Postgres;
use serde_json::{Value, json};

use crate::console_session::{Browser, OWN, sign_in};
use crate::gateway::serve;
use crate::nodes::nodes;
use crate::secure::{Authority, address_of};
use crate::support::{Answer, TestServer, UNLIMITED, eventually};
use crate::upstream::Upstream;

const NEW_USER: &str = r#"{"username":"joe@acme","password":"abc321"}"#;

fn users(server: &TestServer, token: &str) -> u64 {
    server.get("/users/count", token).json()["count"].as_u64().unwrap()
}

#[test]
fn what_another_site_causes_is_refused_whatever_it_sends() {
    let server = TestServer::start();
    let token = server.admin();
    let browser = Browser::signed_in(&server);
    let post = |path: &str, headers: &[(&str, &str)]| {
        let cookie = ("Cookie", browser.cookie.as_str());
        let kind = ("Content-Type", "application/json");
        server.request("POST", path, &[&[cookie, kind], headers].concat(), NEW_USER.as_bytes())
    };
    let csrf = ("X-CSRF-Token", browser.csrf.as_str());
    for others in [
        &[("Sec-Fetch-Site", "cross-site")][..],
        &[("Sec-Fetch-Site", "same-site")],
        &[("Sec-Fetch-Site", "none")],
        &[("Sec-Fetch-Site", "same-origin"), ("Sec-Fetch-Site", "cross-site")],
        &[("Sec-Fetch-Site", "cross-site"), ("Origin", "http://test")],
        &[("Origin", "http://evil.example")],
        &[("Origin", "http://test.evil.example")],
        &[("Origin", "null")],
        &[("Origin", "http://test"), ("Origin", "http://test")],
    ] {
        // Even with the right token, which another site cannot have.
        for path in ["/console/api/user", "/console/session", "/console/setup"] {
            post(path, &[&[csrf], others].concat()).error(403);
        }
        let headers = [&[("Cookie", browser.cookie.as_str()), csrf][..], others].concat();
        server.request("DELETE", "/console/session", &headers, b"").error(403);
        server.request("GET", "/console/session", &headers, b"").error(403);
        server.request("GET", "/console/api/users", &headers, b"").error(403);
    }
    // Nobody says where these come from: enough for what needs a session's own token, and not for a sign-in.
    for path in ["/console/session", "/console/setup"] {
        post(path, &[csrf]).error(403);
    }
    post("/console/api/user", &[]).error(403);
    assert_eq!(users(&server, &token), 1);
    // The page itself may be linked to.
    server.request("GET", "/console", &[("Sec-Fetch-Site", "cross-site")], b"").expect(200);
    post("/console/api/user", &[csrf]).expect(200);
    server.assert_well();
}

#[test]
fn without_the_sessions_own_csrf_token_nothing_is_changed() {
    let server = TestServer::start();
    let token = server.admin();
    let browser = Browser::signed_in(&server);
    let changed = |replacement: char| {
        let mut csrf = browser.csrf.clone();
        let first = csrf.remove(0);
        csrf.insert(0, if first == replacement { '_' } else { replacement });
        csrf
    };
    // Tokens count in seconds: two of one second are the same.
    eventually(|| Browser::signed_in(&server).cookie != browser.cookie);
    let other = Browser::signed_in(&server);
    assert_ne!(browser.csrf, other.csrf);
    let bad = [
        String::new(),
        changed('A'),
        browser.csrf.to_lowercase(),
        other.csrf.clone(),
        browser.cookie.clone(),
    ];
    for csrf in &bad {
        for (method, path) in [
            ("POST", "/console/api/user"),
            ("PUT", "/console/api/user"),
            ("DELETE", "/console/api/config/APP_NAME"),
            ("PATCH", "/console/api/user"),
            ("BREW", "/console/api/user"),
            ("DELETE", "/console/session"),
        ] {
            let answer =
                browser.ask(method, path, &[("X-CSRF-Token", csrf)], &json!({ "metadata": { "a": 1 } }));
            assert_eq!(answer.error(403), "X-CSRF-Token must be the one of this session", "{method} {path}");
        }
    }
    browser.ask("POST", "/console/api/user", &[], &json!({})).error(403);
    let twice = [("X-CSRF-Token", browser.csrf.as_str()), ("X-CSRF-Token", browser.csrf.as_str())];
    browser.ask("POST", "/console/api/user", &twice, &json!({})).error(403);
    assert_eq!(users(&server, &token), 1);
    assert_eq!(browser.get("/console/api/user").json()["metadata"], json!({}));
    browser.send("PUT", "/console/api/user", &json!({ "metadata": { "a": 1 } })).expect(200);
    server.assert_well();
}

#[test]
fn the_cookie_is_nothing_to_the_api_and_a_token_nothing_to_the_console() {
    let server = TestServer::start();
    let token = server.admin();
    let browser = Browser::signed_in(&server);
    for path in ["/user", "/users", "/config"] {
        browser.get(path).error(401);
    }
    let bearer = format!("Bearer {token}");
    for value in [bearer.as_str(), "Basic cm9vdDphYmMzMjE=", ""] {
        let both = browser.ask("GET", "/console/api/users", &[("Authorization", value)], &Value::Null);
        assert!(both.error(400).contains("Authorization"));
        let alone = [OWN, ("Authorization", value)];
        server.request("GET", "/console/api/users", &alone, b"").error(400);
    }
    server.request("GET", "/console/session", &[OWN, ("Authorization", &bearer)], b"").error(401);
    server.request("GET", "/console/api/users", &[OWN], b"").error(401);
    // Two of one name: somebody else has set one.
    let two = format!("{}; appmixer_console=x", browser.cookie);
    for path in ["/console/session", "/console/api/users"] {
        server.request("GET", path, &[OWN, ("Cookie", &two)], b"").error(401);
        server.request("GET", path, &[OWN, ("Cookie", "appmixer_console=a b")], b"").error(401);
        server.request("GET", path, &[OWN, ("Cookie", "appmixer_console=a.b.c")], b"").error(401);
        let huge = format!("appmixer_console={}", "a".repeat(10_000));
        server.request("GET", path, &[OWN, ("Cookie", &huge)], b"").error(401);
    }
    server.assert_well();
}

#[test]
fn no_answer_of_the_console_is_for_another_origin_whatever_the_api_allows() {
    let server = TestServer::start();
    server.admin();
    let browser = Browser::signed_in(&server);
    for path in ["/console", "/console/session", "/console/api/users", "/console/api/x", "/console/nowhere"] {
        for method in ["GET", "OPTIONS", "DELETE"] {
            let asked = [
                ("Access-Control-Request-Method", "GET"),
                ("Access-Control-Request-Headers", "x-csrf-token"),
            ];
            let answer = browser.ask(method, path, &asked, &Value::Null);
            assert!(!answer.head.contains("\naccess-control-"), "{method} {path}: {}", answer.head);
            assert_eq!(answer.header("cross-origin-resource-policy"), Some("same-origin"));
        }
    }
    for (path, methods) in [
        ("/console", "get, head, options"),
        ("/console/assets/app.js", "get, head, options"),
        ("/console/session", "get, head, post, delete, options"),
        ("/console/setup", "post, options"),
        ("/console/api/users/count", "get, head, options"),
        ("/console/api/user", "get, head, post, put, options"),
    ] {
        let answer = server.request("OPTIONS", path, &[], b"").expect(204);
        assert_eq!(answer.header("allow"), Some(methods), "{path}");
        let other = browser.send("PATCH", path, &Value::Null);
        assert_eq!(other.header("allow"), Some(methods), "{path}");
        other.error(405);
    }
}

fn is_over(browser: &Browser<'_>) {
    browser.get("/console/session").error(401);
    browser.get("/console/api/users").error(401);
    browser.send("POST", "/console/api/config", &json!({ "key": "APP_NAME", "value": "x" })).error(401);
}

#[test]
fn a_session_ends_when_its_time_is_over_whatever_tokens_have() {
    let server = TestServer::with(&[("APPMIXER_CONSOLE__SESSION", "2s")]);
    let token = server.admin();
    let answer = sign_in(&server, "root@acme", "abc321").expect(200);
    assert!(answer.cookies[0].contains("; Max-Age=2"), "{:?}", answer.cookies);
    let browser = Browser::of(&server, &answer);
    eventually(|| browser.get("/console/session").status == 401);
    is_over(&browser);
    server.get("/user", &token).expect(200);
}

#[test]
fn a_session_ends_with_the_scope_the_users_tokens_and_the_user() {
    let server = TestServer::start();
    let token = server.admin();
    let add = ["user", "add", "ann@acme", "--scope", "admin", "--password-stdin"];
    server.done(&add, "abc321\n");
    let ann = || Browser::of(&server, &sign_in(&server, "ann@acme", "abc321").expect(200));
    let id = ann().get("/console/session").expect(200).json()["user"]["id"].as_str().unwrap().to_owned();
    let demoted = ann();
    server.put_as(&token, &format!("/users/{id}"), r#"{"scope":["user"]}"#).expect(200);
    is_over(&demoted);
    sign_in(&server, "ann@acme", "abc321").error(403);
    // Whoever has a good token and administers nothing has no session either.
    let user = server.sign_in("ann@acme", "abc321").text("token");
    let cookie = format!("appmixer_console={user}");
    server.request("GET", "/console/session", &[OWN, ("Cookie", &cookie)], b"").error(401);
    server.request("GET", "/console/api/users", &[OWN, ("Cookie", &cookie)], b"").error(403);

    server.put_as(&token, &format!("/users/{id}"), r#"{"scope":["user","admin"]}"#).expect(200);
    let revoked = ann();
    server.done(&["user", "sign-out", "ann@acme"], "");
    eventually(|| revoked.get("/console/session").status == 401);
    is_over(&revoked);

    let gone = ann();
    server.delete_as(&token, &format!("/users/{id}")).expect(200);
    is_over(&gone);
    server.assert_well();
}

#[test]
fn whoever_guesses_at_the_console_waits_as_at_the_sign_in_and_both_count_together() {
    let server = TestServer::with(&[("APPMIXER_LIMITS__SIGN_IN", "6/1h")]);
    server.admin();
    for number in 0..3 {
        server.sign_in(&format!("nobody{number}@acme"), "a guess").error(403);
        let answer = sign_in(&server, &format!("nobody{number}@else"), "a guess");
        assert_eq!(answer.header("ratelimit-policy"), Some("\"sign-in\";q=6;w=3600"));
        answer.error(403);
    }
    let refused = sign_in(&server, "nobody@acme", "a guess");
    assert!(refused.header("retry-after").is_some());
    refused.error(429);
    server.sign_in("nobody@acme", "a guess").error(429);
    let body = json!({ "code": "1.x", "username": "a@b", "password": "abc321" }).to_string();
    let json = ("Content-Type", "application/json");
    server.request("POST", "/console/setup", &[OWN, json], body.as_bytes()).error(429);
}

#[test]
fn a_session_is_good_at_every_node_and_over_as_soon_at_all() {
    let url = Postgres::shared().database();
    let nodes = nodes(&url, &[], 2);
    nodes[0].admin();
    let answer = sign_in(&nodes[0], "root@acme", "abc321").expect(200);
    let here = Browser::of(&nodes[0], &answer);
    let there = Browser { server: &nodes[1], cookie: here.cookie.clone(), csrf: here.csrf.clone() };
    assert_eq!(there.get("/console/session").expect(200).body, answer.body);
    there.send("POST", "/console/api/user", &serde_json::from_str(NEW_USER).unwrap()).expect(200);
    here.send("POST", "/console/api/user/sign-out-everywhere", &Value::Null).expect(200);
    eventually(|| there.get("/console/session").status == 401);
}

#[test]
fn over_tls_the_cookie_is_for_tls_alone_also_where_a_trusted_proxy_has_it() {
    let authority = Authority::new();
    let server = authority.serve(&[("APPMIXER_HTTP__TRUSTED_PROXIES", "127.0.0.1"), UNLIMITED]);
    server.admin();
    let address = address_of(&server, "https");
    let body = json!({ "username": "root@acme", "password": "abc321" }).to_string();
    let ask = |http: &str, path: &str, header: &str, body: &str| -> Answer {
        let url = format!("https://{address}{path}");
        let mut arguments = vec![http, "-i", "-H", "Content-Type: application/json", "-H", header, &url];
        if !body.is_empty() {
            arguments.extend(["-d", body]);
        }
        Answer::parse(&authority.curl(&arguments).stdout).unwrap()
    };
    for http in ["--http1.1", "--http2"] {
        ask(http, "/console/session", &format!("Origin: http://{address}"), &body).error(403);
        let own = format!("Origin: https://{address}");
        let answer = ask(http, "/console/session", &own, &body).expect(200);
        let cookie = &answer.cookies[0];
        assert!(cookie.starts_with("__Secure-appmixer_console=") && cookie.ends_with("; Secure"), "{cookie}");
        let cookie = cookie.split(';').next().unwrap();
        for path in ["/console/session", "/console/api/users"] {
            ask(http, path, &format!("Cookie: {cookie}"), "").expect(200);
            // What was set without TLS may be anybody's.
            let plain = cookie.strip_prefix("__Secure-").unwrap();
            ask(http, path, &format!("Cookie: {plain}"), "").error(401);
        }
        assert!(ask(http, "/console", "Accept: */*", "").expect(200).body.contains("<title>"));
    }

    let json = ("Content-Type", "application/json");
    let via = |proto: &str| {
        let headers = [OWN, json, ("X-Forwarded-Proto", proto)];
        server.request("POST", "/console/session", &headers, body.as_bytes()).expect(200).cookies.remove(0)
    };
    assert!(via("https").starts_with("__Secure-") && via("https").ends_with("; Secure"));
    assert!(via("http").starts_with("appmixer_console="));
    let stranger = TestServer::with(&[UNLIMITED]);
    stranger.admin();
    let headers = [OWN, json, ("X-Forwarded-Proto", "https")];
    let answer = stranger.request("POST", "/console/session", &headers, body.as_bytes()).expect(200);
    assert!(answer.cookies[0].starts_with("appmixer_console="), "nobody is believed who is not trusted");
}

#[test]
fn a_console_with_an_origin_of_its_own_is_nowhere_else_and_nothing_is_forwarded_there() {
    let upstream = Upstream::start();
    let routes = json!({ "/flows": { "to": [upstream.url()], "open": true } });
    let server = serve(&routes, &[("APPMIXER_CONSOLE__ORIGIN", "http://test")]);
    eventually(|| server.log().contains("http://test/console#/setup/"));
    server.admin();
    // `test` is the host that these requests are for.
    let browser = Browser::signed_in(&server);
    browser.get("/console/api/users").expect(200);
    browser.get("/flows").error(404);
    let elsewhere = |path: &str| {
        let head = format!(
            "GET {path} HTTP/1.1\r\nHost: other\r\nConnection: close\r\nCookie: {}\r\nSec-Fetch-Site: same-origin\r\n\r\n",
            browser.cookie
        );
        server.raw(head.as_bytes()).unwrap()
    };
    for path in ["/console", "/console/", "/console/assets/app.js", "/console/session", "/console/api/users"]
    {
        let answer = elsewhere(path);
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "as any path that is not there");
        answer.error(404);
    }
    elsewhere("/flows").expect(200);
    elsewhere("/healthz").expect(200);

    let secure = TestServer::with(&[("APPMIXER_CONSOLE__ORIGIN", "https://test")]);
    secure.admin();
    let answer = sign_in(&secure, "root@acme", "abc321").expect(200);
    assert!(answer.cookies[0].starts_with("__Secure-") && answer.cookies[0].ends_with("; Secure"));
    let body = json!({ "username": "root@acme", "password": "abc321" }).to_string();
    let post = |origin: &str| {
        let headers = [("Origin", origin), ("Content-Type", "application/json")];
        secure.request("POST", "/console/session", &headers, body.as_bytes()).status
    };
    assert_eq!((post("https://test"), post("http://test"), post("https://other")), (200, 403, 403));
}
