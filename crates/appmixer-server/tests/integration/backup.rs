//! `backup` and `restore`: beside a server under load, killed, on a full disk, and with files that are no backups.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use rusqlite::Connection;
use serde_json::Value;

use crate::commands::Desk;
use crate::import::{file, line};
use crate::support::{TestServer, eventually};
use crate::terminal::Terminal;

/// Enough for a copy that takes a moment.
const MANY: usize = 20_000;

/// A data folder with so many users.
pub(crate) fn desk_with(users: usize) -> Desk {
    let desk = Desk::new();
    let lines: String = (0..users).map(|number| line(number, &format!("u{number}@acme")) + "\n").collect();
    let lines = file(&desk, "lines", lines);
    desk.done(&["user", "import", &lines], "");
    desk
}

fn data(desk: &Desk) -> PathBuf {
    desk.0.path().join("data")
}

/// How many users a whole database has.
#[track_caller]
fn users(path: &Path) -> i64 {
    let database = Connection::open(path).unwrap();
    let check: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(check, "ok", "{}", path.display());
    database.query_row("SELECT count(*) FROM users", [], |row| row.get(0)).unwrap()
}

fn names_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_backup_under_load_has_everybody_who_was_acknowledged_before_and_they_sign_in_after_a_restore() {
    let server = TestServer::start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("backup");
    let (acknowledged, over) = (Mutex::new(Vec::new()), AtomicBool::new(false));
    let before = thread::scope(|scope| {
        for number in 0..4 {
            let (server, acknowledged, over) = (&server, &acknowledged, &over);
            scope.spawn(move || {
                for count in 0.. {
                    if over.load(Ordering::Relaxed) {
                        return;
                    }
                    let name = format!("u{number}-{count}@acme");
                    server.user(&name);
                    acknowledged.lock().unwrap().push(name);
                }
            });
        }
        let count = || acknowledged.lock().unwrap().len();
        eventually(|| count() >= 200);
        let before = acknowledged.lock().unwrap().clone();
        let output = server.command(&["backup", file.to_str().unwrap(), "--json"], "");
        eventually(|| count() >= before.len() + 100);
        over.store(true, Ordering::Relaxed);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(told["users"].as_i64(), Some(users(&file)));
        assert_eq!(told["bytes"].as_u64(), Some(fs::metadata(&file).unwrap().len()));
        before
    });
    assert_eq!(names_in(folder.path()), ["backup"]);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let last = acknowledged.lock().unwrap().last().unwrap().clone();
    server.assert_well();

    // Killed, so that there is a log beside the database, which must not get into the other one.
    server.signal("KILL");
    let mut server = server;
    server.wait();
    assert!(fs::metadata(server.data().join("appmixer.sqlite-wal")).unwrap().len() > 0);
    let told = server.done(&["restore", file.to_str().unwrap(), "--yes"], "");
    let old = told.lines().find_map(|line| line.strip_prefix("kept       the old database as ")).unwrap();
    let restored = users(&server.data().join("appmixer.sqlite"));
    assert_eq!(restored, users(&file));
    let server = server.kill_and_restart();
    for name in &before {
        server.sign_in(name, "abc321").expect(200);
    }
    server.sign_in(&last, "abc321").expect(403);
    let new = server.user("new@acme");
    server.get("/user", &new).expect(200);
    server.assert_well();

    // What was kept aside has everything up to the end, and is as good as a backup.
    assert_eq!(users(Path::new(old)), i64::try_from(acknowledged.lock().unwrap().len()).unwrap());
    server.signal("TERM");
    let mut server = server;
    assert!(server.wait().success());
    server.done(&["restore", old, "--yes", "--discard-old"], "");
    server.kill_and_restart().sign_in(&last, "abc321").expect(200);
}

#[test]
fn a_killed_backup_leaves_nothing_under_its_name_and_the_next_one_cleans_up() {
    let desk = desk_with(MANY);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("backup");
    let arguments = ["backup", file.to_str().unwrap()];
    let mut running = desk.command(&arguments);
    let mut running = running.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    eventually(|| names_in(folder.path()).iter().any(|name| name.starts_with(".appmixer-unfinished-")));
    running.kill().unwrap();
    running.wait().unwrap();
    assert!(!file.exists() && names_in(folder.path()).len() == 1, "{:?}", names_in(folder.path()));
    desk.done(&arguments, "");
    assert_eq!(names_in(folder.path()), ["backup"]);
    assert_eq!(users(&file), i64::try_from(MANY).unwrap());

    let told = desk.refused(1, &arguments, "");
    assert!(told.contains("is there already; --force replaces it"), "{told}");
    desk.add("new@acme", &["user"]);
    desk.done(&["backup", file.to_str().unwrap(), "--force"], "");
    assert_eq!(users(&file), i64::try_from(MANY).unwrap() + 1);
}

#[test]
fn a_restore_that_is_killed_at_any_moment_leaves_the_old_database_or_the_new_one_whole() {
    let (desk, other) = (desk_with(3000), desk_with(2000));
    let file = other.0.path().join("backup");
    other.done(&["backup", file.to_str().unwrap()], "");
    let database = data(&desk).join("appmixer.sqlite");
    let arguments = ["restore", file.to_str().unwrap(), "--yes", "--discard-old"];
    // The old one, to begin with again.
    let old = desk.0.path().join("old");
    desk.done(&["backup", old.to_str().unwrap()], "");
    let begun = Instant::now();
    desk.done(&arguments, "");
    let took = begun.elapsed();
    let mut ends = [0, 0];
    for part in 0..16 {
        desk.done(&["restore", old.to_str().unwrap(), "--yes", "--discard-old"], "");
        // With a log beside it that is not folded in.
        let writer = Connection::open(&database).unwrap();
        writer.execute_batch("PRAGMA journal_mode = WAL; UPDATE users SET plan = 'beta'").unwrap();
        let wal = fs::read(database.with_extension("sqlite-wal")).unwrap();
        drop(writer);
        fs::write(database.with_extension("sqlite-wal"), wal).unwrap();

        let mut running = desk.command(&arguments);
        let mut running = running.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        thread::sleep(took * part / 14);
        let _ = running.kill();
        running.wait().unwrap();
        match users(&database) {
            3000 => ends[0] += 1,
            2000 => ends[1] += 1,
            other => panic!("{other} users"),
        }
    }
    println!("{ends:?}: the old one and the new one, of a restore that takes {took:?}");
    assert!(ends[0] > 0);
    desk.done(&arguments, "");
    assert_eq!(users(&database), 2000);
    let left = names_in(&data(&desk));
    assert!(!left.iter().any(|name| name.contains("unfinished")), "{left:?}");
}

#[test]
fn a_full_disk_ends_a_backup_and_leaves_nothing_of_it() {
    let desk = desk_with(2000);
    let folder = tempfile::tempdir().unwrap();
    let mounted =
        Command::new("mount").args(["-t", "tmpfs", "-o", "size=512k", "tmpfs"]).arg(folder.path()).status();
    if !mounted.is_ok_and(|status| status.success()) {
        eprintln!("skipped: no file system can be mounted here");
        return;
    }
    let file = folder.path().join("backup");
    let output = desk.output(&["backup", file.to_str().unwrap()], "");
    let left = names_in(folder.path());
    assert!(Command::new("umount").arg(folder.path()).status().unwrap().success());
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("full"), "{told}");
    assert_eq!(left, Vec::<String>::new());
}

#[test]
fn what_is_no_whole_backup_of_ours_is_refused_and_changes_nothing() {
    let desk = desk_with(2000);
    let database = data(&desk).join("appmixer.sqlite");
    let file = desk.0.path().join("backup");
    let name = file.to_str().unwrap();
    desk.done(&["backup", name], "");
    let good = fs::read(&file).unwrap();
    let before = users(&database);
    let refused = |why: &str| {
        let told = desk.refused(1, &["restore", name, "--yes"], "");
        assert!(told.contains(why), "{why}: {told}");
        assert_eq!(users(&database), before);
        let left = names_in(&data(&desk));
        assert!(left.iter().all(|name| name.starts_with("appmixer.sqlite")), "{left:?}");
    };

    // A page that somebody stands on: others may be free.
    let name_of_one = b"u1000@acme";
    let place = good.windows(name_of_one.len()).position(|bytes| bytes == name_of_one).unwrap();
    let mut broken = good.clone();
    broken[place / 4096 * 4096..][..4096].fill(0xA5);
    fs::write(&file, &broken).unwrap();
    refused("is damaged: ");
    fs::write(&file, &good[..good.len() / 2]).unwrap();
    refused("is damaged: ");
    fs::write(&file, "not a database at all, but long enough for one".repeat(100)).unwrap();
    refused("is no database of this program");
    fs::write(&file, "").unwrap();
    refused("is no database of this program");
    fs::remove_file(&file).unwrap();
    refused("No such file");
    Connection::open(&file).unwrap().execute_batch("CREATE TABLE users (id)").unwrap();
    refused("is no database of this program");
    fs::write(&file, &good).unwrap();
    let newer = "UPDATE refinery_schema_history SET version = 1000 WHERE version = 1";
    Connection::open(&file).unwrap().execute_batch(newer).unwrap();
    refused("has schema version 1000 and this program knows");

    fs::write(&file, &good).unwrap();
    let told = desk.refused(1, &["restore", name], "");
    assert!(told.contains("--yes goes ahead without asking"), "{told}");
    desk.done(&["restore", name, "--yes"], "");
    let empty = Desk::empty();
    let told = empty.refused(1, &["backup", name, "--force"], "");
    assert!(told.contains("there is no database at"), "{told}");
}

#[test]
fn nothing_is_restored_under_a_running_server_or_without_a_yes_at_the_terminal() {
    let mut server = TestServer::start();
    server.user("joe@acme");
    let file = server.data().with_file_name("backup");
    let name = file.to_str().unwrap();
    server.done(&["backup", name], "");
    let output = server.command(&["restore", name, "--yes"], "");
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("in use by a server; stop that first"), "{told}");
    server.user("ann@acme");
    server.signal("TERM");
    assert!(server.wait().success());

    for (answer, status, count) in [("n", 1, 2), ("y", 0, 1)] {
        let mut command = crate::support::binary(&server.data());
        let mut terminal = Terminal::run(command.args(["restore", name]).env("TERM", "xterm"));
        terminal.wait_for("has 1 users. Restoring it replaces the database with", 1);
        terminal.type_line(answer);
        let (ended, screen) = terminal.end();
        assert_eq!(ended.code(), Some(status), "{screen}");
        assert_eq!(users(&server.data().join("appmixer.sqlite")), count);
    }
}

#[test]
fn secrets_travel_where_that_is_wanted_and_replace_no_others() {
    let (one, two) = (Desk::new(), Desk::empty());
    let own = |desk: &Desk, arguments: &[&str]| {
        let mut command = desk.command(arguments);
        crate::support::run(
            {
                command.env_remove("APPMIXER_TOKEN__SECRET");
                command
            },
            "",
        )
    };
    let done = |desk: &Desk, arguments: &[&str]| {
        let output = own(desk, arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    one.add("joe@acme", &["user"]);
    // As a server makes it at its first start.
    let own_secret = data(&one).join("token.secret");
    fs::write(&own_secret, "a secret of the data folder, which is long enough").unwrap();
    fs::set_permissions(&own_secret, fs::Permissions::from_mode(0o600)).unwrap();
    let token = done(&one, &["token", "issue", "joe@acme"]);
    let token = token.trim();
    let secret = fs::read(data(&one).join("token.secret")).unwrap();

    let (bare, full) = (one.0.path().join("bare"), one.0.path().join("full"));
    let (bare, full) = (bare.to_str().unwrap(), full.to_str().unwrap());
    let told = done(&one, &["backup", bare]);
    assert!(told.contains("not inside token.secret of the data folder"), "{told}");
    let told = done(&one, &["backup", full, "--with-secrets"]);
    assert!(told.contains("of the data folder: token.secret"), "{told}");
    let has_secret =
        |path: &Path| fs::read(path).unwrap().windows(secret.len()).any(|window| window == secret);
    assert!(!has_secret(Path::new(bare)) && has_secret(Path::new(full)));

    let told = done(&two, &["restore", bare, "--yes"]);
    assert!(told.contains("missing    token.secret"), "{told}");
    let told = done(&two, &["restore", full, "--yes"]);
    assert!(told.contains("put        into the data folder: token.secret"), "{told}");
    let put = data(&two).join("token.secret");
    assert_eq!(fs::read(&put).unwrap(), secret);
    assert_eq!(fs::metadata(&put).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!has_secret(&data(&two).join("appmixer.sqlite")), "it stays out of the database");
    done(&two, &["token", "verify", token]);

    let told = done(&two, &["restore", full, "--yes", "--discard-old"]);
    assert!(told.contains("the same   as in the backup: token.secret"), "{told}");
    fs::write(&put, "another secret, which is long enough to be one").unwrap();
    let output = own(&two, &["restore", full, "--yes"]);
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(1) && told.contains("has another token.secret than"), "{told}");
    assert_ne!(fs::read(&put).unwrap(), secret);
}

#[test]
fn a_backup_has_the_secrets_of_the_configuration_only_where_that_is_wanted() {
    let (one, two) = (Desk::new(), Desk::new());
    let secrets = [
        ("JWTSecret", "jwt-s3cret-that-is-long-enough-to-sign"),
        ("MAIL_SMTP_PASS", "mail-s3cret"),
        ("WEBHOOK_SECRET", "webhook-s3cret-of-receivers"),
    ];
    one.add("joe@acme", &["user"]);
    one.done(&["config", "set", "MAIL_SMTP_HOST", "mail.example"], "");
    for (key, value) in secrets {
        // An older value may be left in what is free in a page.
        one.done(&["config", "set", key, "--stdin"], &format!("older-{value}\n"));
        one.done(&["config", "set", key, "--stdin"], &format!("{value}\n"));
    }
    let (bare, full) = (one.0.path().join("bare"), one.0.path().join("full"));
    let (bare, full) = (bare.to_str().unwrap(), full.to_str().unwrap());
    let has = |path: &str, part: &str| {
        fs::read(path).unwrap().windows(part.len()).any(|window| window == part.as_bytes())
    };
    let told = one.done(&["backup", bare], "");
    let line = told.lines().find(|line| line.contains("set them again after a restore")).unwrap();
    assert!(secrets.iter().all(|(key, _)| line.contains(key)), "{told}");
    for (key, value) in secrets {
        assert!(!has(bare, value), "{key}");
    }
    assert!(!has(bare, "s3cret"), "an older value");
    assert_eq!(fs::metadata(bare).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(has(bare, "mail.example") && users(Path::new(bare)) == 1);
    let told = one.done(&["backup", full, "--with-secrets"], "");
    assert!(told.contains("with the secrets of its configuration"), "{told}");
    assert!(secrets.iter().all(|(_, value)| has(full, value)));
    let json: Value = serde_json::from_str(&one.done(&["backup", bare, "--force", "--json"], "")).unwrap();
    assert_eq!(json["leftOut"].as_array().unwrap().len(), 3);

    let told = two.done(&["restore", bare, "--yes"], "");
    assert!(told.contains("set again") && secrets.iter().all(|(key, _)| told.contains(key)), "{told}");
    let list: Value = serde_json::from_str(&two.done(&["config", "list", "--json"], "")).unwrap();
    for (key, _) in secrets {
        let entry = list.as_array().unwrap().iter().find(|entry| entry["key"] == key).unwrap();
        assert!(entry["value"].is_null(), "{entry}");
    }
    two.done(&["config", "set", "MAIL_SMTP_PASS", "--stdin"], "new-password\n");
    let told = two.done(&["restore", full, "--yes", "--discard-old"], "");
    assert!(!told.contains("set again"), "{told}");
    assert_eq!(users(&data(&two).join("appmixer.sqlite")), 1);
    assert!(names_in(one.0.path()).iter().all(|name| !name.contains("unfinished")));
}

#[test]
fn a_backup_at_a_terminal_ends_at_ctrl_c_and_leaves_nothing() {
    let desk = desk_with(MANY);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("backup");
    let mut command = desk.command(&["backup", file.to_str().unwrap()]);
    let terminal = Terminal::run(command.env("TERM", "xterm"));
    terminal.wait_for("checking the copy", 1);
    terminal.interrupt();
    let (status, screen) = terminal.end();
    // It may have been quicker.
    if status.code() == Some(1) {
        assert!(screen.contains("interrupted; nothing was backed up"), "{screen}");
        eventually(|| names_in(folder.path()).is_empty());
    } else {
        assert_eq!(users(&file), i64::try_from(MANY).unwrap());
    }
}
