//! Faults and signals while many clients write: what was acknowledged stays, what cannot be kept is refused, and all
//! goes on by itself.

use std::fs;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crate::disks::Disk;
use crate::load::Load;
use crate::support::{TestServer, UNLIMITED, eventually};

fn readyz(server: &TestServer) -> u16 {
    server.request("GET", "/readyz", &[], b"").status
}

/// That nobody who was acknowledged is lost, also not at the next start, and that the log is no flood.
#[track_caller]
fn assert_kept(server: TestServer, load: &Load) {
    let log = server.log();
    assert!(log.matches("\"ERROR\"").count() <= 5, "a line for each request: {log}");
    assert!(!log.contains("panicked"), "{log}");
    let server = server.kill_and_restart();
    let acknowledged = load.acknowledged();
    assert!(acknowledged.len() >= 50);
    for name in &acknowledged {
        assert_eq!(server.sign_in(name, "abc321").status, 200, "{name} was lost");
    }
    server.assert_well();
}

/// Breaks something while clients sign up, looks on, and mends it.
fn broken_and_mended(
    server: &TestServer,
    load: &Load,
    break_it: impl FnOnce(),
    meanwhile: impl FnOnce(),
    mend: impl FnOnce(),
) {
    let token = server.user("joe@acme");
    load.during(|| {
        eventually(|| load.count() >= 50);
        break_it();
        eventually(|| load.refused() >= 50 && readyz(server) == 503);
        server.get("/user", &token).expect(200);
        server.sign_in("joe@acme", "abc321").expect(200);
        meanwhile();
        mend();
        eventually(|| readyz(server) == 200);
        let count = load.count();
        eventually(|| load.count() >= count + 20);
    });
}

#[test]
fn many_who_write_to_a_full_disk_are_refused_and_go_on_when_there_is_room() {
    let Some(disk) = Disk::of("16m") else { return };
    let server = TestServer::with(&[("APPMIXER_DATA", disk.data().to_str().unwrap()), UNLIMITED]);
    let load = Load::on(&server.address);
    broken_and_mended(&server, &load, || disk.fill(), || (), || disk.make_room());
    assert_kept(server, &load);
}

#[test]
fn an_error_at_each_write_to_the_files_loses_nothing_that_was_acknowledged() {
    // A limit on the size of files makes writes fail as a broken disk does, and needs no rights.
    let server = TestServer::launched_by(&["env", "--ignore-signal=XFSZ"], &[UNLIMITED]);
    let limit = |bytes: &str| {
        let limit = format!("--fsize={bytes}:unlimited");
        let status = Command::new("prlimit").args(["--pid", &server.pid().to_string(), &limit]).status();
        assert!(status.unwrap().success());
    };
    let load = Load::on(&server.address);
    broken_and_mended(&server, &load, || limit("65536"), || (), || limit("unlimited"));
    assert_kept(server, &load);
}

#[test]
fn of_many_who_write_to_a_file_that_is_gone_nobody_is_acknowledged() {
    let server = TestServer::with(&[UNLIMITED]);
    let (file, away) = (server.data().join("appmixer.sqlite"), server.data().join("away"));
    let load = Load::on(&server.address);
    let nobody = || {
        let (count, refused) = (load.count(), load.refused());
        eventually(|| load.refused() >= refused + 100);
        assert_eq!(load.count(), count);
    };
    let put_away = || fs::rename(&file, &away).unwrap();
    broken_and_mended(&server, &load, put_away, nobody, || fs::rename(&away, &file).unwrap());
    assert_kept(server, &load);
}

#[test]
fn sigterm_under_load_ends_with_status_0_and_loses_nobody() {
    let mut server = TestServer::with(&[UNLIMITED]);
    let load = Load::on(&server.address);
    let status = load.during(|| {
        eventually(|| load.count() >= 100);
        server.signal("TERM");
        server.wait()
    });
    assert_eq!(status.code(), Some(0), "{}", server.log());
    assert!(!server.data().join("appmixer.sqlite-wal").exists(), "the log is folded into the file");
    assert_kept(server, &load);
}

/// A number that is written again and again: the last one that was acknowledged, and the last one asked for.
#[derive(Default)]
struct Counter {
    kept: AtomicU64,
    asked: AtomicU64,
}

impl Counter {
    /// Writes one number after the other until there is no answer.
    fn run(&self, write: impl Fn(u64) -> Option<u16>) {
        loop {
            let number = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
            match write(number) {
                Some(200) => self.kept.store(number, Ordering::SeqCst),
                Some(status) => panic!("{status}"),
                None => return,
            }
        }
    }

    #[track_caller]
    fn holds(&self, found: u64) {
        let (kept, asked) = (self.kept.load(Ordering::SeqCst), self.asked.load(Ordering::SeqCst));
        assert!((kept..=asked).contains(&found), "{kept}..={asked}: {found}");
    }
}

#[test]
fn of_profiles_passwords_configuration_and_rules_nothing_acknowledged_is_lost_in_three_kills() {
    let mut server = TestServer::with(&[UNLIMITED]);
    let admin = server.admin();
    let token = server.user("joe@acme");
    server.user("eve@acme");
    let [profile, setting, rules, password] = <[Counter; 4]>::default();
    for _ in 0..3 {
        let pid = server.pid().to_string();
        let goal = setting.kept.load(Ordering::SeqCst) + 20;
        thread::scope(|scope| {
            let server = &server;
            let (profile, setting, rules, password) = (&profile, &setting, &rules, &password);
            let (admin, token) = (&admin, &token);
            scope.spawn(move || {
                profile.run(|number| {
                    let body = format!(r#"{{"metadata":{{"n":{number}}}}}"#);
                    server.try_request("PUT", "/user", token, &body)
                });
            });
            scope.spawn(move || {
                setting.run(|number| {
                    let body = format!(r#"{{"key":"COUNT","value":{number}}}"#);
                    server.try_request("POST", "/config", admin, &body)
                });
            });
            scope.spawn(move || {
                rules.run(|number| {
                    let body = format!(
                        r#"[{{"role":"r{number}","resource":"flows","action":["*"],"attributes":["*"]}}]"#
                    );
                    server.try_request("POST", "/acl/routes", admin, &body)
                });
            });
            scope.spawn(move || {
                password.run(|number| {
                    let body = format!(r#"{{"email":"eve@acme","password":"secret{number}"}}"#);
                    server.try_request("POST", "/user/reset-password", admin, &body)
                });
            });
            eventually(|| setting.kept.load(Ordering::SeqCst) >= goal);
            assert!(Command::new("kill").args(["-9", &pid]).status().unwrap().success());
        });
        server = server.kill_and_restart();
        profile.holds(server.get("/user", &token).expect(200).json()["metadata"]["n"].as_u64().unwrap());
        let entries = server.get("/config", &admin).expect(200).json();
        let count = entries.as_array().unwrap().iter().find(|entry| entry["key"] == "COUNT").unwrap();
        setting.holds(count["value"].as_u64().unwrap());
        let found = server.get("/acl/routes", &admin).expect(200).json()[0]["role"].clone();
        rules.holds(found.as_str().unwrap()[1..].parse().unwrap_or_default());
        let (kept, asked) = (password.kept.load(Ordering::SeqCst), password.asked.load(Ordering::SeqCst));
        let good = (kept..=asked)
            .filter(|number| server.sign_in("eve@acme", &format!("secret{number}")).status == 200)
            .count();
        assert!(
            good == 1 || kept == 0,
            "one password, and none that is older than the last acknowledged one"
        );
        server.assert_well();
    }
}
