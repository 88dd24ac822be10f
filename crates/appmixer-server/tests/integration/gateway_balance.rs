//! Several upstreams for one route: who gets what, and what happens when one of them fails.

use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use appmixer_testbed::Port;
use serde_json::json;

use crate::gateway::serve;
use crate::support::{Over, TestServer, eventually};
use crate::upstream::Upstream;

fn two(one: &Upstream, other: &Upstream) -> TestServer {
    serve(&json!({"/flows": {"to": [one.url(), other.url()]}}), &[])
}

#[test]
fn requests_are_spread_and_whoever_is_slow_gets_fewer() {
    let (one, other) = (Upstream::start(), Upstream::start());
    let server = two(&one, &other);
    let token = server.user("joe@acme");
    for _ in 0..100 {
        server.get("/flows/1", &token).expect(200);
    }
    let (first, second) = (one.count(), other.count());
    assert_eq!(first + second, 100);
    assert!(first.min(second) >= 20, "{first} and {second}");
    // One that has a request that takes long gets none while the other has none.
    thread::scope(|scope| {
        let slow = scope.spawn(|| server.get("/flows/slow", &token).expect(200));
        eventually(|| one.count() + other.count() == 101);
        let has_it = if one.count() > first { &one } else { &other };
        let before = has_it.count();
        for _ in 0..50 {
            server.get("/flows/1", &token).expect(200);
        }
        assert_eq!(has_it.count(), before);
        has_it.go_on();
        slow.join().unwrap();
    });
}

#[test]
fn nobody_notices_that_one_of_two_is_killed_under_load() {
    let port = Port::reserve();
    let (one, other) = (Upstream::at(&port), Upstream::start());
    let server = two(&one, &other);
    let token = server.user("joe@acme");
    let (done, enough) = (AtomicUsize::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        // However this ends, the others do too.
        let over = Over(&enough);
        for _ in 0..8 {
            scope.spawn(|| {
                let _over = Over(&enough);
                while !enough.load(Ordering::Relaxed) {
                    server.get("/flows/1", &token).expect(200);
                    done.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        eventually(|| done.load(Ordering::Relaxed) > 100);
        drop(one);
        let at_the_kill = done.load(Ordering::Relaxed);
        eventually(|| done.load(Ordering::Relaxed) > at_the_kill + 200);
        // And it comes back.
        let one = Upstream::at(&port);
        eventually(|| one.count() > 20);
        drop(over);
    });
    server.assert_well();
}

#[test]
fn a_request_is_tried_again_only_where_that_is_safe() {
    let (one, other) = (Upstream::start(), Upstream::start());
    let server = two(&one, &other);
    let token = server.user("joe@acme");
    // Both end the connection without an answer: each is asked once.
    server.get("/flows/dies", &token).error(502);
    assert_eq!((one.count(), other.count()), (1, 1));
    server.delete_as(&token, "/flows/dies").error(502);
    assert_eq!((one.count(), other.count()), (2, 2));
    // What may have done something, and what has sent a body, is not asked for twice.
    server.post_as(&token, "/flows/dies", "").error(502);
    server.post_as(&token, "/flows/dies", "{}").error(502);
    server.put_as(&token, "/flows/dies", "{}").error(502);
    assert_eq!(one.count() + other.count(), 7);
    server.assert_well();
}

#[test]
fn a_body_that_nobody_has_got_goes_to_another_one() {
    let gone = Port::reserve();
    let upstream = Upstream::start();
    let server =
        serve(&json!({"/flows": {"to": [format!("http://{}", gone.address()), upstream.url()]}}), &[]);
    let token = server.user("joe@acme");
    for _ in 0..20 {
        server.post_as(&token, "/flows/1", r#"{"a":1}"#).expect(200);
    }
    let seen = upstream.seen();
    assert_eq!(seen.len(), 20);
    assert!(seen.iter().all(|seen| seen["length"] == 7), "{seen:?}");
}

#[test]
fn a_single_upstream_that_comes_back_is_used_at_once() {
    let port = Port::reserve();
    let upstream = Upstream::at(&port);
    let server = serve(&json!({"/flows": {"to": [upstream.url()]}}), &[]);
    let token = server.user("joe@acme");
    server.get("/flows/1", &token).expect(200);
    drop(upstream);
    for _ in 0..5 {
        server.get("/flows/1", &token).error(502);
    }
    let upstream = Upstream::at(&port);
    server.get("/flows/1", &token).expect(200);
    assert_eq!(upstream.count(), 1);
    eventually(|| server.log().contains("an upstream works again"));
}

#[test]
fn health_checks_take_an_upstream_out_and_in_again() {
    let (one, other) = (Upstream::start(), Upstream::start());
    // As long as a check may take, also on a busy machine.
    let route = json!({"to": [one.url(), other.url()], "health_path": "/healthz", "health_interval": "1s"});
    let server = serve(&json!({"/flows": route}), &[]);
    let token = server.user("joe@acme");
    let downs = || server.log().matches("an upstream does not work").count();
    one.be_well(false);
    eventually(|| downs() == 1);
    for _ in 0..20 {
        server.get("/flows/1", &token).expect(200);
    }
    assert_eq!((one.count(), other.count()), (0, 20));
    other.be_well(false);
    eventually(|| downs() == 2);
    let answer = server.get("/flows/1", &token);
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(answer.error(503), "The service behind this path is unavailable, try again later");
    one.be_well(true);
    eventually(|| server.log().contains("an upstream works again"));
    server.get("/flows/1", &token).expect(200);
    assert_eq!((one.count(), other.count()), (1, 20));
    server.assert_well();
}

#[test]
fn an_upstream_that_takes_no_connections_costs_no_more_than_its_time() {
    // A full queue of connections that nobody accepts: the kernel answers no more.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    rustix::net::listen(&listener, 0).unwrap();
    let fillers: Vec<_> = (0..8)
        .map(|_| {
            thread::spawn(move || std::net::TcpStream::connect_timeout(&address, Duration::from_secs(1)))
        })
        .collect();
    let _held: Vec<_> = fillers.into_iter().filter_map(|filler| filler.join().unwrap().ok()).collect();
    let upstream = Upstream::start();
    let route = json!({"to": [format!("http://{address}"), upstream.url()], "connect_timeout": "1s"});
    let server = serve(&json!({"/flows": route}), &[]);
    let token = server.user("joe@acme");
    for _ in 0..20 {
        server.post_as(&token, "/flows/1", "{}").expect(200);
    }
    assert_eq!(upstream.count(), 20);
}
