//! The system configuration: three routes, effective at once.

use serde_json::json;

use crate::support::TestApp;

#[test]
fn entries_are_listed_made_replaced_and_removed_by_administrators_alone() {
    let app = TestApp::start();
    let (admin, joe) = (app.admin(), app.user("joe@acme"));
    assert_eq!(app.get("/config", &admin).expect(200).body, "[]");
    let entry = app.post_as(&admin, "/config", r#"{"key":"OUR_OWN","value":{"b":1,"a":null}}"#).expect(200);
    assert_eq!(entry.body, r#"{"key":"OUR_OWN","value":{"b":1,"a":null}}"#);
    app.post_as(&admin, "/config", r#"{"key":"OUR_OWN","value":null}"#).expect(200);
    app.post_as(&admin, "/config", r#"{"key":"APP_NAME","value":"Acme"}"#).expect(200);
    let list = app.get("/config", &admin).expect(200);
    assert_eq!(list.body, r#"[{"key":"APP_NAME","value":"Acme"},{"key":"OUR_OWN","value":null}]"#);
    assert_eq!(list.header("cache-control"), Some("no-store"));

    for answer in [
        app.get("/config", &joe),
        app.post_as(&joe, "/config", r#"{"key":"X","value":1}"#),
        app.delete_as(&joe, "/config/OUR_OWN"),
    ] {
        answer.error(403);
    }
    app.request("GET", "/config", &[], b"").error(401);

    assert_eq!(app.delete_as(&admin, "/config/OUR_OWN").expect(200).body, r#"{"ok":true}"#);
    app.delete_as(&admin, "/config/OUR_OWN").error(404);
    app.post_as(&admin, "/config", r#"{"key":"a/b č","value":1}"#).expect(200);
    app.delete_as(&admin, "/config/a%2Fb%20%C4%8D").expect(200);
    app.delete_as(&admin, "/config/%ff").error(400);
}

#[test]
fn a_known_key_takes_no_bad_value() {
    let app = TestApp::start();
    let admin = app.admin();
    for (body, path) in [
        (r#"{"key":"API_USER_CREATE_SCOPE","value":["admin"]}"#, "value"),
        (r#"{"key":"MAIL_SMTP_PORT","value":70000}"#, "value"),
        (r#"{"key":"JWTSecret","value":"short"}"#, "value"),
        (r#"{"key":"JWTSecret","value":"********"}"#, "value"),
        (r#"{"key":"","value":1}"#, "key"),
        (r#"{"key":7,"value":1}"#, "key"),
        (r#"{"key":"X"}"#, "value"),
        (r#"{"value":1}"#, "key"),
    ] {
        let answer = app.post_as(&admin, "/config", body).expect(400);
        assert_eq!(answer.json()["details"][0]["path"], path, "{body}: {}", answer.body);
        assert!(!answer.body.contains("short"), "{}", answer.body);
    }
    assert_eq!(app.get("/config", &admin).body, "[]");
}

#[test]
fn the_keys_that_mean_something_are_told_to_administrators_with_defaults_that_they_take() {
    let app = TestApp::start();
    let (admin, joe) = (app.admin(), app.user("joe@acme"));
    app.request("GET", "/config-keys", &[], b"").error(401);
    app.get("/config-keys", &joe).error(403);
    app.delete_as(&admin, "/config-keys").error(405);
    let answer = app.get("/config-keys", &admin).expect(200);
    let keys = answer.json();
    let keys = keys.as_array().unwrap();
    let of = |name: &str| keys.iter().find(|key| key["key"] == name).unwrap();
    assert_eq!(
        *of("MAIL_SMTP_PORT"),
        json!({"key":"MAIL_SMTP_PORT","meaning":"The mail server's port.","default":465,"value":"number","secret":false,"group":"mail"})
    );
    assert_eq!(of("MAIL_SMTP_TLS")["choices"], json!(["implicit", "starttls"]));
    for secret in ["JWTSecret", "WEBHOOK_SECRET", "MAIL_SMTP_PASS"] {
        assert_eq!((&of(secret)["value"], &of(secret)["secret"]), (&json!("secret"), &json!(true)));
    }
    assert_eq!(keys.iter().filter(|key| key["secret"] == true).count(), 3);
    // Setting what holds anyway is always possible; a choice takes each of its choices.
    for key in keys {
        let choices = key["choices"].as_array().into_iter().flatten();
        for value in [&key["default"]].into_iter().chain(choices) {
            let entry = json!({"key": key["key"], "value": value}).to_string();
            assert_eq!(app.post_as(&admin, "/config", &entry).expect(200).body, entry);
        }
    }
    // What clients keep for themselves is none of them.
    app.post_as(&admin, "/config", r#"{"key":"OUR_OWN","value":1}"#).expect(200);
    assert_eq!(app.get("/config-keys", &admin).body, answer.body);
}

#[test]
fn a_restriction_of_who_makes_users_counts_from_the_next_request() {
    let app = TestApp::start();
    let (admin, joe) = (app.admin(), app.user("joe@acme"));
    let body = |name: &str| format!(r#"{{"username":"{name}","password":"abc321"}}"#);
    app.post_as(&admin, "/config", r#"{"key":"API_USER_CREATE_SCOPE","value":"admin,maker"}"#).expect(200);
    app.post("/user", &body("a@a")).error(401);
    app.post("/user", "{ not even JSON").error(401);
    app.post_as(&joe, "/user", &body("a@a")).error(403);
    app.post_as(&admin, "/user", &body("a@a")).expect(200);
    app.post_as(&admin, "/user", r#"{"username":"maker@a","password":"abc321","scope":["maker"]}"#)
        .expect(200);
    let maker = app.sign_in("maker@a", "abc321").text("token");
    app.post_as(&maker, "/user", &body("b@b")).expect(200);
    app.delete_as(&admin, "/config/API_USER_CREATE_SCOPE").expect(200);
    app.post("/user", &body("c@c")).expect(200);
}

#[test]
fn the_default_vendor_is_that_of_the_next_user() {
    let app = TestApp::start();
    let admin = app.admin();
    let vendor = |name: &str| {
        let answer =
            app.post("/user", &format!(r#"{{"username":"{name}","password":"abc321"}}"#)).expect(200);
        answer.json()["user"]["vendor"].clone()
    };
    assert_eq!(vendor("a@a"), json!(null));
    app.post_as(&admin, "/config", r#"{"key":"DEFAULT_USER_VENDOR","value":"acme"}"#).expect(200);
    assert_eq!(vendor("b@b"), json!(["acme"]));
    app.post_as(&admin, "/config", r#"{"key":"DEFAULT_USER_VENDOR","value":["x","y"]}"#).expect(200);
    assert_eq!(vendor("c@c"), json!(["x", "y"]));
    let own = r#"{"username":"d@d","password":"abc321","vendor":"own"}"#;
    assert_eq!(app.post_as(&admin, "/user", own).json()["user"]["vendor"], json!(["own"]));
}
