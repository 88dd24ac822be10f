//! The queue of password hashes: one network that fills it keeps no other one out.

use std::io::{Read as _, Write as _};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::floods::connect_from;
use crate::support::{Answer, Over, TestServer, UNLIMITED, eventually};

/// One hash takes some milliseconds, which is longer than a request comes and goes.
const SLOW: [(&str, &str); 4] = [
    ("APPMIXER_PASSWORD__MEMORY_KIB", "8192"),
    ("APPMIXER_PASSWORD__THREADS", "1"),
    ("APPMIXER_PASSWORD__QUEUE", "4"),
    UNLIMITED,
];

/// A sign-in on a connection of its own from `127.0.0.LAST`.
fn sign_in_from(server: &TestServer, last: u8, name: &str) -> Answer {
    let mut connection = connect_from(last, server);
    let body = format!(r#"{{"username":"{name}","password":"abc321"}}"#);
    write!(
        connection,
        "POST /user/auth HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut bytes = Vec::new();
    connection.read_to_end(&mut bytes).unwrap();
    Answer::parse(&bytes).unwrap()
}

/// Does something while 12 clients at this address sign in without end, more than the queue has room for.
fn during_flood(server: &TestServer, last: u8, names: &[String], work: impl FnOnce()) {
    let (over, signed_in, refused) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        // However this ends, the flood must.
        let _over = Over(&over);
        for number in 0..12 {
            let (over, signed_in, refused) = (&over, &signed_in, &refused);
            let name = &names[number % names.len()];
            scope.spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    match sign_in_from(server, last, name).status {
                        200 => drop(signed_in.fetch_add(1, Ordering::Relaxed)),
                        503 => {
                            refused.fetch_add(1, Ordering::Relaxed);
                            // Without a pause, refusals would take the core that the hashes need.
                            thread::sleep(Duration::from_millis(5));
                        }
                        status => panic!("{status}"),
                    }
                }
            });
        }
        eventually(|| refused.load(Ordering::Relaxed) > 0);
        work();
    });
    assert!(signed_in.load(Ordering::Relaxed) > 0);
}

#[test]
fn one_network_that_signs_in_without_end_keeps_no_other_one_out() {
    let server = TestServer::with(&SLOW);
    server.user("joe@acme");
    let names: Vec<_> = (0..6).map(|number| format!("{number}@flood")).collect();
    for name in &names {
        server.user(name);
    }
    during_flood(&server, 2, &names, || {
        for _ in 0..10 {
            assert_eq!(sign_in_from(&server, 3, "joe@acme").status, 200);
        }
        // All who hash use the same queue.
        server.user("ann@acme");
        let token = server.sign_in("ann@acme", "abc321").expect(200).text("token");
        let change = r#"{"oldPassword":"abc321","newPassword":"xyz987"}"#;
        server.post_as(&token, "/user/change-password", change).expect(200);
    });
    server.assert_well();
}

#[test]
fn within_one_network_one_account_keeps_no_other_one_out() {
    let server = TestServer::with(&SLOW);
    server.user("joe@acme");
    server.user("flood@acme");
    during_flood(&server, 2, &["flood@acme".to_owned()], || {
        for _ in 0..10 {
            assert_eq!(sign_in_from(&server, 2, "joe@acme").status, 200);
        }
    });
    server.assert_well();
}
