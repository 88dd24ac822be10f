//! Three servers on one PostgreSQL behind HAProxy, set up as `deploy/haproxy/haproxy.cfg` says: whoever asks notices
//! nothing when one of them is killed, but for writes that were on it at that moment.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use appmixer_testbed::{Haproxy, Postgres};
use serde_json::json;

use crate::audit::entries;
use crate::support::{Answer, Over, PATIENCE, TestServer, UNLIMITED, eventually};

/// Of each kind.
const CLIENTS: usize = 4;

/// Each on an address of its own: nobody else takes the port of a node that is away.
fn nodes() -> Vec<TestServer> {
    let url = Postgres::shared().database();
    let start = |number: usize| {
        TestServer::with(&[
            ("APPMIXER_STORE__URL", &url),
            ("APPMIXER_LISTEN", &format!("127.22.{}.{number}:0", std::process::id() % 250)),
            ("APPMIXER_HTTP__TRUSTED_PROXIES", "127.0.0.1"),
            ("APPMIXER_LOG__ACCESS", "true"),
            UNLIMITED,
        ])
    };
    (1..=3).map(start).collect()
}

fn before(nodes: &[TestServer]) -> Haproxy {
    let proxy = Haproxy::before([&nodes[0].address, &nodes[1].address, &nodes[2].address]);
    // A first check that is slow counts as if it were not the first.
    eventually(|| {
        let ready =
            |_| ask(&proxy.address(), "GET /readyz", "", "").is_some_and(|answer| answer.status == 200);
        (0..10).all(ready)
    });
    proxy
}

/// The requests for `/user` that it has answered.
fn answered(node: &TestServer) -> usize {
    node.log().lines().filter(|line| line.contains(r#""route":"/user""#)).count()
}

/// What comes back before the other side closes.
fn ask(address: &str, line: &str, token: &str, body: &str) -> Option<Answer> {
    let mut connection = TcpStream::connect(address).ok()?;
    connection.set_read_timeout(Some(PATIENCE)).ok()?;
    let token = if token.is_empty() { String::new() } else { format!("Authorization: Bearer {token}\r\n") };
    write!(
        connection,
        "{line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{token}\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .ok()?;
    let mut bytes = Vec::new();
    connection.read_to_end(&mut bytes).ok()?;
    Answer::parse(&bytes)
}

fn sign_up(address: &str, name: &str) -> Option<Answer> {
    ask(address, "POST /user", "", &format!(r#"{{"username":"{name}","password":"abc321"}}"#))
}

/// What clients have seen.
#[derive(Default)]
struct Seen {
    reads: AtomicUsize,
    made: Mutex<BTreeSet<String>>,
    /// Whatever was not answered with 200: when it was asked, and what it was.
    failed: Mutex<Vec<(Instant, String)>>,
    over: AtomicBool,
}

impl Seen {
    fn client(&self, number: usize, address: &str, token: &str) {
        for count in 0.. {
            if self.over.load(Ordering::Relaxed) {
                return;
            }
            let (begun, name) = (Instant::now(), format!("u{number}-{count}@acme"));
            let is_read = number.is_multiple_of(2);
            let answer = if is_read { ask(address, "GET /user", token, "") } else { sign_up(address, &name) };
            match answer {
                Some(answer) if answer.status == 200 && is_read => {
                    assert!(answer.body.contains("reader@acme"), "{}", answer.body);
                    self.reads.fetch_add(1, Ordering::Relaxed);
                }
                Some(answer) if answer.status == 200 => drop(self.made.lock().unwrap().insert(name)),
                other => {
                    let what = if is_read { "a read" } else { "a write" };
                    self.failed.lock().unwrap().push((begun, format!("{what}: {other:?}")));
                }
            }
        }
    }

    /// Until so many more of each kind have been answered.
    fn go_on(&self, more: usize) {
        let made = || self.made.lock().unwrap().len();
        let (reads, writes) = (self.reads.load(Ordering::Relaxed) + more, made() + more);
        eventually(|| self.reads.load(Ordering::Relaxed) >= reads && made() >= writes);
    }
}

#[test]
fn a_node_that_is_killed_behind_haproxy_costs_nothing_but_the_writes_that_were_on_it() {
    let mut nodes = nodes();
    let proxy = before(&nodes);
    let address = proxy.address();
    let token = sign_up(&address, "reader@acme").unwrap().expect(200).text("token");
    let seen = Seen::default();

    let killed = thread::scope(|scope| {
        // However this ends, the clients must.
        let _over = Over(&seen.over);
        for number in 0..2 * CLIENTS {
            let (seen, address, token) = (&seen, &address, &token);
            scope.spawn(move || seen.client(number, address, token));
        }
        seen.go_on(20);
        eventually(|| nodes.iter().all(|node| answered(node) > 5));

        // In the middle of work.
        nodes[0].signal("KILL");
        nodes[0].wait();
        let killed = Instant::now();
        seen.go_on(40);

        let first = nodes.remove(0);
        let at = first.address.clone();
        let back = first.restart_with(&[("APPMIXER_LISTEN", &at)]);
        eventually(|| answered(&back) > 5);
        nodes.insert(0, back);
        seen.go_on(20);
        killed
    });

    let (made, failed) = (seen.made.into_inner().unwrap(), seen.failed.into_inner().unwrap());
    println!("{} reads, {} writes, {} failed", seen.reads.into_inner(), made.len(), failed.len());
    for (begun, what) in &failed {
        assert!(what.starts_with("a write") && what.contains("status: 502"), "{what}");
        assert!(*begun < killed, "asked {:?} after the node was gone: {what}", begun.duration_since(killed));
    }
    assert!(failed.len() <= CLIENTS, "each client has one request at a time");
    // And all of them were on the node that was killed.
    let log = proxy.log();
    // Which node, how long what took, and the status.
    let words = log.lines().map(|line| line.split(' ').skip_while(|word| !word.starts_with("nodes/")));
    let on: Vec<_> = words
        .filter(|words| words.clone().nth(2) == Some("502"))
        .filter_map(|mut words| words.next())
        .collect();
    assert_eq!(on, vec!["nodes/node1"; failed.len()], "{log}");

    for (number, name) in made.iter().enumerate() {
        assert_eq!(nodes[number % 3].sign_in(name, "abc321").status, 200, "{name} was lost");
    }
}

#[test]
fn behind_haproxy_a_client_is_whom_haproxy_saw_and_a_proxys_own_answers_have_the_apis_form() {
    let nodes = nodes();
    let admin = nodes[0].admin();
    let proxy = before(&nodes);
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--max-time", "20", "--interface", "127.22.251.7"]);
    curl.args(["-H", "X-Forwarded-For: 198.51.100.7", "-H", "Forwarded: for=198.51.100.7"]);
    curl.args([
        "-H",
        "Content-Type: application/json",
        "-d",
        r#"{"username":"nobody@acme","password":"wrong1"}"#,
    ]);
    let output = curl.arg(format!("http://{}/user/auth", proxy.address())).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("403"), "{output:?}");
    let failures = || entries(&nodes[0], &admin, "?kind=sign-in-failed");
    eventually(|| !failures().is_empty());
    assert_eq!(failures()[0]["address"], json!("127.22.251.7"));

    // A body that no node would take, and a head that a node itself refuses.
    ask(&proxy.address(), "POST /user", "", &"x".repeat(65_537)).unwrap().error(413);
    ask(&proxy.address(), &format!("GET /{}", "x".repeat(17_000)), "", "").unwrap().expect(431);
    drop(nodes);
    let answer = ask(&proxy.address(), "GET /user", "", "").unwrap();
    assert_eq!(answer.header("retry-after"), Some("1"), "{}", answer.head);
    answer.error(503);
}
