//! The end of a replaced key: not before the last token that it has signed has expired.

use serde_json::Value;

use crate::console_session::{Browser, sign_in};
use crate::support::TestServer;

/// When a session or key ends; times compare as texts.
fn time(value: &Value, member: &str) -> String {
    value[member].as_str().unwrap_or_else(|| panic!("no {member} in {value}")).to_owned()
}

/// What the server says of the key that `rotate` has replaced.
fn replaced(server: &TestServer, admin: &str) -> Value {
    server.get("/keys", admin).expect(200).json()[1].clone()
}

#[test]
fn a_replaced_key_verifies_until_the_longest_console_session_that_it_signed_has_expired() {
    let server = TestServer::with(&[("APPMIXER_TOKEN__LIFETIME", "5s")]);
    server.admin();
    let answer = sign_in(&server, "root@acme", "abc321").expect(200);
    let expires = time(&answer.json(), "expires");
    let browser = Browser::of(&server, &answer);
    let rotated = browser.send("POST", "/console/api/keys", &serde_json::json!({})).expect(200).json();
    assert!(time(&rotated, "othersEnd") > expires, "{rotated} {expires}");
    let keys = browser.get("/console/api/keys").expect(200).json();
    assert_eq!(time(&keys[1], "ends"), time(&rotated, "othersEnd"));
    // A change of the configuration drops cached tokens: the session is verified again, by the old key.
    let entry = serde_json::json!({"key": "APP_NAME", "value": "Acme"});
    browser.send("POST", "/console/api/config", &entry).expect(200);
    browser.get("/console/session").expect(200);
    server.assert_well();
}

#[test]
fn a_shorter_configuration_does_not_shorten_what_a_key_has_signed() {
    let server = TestServer::with(&[("APPMIXER_TOKEN__LIFETIME", "40d")]);
    let server = {
        server.user("joe@acme");
        server.restart_with(&[("APPMIXER_TOKEN__LIFETIME", "1h"), ("APPMIXER_CONSOLE__ENABLED", "false")])
    };
    let admin = server.admin();
    let forty_days = server.done(&["token", "issue", "joe@acme", "--lifetime", "40d"], "");
    let expires = server.done(&["token", "verify"], &forty_days);
    let expires = time(&serde_json::from_str(&expires).unwrap(), "expires");
    let refused = server.command(&["key", "rotate", "--overlap", "39d"], "");
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8(refused.stderr).unwrap().contains("40d"));
    server
        .post_as(&admin, "/keys", r#"{"algorithm":"EdDSA","activates":"1970-01-01T00:00:00Z"}"#)
        .expect(200);
    assert!(time(&replaced(&server, &admin), "ends") >= expires);
    server.get("/user", &forty_days).expect(200);

    // The new key has signed nothing yet, and one that is issued beside the server counts as the server's do.
    let admin = server.sign_in("root@acme", "abc321").text("token");
    let year = server.done(&["token", "issue", "joe@acme", "--lifetime", "365d"], "");
    let expires = server.done(&["token", "verify"], &year);
    let expires = time(&serde_json::from_str(&expires).unwrap(), "expires");
    server.done(&["key", "rotate", "--activate-in", "0"], "");
    assert!(time(&replaced(&server, &admin), "ends") > expires);
    server.get("/user", &year).expect(200);
    server.assert_well();
}
