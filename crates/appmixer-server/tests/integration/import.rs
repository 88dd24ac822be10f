//! `user import`: what is taken over, from which files, and what is refused.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Output;

use serde_json::{Value, json};

use crate::commands::Desk;
use crate::support::TestServer;

/// Of the password `abc321`.
const BCRYPT: &str = "$2b$10$N9qo8uLOickgx2ZMRZoMyeHjG2hb3NQKaY7jw/EQFrpV/UPprXv.2";

/// One of each family, all of `abc321`; computed with `OpenSSL` and `libxcrypt`.
const FAMILIES: [&str; 7] = [
    "$argon2id$v=19$m=19456,t=2,p=1$hKZhrRUcgNqEbWx1QEqnAQ$8BzO09s13eM45CpBrmel3KkA7bv0GNNRTK/WzeoLAVM",
    BCRYPT,
    "$2a$05$CCCCCCCCCCCCCCCCCCCCC.q6o8az6wnnDTdTmWpST9RCpxpIMV9Lq",
    "$2y$05$CCCCCCCCCCCCCCCCCCCCC.q6o8az6wnnDTdTmWpST9RCpxpIMV9Lq",
    "$scrypt$ln=10,r=8,p=1$U29kaXVtQ2hsb3JpZGU$Ej4cMQ52SKOtST177luqVJ8KtAtwjp5Hx6Mv98Xkxyo",
    "$pbkdf2-sha256$i=1000$U29kaXVtQ2hsb3JpZGU$QCIwGCTEmfIr3u8yj7liGUfDbmSvenkxhZiu9LB6og8",
    "$pbkdf2-sha512$i=1000$U29kaXVtQ2hsb3JpZGU$QeYaCZYgLf9OkNIkOm95KsZu3eyOJkLhr7Ww/fAs1zI",
];

pub(crate) fn id(number: usize) -> String {
    format!("5c88c7cca1b2c3d4e5{number:06x}")
}

/// A document of Appmixer's `users`, in relaxed form.
fn document(number: usize, name: &str) -> Value {
    json!({
        "_id": {"$oid": id(number)}, "username": name, "email": name, "password": BCRYPT,
        "scope": ["user"], "plan": "free", "isActive": true, "vendor": "acme",
        "created": {"$date": "2019-03-13T15:56:49.123Z"}, "mtime": {"$date": "2020-01-01T00:00:00Z"}, "__v": 0,
    })
}

/// A line of our own form.
pub(crate) fn line(number: usize, name: &str) -> String {
    json!({"id": id(number), "username": name, "passwordHash": BCRYPT, "scope": ["user", "acme1"]})
        .to_string()
}

/// A file in a desk's folder.
pub(crate) fn file(desk: &Desk, name: &str, text: impl AsRef<[u8]>) -> String {
    let path: PathBuf = desk.0.path().join(name);
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The summary, in the order read, inserted, updated, unchanged, differs, refused, locked.
#[track_caller]
pub(crate) fn summary(output: &Output) -> [usize; 7] {
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    let figures = ["read", "inserted", "updated", "unchanged", "differs", "refused", "locked"];
    let figures = figures.map(|name| usize::try_from(summary[name].as_u64().unwrap()).unwrap());
    assert_eq!(output.status.success(), figures[5] == 0, "{output:?}");
    figures
}

#[track_caller]
pub(crate) fn import(desk: &Desk, file: &str, flags: &[&str]) -> [usize; 7] {
    let arguments: Vec<_> =
        ["user", "import", file, "--json"].into_iter().chain(flags.iter().copied()).collect();
    summary(&desk.output(&arguments, ""))
}

fn users(desk: &Desk) -> Vec<Value> {
    desk.done(&["user", "export", "-"], "").lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn an_export_of_mongodb_is_taken_over_in_every_form() {
    let documents: Vec<_> = (0..3).map(|number| document(number, &format!("User{number}@Acme"))).collect();
    let canonical: Vec<_> = documents
        .iter()
        .cloned()
        .map(|mut document| {
            document["created"] = json!({"$date": {"$numberLong": "1552492609123"}});
            document["mtime"] = json!({"$date": {"$numberLong": "1577836800000"}});
            document["__v"] = json!({"$numberInt": "0"});
            document
        })
        .collect();
    let lines = |documents: &[Value]| documents.iter().map(Value::to_string).collect::<Vec<_>>().join("\n");
    let pretty = documents.iter().map(|document| serde_json::to_string_pretty(document).unwrap());
    let mut compressed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    compressed.write_all(lines(&documents).as_bytes()).unwrap();
    let forms: [(&str, Vec<u8>); 6] = [
        ("relaxed", lines(&documents).into()),
        ("canonical", lines(&canonical).into()),
        ("array", Value::from(documents.clone()).to_string().into()),
        ("canonical array", Value::from(canonical).to_string().into()),
        ("pretty", pretty.collect::<Vec<_>>().join("\n").into()),
        ("compressed", compressed.finish().unwrap()),
    ];
    let mut before = None;
    for (form, bytes) in forms {
        let desk = Desk::new();
        let file = file(&desk, "users.json", bytes);
        let output = desk.output(&["user", "import", &file, "--json"], "");
        assert_eq!(summary(&output), [3, 3, 0, 0, 0, 0, 0], "{form}");
        let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(summary["notTakenOver"], json!({"__v": 3}), "{form}");
        let users = users(&desk);
        assert_eq!(
            users[0],
            json!({
                "id": id(0), "username": "User0@Acme", "email": "User0@Acme", "passwordHash": BCRYPT,
                "scope": ["user"], "plan": "free", "isActive": true, "vendor": ["acme"],
                "allowedPrivateComponents": [], "phoneNumber": null, "title": null, "metadata": {},
                "created": "2019-03-13T15:56:49.123Z", "modified": "2020-01-01T00:00:00.000Z", "generation": 0,
                "confirmationPending": false, "addressVouched": true,
            }),
            "{form}"
        );
        assert_eq!(before.get_or_insert_with(|| users.clone()), &users, "{form}");
    }
}

#[test]
fn who_was_taken_over_signs_in_and_then_has_a_hash_of_todays_kind() {
    let server = TestServer::start();
    let lines = FAMILIES.iter().enumerate().map(|(number, hash)| {
        let mut document = document(number, &format!("u{number}@acme"));
        document["password"] = json!(hash);
        format!("{document}\n")
    });
    let lines: String = lines.collect();
    server.done(&["user", "import", "-"], &lines);
    let hashes = || -> Vec<String> {
        let export = server.done(&["user", "export", "-"], "");
        let hash = |line: &str| {
            serde_json::from_str::<Value>(line).unwrap()["passwordHash"].as_str().unwrap().to_owned()
        };
        export.lines().map(hash).collect()
    };
    assert_eq!(hashes(), FAMILIES, "kept as they are");
    for number in 0..FAMILIES.len() {
        let name = format!("u{number}@acme");
        server.sign_in(&name, "abc322").error(403);
        let token = server.sign_in(&name, "abc321").expect(200).text("token");
        assert_eq!(server.get("/user", &token).expect(200).text("id"), id(number));
    }
    for hash in hashes() {
        assert!(hash.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{hash}");
    }
    for number in 0..FAMILIES.len() {
        server.sign_in(&format!("u{number}@acme"), "abc321").expect(200);
    }
    server.assert_well();
}

#[test]
fn who_has_no_usable_hash_is_refused_or_waits_for_a_reset() {
    let server = TestServer::start();
    let mut none = document(1, "none@acme");
    none["password"] = Value::Null;
    let mut md5 = document(2, "md5@acme");
    md5["password"] = json!("5f4dcc3b5aa765d61d8327deb882cf99");
    let lines = format!("{none}\n{md5}\n");
    let output = server.command(&["user", "import", "-", "--json"], &lines);
    assert_eq!(summary(&output), [2, 0, 0, 0, 0, 2, 0]);
    let told = text(&output.stderr);
    assert!(
        told.contains("line 1: has no password hash")
            && told.contains("line 2: has a password hash of a kind"),
        "{told}"
    );
    assert!(!told.contains("5f4dcc") && !told.contains("acme"), "{told}");

    let lock = ["user", "import", "-", "--json", "--without-password", "lock"];
    assert_eq!(summary(&server.command(&lock, &lines)), [2, 2, 0, 0, 0, 0, 2]);
    assert_eq!(summary(&server.command(&lock, &lines)), [2, 0, 0, 2, 0, 0, 0]);
    server.sign_in("md5@acme", "password").error(403);
    let root = server.admin();
    server
        .post_as(&root, "/user/reset-password", r#"{"email":"md5@acme","password":"new-secret"}"#)
        .expect(200);
    server.sign_in("md5@acme", "new-secret").expect(200);
    server.assert_well();
}

#[test]
fn a_broken_file_loses_nothing_that_was_good_and_says_the_line() {
    let desk = Desk::new();
    let good = |number: usize| line(number, &format!("u{number}@acme")).into_bytes();
    let long = format!(r#"{{"id":"{}","x":"{}"}}"#, id(5), "x".repeat(100_000_000));
    let lines = [
        good(1),
        br#"{"id": nonsense}"#.to_vec(),
        good(3),
        b"\xff\xfe\x00".to_vec(),
        long.into_bytes(),
        b"7".to_vec(),
        good(7),
        br#"{"id":"5c88c7cca1b2c3d4e5000008","username":"cut@ac"#.to_vec(),
    ];
    let broken = file(&desk, "broken", lines.join(&b'\n'));
    let output = desk.output(&["user", "import", &broken, "--json"], "");
    assert_eq!(summary(&output), [8, 3, 0, 0, 0, 5, 0]);
    let told = text(&output.stderr);
    let told: Vec<_> = told.lines().collect();
    for (line, start) in told.iter().zip([
        "line 2: is no JSON: expected ident",
        "line 4: is no JSON: ",
        "line 5: is longer than 1048576 bytes",
        "line 6: is no JSON object",
        "line 8: ends in the middle: the file may have been cut off",
        "appmixer-server: 5 of 8 records were refused",
    ]) {
        assert!(line.starts_with(start), "{told:#?}");
    }
    assert_eq!(users(&desk).len(), 3);

    // An array that has lost a quote, and its end.
    let array =
        format!("[{},\n{},\n{}", document(11, "a@acme"), document(12, "b@acme"), document(13, "c@acme"));
    let broken = file(&desk, "array", array.replace("b@acme\",", "b@acme,"));
    let output = desk.output(&["user", "import", &broken, "--json"], "");
    assert_eq!(summary(&output), [4, 2, 0, 0, 0, 2, 0]);
    let told = text(&output.stderr);
    assert!(told.contains("line 2: is no JSON") && told.contains("line 3: ends in the middle"), "{told}");

    // Of a file that cannot be unpacked, what came out counts.
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    let many: Vec<_> = (100..2100).map(good).collect();
    packed.write_all(&many.join(&b'\n')).unwrap();
    let packed = packed.finish().unwrap();
    let broken = file(&desk, "packed.gz", &packed[..packed.len() - 1000]);
    let output = desk.output(&["user", "import", &broken, "--json"], "");
    assert_eq!(output.status.code(), Some(1));
    let inserted = serde_json::from_slice::<Value>(&output.stdout).unwrap()["inserted"].as_u64().unwrap();
    assert!(inserted > 1900, "{inserted}");
    assert!(text(&output.stderr).contains("the file cannot be read on"), "{}", text(&output.stderr));

    let missing = desk.refused(1, &["user", "import", "/nowhere/users.json"], "");
    assert!(missing.contains("/nowhere/users.json cannot be read"), "{missing}");
    let folder = desk.0.path().to_str().unwrap();
    assert!(desk.refused(1, &["user", "import", folder], "").contains("cannot be read"));
    assert_eq!(import(&desk, &file(&desk, "empty", ""), &[]), [0; 7]);
}

#[test]
fn conflicts_are_refused_and_reported_and_a_dry_run_foresees_them() {
    let desk = Desk::new();
    desk.add("root@acme", &["admin"]);
    let there = file(&desk, "there", line(1, "joe@acme"));
    assert_eq!(import(&desk, &there, &[]), [1, 1, 0, 0, 0, 0, 0]);
    let mut changed: Value = serde_json::from_str(&line(1, "joe@acme")).unwrap();
    changed["plan"] = json!("beta");
    let lines = [
        line(2, "JOE@acme"),
        line(3, "new@acme"),
        line(4, "New@Acme"),
        changed.to_string(),
        line(3, "new@acme"),
        line(5, "nobody"),
    ];
    let file = file(&desk, "lines", lines.join("\n"));
    let before = users(&desk);
    let expected = [6, 1, 0, 1, 1, 3, 0];
    assert_eq!(import(&desk, &file, &["--dry-run"]), expected);
    assert_eq!(users(&desk), before, "nothing was written");
    let report = desk.0.path().join("report");
    let report = report.to_str().unwrap();
    assert_eq!(import(&desk, &file, &["--report", report]), expected);
    assert_eq!(fs::metadata(report).unwrap().permissions().mode() & 0o777, 0o600);
    let reported: Vec<Value> =
        fs::read_to_string(report).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let reported: Vec<_> = reported
        .iter()
        .map(|entry| {
            (
                entry["line"].as_u64().unwrap(),
                entry["outcome"].as_str().unwrap(),
                entry["username"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        reported,
        [
            (5 + 1, "refused", "nobody"),
            (1, "refused", "JOE@acme"),
            (3, "refused", "New@Acme"),
            (4, "differs", "joe@acme"),
        ]
    );
    // A report never replaces a file, least of all the one to be read.
    let refusal = desk.refused(1, &["user", "import", &file, "--report", &file], "");
    assert!(refusal.contains("--report") && refusal.contains("exists"), "{refusal}");
    // Whoever signed up meanwhile keeps the name.
    assert_eq!(users(&desk).len(), 3);
}

#[test]
fn the_same_file_twice_changes_nothing_and_update_replaces_who_differs() {
    let desk = Desk::new();
    let root = desk.add("root@acme", &["admin"]);
    let lines: Vec<_> = (0..1000).map(|number| line(number, &format!("u{number}@acme"))).collect();
    let same = file(&desk, "lines", lines.join("\n"));
    assert_eq!(import(&desk, &same, &[]), [1000, 1000, 0, 0, 0, 0, 0]);
    let before = users(&desk);
    assert_eq!(import(&desk, &same, &[]), [1000, 0, 0, 1000, 0, 0, 0]);
    assert_eq!(import(&desk, &same, &["--update"]), [1000, 0, 0, 1000, 0, 0, 0]);
    assert_eq!(users(&desk), before);

    let mut narrower: Value = serde_json::from_str(&lines[7]).unwrap();
    narrower["scope"] = json!(["user"]);
    let demoted = json!({"id": root, "username": "root@acme", "passwordHash": BCRYPT, "scope": ["user"]});
    let other = file(&desk, "other", format!("{narrower}\n{demoted}\n{}", lines[8]));
    assert_eq!(import(&desk, &other, &[]), [3, 0, 0, 1, 2, 0, 0]);
    assert_eq!(users(&desk), before);
    for flags in [&["--update", "--dry-run"][..], &["--update"]] {
        assert_eq!(import(&desk, &other, flags), [3, 0, 1, 1, 0, 1, 0], "the last administrator stays");
    }
    let after = users(&desk);
    let changed: Vec<_> = after.iter().filter(|user| !before.contains(user)).collect();
    assert_eq!(changed.len(), 1);
    assert_eq!(
        (&changed[0]["scope"], &changed[0]["generation"]),
        (&json!(["user"]), &json!(1)),
        "its tokens are revoked"
    );
    assert_eq!(import(&desk, &other, &["--update"]), [3, 0, 0, 2, 0, 1, 0]);
}

#[test]
fn an_import_is_one_entry_of_the_audit_log() {
    let desk = Desk::new();
    let lines: Vec<_> = (0..300).map(|number| line(number, &format!("u{}@acme", number.max(10)))).collect();
    let file = file(&desk, "lines", lines.join("\n"));
    let entries = || -> Vec<(String, String)> {
        let database = rusqlite::Connection::open(desk.0.path().join("data/appmixer.sqlite")).unwrap();
        let mut statement = database.prepare("SELECT kind, details FROM audit ORDER BY id").unwrap();
        let entries = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        entries.collect::<Result<_, _>>().unwrap()
    };
    import(&desk, &file, &["--dry-run"]);
    assert_eq!(entries(), []);
    assert_eq!(import(&desk, &file, &[]), [300, 290, 0, 0, 0, 10, 0]);
    let expected = ("users-imported".to_owned(), r#"{"imported":290,"refused":10}"#.to_owned());
    assert_eq!(entries(), std::slice::from_ref(&expected));
    import(&desk, &file, &[]);
    assert_eq!(entries(), [expected], "nothing was imported");
}
