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
    let import = ["user", "import", file.to_str().unwrap()];
    for dry_run in [&["--dry-run"][..], &[]] {
        let refused = other.command(&[&import[..], dry_run].concat(), "");
        assert_eq!(refused.status.code(), Some(1));
        let error = String::from_utf8(refused.stderr).unwrap();
        let reason = "username must not contain invisible characters; --allow-invisible-names takes it over";
        assert!(error.contains(reason) && !error.contains(hidden), "{error}");
        // The other record, the administrator's, is taken.
        assert!(String::from_utf8(refused.stdout).unwrap().contains("inserted   1"));
        other.sign_in(hidden, "abc321").expect(403);
    }
    other.done(&[&import[..], &["--allow-invisible-names"]].concat(), "");
    other.sign_in(hidden, "abc321").expect(200);
    // The stored user has that very name, so that it is nothing new.
    let unchanged = other.done(&[&import[..], &["--json"]].concat(), "");
    assert!(unchanged.contains(r#""refused":0"#) && unchanged.contains(r#""differs":0"#), "{unchanged}");

    // An update gives no user another such name.
    let id = server.get("/user", &server.user("ann@acme")).text("id");
    let lines = server.done(&["user", "export", "-"], "").replace("ann@acme", "a\u{3164}nn@acme");
    let file = server.data().with_file_name("lines");
    std::fs::write(&file, lines).unwrap();
    let update = ["user", "import", file.to_str().unwrap(), "--update"];
    let refused = server.command(&update, "");
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8(refused.stderr).unwrap().contains("1 of 3 records"));
    assert_eq!(server.get(&format!("/users/{id}"), &admin).text("username"), "ann@acme");
    server.done(&[&update[..], &["--allow-invisible-names"]].concat(), "");
    assert_eq!(server.get(&format!("/users/{id}"), &admin).text("username"), "a\u{3164}nn@acme");

    let renamed = json!({"username": "joe@acme", "email": "joe@acme"}).to_string();
    server.put_as(&admin, &format!("/users/{id}"), &renamed).expect(200);
    server.sign_in("joe@acme", "abc321").expect(200);
    server.assert_well();
}
