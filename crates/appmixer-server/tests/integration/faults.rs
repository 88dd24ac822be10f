//! Disks that are full or broken, and files that vanish: what was acknowledged stays, what cannot be kept is refused,
//! `/readyz` tells, and the server goes on by itself when the cause is gone.

use std::fs;
use std::path::Path;

use crate::disks::{Disk, DyingDisk};
use crate::support::{Answer, TestServer, eventually, happens};

const BEGAN: &str = "the database cannot be used as it should";
const OVER: &str = "the database can be used again";

fn server_on(data: &Path) -> TestServer {
    TestServer::with(&[("APPMIXER_DATA", data.to_str().unwrap())])
}

fn sign_up(server: &TestServer, name: &str) -> Answer {
    server.post("/user", &format!(r#"{{"username":"{name}","password":"abc321"}}"#))
}

fn ready(server: &TestServer) -> Answer {
    server.request("GET", "/readyz", &[], b"")
}

/// Signs users up until that is refused; who was made.
fn until_refused(server: &TestServer, prefix: &str) -> Vec<String> {
    let mut made = Vec::new();
    for number in 0..20_000 {
        let name = format!("{prefix}{number}@acme");
        let answer = sign_up(server, &name);
        if answer.status == 503 {
            assert_eq!(answer.header("retry-after"), Some("1"));
            answer.error(503);
            return made;
        }
        answer.expect(200);
        made.push(name);
    }
    panic!("nothing was refused");
}

/// That a fault is over, was told when it began and when it was over and not each time, and that nothing of what was acknowledged is lost, also not at
/// the next start.
fn assert_recovered(server: TestServer, acknowledged: &[String]) {
    // The system may tell of an error that lies behind it once more, at the next write.
    let recovered = || ready(&server).status == 200 && sign_up(&server, "afterwards@acme").status == 200;
    assert!(happens(recovered), "{:?}\n{}", ready(&server), server.log());
    let told = || (server.log().matches(BEGAN).count(), server.log().matches(OVER).count());
    eventually(|| told().0 == told().1);
    let log = server.log();
    assert!((1..=3).contains(&told().0), "{log}");
    assert!(!log.contains("panicked") && !log.contains("@acme"), "{log}");
    let server = server.kill_and_restart();
    for name in acknowledged.iter().map(String::as_str).chain(["afterwards@acme"]) {
        assert_eq!(server.sign_in(name, "abc321").status, 200, "{name} was lost");
    }
    server.assert_well();
}

#[test]
fn a_full_disk_refuses_writes_and_nothing_else_until_there_is_room() {
    let Some(disk) = Disk::of("16m") else { return };
    let server = server_on(&disk.data());
    let token = sign_up(&server, "joe@acme").expect(200).text("token");
    disk.fill();
    let mut acknowledged = until_refused(&server, "u");
    acknowledged.push("joe@acme".to_owned());
    assert_eq!(ready(&server).error(503), "The database cannot be written to, try again later");
    // Whoever only reads goes on, and so does whoever signs in.
    server.get("/user", &token).expect(200);
    server.sign_in("joe@acme", "abc321").expect(200);
    assert_eq!(server.put_as(&token, "/user", r#"{"metadata":{"a":1}}"#).status, 503);
    assert_eq!(server.get("/user", &token).json()["metadata"], serde_json::json!({}));
    disk.make_room();
    assert_recovered(server, &acknowledged);
}

#[test]
fn readyz_finds_out_that_the_disk_is_full_before_somebody_writes() {
    let Some(disk) = Disk::of("16m") else { return };
    let server = server_on(&disk.data());
    ready(&server).expect(200);
    disk.fill();
    eventually(|| ready(&server).status == 503);
    disk.make_room();
    assert_recovered(server, &[]);
}

#[test]
fn a_disk_that_fails_refuses_writes_and_loses_nothing_that_was_acknowledged() {
    let Some(disk) = DyingDisk::new() else { return };
    let server = server_on(&disk.data());
    let token = sign_up(&server, "joe@acme").expect(200).text("token");
    disk.break_down();
    let mut acknowledged = until_refused(&server, "u");
    acknowledged.push("joe@acme".to_owned());
    assert_eq!(ready(&server).status, 503);
    server.get("/user", &token).expect(200);
    eventually(|| server.log().contains("disk I/O error"));
    disk.mend();
    assert_recovered(server, &acknowledged);
}

#[test]
fn a_file_system_that_turned_read_only_refuses_writes_and_has_everything_when_it_is_mounted_anew() {
    let Some(disk) = DyingDisk::with_journal() else { return };
    let server = server_on(&disk.data());
    let token = sign_up(&server, "joe@acme").expect(200).text("token");
    disk.break_down();
    let mut acknowledged = until_refused(&server, "u");
    acknowledged.push("joe@acme".to_owned());
    disk.mend();
    eventually(|| fs::write(disk.data().join("x"), "x").is_err());
    assert_eq!(ready(&server).status, 503);
    assert_eq!(sign_up(&server, "refused@acme").status, 503);
    server.get("/user", &token).expect(200);
    drop(server);
    assert!(disk.mount_again());
    let server = server_on(&disk.data());
    for name in &acknowledged {
        assert_eq!(server.sign_in(name, "abc321").status, 200, "{name} was lost");
    }
    server.assert_well();
}

#[test]
fn a_file_that_is_gone_takes_no_writes_and_is_taken_up_again_when_it_is_back() {
    let server = TestServer::start();
    let joe = server.user("joe@acme");
    let (path, aside) = (server.data().join("appmixer.sqlite"), server.data().join("aside"));
    fs::rename(&path, &aside).unwrap();
    // Whoever is refused is not there later either.
    assert_eq!(sign_up(&server, "lost@acme").error(503), "The database is unavailable, try again later");
    assert_eq!(ready(&server).status, 503);
    server.get("/user", &joe).expect(200);
    fs::rename(&aside, &path).unwrap();
    eventually(|| ready(&server).status == 200);
    server.sign_in("lost@acme", "abc321").error(403);
    assert_recovered(server, &["joe@acme".to_owned()]);
}

#[test]
fn a_log_that_is_deleted_beside_the_database_loses_nothing() {
    let server = TestServer::start();
    let names: Vec<_> = (0..20).map(|number| format!("u{number}@acme")).collect();
    for name in &names {
        sign_up(&server, name).expect(200);
    }
    // All of them are in there, and nowhere else.
    fs::remove_file(server.data().join("appmixer.sqlite-wal")).unwrap();
    assert_eq!(sign_up(&server, "refused@acme").status, 503);
    eventually(|| ready(&server).status == 200);
    server.sign_in("refused@acme", "abc321").error(403);
    assert_recovered(server, &names);
}

#[test]
fn a_database_that_is_put_in_the_place_of_another_is_what_counts_from_then_on() {
    let server = TestServer::start();
    let joe = server.user("joe@acme");
    let path = server.data().join("appmixer.sqlite");
    let copy = server.data().join("copy");
    let backup = rusqlite::Connection::open(&path).unwrap();
    backup.execute("VACUUM INTO ?1", [copy.to_str().unwrap()]).unwrap();
    drop(backup);
    let ann = server.user("ann@acme");
    for beside in ["", "-wal", "-shm"] {
        fs::remove_file(format!("{}{beside}", path.display())).unwrap();
    }
    assert_eq!(sign_up(&server, "lost@acme").status, 503);
    fs::rename(&copy, &path).unwrap();
    eventually(|| ready(&server).status == 200);
    // What was remembered of the other one is forgotten.
    server.get("/user", &joe).expect(200);
    server.get("/user", &ann).expect(404);
    assert_recovered(server, &["joe@acme".to_owned()]);
}

#[test]
fn a_damaged_database_is_told_once_and_replaced_by_a_good_one_while_the_server_runs() {
    let mut server = TestServer::start();
    for number in 0..300 {
        sign_up(&server, &format!("u{number}@acme")).expect(200);
    }
    let path = server.data().join("appmixer.sqlite");
    server.signal("TERM");
    server.wait();
    let good = fs::read(&path).unwrap();
    let mut bad = good.clone();
    // The schema stays; everything from the middle on is noise.
    let middle = good.len() / 2;
    bad[middle..].fill(0xa5);
    fs::write(&path, &bad).unwrap();
    let server = server.kill_and_restart();
    let damaged = |name: &str| matches!(server.sign_in(name, "abc321").status, 500 | 503);
    assert!((0..300).any(|number| damaged(&format!("u{number}@acme"))));
    assert_eq!(ready(&server).error(503), "The database is damaged");
    let whole = path.with_extension("whole");
    fs::write(&whole, &good).unwrap();
    for beside in ["-wal", "-shm"] {
        let _ = fs::remove_file(format!("{}{beside}", path.display()));
    }
    fs::rename(&whole, &path).unwrap();
    let names: Vec<_> = (0..300).map(|number| format!("u{number}@acme")).collect();
    assert_recovered(server, &names);
}
