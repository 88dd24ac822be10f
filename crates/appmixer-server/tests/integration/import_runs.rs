//! `user import` while it runs: killed, stopped, beside a server, on a disk that is full.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rusqlite::OpenFlags;

use crate::commands::Desk;
use crate::import::{file, import, line, summary};
use crate::support::{TestServer, eventually};
use crate::terminal::Terminal;

/// More than an import writes at once.
const MANY: usize = 60_000;

fn many() -> String {
    (0..MANY).map(|number| line(number, &format!("u{number}@acme")) + "\n").collect()
}

/// How many users the database has; `None` while it cannot be read.
fn count(data: &Path) -> Option<usize> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let database = rusqlite::Connection::open_with_flags(data.join("appmixer.sqlite"), flags).ok()?;
    let count = database.query_row("SELECT count(*) FROM users", [], |row| row.get::<_, u32>(0));
    count.ok().map(|count| count as usize)
}

fn check(data: &Path) {
    let database = rusqlite::Connection::open(data.join("appmixer.sqlite")).unwrap();
    let check: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
    let orphans = "SELECT count(*) FROM pragma_foreign_key_check";
    assert_eq!(database.query_row(orphans, [], |row| row.get::<_, i64>(0)).unwrap(), 0);
}

#[test]
fn an_import_that_was_killed_goes_on_where_it_ended() {
    let desk = Desk::new();
    let (data, file) = (desk.0.path().join("data"), file(&desk, "lines", many()));
    for least in [1, 8000, 16_000] {
        let mut running = desk.command(&["user", "import", &file]);
        let mut running = running.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        eventually(|| count(&data).is_some_and(|count| count >= least));
        running.kill().unwrap();
        running.wait().unwrap();
    }
    let before = count(&data).unwrap();
    assert!((16_000..MANY).contains(&before), "{before}");
    let [read, inserted, _, unchanged, ..] = import(&desk, &file, &[]);
    assert_eq!((read, inserted, unchanged), (MANY, MANY - before, before));
    check(&data);
    assert_eq!(import(&desk, &file, &[]), [MANY, 0, 0, MANY, 0, 0, 0]);
}

#[test]
fn an_import_at_a_terminal_shows_how_far_it_is_and_ends_at_ctrl_c_with_a_summary() {
    let desk = Desk::new();
    let (data, file) = (desk.0.path().join("data"), file(&desk, "lines", many()));
    let mut command = desk.command(&["user", "import", &file]);
    let terminal = Terminal::run(command.env("TERM", "xterm"));
    terminal.wait_for(" users, ", 2);
    terminal.interrupt();
    let (status, screen) = terminal.end();
    assert_eq!(status.code(), Some(1), "{screen}");
    assert!(screen.contains(" a second, ") && screen.contains("left"), "{screen}");
    assert!(screen.contains("interrupted; the same command goes on from here"), "{screen}");
    let inserted = screen.split("inserted").nth(1).unwrap().lines().next().unwrap();
    let inserted: usize = inserted.trim().parse().unwrap();
    assert_eq!(count(&data), Some(inserted), "what is counted is there");
    assert!(inserted < MANY);
    assert_eq!(import(&desk, &file, &[])[1], MANY - inserted);
}

#[test]
fn a_server_works_on_beside_an_import_and_sees_whom_it_has_taken() {
    let server = TestServer::start();
    let folder = server.data().parent().unwrap().join("lines");
    fs::write(&folder, many()).unwrap();
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let signing_up = scope.spawn(|| {
            let mut made = 0;
            while !over.load(Ordering::Relaxed) {
                server.user(&format!("new{made}@acme"));
                made += 1;
            }
            made
        });
        let output = server.command(&["user", "import", folder.to_str().unwrap(), "--json"], "");
        over.store(true, Ordering::Relaxed);
        assert_eq!(summary(&output)[1], MANY);
        let made = signing_up.join().unwrap();
        assert!(made > 3, "{made} users signed up meanwhile");
        assert_eq!(count(&server.data()), Some(MANY + made));
    });
    server.sign_in(&format!("u{}@acme", MANY - 1), "abc321").expect(200);
    let token = server.user("joe@acme");
    // What a server remembers of a user is forgotten when an import changes it.
    let export = server.done(&["user", "export", "-"], "");
    let joe = export.lines().find(|line| line.contains("joe@acme")).unwrap();
    let output =
        server.command(&["user", "import", "-", "--json", "--update"], &joe.replace("\"free\"", "\"beta\""));
    assert_eq!(summary(&output)[2], 1);
    eventually(|| server.get("/user", &token).text("plan") == "beta");
    server.assert_well();
}

#[test]
fn a_full_disk_ends_an_import_which_goes_on_when_there_is_room() {
    let desk = Desk::empty();
    let lines = file(&desk, "lines", many());
    let data = desk.0.path().join("data");
    fs::create_dir(&data).unwrap();
    let mount = |options: &str| {
        let status = Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(&data).status();
        status.is_ok_and(|status| status.success())
    };
    if !mount("size=6m") {
        eprintln!("skipped: no file system can be mounted here");
        return;
    }
    let output = desk.output(&["user", "import", &lines, "--json"], "");
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8(output.stderr).unwrap();
    let remounted = mount("remount,size=200m");
    let kept = count(&data);
    let rest = import(&desk, &lines, &[]);
    check(&data);
    assert!(Command::new("umount").arg(&data).status().unwrap().success());
    assert!(remounted && told.contains("the store"), "{told}");
    let summary: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(kept, Some(usize::try_from(summary["inserted"].as_u64().unwrap()).unwrap()));
    assert_eq!(rest[1], MANY - kept.unwrap());
}
