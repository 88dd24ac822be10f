//! HTTP/2 as it should be used: many requests on one connection, and limits for each.

use std::time::Instant;

use crate::frames::{
    ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, Frame, GOAWAY, HEADERS, Http2, PING, RST_STREAM,
    SETTINGS, WINDOW_UPDATE, fields, nth, request,
};
use crate::secure::{Authority, address_of};
use crate::support::{PATIENCE, TestServer};

const SIGN_IN: &str = r#"{"username":"joe@acme","password":"abc321"}"#;

fn start(settings: &[(&str, &str)]) -> (Authority, TestServer, String) {
    let authority = Authority::new();
    let server = authority.serve(settings);
    let address = address_of(&server, "https");
    (authority, server, address)
}

#[test]
fn a_hundred_requests_at_once_on_one_connection_are_all_answered() {
    let (authority, server, address) = start(&[]);
    let token = server.user("joe@acme");
    let mut http2 = Http2::connect(&authority, &address);
    let bearer = format!("Bearer {token}");
    let mut list = request("GET", "/user");
    list.push(("authorization", &bearer));
    for each in 0..99 {
        http2.ask(nth(each), &list);
    }
    http2.begin(nth(99), "/user/auth", None);
    http2.send(DATA, END_STREAM, nth(99), SIGN_IN.as_bytes());
    // They come in whatever order they are ready.
    let mut answered = 0;
    while answered < 100 {
        let frame = http2.next().unwrap();
        assert!(!matches!(frame.kind, RST_STREAM | GOAWAY), "{frame:?}");
        if frame.kind == HEADERS {
            assert!(frame.payload.contains(&0x88), "200: {frame:?}");
        }
        answered += usize::from(matches!(frame.kind, DATA | HEADERS) && frame.flags & END_STREAM != 0);
    }
    http2.ask(nth(100), &request("GET", "/nowhere"));
    assert_eq!(http2.error(nth(100)).0, 404);
    http2.ask(nth(101), &request("HEAD", "/healthz"));
    assert_eq!(http2.answer(nth(101)), (200, String::new()));
    http2.ask(nth(102), &request("OPTIONS", "/user"));
    assert_eq!(http2.answer(nth(102)), (204, String::new()));
    server.assert_well();
}

#[test]
fn more_requests_at_once_than_allowed_are_refused_and_the_others_go_on() {
    let (authority, server, address) = start(&[("APPMIXER_HTTP__MAX_STREAMS", "10")]);
    server.user("joe@acme");
    let mut http2 = Http2::connect(&authority, &address);
    let settings = http2.until(SETTINGS).payload;
    let most = settings.chunks(6).find(|setting| setting[..2] == [0, 3]).unwrap();
    assert_eq!(most[2..], [0, 0, 0, 10], "the client is told");
    for each in 0..11 {
        http2.begin(nth(each), "/user/auth", None);
    }
    let refused = http2.until(RST_STREAM);
    assert_eq!((refused.stream, refused.reason()), (nth(10), 7), "REFUSED_STREAM: it may be tried again");
    for each in 0..10 {
        http2.send(DATA, END_STREAM, nth(each), SIGN_IN.as_bytes());
        assert_eq!(http2.answer(nth(each)).0, 200);
    }
    server.assert_well();
}

#[test]
fn requests_of_all_connections_together_are_bounded() {
    let (authority, server, address) =
        start(&[("APPMIXER_HTTP__MAX_CONNECTIONS", "8"), ("APPMIXER_HTTP__MAX_STREAMS", "6")]);
    server.user("joe@acme");
    let mut first = Http2::connect(&authority, &address);
    let mut second = Http2::connect(&authority, &address);
    for each in 0..4 {
        first.begin(nth(each), "/user/auth", None);
        second.begin(nth(each), "/user/auth", None);
    }
    // A ping that is answered: what came before it was taken in.
    for http2 in [&mut first, &mut second] {
        http2.send(PING, 0, 0, &[7; 8]);
        assert_eq!(http2.until(PING).flags & ACK, ACK);
    }
    // Whichever is counted as the ninth is told to come back: a request is when its turn comes, and not when it was sent.
    second.begin(nth(4), "/user/auth", None);
    let begun = Instant::now();
    let (mut of_first, mut of_second) = (Vec::new(), Vec::new());
    while !of_first.iter().chain(&of_second).any(|frame: &Frame| frame.flags & END_STREAM != 0) {
        assert!(begun.elapsed() < PATIENCE, "nobody was refused");
        of_first.extend(first.said());
        of_second.extend(second.said());
    }
    let refused = of_first.iter().chain(&of_second).find(|frame| frame.kind == HEADERS).unwrap();
    assert_eq!(refused.status(), 503);
    let bodies = of_first.iter().chain(&of_second).filter(|frame| frame.kind == DATA);
    let message = String::from_utf8(bodies.flat_map(|frame| frame.payload.clone()).collect()).unwrap();
    assert!(message.contains("Too many requests"), "{message}");
    let whose = nth(usize::from(of_first.iter().any(|frame| frame.stream == nth(0))));
    first.send(DATA, END_STREAM, whose, SIGN_IN.as_bytes());
    assert_eq!(first.answer(whose).0, 200);
    second.ask(nth(5), &request("GET", "/healthz"));
    assert_eq!(second.answer(nth(5)).0, 200, "there is room again");
    server.assert_well();
}

#[test]
fn the_host_must_be_told_once_and_not_in_two_ways() {
    let (authority, server, address) = start(&[]);
    let mut http2 = Http2::connect(&authority, &address);
    let without = || -> Vec<(&str, &str)> {
        request("GET", "/healthz").into_iter().filter(|(name, _)| *name != ":authority").collect()
    };
    let with = |host: &'static str| {
        let mut list = request("GET", "/healthz");
        list.push(("host", host));
        list
    };
    let mut only_host = without();
    only_host.push(("host", "localhost"));
    let mut twice = only_host.clone();
    twice.push(("host", "localhost"));
    let mut of_a_user = vec![(":authority", "joe@localhost")];
    of_a_user.extend(without());
    for (each, (list, status)) in [
        (with("LocalHost"), 200),
        (only_host, 200),
        (with("other"), 400),
        (without(), 400),
        (twice, 400),
        (of_a_user, 400),
    ]
    .into_iter()
    .enumerate()
    {
        http2.ask(nth(each), &list);
        assert_eq!(http2.answer(nth(each)).0, status, "{list:?}");
    }
    server.assert_well();
}

#[test]
fn bodies_are_bounded_in_size_and_time_stream_by_stream() {
    let (authority, server, address) = start(&[("APPMIXER_HTTP__BODY_TIMEOUT", "2s")]);
    server.user("joe@acme");
    let mut http2 = Http2::connect(&authority, &address);
    // Announced, come without an announcement, and never come to an end.
    http2.begin(nth(0), "/user/auth", Some("65537"));
    assert_eq!(http2.error(nth(0)).0, 413);
    http2.begin(nth(1), "/user/auth", None);
    for _ in 0..3 {
        http2.send(DATA, 0, nth(1), &[b' '; 16_000]);
    }
    http2.begin(nth(2), "/user/auth", None);
    assert_eq!(http2.error(nth(2)).0, 408);
    http2.begin(nth(3), "/user/auth", None);
    for _ in 0..4 {
        http2.send(DATA, 0, nth(3), &[b' '; 16_000]);
    }
    // What has been read makes room for more.
    while http2.until(WINDOW_UPDATE).stream != nth(3) {}
    http2.send(DATA, 0, nth(3), &[b' '; 2_000]);
    assert_eq!(http2.error(nth(3)).0, 413);
    // The others do not notice.
    http2.begin(nth(4), "/user/auth", None);
    http2.send(DATA, END_STREAM, nth(4), SIGN_IN.as_bytes());
    assert_eq!(http2.answer(nth(4)).0, 200);
    server.assert_well();
}

#[test]
fn heads_that_are_too_big_are_431_and_the_connection_goes_on() {
    let (authority, server, address) = start(&[]);
    let mut http2 = Http2::connect(&authority, &address);
    let long = "x".repeat(15_000);
    let mut list = request("GET", "/healthz");
    list.push(("x-long", &long));
    http2.ask(nth(0), &list);
    assert_eq!(http2.answer(nth(0)).0, 200);
    list.push(("x-longer", &long));
    let block = fields(&list);
    let (first, second) = block.split_at(16_000);
    http2.send(HEADERS, END_STREAM, nth(1), first);
    http2.send(CONTINUATION, END_HEADERS, nth(1), second);
    assert_eq!(http2.answer(nth(1)).0, 431);
    http2.ask(nth(2), &request("GET", "/healthz"));
    assert_eq!(http2.answer(nth(2)).0, 200);
    server.assert_well();
}

#[test]
fn at_the_stop_requests_that_run_are_answered_and_the_client_is_told() {
    let (authority, mut server, address) = start(&[]);
    server.user("joe@acme");
    let mut http2 = Http2::connect(&authority, &address);
    let mut idle = Http2::connect(&authority, &address);
    let gone = Http2::connect(&authority, &address);
    http2.begin(nth(0), "/user/auth", None);
    // The request runs once a ping behind it was answered.
    http2.send(PING, 0, 0, &[7; 8]);
    http2.until(PING);
    server.signal("TERM");
    http2.until(GOAWAY);
    http2.send(DATA, END_STREAM, nth(0), SIGN_IN.as_bytes());
    let (status, body) = http2.answer_while_it_ends(nth(0));
    assert_eq!(status, 200);
    assert!(body.contains("token"), "{body}");
    drop(http2);
    assert_eq!(idle.ended(), Some(0), "NO_ERROR");
    assert_eq!(server.wait().code(), Some(0));
    assert!(!server.log().contains("cut off"), "{}", server.log());
    drop(gone);
}
