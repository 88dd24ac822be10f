//! The system configuration: three routes, effective at once.

use serde_json::json;

use crate::support::{TestServer, binary, eventually, run};

#[test]
fn entries_are_listed_made_replaced_and_removed_by_administrators_alone() {
    let server = TestServer::start();
    let (admin, joe) = (server.admin(), server.user("joe@acme"));
    assert_eq!(server.get("/config", &admin).expect(200).body, "[]");
    let entry =
        server.post_as(&admin, "/config", r#"{"key":"OUR_OWN","value":{"b":1,"a":null}}"#).expect(200);
    assert_eq!(entry.body, r#"{"key":"OUR_OWN","value":{"b":1,"a":null}}"#);
    server.post_as(&admin, "/config", r#"{"key":"OUR_OWN","value":null}"#).expect(200);
    server.post_as(&admin, "/config", r#"{"key":"APP_NAME","value":"Acme"}"#).expect(200);
    let list = server.get("/config", &admin).expect(200);
    assert_eq!(list.body, r#"[{"key":"APP_NAME","value":"Acme"},{"key":"OUR_OWN","value":null}]"#);
    assert_eq!(list.header("cache-control"), Some("no-store"));

    for answer in [
        server.get("/config", &joe),
        server.post_as(&joe, "/config", r#"{"key":"X","value":1}"#),
        server.delete_as(&joe, "/config/OUR_OWN"),
    ] {
        answer.error(403);
    }
    server.request("GET", "/config", &[], b"").error(401);

    assert_eq!(server.delete_as(&admin, "/config/OUR_OWN").expect(200).body, r#"{"ok":true}"#);
    server.delete_as(&admin, "/config/OUR_OWN").error(404);
    server.post_as(&admin, "/config", r#"{"key":"a/b č","value":1}"#).expect(200);
    server.delete_as(&admin, "/config/a%2Fb%20%C4%8D").expect(200);
    server.delete_as(&admin, "/config/%ff").error(400);
}

#[test]
fn a_known_key_takes_no_bad_value() {
    let server = TestServer::start();
    let admin = server.admin();
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
        let answer = server.post_as(&admin, "/config", body).expect(400);
        assert_eq!(answer.json()["details"][0]["path"], path, "{body}: {}", answer.body);
        assert!(!answer.body.contains("short"), "{}", answer.body);
    }
    assert_eq!(server.get("/config", &admin).body, "[]");
}

#[test]
fn the_keys_that_mean_something_are_told_to_administrators_with_defaults_that_they_take() {
    let server = TestServer::start();
    let (admin, joe) = (server.admin(), server.user("joe@acme"));
    server.request("GET", "/config-keys", &[], b"").error(401);
    server.get("/config-keys", &joe).error(403);
    server.delete_as(&admin, "/config-keys").error(405);
    let answer = server.get("/config-keys", &admin).expect(200);
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
            assert_eq!(server.post_as(&admin, "/config", &entry).expect(200).body, entry);
        }
    }
    // What clients keep for themselves is none of them.
    server.post_as(&admin, "/config", r#"{"key":"OUR_OWN","value":1}"#).expect(200);
    assert_eq!(server.get("/config-keys", &admin).body, answer.body);
}

#[test]
fn a_restriction_of_who_makes_users_counts_from_the_next_request() {
    let server = TestServer::start();
    let (admin, joe) = (server.admin(), server.user("joe@acme"));
    let body = |name: &str| format!(r#"{{"username":"{name}","password":"abc321"}}"#);
    server.post_as(&admin, "/config", r#"{"key":"API_USER_CREATE_SCOPE","value":"admin,maker"}"#).expect(200);
    server.post("/user", &body("a@a")).error(401);
    server.post("/user", "{ not even JSON").error(401);
    server.post_as(&joe, "/user", &body("a@a")).error(403);
    server.post_as(&admin, "/user", &body("a@a")).expect(200);
    server
        .post_as(&admin, "/user", r#"{"username":"maker@a","password":"abc321","scope":["maker"]}"#)
        .expect(200);
    let maker = server.sign_in("maker@a", "abc321").text("token");
    server.post_as(&maker, "/user", &body("b@b")).expect(200);
    server.delete_as(&admin, "/config/API_USER_CREATE_SCOPE").expect(200);
    server.post("/user", &body("c@c")).expect(200);
}

#[test]
fn the_default_vendor_is_that_of_the_next_user() {
    let server = TestServer::start();
    let admin = server.admin();
    let vendor = |name: &str| {
        let answer =
            server.post("/user", &format!(r#"{{"username":"{name}","password":"abc321"}}"#)).expect(200);
        answer.json()["user"]["vendor"].clone()
    };
    assert_eq!(vendor("a@a"), json!(null));
    server.post_as(&admin, "/config", r#"{"key":"DEFAULT_USER_VENDOR","value":"acme"}"#).expect(200);
    assert_eq!(vendor("b@b"), json!(["acme"]));
    server.post_as(&admin, "/config", r#"{"key":"DEFAULT_USER_VENDOR","value":["x","y"]}"#).expect(200);
    assert_eq!(vendor("c@c"), json!(["x", "y"]));
    let own = r#"{"username":"d@d","password":"abc321","vendor":"own"}"#;
    assert_eq!(server.post_as(&admin, "/user", own).json()["user"]["vendor"], json!(["own"]));
}

#[test]
fn a_secret_that_is_moved_in_keeps_old_tokens_good_and_is_never_shown() {
    const MOVED: &str = "the secret of the engine that was there before";
    let server = TestServer::start();
    let admin = server.admin();
    let joe = server.user("joe@acme");
    let body = format!(r#"{{"key":"JWTSecret","value":"{MOVED}"}}"#);
    let answer = server.post_as(&admin, "/config", &body).expect(200);
    assert_eq!(answer.body, r#"{"key":"JWTSecret","value":"********"}"#);
    assert!(!server.get("/config", &admin).body.contains(MOVED));
    server.get("/user", &joe).expect(200);

    // A token of the other engine, made elsewhere with that secret.
    let id = server.get("/user", &joe).text("id");
    let elsewhere = TestServer::with(&[("APPMIXER_TOKEN__SECRET", MOVED)]);
    let theirs = elsewhere.user("joe@acme");
    assert_eq!(server.get("/user", &theirs).error(404), "User not found", "well signed, of another's user");
    let new = server.sign_in("joe@acme", "abc321").text("token");
    assert_eq!(server.get("/user", &new).expect(200).text("id"), id);
    assert_eq!(elsewhere.get("/user", &new).status, 404, "signed with the moved secret");

    server.delete_as(&admin, "/config/JWTSecret").expect(200);
    server.get("/user", &joe).expect(200);
    assert_eq!(server.get("/user", &new).error(401), "Invalid JWT: key or signature is invalid");
    let (log, short) = (server.log(), &MOVED[4..20]);
    assert!(!log.contains(short) && !log.contains("abc321"), "{log}");
}

#[test]
fn what_a_command_sets_the_running_server_sees() {
    let server = TestServer::start();
    server.done(&["config", "set", "API_USER_CREATE_SCOPE", "admin"], "");
    eventually(|| server.post("/user", r#"{"username":"a@a","password":"abc321"}"#).status == 401);
    server.done(&["config", "unset", "API_USER_CREATE_SCOPE"], "");
    eventually(|| server.post("/user", r#"{"username":"b@b","password":"abc321"}"#).status == 200);
}

#[test]
fn tokens_of_a_previous_secret_stay_good_after_a_rotation() {
    let server = TestServer::start();
    let token = server.user("joe@acme");
    let server = server.restart_with(&[
        ("APPMIXER_TOKEN__SECRET", "another secret of thirty-two bytes or more"),
        ("APPMIXER_TOKEN__PREVIOUS_SECRETS", crate::support::SECRET_IN_A_LIST),
    ]);
    server.get("/user", &token).expect(200);
    let server = server.restart_with(&[("APPMIXER_TOKEN__PREVIOUS_SECRETS", "[]")]);
    server.get("/user", &token).error(401);
}

#[test]
fn variables_that_kubernetes_sets_for_a_service_of_this_name_are_ignored_with_one_warning() {
    let server = TestServer::with(&[
        ("APPMIXER_PORT", "tcp://10.96.0.1:2200"),
        ("APPMIXER_SERVICE_HOST", "10.96.0.1"),
        ("APPMIXER_PORT_2200_TCP_ADDR", "10.96.0.1"),
    ]);
    assert_eq!(server.log().matches("enableServiceLinks").count(), 1, "{}", server.log());
    let mut unknown = binary(&server.data());
    unknown.env("APPMIXER_SERVICE", "x").args(["serve"]);
    let output = run(unknown, "");
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_key_that_resembles_a_known_one_is_stored_only_on_request() {
    let server = TestServer::start();
    let output = server.command(&["config", "set", "MAIL_SMTP_HOTS", "x"], "");
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("no known key MAIL_SMTP_HOTS; did you mean MAIL_SMTP_HOST?"), "{told}");
    server.done(&["config", "set", "MAIL_SMTP_HOTS", "x", "--own"], "");
    assert_eq!(server.done(&["config", "get", "MAIL_SMTP_HOTS"], ""), "\"x\"");
    let output = server.command(&["config", "set", "OUR_OWN", "x"], "");
    assert!(output.status.success());
    assert!(String::from_utf8(output.stderr).unwrap().contains("no key of this server"));
}

#[test]
fn earlier_names_of_keys_are_hinted_at_and_their_secrets_are_not_shown() {
    let server = TestServer::start();
    let told = server.command(&["config", "set", "SMTP_HOST", "x"], "");
    let told = String::from_utf8(told.stderr).unwrap();
    assert!(told.contains("SMTP_HOST is the earlier name of MAIL_SMTP_HOST"), "{told}");
    let admin = server.admin();
    server.post_as(&admin, "/config", r#"{"key":"SMTP_PASS","value":"s3cret"}"#).expect(200);
    let list = server.get("/config", &admin).expect(200);
    assert_eq!(list.body, r#"[{"key":"SMTP_PASS","value":"********"}]"#);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("backup");
    let told = server.done(&["backup", file.to_str().unwrap()], "");
    assert!(told.contains("not inside SMTP_PASS"), "{told}");
    let bytes = std::fs::read(&file).unwrap();
    assert!(!bytes.windows(6).any(|part| part == b"s3cret"));
}
