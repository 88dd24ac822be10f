//! The contract, row by row.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use crate::support::{TestServer, eventually};

const ABC: &str = r#"{ "username": "abc@example.com", "email": "abc@example.com", "password": "abc321" }"#;

fn parts(token: &str) -> Vec<String> {
    let decode = |part| String::from_utf8(URL_SAFE_NO_PAD.decode(part).unwrap());
    token.split('.').take(2).map(|part| decode(part).unwrap()).collect()
}

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
fn the_documented_sign_in_answers_the_user_and_a_token_of_four_claims() {
    let server = TestServer::start();
    let id = server.post("/user", ABC).json()["user"]["id"].as_str().unwrap().to_owned();
    let answer =
        server.post("/user/auth", r#"{ "username": "abc@example.com", "password": "abc321" }"#).expect(200);
    let token = answer.text("token");
    assert_eq!(
        answer.body,
        format!(
            r#"{{"user":{{"id":"{id}","username":"abc@example.com","isActive":false,"email":"abc@example.com","plan":"free","metadata":{{}},"vendor":null,"scope":["user"]}},"token":"{token}"}}"#
        )
    );
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let parts = parts(&token);
    assert_eq!(parts[0], r#"{"alg":"HS256","typ":"JWT"}"#);
    let claims: serde_json::Value = serde_json::from_str(&parts[1]).unwrap();
    let (iat, exp) = (claims["iat"].as_u64().unwrap(), claims["exp"].as_u64().unwrap());
    assert_eq!(exp - iat, 2_592_000);
    assert_eq!(parts[1], format!(r#"{{"id":"{id}","scope":["user"],"iat":{iat},"exp":{exp}}}"#));
}

#[test]
fn the_documented_user_information_is_answered_again_and_again() {
    let server = TestServer::start();
    let up = server.post("/user", ABC);
    let first = server.get("/user", &up.text("token")).expect(200);
    // The second answer comes from memory.
    let second = server.get("/user", &up.text("token")).expect(200);
    let user = up.json()["user"].to_string();
    assert_eq!(second.header("cache-control"), Some("no-store"));
    assert_eq!((first.body, second.body), (user.clone(), user));
}

#[test]
fn one_signs_in_by_username_or_email_in_any_case_as_json_or_form() {
    let server = TestServer::start();
    server
        .post("/user", r#"{"username":"Joe@Acme","email":"joe@mail.example","password":"abc321"}"#)
        .expect(200);
    for body in [
        r#"{"username":"joe@acme","password":"abc321"}"#,
        r#"{"email":"JOE@MAIL.EXAMPLE","password":"abc321"}"#,
        r#"{"username":"joe@mail.example","password":"abc321"}"#,
        r#"{"email":"joe@acme","password":"abc321","unknown":{"x":[1]}}"#,
    ] {
        assert_eq!(server.post("/user/auth", body).expect(200).json()["user"]["username"], "Joe@Acme");
    }
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    server.request("POST", "/user/auth", &form, b"username=joe%40acme&password=abc321").expect(200);
    server.request("POST", "/user", &form, b"email=form%40acme&password=abc321").expect(200);
    server.sign_in("form@acme", "abc321").expect(200);
}

#[test]
fn wrong_password_and_unknown_user_get_the_same_answer() {
    let server = TestServer::start();
    server.user("joe@acme");
    let (wrong, unknown) = (server.sign_in("joe@acme", "abc322"), server.sign_in("eoj@acme", "abc322"));
    assert_eq!(wrong.body, unknown.body);
    assert_eq!(
        wrong.body,
        r#"{"statusCode":403,"error":"Forbidden","message":"Invalid username or password"}"#
    );
    // Each has its number and its time, and one less of the quota than the one before.
    let without_id = |head: &str| {
        head.lines()
            .filter(|l| {
                !l.starts_with("x-request-id") && !l.starts_with("date") && !l.starts_with("ratelimit: ")
            })
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(without_id(&wrong.head), without_id(&unknown.head));
}

#[test]
fn a_missing_name_takes_the_others_value_and_null_means_absent() {
    let server = TestServer::start();
    let user =
        server.post("/user", r#"{"username":null,"email":"a@b","password":"abc321"}"#).expect(200).json();
    assert_eq!((&user["user"]["username"], &user["user"]["email"]), (&json!("a@b"), &json!("a@b")));
    let user = server
        .post("/user", r#"{"username":"c@d","email":null,"password":"abc321","metadata":null,"scope":null}"#);
    assert_eq!(user.expect(200).json()["user"]["email"], "c@d");
}

#[test]
fn a_taken_name_is_409_whichever_name_it_is() {
    let server = TestServer::start();
    server.post("/user", r#"{"username":"joe@a","email":"joe@b","password":"abc321"}"#).expect(200);
    for body in [
        r#"{"username":"JOE@A","password":"abc321"}"#,
        r#"{"username":"joe@b","password":"abc321"}"#,
        r#"{"username":"new@a","email":"joe@a","password":"abc321"}"#,
    ] {
        assert_eq!(server.post("/user", body).error(409), "The username or email is already taken");
    }
}

#[test]
fn metadata_is_anyones_and_kept_as_it_was() {
    let server = TestServer::start();
    let metadata = r#"{"z":1,"a":{"deep":[null,true,"ž"]}}"#;
    let body = format!(r#"{{"username":"joe@acme","password":"abc321","metadata":{metadata}}}"#);
    let token = server.post("/user", &body).expect(200).text("token");
    assert!(server.get("/user", &token).body.contains(&format!(r#""metadata":{metadata},"vendor":null"#)));
    assert!(server.sign_in("joe@acme", "abc321").body.contains(&format!(r#""metadata":{metadata}"#)));
    let big =
        format!(r#"{{"username":"b@b","password":"abc321","metadata":{{"x":"{}"}}}}"#, "x".repeat(16 * 1024));
    assert!(server.post("/user", &big).error(400).contains("metadata"));
    server.post("/user", r#"{"username":"b@b","password":"abc321","metadata":[]}"#).error(400);
}

#[test]
fn privileges_are_an_administrators_to_give() {
    let server = TestServer::start();
    let (admin, joe) = (server.admin(), server.user("joe@acme"));
    let body = |name: &str, extra: &str| format!(r#"{{"username":"{name}","password":"abc321",{extra}}}"#);
    for extra in
        [r#""scope":["user","admin"]"#, r#""plan":"beta""#, r#""vendor":"acme""#, r#""isActive":true"#]
    {
        server.post("/user", &body("x@x", extra)).error(403);
        let refused = server.post_as(&joe, "/user", &body("x@x", extra)).expect(403);
        let challenge = r#"bearer realm="appmixer", error="insufficient_scope""#;
        assert_eq!(refused.header("www-authenticate"), Some(challenge));
    }
    let all = r#""scope":["user","acme1"],"plan":"beta","vendor":"acme","isActive":true"#;
    let user = server.post_as(&admin, "/user", &body("x@x", all)).expect(200).json()["user"].clone();
    assert_eq!(user["scope"], json!(["user", "acme1"]));
    assert_eq!(
        (&user["plan"], &user["vendor"], &user["isActive"]),
        (&json!("beta"), &json!(["acme"]), &json!(true))
    );
}

#[test]
fn authorization_is_one_bearer_token_or_401_with_a_challenge() {
    let server = TestServer::start();
    let token = server.user("joe@acme");
    let missing = server.request("GET", "/user", &[], b"").expect(401);
    assert_eq!(missing.header("www-authenticate"), Some(r#"bearer realm="appmixer""#));
    assert_eq!(missing.error(401), "Missing authentication");
    for scheme in ["Bearer", "bearer", "BEARER"] {
        server.request("GET", "/user", &[("Authorization", &format!("{scheme} {token}"))], b"").expect(200);
    }
    let good = format!("Bearer {token}");
    for headers in [
        vec![("Authorization", good.as_str()), ("Authorization", good.as_str())],
        vec![("Authorization", "Basic am9lOmpvZQ==")],
        vec![("Authorization", token.as_str())],
        vec![("Authorization", "Bearer x.y.z")],
        vec![("Authorization", "Bearer")],
    ] {
        let refused = server.request("GET", "/user", &headers, b"").expect(401);
        let challenge = r#"bearer realm="appmixer", error="invalid_token""#;
        assert_eq!(refused.header("www-authenticate"), Some(challenge), "{headers:?}");
    }
    // Whatever stands in the signature's place, the CLI knows by this message that it must sign in again.
    let (message, signature) = token.rsplit_once('.').unwrap();
    for signature in [&signature.to_lowercase(), &format!("{signature}A"), &"A".repeat(43), "%%", ""] {
        let refused = server.get("/user", &format!("{message}.{signature}"));
        assert_eq!(refused.error(401), "Invalid JWT: key or signature is invalid", "{signature}");
    }
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
fn unknown_paths_are_404_and_other_methods_405_with_allow() {
    let server = TestServer::start();
    for path in ["/nothing", "/user/", "/user/auth/x", "/config/a/b", "/%2e%2e/etc", "//user"] {
        assert_eq!(server.request("GET", path, &[], b"").error(404), "Not Found", "{path}");
    }
    for (method, path, allow) in [
        ("PATCH", "/user", "get, head, post, put, options"),
        ("GET", "/user/auth", "post, options"),
        ("POST", "/", "get, head, options"),
        ("GET", "/config/X", "delete, options"),
        ("BREW", "/config", "get, head, post, options"),
    ] {
        let answer = server.request(method, path, &[], b"").expect(405);
        assert_eq!(answer.header("allow"), Some(allow), "{method} {path}");
        answer.error(405);
    }
}

#[test]
fn head_is_get_without_a_body() {
    let server = TestServer::start();
    let token = server.user("joe@acme");
    for path in ["/", "/healthz", "/readyz", "/user"] {
        let get = server.get(path, &token).expect(200);
        let head =
            server.request("HEAD", path, &[("Authorization", &format!("Bearer {token}"))], b"").expect(200);
        assert_eq!(head.body, "", "{path}");
        assert_eq!(head.header("content-length"), get.header("content-length"), "{path}");
    }
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
fn a_sane_request_id_comes_back_and_any_other_is_replaced() {
    let server = TestServer::start();
    let id = |sent: &str| {
        let answer = server.request("GET", "/", &[("X-Request-Id", sent)], b"");
        answer.header("x-request-id").unwrap().to_owned()
    };
    assert_eq!(id("abc-123_x.y"), "abc-123_x.y");
    for bad in ["a b", "\"", &"x".repeat(200), "é"] {
        assert_eq!(id(bad).len(), 16, "{bad}");
    }
    assert_ne!(server.get("/", "").header("x-request-id"), server.get("/", "").header("x-request-id"));
}

#[test]
fn the_open_status_routes_answer() {
    let server = TestServer::start();
    let root = server.request("GET", "/", &[], b"").expect(200).json();
    assert_eq!(
        root,
        json!({"name": "appmixer-server", "version": env!("CARGO_PKG_VERSION"), "status": "ok"})
    );
    assert_eq!(server.request("GET", "/healthz", &[], b"").expect(200).body, r#"{"status":"ok"}"#);
    assert_eq!(server.request("GET", "/readyz", &[], b"").expect(200).body, r#"{"status":"ok"}"#);
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
fn being_active_means_nothing_where_the_operator_did_not_ask_for_it() {
    let server = TestServer::start();
    let (admin, joe) = (server.admin(), server.user("joe@acme"));
    let id = server.get("/user", &joe).text("id");
    server.put_as(&admin, &format!("/users/{id}"), r#"{"isActive":false}"#).expect(200);
    server.get("/user", &joe).expect(200);
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
