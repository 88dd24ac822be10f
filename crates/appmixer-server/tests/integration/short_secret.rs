//! `JWTSecret` that is shorter than the server accepts, as a command with another configuration stores it.

use crate::support::{TestServer, binary, eventually, run};

const SHORT: &str = "a-short-secret";

#[test]
fn a_short_jwt_secret_that_a_command_has_stored_signs_nothing_and_keeps_nobody_out() {
    let server = TestServer::start();
    let admin = server.admin();
    let body = format!(r#"{{"key":"JWTSecret","value":"{SHORT}"}}"#);
    assert!(server.post_as(&admin, "/config", &body).error(400).contains("at least 32 bytes"));
    let refused = server.command(&["config", "set", "JWTSecret", "--stdin"], &format!("{SHORT}\n"));
    assert_eq!(refused.status.code(), Some(1));

    let mut command = binary(&server.data());
    command.env("APPMIXER_TOKEN__ALLOW_SHORT_SECRET", "true").args(["config", "set", "JWTSecret", "--stdin"]);
    let set = run(command, &format!("{SHORT}\n"));
    assert!(set.status.success());
    let notice = String::from_utf8(set.stderr).unwrap();
    assert!(notice.contains("fewer than 32 bytes") && !notice.contains(SHORT), "{notice}");

    // Noticed at the latest when a token is issued or verified next.
    eventually(|| {
        server.sign_in("root@acme", "abc321").expect(200);
        server.log().contains("the signing key JWTSecret: the secret has 14 bytes")
    });
    let token = server.sign_in("root@acme", "abc321").expect(200).text("token");
    for token in [&admin, &token] {
        server.get("/user", token).expect(200);
    }
    let keys = server.get("/keys", &admin).expect(200).json();
    assert_eq!((&keys[0]["id"], &keys[0]["state"]), (&"JWTSecret".into(), &"unusable".into()));
    assert_eq!((&keys[1]["id"], &keys[1]["state"]), (&"configuration".into(), &"signing".into()));
    assert!(!server.log().contains(SHORT));

    let server = server.restart_with(&[("APPMIXER_TOKEN__ALLOW_SHORT_SECRET", "true")]);
    let by_short = server.sign_in("root@acme", "abc321").expect(200).text("token");
    let keys = server.get("/keys", &by_short).expect(200).json();
    assert_eq!((&keys[0]["id"], &keys[0]["state"]), (&"JWTSecret".into(), &"signing".into()));
    // The server's own secret still verifies.
    server.get("/user", &admin).expect(200);
    server.assert_well();
    let server = server.restart_with(&[("APPMIXER_TOKEN__ALLOW_SHORT_SECRET", "false")]);
    server.get("/user", &by_short).error(401);
    server.sign_in("root@acme", "abc321").expect(200);
}
