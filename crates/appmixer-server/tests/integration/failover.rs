//! PostgreSQL goes away under several servers: they refuse what they cannot do, soon and in the contract's shape, and
//! go on by themselves when it is back, or when another one has taken its place. Nothing that was acknowledged is lost,
//! and what was revoked stays so.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use appmixer_testbed::Postgres;

use crate::nodes::nodes;
use crate::support::{Answer, Over, TestServer, eventually};

/// How long anybody waits for a refusal: a connection's own time and that for a free one, and what a busy machine of
/// tests may add.
const BOUND: Duration = Duration::from_secs(18);

fn sign_up(node: &TestServer, name: &str) -> Answer {
    node.post("/user", &format!(r#"{{"username":"{name}","password":"abc321"}}"#))
}

fn is_ready(node: &TestServer) -> bool {
    node.request("GET", "/readyz", &[], b"").status == 200
}

/// Signs users up over every node while the database breaks, until somebody has noticed, while it is mended, and on; who
/// was made. Whoever was refused was told in time, and when to come back.
fn sign_up_while(
    nodes: &[TestServer],
    prefix: &str,
    breaks: impl FnOnce(),
    mend: impl FnOnce(),
) -> Vec<String> {
    let (done, all_made, all_refused) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        // However this ends, the writers must.
        let over = Over(&done);
        let writers: Vec<_> = nodes
            .iter()
            .enumerate()
            .map(|(node, server)| {
                let (done, all_made, all_refused) = (&done, &all_made, &all_refused);
                scope.spawn(move || {
                    let (mut made, mut refused) = (Vec::new(), 0);
                    while !done.load(Ordering::Relaxed) {
                        let name = format!("{prefix}{node}-{}@acme", made.len() + refused);
                        let begun = Instant::now();
                        let answer = sign_up(server, &name);
                        assert!(begun.elapsed() < BOUND, "it took {:?}", begun.elapsed());
                        if answer.status == 503 {
                            assert_eq!(answer.header("retry-after"), Some("1"));
                            answer.error(503);
                            refused += 1;
                            all_refused.fetch_add(1, Ordering::Relaxed);
                        } else {
                            answer.expect(200);
                            made.push(name);
                            all_made.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                    made
                })
            })
            .collect();
        eventually(|| all_made.load(Ordering::Relaxed) > 20);
        breaks();
        eventually(|| all_refused.load(Ordering::Relaxed) > 0);
        mend();
        let before = all_made.load(Ordering::Relaxed);
        eventually(|| all_made.load(Ordering::Relaxed) > before + 20);
        drop(over);
        writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect()
    })
}

#[test]
fn servers_come_back_by_themselves_after_postgres_was_restarted_or_killed() {
    let postgres = Postgres::start();
    let url = postgres.database();
    let nodes = nodes(&url, &[("APPMIXER_LIMITS__ENABLED", "false")], 2);
    let (joe, revoked) = (nodes[0].user("joe@acme"), nodes[1].user("ann@acme"));
    nodes[0].done(&["user", "sign-out", "ann@acme"], "");
    for (round, kill) in [true, false].into_iter().enumerate() {
        let breaks = || if kill { postgres.kill() } else { postgres.stop() };
        let acknowledged = sign_up_while(&nodes, &format!("u{round}-"), breaks, || {
            eventually(|| nodes.iter().all(|node| !is_ready(node)));
            // What a node still remembers of somebody may be used for a time, and never of who was revoked.
            for node in &nodes {
                assert!(matches!(node.get("/user", &joe).status, 200 | 503));
                assert!(matches!(node.get("/user", &revoked).status, 401 | 503));
            }
            postgres.start_again();
        });
        assert!(!acknowledged.is_empty());
        for node in &nodes {
            eventually(|| is_ready(node) && node.get("/user", &joe).status == 200);
            node.get("/user", &revoked).error(401);
            for name in &acknowledged {
                assert_eq!(node.sign_in(name, "abc321").status, 200, "{name} was lost");
            }
            assert!(!node.log().contains("panicked") && !node.log().contains("@acme"), "{}", node.log());
        }
    }
}

#[test]
fn tokens_go_on_without_a_database_for_as_long_as_is_configured_and_not_longer() {
    let postgres = Postgres::start();
    let url = postgres.database();
    let strict = nodes(&url, &[("APPMIXER_STORE__STALE_AFTER", "1s")], 1);
    let joe = strict[0].user("joe@acme");
    // Started when there is nothing left for it to hear of: what it remembers stays.
    let patient = nodes(&url, &[("APPMIXER_STORE__STALE_AFTER", "1h")], 1);
    for node in strict.iter().chain(&patient) {
        node.get("/user", &joe).expect(200);
    }
    postgres.kill();
    eventually(|| strict[0].get("/user", &joe).status == 503);
    patient[0].get("/user", &joe).expect(200);
    assert_eq!(strict[0].get("/user", &joe).header("retry-after"), Some("1"));
    postgres.start_again();
    eventually(|| strict[0].get("/user", &joe).status == 200);
}

#[test]
fn a_standby_that_is_promoted_has_everything_and_the_servers_find_it() {
    let first = Postgres::start();
    let name = first.database();
    let name = name.rsplit('/').next().unwrap();
    let second = first.standby();
    let nodes = nodes(&first.url_of_both(&second, name), &[("APPMIXER_LIMITS__ENABLED", "false")], 2);
    let (joe, revoked) = (nodes[0].user("joe@acme"), nodes[1].user("ann@acme"));
    nodes[0].done(&["user", "sign-out", "ann@acme"], "");
    let kill = || first.kill();
    let acknowledged = sign_up_while(&nodes, "u", kill, || {
        second.promote();
        eventually(|| nodes.iter().all(is_ready));
    });
    assert!(!acknowledged.is_empty());
    for node in &nodes {
        node.get("/user", &joe).expect(200);
        node.get("/user", &revoked).error(401);
        for name in &acknowledged {
            assert_eq!(node.sign_in(name, "abc321").status, 200, "{name} was lost");
        }
        node.assert_well();
    }
}
