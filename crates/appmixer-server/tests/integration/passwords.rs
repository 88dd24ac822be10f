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
