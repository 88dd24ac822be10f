//! The contract, row by row.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use crate::support::TestApp;

const ABC: &str = r#"{ "username": "abc@example.com", "email": "abc@example.com", "password": "abc321" }"#;

fn parts(token: &str) -> Vec<String> {
    let decode = |part| String::from_utf8(URL_SAFE_NO_PAD.decode(part).unwrap());
    token.split('.').take(2).map(|part| decode(part).unwrap()).collect()
}

#[test]
fn the_documented_sign_in_answers_the_user_and_a_token_of_four_claims() {
    let app = TestApp::start();
    let id = app.post("/user", ABC).json()["user"]["id"].as_str().unwrap().to_owned();
    let answer =
        app.post("/user/auth", r#"{ "username": "abc@example.com", "password": "abc321" }"#).expect(200);
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
    let app = TestApp::start();
    let up = app.post("/user", ABC);
    let first = app.get("/user", &up.text("token")).expect(200);
    // The second answer comes from memory.
    let second = app.get("/user", &up.text("token")).expect(200);
    let user = up.json()["user"].to_string();
    assert_eq!(second.header("cache-control"), Some("no-store"));
    assert_eq!((first.body, second.body), (user.clone(), user));
}

#[test]
fn one_signs_in_by_username_or_email_in_any_case_as_json_or_form() {
    let app = TestApp::start();
    app.post("/user", r#"{"username":"Joe@Acme","email":"joe@mail.example","password":"abc321"}"#)
        .expect(200);
    for body in [
        r#"{"username":"joe@acme","password":"abc321"}"#,
        r#"{"email":"JOE@MAIL.EXAMPLE","password":"abc321"}"#,
        r#"{"username":"joe@mail.example","password":"abc321"}"#,
        r#"{"email":"joe@acme","password":"abc321","unknown":{"x":[1]}}"#,
    ] {
        assert_eq!(app.post("/user/auth", body).expect(200).json()["user"]["username"], "Joe@Acme");
    }
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    app.request("POST", "/user/auth", &form, b"username=joe%40acme&password=abc321").expect(200);
    app.request("POST", "/user", &form, b"email=form%40acme&password=abc321").expect(200);
    app.sign_in("form@acme", "abc321").expect(200);
}

#[test]
fn wrong_password_and_unknown_user_get_the_same_answer() {
    let app = TestApp::start();
    app.user("joe@acme");
    let (wrong, unknown) = (app.sign_in("joe@acme", "abc322"), app.sign_in("eoj@acme", "abc322"));
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
    let app = TestApp::start();
    let user = app.post("/user", r#"{"username":null,"email":"a@b","password":"abc321"}"#).expect(200).json();
    assert_eq!((&user["user"]["username"], &user["user"]["email"]), (&json!("a@b"), &json!("a@b")));
    let user = app
        .post("/user", r#"{"username":"c@d","email":null,"password":"abc321","metadata":null,"scope":null}"#);
    assert_eq!(user.expect(200).json()["user"]["email"], "c@d");
}

#[test]
fn a_taken_name_is_409_whichever_name_it_is() {
    let app = TestApp::start();
    app.post("/user", r#"{"username":"joe@a","email":"joe@b","password":"abc321"}"#).expect(200);
    for body in [
        r#"{"username":"JOE@A","password":"abc321"}"#,
        r#"{"username":"joe@b","password":"abc321"}"#,
        r#"{"username":"new@a","email":"joe@a","password":"abc321"}"#,
    ] {
        assert_eq!(app.post("/user", body).error(409), "The username or email is already taken");
    }
}

#[test]
fn metadata_is_anyones_and_kept_as_it_was() {
    let app = TestApp::start();
    let metadata = r#"{"z":1,"a":{"deep":[null,true,"ž"]}}"#;
    let body = format!(r#"{{"username":"joe@acme","password":"abc321","metadata":{metadata}}}"#);
    let token = app.post("/user", &body).expect(200).text("token");
    assert!(app.get("/user", &token).body.contains(&format!(r#""metadata":{metadata},"vendor":null"#)));
    assert!(app.sign_in("joe@acme", "abc321").body.contains(&format!(r#""metadata":{metadata}"#)));
    let big =
        format!(r#"{{"username":"b@b","password":"abc321","metadata":{{"x":"{}"}}}}"#, "x".repeat(16 * 1024));
    assert!(app.post("/user", &big).error(400).contains("metadata"));
    app.post("/user", r#"{"username":"b@b","password":"abc321","metadata":[]}"#).error(400);
}

#[test]
fn privileges_are_an_administrators_to_give() {
    let app = TestApp::start();
    let (admin, joe) = (app.admin(), app.user("joe@acme"));
    let body = |name: &str, extra: &str| format!(r#"{{"username":"{name}","password":"abc321",{extra}}}"#);
    for extra in
        [r#""scope":["user","admin"]"#, r#""plan":"beta""#, r#""vendor":"acme""#, r#""isActive":true"#]
    {
        app.post("/user", &body("x@x", extra)).error(403);
        let refused = app.post_as(&joe, "/user", &body("x@x", extra)).expect(403);
        let challenge = r#"bearer realm="appmixer", error="insufficient_scope""#;
        assert_eq!(refused.header("www-authenticate"), Some(challenge));
    }
    let all = r#""scope":["user","acme1"],"plan":"beta","vendor":"acme","isActive":true"#;
    let user = app.post_as(&admin, "/user", &body("x@x", all)).expect(200).json()["user"].clone();
    assert_eq!(user["scope"], json!(["user", "acme1"]));
    assert_eq!(
        (&user["plan"], &user["vendor"], &user["isActive"]),
        (&json!("beta"), &json!(["acme"]), &json!(true))
    );
}

#[test]
fn authorization_is_one_bearer_token_or_401_with_a_challenge() {
    let app = TestApp::start();
    let token = app.user("joe@acme");
    let missing = app.request("GET", "/user", &[], b"").expect(401);
    assert_eq!(missing.header("www-authenticate"), Some(r#"bearer realm="appmixer""#));
    assert_eq!(missing.error(401), "Missing authentication");
    for scheme in ["Bearer", "bearer", "BEARER"] {
        app.request("GET", "/user", &[("Authorization", &format!("{scheme} {token}"))], b"").expect(200);
    }
    let good = format!("Bearer {token}");
    for headers in [
        vec![("Authorization", good.as_str()), ("Authorization", good.as_str())],
        vec![("Authorization", "Basic am9lOmpvZQ==")],
        vec![("Authorization", token.as_str())],
        vec![("Authorization", "Bearer x.y.z")],
        vec![("Authorization", "Bearer")],
    ] {
        let refused = app.request("GET", "/user", &headers, b"").expect(401);
        let challenge = r#"bearer realm="appmixer", error="invalid_token""#;
        assert_eq!(refused.header("www-authenticate"), Some(challenge), "{headers:?}");
    }
    // Whatever stands in the signature's place, the CLI knows by this message that it must sign in again.
    let (message, signature) = token.rsplit_once('.').unwrap();
    for signature in [&signature.to_lowercase(), &format!("{signature}A"), &"A".repeat(43), "%%", ""] {
        let refused = app.get("/user", &format!("{message}.{signature}"));
        assert_eq!(refused.error(401), "Invalid JWT: key or signature is invalid", "{signature}");
    }
}

#[test]
fn unknown_paths_are_404_and_other_methods_405_with_allow() {
    let app = TestApp::start();
    for path in ["/nothing", "/user/", "/user/auth/x", "/config/a/b", "/%2e%2e/etc", "//user"] {
        assert_eq!(app.request("GET", path, &[], b"").error(404), "Not Found", "{path}");
    }
    for (method, path, allow) in [
        ("PATCH", "/user", "get, head, post, put, options"),
        ("GET", "/user/auth", "post, options"),
        ("POST", "/", "get, head, options"),
        ("GET", "/config/X", "delete, options"),
        ("BREW", "/config", "get, head, post, options"),
    ] {
        let answer = app.request(method, path, &[], b"").expect(405);
        assert_eq!(answer.header("allow"), Some(allow), "{method} {path}");
        answer.error(405);
    }
}

#[test]
fn head_is_get_without_a_body() {
    let app = TestApp::start();
    let token = app.user("joe@acme");
    for path in ["/", "/healthz", "/readyz", "/user"] {
        let get = app.get(path, &token).expect(200);
        let head =
            app.request("HEAD", path, &[("Authorization", &format!("Bearer {token}"))], b"").expect(200);
        assert_eq!(head.body, "", "{path}");
        assert_eq!(head.header("content-length"), get.header("content-length"), "{path}");
    }
}

#[test]
fn a_sane_request_id_comes_back_and_any_other_is_replaced() {
    let app = TestApp::start();
    let id = |sent: &str| {
        let answer = app.request("GET", "/", &[("X-Request-Id", sent)], b"");
        answer.header("x-request-id").unwrap().to_owned()
    };
    assert_eq!(id("abc-123_x.y"), "abc-123_x.y");
    for bad in ["a b", "\"", &"x".repeat(200), "é"] {
        assert_eq!(id(bad).len(), 16, "{bad}");
    }
    assert_ne!(app.get("/", "").header("x-request-id"), app.get("/", "").header("x-request-id"));
}

#[test]
fn the_open_status_routes_answer() {
    let app = TestApp::start();
    let root = app.request("GET", "/", &[], b"").expect(200).json();
    assert_eq!(
        root,
        json!({"name": "appmixer-server", "version": env!("CARGO_PKG_VERSION"), "status": "ok"})
    );
    assert_eq!(app.request("GET", "/healthz", &[], b"").expect(200).body, r#"{"status":"ok"}"#);
    assert_eq!(app.request("GET", "/readyz", &[], b"").expect(200).body, r#"{"status":"ok"}"#);
}

#[test]
fn being_active_means_nothing_where_the_operator_did_not_ask_for_it() {
    let app = TestApp::start();
    let (admin, joe) = (app.admin(), app.user("joe@acme"));
    let id = app.get("/user", &joe).text("id");
    app.put_as(&admin, &format!("/users/{id}"), r#"{"isActive":false}"#).expect(200);
    app.get("/user", &joe).expect(200);
}
