//! A 200 to a write means that it is on disk, whatever happens next.

use crate::load::Load;
use crate::support::{TestServer, UNLIMITED, eventually};

const KILLS: usize = 5;

#[test]
fn every_user_whose_200_was_seen_can_sign_in_after_five_kills() {
    let server = TestServer::with(&[UNLIMITED]);
    let load = Load::on(&server.address);
    let mut server = load.during(|| {
        let mut server = server;
        for _ in 0..KILLS {
            // In the middle of work, not of nothing.
            let before = load.count();
            eventually(|| load.count() >= before + 50);
            server = server.kill_and_restart();
            load.address.lock().unwrap().clone_from(&server.address);
        }
        let before = load.count();
        eventually(|| load.count() >= before + 50);
        server
    });

    let acknowledged = load.acknowledged();
    let asked = load.asked();
    assert_eq!(load.refused(), 0);
    println!("{} of {asked} users were acknowledged", acknowledged.len());
    assert!(acknowledged.len() >= 50 * (KILLS + 1));
    for name in &acknowledged {
        assert_eq!(server.sign_in(name, "abc321").status, 200, "{name} was lost");
    }
    server.signal("TERM");
    server.wait();
    let database = rusqlite::Connection::open(server.data().join("appmixer.sqlite")).unwrap();
    let check: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
    let orphans = "SELECT count(*) FROM pragma_foreign_key_check";
    assert_eq!(database.query_row(orphans, [], |row| row.get::<_, i64>(0)).unwrap(), 0);
    let users: u32 = database.query_row("SELECT count(*) FROM users", [], |row| row.get(0)).unwrap();
    assert!((acknowledged.len()..=asked).contains(&(users as usize)), "{users}");
    // A write and its entry in the audit log are there together, or neither is.
    let noted = "SELECT count(*), count(DISTINCT audit.user), count(users.id) \
        FROM audit LEFT JOIN users ON users.id = audit.user WHERE kind = 'user-created'";
    let noted: [u32; 3] =
        database.query_row(noted, [], |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?])).unwrap();
    assert_eq!(noted, [users; 3]);
}
