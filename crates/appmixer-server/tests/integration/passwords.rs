//! Passwords that change, the tokens that end with them, and the user's own profile.

use std::fs;

use crate::support::{TestServer, binary, run};

const OWN: &str = r#"{"oldPassword":"abc321","newPassword":"xyz987"}"#;

#[test]
fn a_changed_password_ends_every_earlier_token_at_once_and_answers_a_new_one() {
    let server = TestServer::start();
    let (first, ann) = (server.user("joe@acme"), server.user("ann@acme"));
    let second = server.sign_in("joe@acme", "abc321").text("token");
    // Both are remembered by the server from here on.
    server.get("/user", &first).expect(200);
    server.get("/user", &second).expect(200);
    let new = server.post_as(&second, "/user/change-password", OWN).expect(200);
    assert_eq!(new.header("cache-control"), Some("no-store"));
    for old in [&first, &second] {
        assert_eq!(server.get("/user", old).error(401), "Invalid JWT: revoked");
    }
    server.get("/user", &new.text("token")).expect(200);
    server.get("/user", &ann).expect(200);
    server.sign_in("joe@acme", "abc321").error(403);
    server.sign_in("joe@acme", "xyz987").expect(200);

    let server = server.kill_and_restart();
    server.get("/user", &first).error(401);
    server.get("/user", &new.text("token")).expect(200);
    server.assert_well();
}

#[test]
fn a_password_that_cannot_be_changed_stays_and_so_do_the_tokens() {
    let server = TestServer::start();
    let token = server.user("joe@acme");
    let change = |body: &str| server.post_as(&token, "/user/change-password", body);
    assert_eq!(
        change(r#"{"oldPassword":"wrong1","newPassword":"xyz987"}"#).error(403),
        "Invalid old password"
    );
    for (body, path) in [
        (r#"{"newPassword":"xyz987"}"#, "oldPassword"),
        (r#"{"oldPassword":"abc321"}"#, "newPassword"),
        (r#"{"oldPassword":"abc321","newPassword":"short"}"#, "newPassword"),
        (r#"{"oldPassword":"abc321","newPassword":7}"#, "newPassword"),
    ] {
        let answer = change(body).expect(400);
        assert_eq!(answer.json()["details"][0]["path"], path, "{}", answer.body);
    }
    server.post("/user/change-password", OWN).error(401);
    server.get("/user", &token).expect(200);
    server.sign_in("joe@acme", "abc321").expect(200);
}

#[test]
fn signing_out_everywhere_ends_every_token_and_nothing_else() {
    let server = TestServer::start();
    let (token, ann) = (server.user("joe@acme"), server.user("ann@acme"));
    server.get("/user", &token).expect(200);
    assert_eq!(server.post_as(&token, "/user/sign-out-everywhere", "").expect(200).body, "{}");
    assert_eq!(server.get("/user", &token).error(401), "Invalid JWT: revoked");
    server.post_as(&token, "/user/sign-out-everywhere", "").error(401);
    server.get("/user", &ann).expect(200);
    let again = server.sign_in("joe@acme", "abc321").expect(200).text("token");
    server.get("/user", &again).expect(200);
}

#[test]
fn an_administrator_resets_a_password_by_username_or_email_and_ends_the_tokens() {
    let server = TestServer::start();
    let (admin, joe) = (server.admin(), server.user("joe@acme"));
    server.get("/user", &joe).expect(200);
    let reset = |token: &str, body: &str| server.post_as(token, "/user/reset-password", body);
    for (member, password) in [("username", "new111"), ("email", "new222")] {
        let token = server.get("/user", &joe).status;
        assert_eq!(token == 200, member == "username");
        let body = format!(r#"{{"{member}":"JOE@acme","password":"{password}"}}"#);
        assert_eq!(reset(&admin, &body).expect(200).body, "{}");
        server.get("/user", &joe).error(401);
        server.sign_in("joe@acme", password).expect(200);
    }
    let fresh = server.sign_in("joe@acme", "new222").text("token");
    assert_eq!(reset(&admin, r#"{"email":"no@body","password":"new333"}"#).error(404), "User not found");
    reset(&fresh, r#"{"email":"root@acme","password":"new333"}"#).error(403);
    for (body, path) in [
        (r#"{"password":"new333"}"#, "username"),
        (r#"{"email":"joe","password":"new333"}"#, "email"),
        (r#"{"email":"joe@acme"}"#, "password"),
        (r#"{"email":"joe@acme","password":"short"}"#, "password"),
    ] {
        let answer = reset(&admin, body).expect(400);
        assert_eq!(answer.json()["details"][0]["path"], path, "{}", answer.body);
    }
    server.get("/user", &fresh).expect(200);
}

#[test]
fn a_user_changes_its_own_metadata_and_no_more() {
    let server = TestServer::start();
    let token = server.user("joe@acme");
    let bearer = format!("Bearer {token}");
    let headers = [("Content-Type", "application/json"), ("Authorization", bearer.as_str())];
    let put = |body: &str| server.request("PUT", "/user", &headers, body.as_bytes());
    let before = server.get("/user", &token).expect(200).body;
    assert_eq!(put("{}").expect(200).body, before);
    assert_eq!(put(r#"{"metadata":null,"scope":["admin"],"plan":"beta"}"#).expect(200).body, before);
    let changed = put(r#"{"metadata":{"a":[1]}}"#).expect(200);
    assert_eq!(changed.body, before.replace(r#""metadata":{}"#, r#""metadata":{"a":[1]}"#));
    assert_eq!(server.get("/user", &token).expect(200).body, changed.body);
    assert_eq!(put(r#"{"metadata":[]}"#).expect(400).json()["details"][0]["path"], "metadata");
}

/// Tries a password wherever one can be chosen; the message that refuses it everywhere.
fn refused_everywhere(server: &TestServer, admin: &str, joe: &str, password: &str) -> String {
    let id = server.get("/user", joe).expect(200).text("id");
    let sign_up = format!(r#"{{"username":"new@acme","password":"{password}"}}"#);
    let change = format!(r#"{{"oldPassword":"abc321","newPassword":"{password}"}}"#);
    let reset = format!(r#"{{"email":"joe@acme","password":"{password}"}}"#);
    let put = format!(r#"{{"password":"{password}"}}"#);
    let answers = [
        (server.post("/user", &sign_up), "password"),
        (server.post_as(joe, "/user/change-password", &change), "newPassword"),
        (server.post_as(admin, "/user/reset-password", &reset), "password"),
        (server.put_as(admin, &format!("/users/{id}"), &put), "password"),
    ];
    let mut messages = answers.map(|(answer, path)| {
        let answer = answer.expect(400);
        assert_eq!(answer.json()["details"][0]["path"], path, "{}", answer.body);
        answer.error(400).replace(&format!("\"{path}\" "), "")
    });
    for arguments in [["user", "add", "new@acme"], ["user", "reset-password", "joe@acme"]] {
        let arguments = [&arguments[..], &["--password-stdin"]].concat();
        let output = server.command(&arguments, &format!("{password}\n"));
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains(&messages[0]), "{arguments:?}");
    }
    messages.sort();
    assert_eq!(messages[0], messages[3]);
    // Nothing was changed by any of it.
    server.sign_in("joe@acme", "abc321").expect(200);
    messages[0].clone()
}

#[test]
fn a_password_on_the_list_cannot_be_chosen_and_a_list_that_cannot_be_read_stops_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("refused.txt");
    fs::write(&list, b"Summer2026\r\n\n\xff\xfe\nletmein1").unwrap();
    let server = TestServer::with(&[("APPMIXER_PASSWORD__REFUSED_FILE", list.to_str().unwrap())]);
    let (admin, joe) = (server.admin(), server.user("joe@acme"));
    for password in ["summer2026", "LetMeIn1"] {
        let message = refused_everywhere(&server, &admin, &joe, password);
        assert_eq!(message, "must not be a password that is known to be common: choose another");
    }
    server.post("/user", r#"{"username":"new@acme","password":"summer2027"}"#).expect(200);
    server.assert_well();

    for bad in [folder.path().join("nowhere.txt"), folder.path().to_owned()] {
        for arguments in [&["serve"][..], &["check-config"], &["user", "add", "x@y", "--password-stdin"]] {
            let mut command = binary(&folder.path().join("data"));
            command.args(arguments).env("APPMIXER_PASSWORD__REFUSED_FILE", &bad);
            command.env("APPMIXER_LISTEN", "127.0.0.1:0");
            let output = run(command, "abc321\n");
            let line = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(2), "{arguments:?}: {line}");
            assert!(line.contains("password.refused_file") && line.contains(bad.to_str().unwrap()), "{line}");
            assert_eq!(line.trim_end().lines().count(), 1, "{line}");
        }
    }
}

#[test]
fn a_password_that_is_easy_to_guess_cannot_be_chosen_where_strength_is_asked_for() {
    let server = TestServer::start();
    let (admin, joe) = (server.admin(), server.user("joe@acme"));
    let server = server.restart_with(&[("APPMIXER_PASSWORD__MIN_STRENGTH", "3")]);
    for password in ["abc3210", "joe@acme"] {
        let message = refused_everywhere(&server, &admin, &joe, password);
        assert_eq!(message, "must be harder to guess: make it longer, of words that do not belong together");
    }
    let strong = r#"{"oldPassword":"abc321","newPassword":"seven quilted otters hum"}"#;
    server.post_as(&joe, "/user/change-password", strong).expect(200);
    server.assert_well();
}
