//! A 200 to a write means that it is on disk, whatever happens next.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::support::{Answer, PATIENCE, TestServer, eventually};

const CLIENTS: usize = 8;
const KILLS: usize = 5;

/// What the clients know: who was acknowledged, and where the server is at the moment.
struct Field {
    address: Mutex<String>,
    acknowledged: Mutex<BTreeSet<String>>,
    asked: AtomicUsize,
    over: AtomicBool,
}

impl Field {
    fn count(&self) -> usize {
        self.acknowledged.lock().unwrap().len()
    }

    /// Makes users one after the other, and notes those whose 200 was seen as a whole.
    fn client(&self, number: usize) {
        for count in 0.. {
            if self.over.load(Ordering::Relaxed) {
                return;
            }
            let name = format!("u{number}-{count}@acme");
            self.asked.fetch_add(1, Ordering::Relaxed);
            let address = self.address.lock().unwrap().clone();
            match sign_up(&address, &name) {
                Some(200) => drop(self.acknowledged.lock().unwrap().insert(name)),
                Some(status) => panic!("{name}: {status}"),
                // The server has just been killed.
                None => thread::sleep(Duration::from_millis(2)),
            }
        }
    }
}

struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The status, if the whole answer came.
fn sign_up(address: &str, name: &str) -> Option<u16> {
    let body = format!(r#"{{"username":"{name}","password":"abc321"}}"#);
    let mut connection = TcpStream::connect(address).ok()?;
    connection.set_read_timeout(Some(PATIENCE)).ok()?;
    write!(
        connection,
        "POST /user HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .ok()?;
    let mut bytes = Vec::new();
    connection.read_to_end(&mut bytes).ok()?;
    let answer = Answer::parse(&bytes)?;
    let whole = answer.header("content-length")? == answer.body.len().to_string();
    whole.then_some(answer.status)
}

#[test]
fn every_user_whose_200_was_seen_can_sign_in_after_five_kills() {
    let server = TestServer::start();
    let field = Field {
        address: Mutex::new(server.address.clone()),
        acknowledged: Mutex::default(),
        asked: AtomicUsize::new(0),
        over: AtomicBool::new(false),
    };
    let mut server = thread::scope(|scope| {
        let (mut server, field) = (server, &field);
        // However this ends, the clients must.
        let _over = Over(&field.over);
        for number in 0..CLIENTS {
            scope.spawn(move || field.client(number));
        }
        for _ in 0..KILLS {
            // In the middle of work, not of nothing.
            let before = field.count();
            eventually(|| field.count() >= before + 50);
            server = server.kill_and_restart();
            field.address.lock().unwrap().clone_from(&server.address);
        }
        let before = field.count();
        eventually(|| field.count() >= before + 50);
        server
    });

    let acknowledged = field.acknowledged.into_inner().unwrap();
    let asked = field.asked.load(Ordering::Relaxed);
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
