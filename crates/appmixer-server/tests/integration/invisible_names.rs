//! Names that differ only by what cannot be seen.

use rusqlite::Connection;
use serde_json::json;

use crate::support::TestServer;

const INVISIBLE: [char; 7] = ['\u{ad}', '\u{34f}', '\u{61c}', '\u{115f}', '\u{3164}', '\u{fe0f}', '\u{2800}'];

#[test]
fn no_user_is_given_a_name_with_an_invisible_character() {
    let server = TestServer::start();
    let admin = server.admin();
    let token = server.user("joe@acme");
    let id = server.get("/user", &token).text("id");
    for c in INVISIBLE {
        let name = format!("jo{c}e@acme");
        for member in ["username", "email"] {
            let body = json!({ member: name, "password": "abc321" }).to_string();
            let answer = server.post("/user", &body).expect(400).json();
            assert_eq!(answer["details"][0]["path"], member, "{c:?}: {answer}");
            assert!(answer["message"].as_str().unwrap().contains("invisible"), "{answer}");
            let change = json!({ member: name }).to_string();
            let answer = server.put_as(&admin, &format!("/users/{id}"), &change).expect(400).json();
            assert_eq!(answer["details"][0]["path"], member, "{c:?}: {answer}");
        }
        let command = server.command(&["user", "add", &name, "--password-stdin"], "abc321\n");
        assert_eq!(command.status.code(), Some(1));
        let command = server.command(&["user", "set", "joe@acme", "--email", &name], "");
        assert_eq!(command.status.code(), Some(1));
        assert!(String::from_utf8(command.stderr).unwrap().contains("--email must not contain invisible"));
        // Nobody has it: the answer is that of an unknown user.
        server.sign_in(&name, "abc321").expect(403);
    }
    server.assert_well();
}

#[test]
fn who_has_such_a_name_already_signs_in_is_changed_exported_and_imported() {
    let server = TestServer::start();
    let admin = server.admin();
    let token = server.user("joe@acme");
    let id = server.get("/user", &token).text("id");
    // As an older version has stored it.
    let hidden = "jo\u{ad}e@acme";
    let database = Connection::open(server.data().join("appmixer.sqlite")).unwrap();
    database
        .execute("UPDATE users SET username = ?1, email = ?1 WHERE username = 'joe@acme'", [hidden])
        .unwrap();
    database.execute("UPDATE names SET folded = ?1 WHERE folded = 'joe@acme'", [hidden]).unwrap();
    drop(database);
    let server = server.kill_and_restart();
    let joe = server.sign_in(hidden, "abc321").expect(200).text("token");
    assert_eq!(server.get("/user", &joe).text("username"), hidden);

    // A form writes back what it has read.
    let change = json!({"username": hidden, "email": hidden, "plan": "beta"}).to_string();
    let changed = server.put_as(&admin, &format!("/users/{id}"), &change).expect(200);
    assert_eq!((changed.text("username"), changed.text("plan")), (hidden.to_owned(), "beta".to_owned()));
    let lines = server.done(&["user", "export", "-"], "");
    assert!(lines.contains(hidden));
    let other = TestServer::start();
    let file = other.data().with_file_name("lines");
    std::fs::write(&file, lines).unwrap();
    other.done(&["user", "import", file.to_str().unwrap()], "");
    other.sign_in(hidden, "abc321").expect(200);

    let renamed = json!({"username": "joe@acme", "email": "joe@acme"}).to_string();
    server.put_as(&admin, &format!("/users/{id}"), &renamed).expect(200);
    server.sign_in("joe@acme", "abc321").expect(200);
    server.assert_well();
}
