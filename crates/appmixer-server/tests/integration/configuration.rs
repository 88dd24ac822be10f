//! The system configuration: three routes, effective at once.

use crate::support::{TestServer, binary, eventually, run};

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
