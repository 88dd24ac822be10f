//! The contract, row by row.

use serde_json::json;

use crate::support::{TestServer, eventually};

const ABC: &str = r#"{ "username": "abc@example.com", "email": "abc@example.com", "password": "abc321" }"#;

#[test]
fn the_documented_sign_up_answers_a_token_and_the_user_in_the_contracts_order() {
    let server = TestServer::start();
    let answer = server.post("/user", ABC).expect(200);
    let (token, user) = (answer.text("token"), &answer.json()["user"]);
    let (id, created) = (user["id"].as_str().unwrap(), user["created"].as_str().unwrap());
    assert_eq!(
        answer.body,
        format!(
            r#"{{"token":"{token}","user":{{"id":"{id}","username":"abc@example.com","isActive":false,"email":"abc@example.com","scope":["user"],"plan":"free","metadata":{{}},"vendor":null,"created":"{created}"}}}}"#
        )
    );
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("content-type"), Some("application/json; charset=utf-8"));
    assert_eq!(answer.header("content-length"), Some(answer.body.len().to_string().as_str()));
    assert!(id.len() == 24 && id.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)), "{id}");
    assert!(created.len() == 24 && created.ends_with('Z'), "{created}");
}

#[test]
fn a_good_token_of_a_user_who_is_gone_is_404_at_get_user_and_401_elsewhere() {
    let server = TestServer::start();
    server.admin();
    let joe = server.user("joe@acme");
    server.get("/user", &joe).expect(200);
    server.done(&["user", "delete", "joe@acme", "--yes"], "");
    crate::support::eventually(|| server.get("/user", &joe).status == 404);
    assert_eq!(server.get("/user", &joe).error(404), "User not found");
    server.get("/config", &joe).error(401);
}

#[test]
fn scripts_of_any_origin_may_read_unless_that_is_narrowed() {
    let preflight = [("Origin", "https://app.example.com"), ("Access-Control-Request-Method", "POST")];
    let server = TestServer::start();
    let answer = server.request("OPTIONS", "/user", &preflight, b"").expect(204);
    for (name, value) in [
        ("access-control-allow-origin", "*"),
        ("access-control-allow-methods", "get, head, post, put, options"),
        (
            "access-control-allow-headers",
            "authorization, content-type, x-request-id, traceparent, tracestate, baggage, sentry-trace",
        ),
        (
            "access-control-expose-headers",
            "x-request-id, retry-after, ratelimit, ratelimit-policy, x-total-count, link",
        ),
        ("access-control-max-age", "86400"),
    ] {
        assert_eq!(answer.header(name), Some(value));
    }
    assert_eq!(answer.header("access-control-allow-credentials"), None);
    let error = server.request("GET", "/user", &preflight[..1], b"").expect(401);
    assert_eq!(error.header("access-control-allow-origin"), Some("*"), "scripts may read errors too");

    let server = TestServer::with(&[("APPMIXER_HTTP__CORS_ORIGINS", "https://app.example.com")]);
    let allowed = server.request("GET", "/", &preflight[..1], b"").expect(200);
    assert_eq!(allowed.header("access-control-allow-origin"), Some("https://app.example.com"));
    assert_eq!(allowed.header("vary"), Some("origin"));
    let other = server.request("GET", "/", &[("Origin", "https://evil.example.com")], b"").expect(200);
    assert_eq!(other.header("access-control-allow-origin"), None);
    assert_eq!(other.header("vary"), Some("origin"));
}

#[test]
fn only_active_users_sign_in_where_the_operator_wants_that() {
    let server = TestServer::with(&[("APPMIXER_USERS__REQUIRE_ACTIVE", "true")]);
    let joe = r#"{"username":"joe@acme","password":"abc321"}"#;
    assert_eq!(server.post("/user", joe).expect(200).json()["token"], json!(null));
    assert_eq!(server.sign_in("joe@acme", "abc321").error(403), "The account is not active");
    assert_eq!(server.sign_in("joe@acme", "wrong1").error(403), "Invalid username or password");
    server.done(&["user", "set", "joe@acme", "--active", "true"], "");
    let joe = server.sign_in("joe@acme", "abc321").expect(200).text("token");
    server.done(&["user", "set", "joe@acme", "--plan", "beta"], "");
    server.get("/user", &joe).expect(200);
    server.done(&["user", "set", "joe@acme", "--active", "false"], "");
    eventually(|| server.get("/user", &joe).status == 403);
}

#[test]
fn a_token_is_no_longer_good_when_its_time_is_over() {
    let server = TestServer::with(&[("APPMIXER_TOKEN__LIFETIME", "1s")]);
    let token = server.user("joe@acme");
    crate::support::eventually(|| server.get("/user", &token).status == 401);
    assert_eq!(server.get("/user", &token).error(401), "Invalid JWT: expired");
}

#[test]
fn a_hash_from_elsewhere_signs_in_and_is_replaced_at_the_first_good_password() {
    let server = TestServer::start();
    server.user("joe@acme");
    let hashes = [
        ("U*U", "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
        (
            "passwordPASSWORDpassword",
            "$pbkdf2-sha512$i=4096$c2FsdFNBTFRzYWx0U0FMVHNhbHRTQUxUc2FsdFNBTFRzYWx0$jAUR9Mbll8asYxXY8DYuIl88UBSVuiO4aMAFF03E7nERW1n55gzZUy+jPg91rv4wIlxYOhhs2CvU2uqXJKPTuA",
        ),
    ];
    for (password, hash) in hashes {
        let database = rusqlite::Connection::open(server.data().join("appmixer.sqlite")).unwrap();
        database.execute("UPDATE users SET password_hash = ?1", [hash]).unwrap();
        let kept = || {
            database.query_row("SELECT password_hash FROM users", [], |row| row.get::<_, String>(0)).unwrap()
        };
        server.sign_in("joe@acme", "wrong1").error(403);
        assert_eq!(kept(), hash, "a wrong password changes nothing");
        server.sign_in("joe@acme", password).expect(200);
        assert!(kept().starts_with("$argon2id$"), "{}", kept());
        server.sign_in("joe@acme", password).expect(200);
        server.sign_in("joe@acme", "wrong1").error(403);
    }
    server.assert_well();
}

#[test]
fn a_hash_of_other_parameters_is_made_anew_at_the_next_sign_in() {
    let server = TestServer::start();
    server.user("joe@acme");
    let hash = |server: &TestServer| -> String {
        let database = rusqlite::Connection::open(server.data().join("appmixer.sqlite")).unwrap();
        database.query_row("SELECT password_hash FROM users", [], |row| row.get(0)).unwrap()
    };
    assert!(hash(&server).starts_with("$argon2id$v=19$m=64,t=1,p=1$"));
    let token = server.sign_in("joe@acme", "abc321").text("token");
    let server = server.restart_with(&[("APPMIXER_PASSWORD__MEMORY_KIB", "128")]);
    server.sign_in("joe@acme", "wrong1").error(403);
    assert!(hash(&server).starts_with("$argon2id$v=19$m=64,"), "a wrong password changes nothing");
    server.sign_in("joe@acme", "abc321").expect(200);
    assert!(hash(&server).starts_with("$argon2id$v=19$m=128,"));
    server.sign_in("joe@acme", "abc321").expect(200);
    server.get("/user", &token).expect(200);
}
