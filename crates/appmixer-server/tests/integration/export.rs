//! `user export`: the file that it writes.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;

use crate::commands::Desk;
use crate::import::{file, id, import};

#[test]
fn an_export_into_an_empty_database_gives_the_same_export() {
    let desk = Desk::new();
    desk.add("root@acme", &["admin", "user"]);
    let lines: Vec<_> = (0..2500)
        .map(|number| {
            json!({
                "id": id(number), "username": format!("Žofie{number}@Acme"), "email": format!("{number}@straße.example"),
                "passwordHash": format!("$pbkdf2-sha256$i={}$U29kaXVtQ2hsb3JpZGU$QCIwGCTEmfIr3u8yj7liGUfDbmSvenkxhZiu9LB6og8", number + 1),
                "scope": (0..number % 4).map(|scope| format!("s{scope}")).collect::<Vec<_>>(), "plan": "Größe 1",
                "isActive": number % 2 == 0, "vendor": (number % 3 == 0).then(|| vec!["b", "a"]),
                "allowedPrivateComponents": ["a.b.c"], "phoneNumber": "+420 \"1\"", "title": "Dr.",
                "metadata": {"z": [1, 2.5, -0.1, 1e300, null, "\u{0}\u{1f600}"], "a": {"$oid": "x"}, "n": u64::MAX},
                "created": "1999-12-31T23:59:59.999Z", "modified": "2020-02-29T12:00:00.001Z", "generation": number,
                "confirmationPending": number % 4 == 1, "addressVouched": number % 5 == 0,
            })
            .to_string()
        })
        .collect();
    assert_eq!(import(&desk, &file(&desk, "lines", lines.join("\n")), &[])[1], 2500);
    let path = |name: &str| desk.0.path().join(name).to_str().unwrap().to_owned();
    desk.done(&["user", "export", &path("one")], "");
    let other = Desk::new();
    assert_eq!(import(&other, &path("one"), &[]), [2501, 2501, 0, 0, 0, 0, 0]);
    other.done(&["user", "export", &path("other")], "");
    let one = fs::read_to_string(path("one")).unwrap();
    assert_eq!(one, fs::read_to_string(path("other")).unwrap());
    assert_eq!(one.lines().count(), 2501);
    for line in &lines {
        assert!(one.contains(line.as_str()), "{line}");
    }
    assert_eq!(desk.done(&["user", "export", "-"], "") + "\n", one);
}

#[test]
fn an_export_is_its_owners_alone_and_replaces_no_file_unless_told() {
    let desk = Desk::new();
    desk.add("joe@acme", &["user"]);
    let folder = desk.0.path().join("exports");
    fs::create_dir(&folder).unwrap();
    let path = folder.join("users.jsonl");
    let file = path.to_str().unwrap();
    desk.done(&["user", "export", file], "");
    let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(), 0o600);

    fs::write(&path, "something else").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let refusal = desk.refused(1, &["user", "export", file], "");
    assert!(refusal.contains("is there already; --force replaces it"), "{refusal}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "something else");
    desk.done(&["user", "export", file, "--force"], "");
    assert!(fs::read_to_string(&path).unwrap().contains("joe@acme"));
    assert_eq!(mode(), 0o600);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "nothing else is left behind");

    let nowhere = folder.join("no/folder/users.jsonl");
    let refusal = desk.refused(1, &["user", "export", nowhere.to_str().unwrap()], "");
    assert!(refusal.contains("users.jsonl"), "{refusal}");
}

#[test]
fn no_command_writes_its_output_to_a_file_of_the_server() {
    let desk = Desk::new();
    desk.add("joe@acme", &["user"]);
    let data = desk.0.path().join("data");
    let path = |name: &str| data.join(name).to_str().unwrap().to_owned();
    fs::write(path("token.secret"), "s".repeat(64)).unwrap();
    fs::hard_link(path("appmixer.sqlite"), path("hard")).unwrap();
    let before = fs::read(path("appmixer.sqlite")).unwrap();
    let lines = file(&desk, "lines", json!({"username": "x@acme"}).to_string());
    for own in ["appmixer.sqlite", "../data/appmixer.sqlite", "hard", "token.secret", "appmixer.sqlite.lock"]
    {
        let own = path(own);
        for command in [
            vec!["user", "export", &own, "--force"],
            vec!["user", "export", &own],
            vec!["backup", &own, "--force"],
            vec!["user", "import", &lines, "--report", &own],
        ] {
            let refusal = desk.refused(1, &command, "");
            assert!(refusal.contains("is a file of the server itself"), "{command:?}: {refusal}");
        }
    }
    assert_eq!(fs::read(path("appmixer.sqlite")).unwrap(), before);
    assert_eq!(fs::read_to_string(path("token.secret")).unwrap(), "s".repeat(64));
    // A file that the server has not created yet is one of its own too.
    desk.refused(1, &["user", "import", &lines, "--report", &path("webhook.secret")], "");
    assert!(!data.join("webhook.secret").exists());
    let itself = format!("sqlite:{}", path("appmixer.sqlite"));
    let refusal = desk.refused(1, &["store", "copy", "--to", &itself], "");
    assert!(refusal.contains("this is the database itself"), "{refusal}");
}
