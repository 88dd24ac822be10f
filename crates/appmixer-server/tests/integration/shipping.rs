//! What others do with the database: Litestream, which ships its log as it grows, and systemd's timer for backups.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::thread;

use rusqlite::Connection;

use crate::python::program;
use crate::support::{TestServer, eventually};

/// Of the environment that has the packages from PyPI: the program itself comes as one.
fn litestream(folder: &Path) -> Option<Command> {
    let mut command = Command::new(program("litestream")?);
    command.env_clear().current_dir(folder).stdout(Stdio::null()).stderr(Stdio::null());
    Some(command)
}

fn names(database: &Path) -> Option<Vec<String>> {
    let database = Connection::open(database).ok()?;
    let mut statement = database.prepare("SELECT username FROM users").ok()?;
    let names = statement.query_map([], |row| row.get(0)).ok()?;
    names.collect::<Result<_, _>>().ok()
}

#[test]
fn what_litestream_has_shipped_is_restored_and_everybody_in_it_signs_in() {
    let server = TestServer::start();
    let folder = server.data().parent().unwrap().to_owned();
    let Some(mut shipping) = litestream(&folder) else { return };
    let (database, replica) = (server.data().join("appmixer.sqlite"), folder.join("replica"));
    let shipping = shipping.arg("replicate").arg(&database).arg(format!("file://{}", replica.display()));
    let mut shipping = shipping.spawn().unwrap();

    // In the middle of writes, and to the last of them.
    let acknowledged = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for number in 0..4 {
            let (server, acknowledged) = (&server, &acknowledged);
            scope.spawn(move || {
                for count in 0..150 {
                    let name = format!("u{number}-{count}@acme");
                    server.user(&name);
                    acknowledged.lock().unwrap().push(name);
                }
            });
        }
    });
    let acknowledged = acknowledged.into_inner().unwrap();
    let copy = folder.join("copy");
    eventually(|| {
        let _ = fs::remove_file(&copy);
        let mut restore = litestream(&folder).unwrap();
        let restore = restore.args(["restore", "-o"]).arg(&copy).arg(format!("file://{}", replica.display()));
        restore.status().unwrap().success()
            && names(&copy).is_some_and(|names| acknowledged.iter().all(|name| names.contains(name)))
    });
    server.assert_well();
    shipping.kill().unwrap();
    shipping.wait().unwrap();

    let mut server = server;
    server.signal("KILL");
    server.wait();
    fs::remove_dir_all(server.data()).unwrap();
    server.done(&["restore", copy.to_str().unwrap(), "--yes"], "");
    let server = server.kill_and_restart();
    for name in &acknowledged {
        server.sign_in(name, "abc321").expect(200);
    }
    server.assert_well();
}

/// The program's place in the units, and what stands there for the test.
fn unit(name: &str, folder: &Path) -> String {
    let unit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy").join(name);
    let text = fs::read_to_string(unit).unwrap();
    let text = text.replace("/usr/local/bin/appmixer-server", env!("CARGO_BIN_EXE_appmixer-server"));
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn systemd_understands_the_units() {
    let folder = tempfile::tempdir().unwrap();
    let names = ["appmixer-server.service", "appmixer-server-backup.service", "appmixer-server-backup.timer"];
    let units = names.map(|name| unit(name, folder.path()));
    let Ok(verified) = Command::new("systemd-analyze").arg("verify").args(&units).output() else {
        eprintln!("skipped: there is no systemd here");
        return;
    };
    let told = String::from_utf8_lossy(&verified.stderr);
    assert!(verified.status.success() && !told.contains(folder.path().to_str().unwrap()), "{told}");
}

#[test]
fn the_timers_service_makes_backups_and_deletes_old_ones_after_a_good_one() {
    let server = TestServer::start();
    server.user("joe@acme");
    let folder = server.data().parent().unwrap().join("backups");
    fs::create_dir(&folder).unwrap();
    let old = folder.join("appmixer-20200101T000000Z.sqlite");
    let touched = Command::new("touch").args(["-d", "2020-01-01"]).arg(&old).status().unwrap();
    assert!(touched.success());
    fs::write(folder.join("mine.sqlite"), "").unwrap();
    // What systemd does with the two lines.
    let text = fs::read_to_string(unit("appmixer-server-backup.service", &folder)).unwrap();
    let line = |key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(key)).unwrap();
        line.replace("%%", "%").replace("${BACKUPS}", folder.to_str().unwrap())
    };
    fs::remove_file(folder.join("appmixer-server-backup.service")).unwrap();
    let run = |command: &mut Command| {
        let command = command.env("APPMIXER_DATA", server.data()).env("BACKUPS", &folder);
        assert!(command.output().unwrap().status.success());
    };
    let start = line("ExecStart=");
    let script = start.strip_prefix("/bin/sh -c '").unwrap().strip_suffix('\'').unwrap();
    run(Command::new("/bin/sh").args(["-c", script]));
    let post = line("ExecStartPost=");
    let mut words = post.split(' ');
    run(Command::new(words.next().unwrap()).args(words));

    let mut left: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    left.sort();
    assert_eq!(left.len(), 2, "{left:?}");
    assert_eq!(left[1], folder.join("mine.sqlite"));
    assert_eq!(names(&left[0]).unwrap(), ["joe@acme"]);
}
