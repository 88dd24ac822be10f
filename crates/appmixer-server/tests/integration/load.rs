//! Clients that sign up without a pause and note whom the server has acknowledged.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::support::{Answer, Over, PATIENCE};

const CLIENTS: usize = 8;

/// What the clients know, and where the server is at the moment.
pub(crate) struct Load {
    pub(crate) address: Mutex<String>,
    acknowledged: Mutex<BTreeSet<String>>,
    asked: AtomicUsize,
    refused: AtomicUsize,
    over: AtomicBool,
}

impl Load {
    pub(crate) fn on(address: &str) -> Self {
        Self {
            address: Mutex::new(address.to_owned()),
            acknowledged: Mutex::default(),
            asked: AtomicUsize::new(0),
            refused: AtomicUsize::new(0),
            over: AtomicBool::new(false),
        }
    }

    /// Does something while the clients work; afterwards they stop.
    pub(crate) fn during<T>(&self, work: impl FnOnce() -> T) -> T {
        thread::scope(|scope| {
            // However this ends, the clients must.
            let _over = Over(&self.over);
            for number in 0..CLIENTS {
                scope.spawn(move || self.client(number));
            }
            work()
        })
    }

    pub(crate) fn acknowledged(&self) -> BTreeSet<String> {
        self.acknowledged.lock().unwrap().clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.acknowledged.lock().unwrap().len()
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }

    /// How often the answer was 503.
    pub(crate) fn refused(&self) -> usize {
        self.refused.load(Ordering::Relaxed)
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
                Some(503) => {
                    self.refused.fetch_add(1, Ordering::Relaxed);
                    thread::sleep(Duration::from_millis(2));
                }
                Some(status) => panic!("{name}: {status}"),
                // The server is not there.
                None => thread::sleep(Duration::from_millis(2)),
            }
        }
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
