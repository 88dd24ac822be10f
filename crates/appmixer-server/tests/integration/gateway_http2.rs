//! The gateway for clients with HTTP/2: many streams on one connection, each with a pace of its own.

use serde_json::json;

use crate::browser::Browser;
use crate::frames::{DATA, END_STREAM, HEADERS, Http2, RST_STREAM, WINDOW_UPDATE, nth, request};
use crate::secure::{Authority, address_of};
use crate::support::{TestServer, eventually};
use crate::upstream::Upstream;

/// More than all windows and buffers together.
const MUCH: usize = 20 * 1024 * 1024;

struct Scene {
    upstream: Upstream,
    authority: Authority,
    server: TestServer,
    address: String,
    bearer: String,
}

fn scene(settings: &[(&str, &str)]) -> Scene {
    let upstream = Upstream::start();
    let authority = Authority::new();
    let routes = json!({"/flows": {"to": [upstream.url()]}}).to_string();
    let mut all = vec![("APPMIXER_GATEWAY__ROUTES", routes.as_str())];
    all.extend(settings);
    let server = authority.serve(&all);
    let (address, bearer) = (address_of(&server, "https"), format!("Bearer {}", server.user("joe@acme")));
    Scene { upstream, authority, server, address, bearer }
}

#[test]
fn a_hundred_requests_at_once_are_forwarded_and_say_that_they_came_over_tls() {
    let Scene { upstream, authority, server, address, bearer } = scene(&[]);
    let mut http2 = Http2::connect(&authority, &address);
    let mut list = request("GET", "/flows/1");
    list.extend([("authorization", bearer.as_str()), ("te", "trailers"), ("x-user-id", "root")]);
    for each in 0..100 {
        http2.ask(nth(each), &list);
    }
    let mut answered = 0;
    while answered < 100 {
        let frame = http2.next().unwrap();
        assert_ne!(frame.kind, RST_STREAM, "{frame:?}");
        assert!(frame.kind != HEADERS || frame.status() == 200, "{frame:?}");
        answered += usize::from(matches!(frame.kind, DATA | HEADERS) && frame.flags & END_STREAM != 0);
    }
    let seen = upstream.seen();
    assert_eq!(seen.len(), 100);
    let told = &seen[0]["headers"];
    assert_eq!(
        (&told["x-forwarded-proto"], &told["x-forwarded-host"]),
        (&json!("https"), &json!("localhost"))
    );
    assert!(told["via"].as_str().unwrap().starts_with("2.0 appmixer-"));
    assert_eq!((&told["te"], &told["host"]), (&json!("trailers"), &json!(upstream.address)));
    assert_ne!(told["x-user-id"], "root");
    http2.ask(nth(100), &request("GET", "/flows/1"));
    assert_eq!(http2.error(nth(100)).0, 401);
    server.assert_well();
}

#[test]
fn several_cookie_fields_reach_the_upstream_as_one() {
    let Scene { upstream, authority, server, address, bearer } = scene(&[]);
    let mut http2 = Http2::connect(&authority, &address);
    let mut list = request("GET", "/flows/1");
    list.extend([
        ("authorization", bearer.as_str()),
        ("cookie", "a=1"),
        ("cookie", "b=2; c=3"),
        ("cookie", "d=4"),
    ]);
    http2.ask(nth(0), &list);
    assert_eq!(http2.answer(nth(0)).0, 200);
    // `|` would separate two fields.
    assert_eq!(upstream.seen()[0]["headers"]["cookie"], "a=1; b=2; c=3; d=4");
    server.assert_well();
}

#[test]
fn the_cookies_of_a_browser_reach_the_upstream_as_one() {
    let upstream = Upstream::start();
    let authority = Authority::new();
    let routes = json!({"/hooks": {"to": [upstream.url()], "open": true}}).to_string();
    let server = authority.serve(&[("APPMIXER_GATEWAY__ROUTES", &routes)]);
    let Some(browser) = Browser::at(&server) else { return };
    browser.goto(&format!("https://{}/hooks/1", address_of(&server, "https")));
    browser.js("document.cookie = 'a=1'; document.cookie = 'b=2'", &[]);
    browser.reload();
    let seen = upstream.seen();
    let asked = seen.iter().rfind(|request| request["target"] == "/hooks/1").unwrap();
    let told = &asked["headers"];
    assert_eq!(told["cookie"], "a=1; b=2");
    assert!(told["via"].as_str().unwrap().starts_with("2.0 "), "Chromium spoke HTTP/2: {told}");
    server.assert_well();
}

#[test]
fn a_client_takes_a_large_answer_in_and_sends_a_large_body() {
    let Scene { upstream: _upstream, authority, server, address, bearer } = scene(&[]);
    let authorization = format!("Authorization: {bearer}");
    let url = |path: &str| format!("https://{address}/flows/{path}");
    let file = authority.path("body");
    std::fs::write(&file, vec![b'x'; MUCH]).unwrap();
    let body = format!("@{}", file.display());
    let output =
        authority.curl(&["--http2", "-sS", "-H", &authorization, &url(&format!("big?bytes={MUCH}"))]);
    assert_eq!(output.stdout.len(), MUCH);
    let output = authority.curl(&["--http2", "-sS", "-H", &authorization, "--data-binary", &body, &url("1")]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains(&format!(r#""length":{MUCH}"#)), "{text}");
    server.assert_well();
}

#[test]
fn one_stream_that_nobody_takes_in_does_not_hold_up_another() {
    let Scene { upstream, authority, server, address, bearer } = scene(&[]);
    let mut http2 = Http2::connect(&authority, &address);
    let path = format!("/flows/big?bytes={MUCH}");
    let mut list = request("GET", &path);
    list.push(("authorization", &bearer));
    http2.ask(nth(0), &list);
    let mut list = request("GET", "/flows/status?code=200");
    list.push(("authorization", &bearer));
    // The window of the connection is for both: there is more of it, but not for the first stream.
    http2.send(WINDOW_UPDATE, 0, 0, &1_000_000_u32.to_be_bytes());
    http2.ask(nth(1), &list);
    assert_eq!(http2.answer(nth(1)), (200, "as you like it".to_owned()));
    drop(http2);
    eventually(|| upstream.given_up() == 1);
    server.assert_well();
}

#[test]
fn events_arrive_while_others_are_silent_for_longer_than_a_client_may_be() {
    let Scene { upstream, authority, server, address, bearer } =
        scene(&[("APPMIXER_HTTP__HEADER_TIMEOUT", "1s")]);
    let mut http2 = Http2::connect(&authority, &address);
    let mut list = request("GET", "/flows/events");
    list.push(("authorization", &bearer));
    http2.ask(nth(0), &list);
    assert_eq!(http2.until(HEADERS).status(), 200);
    for number in 0..3 {
        assert_eq!(http2.until(DATA).payload, format!("data: {number}\n\n").as_bytes());
        if number == 0 {
            server.outlast_silence();
        }
        upstream.go_on();
    }
    server.assert_well();
}

#[test]
fn an_answer_that_breaks_off_resets_its_stream_and_no_other() {
    let Scene { upstream, authority, server, address, bearer } = scene(&[]);
    let mut http2 = Http2::connect(&authority, &address);
    let mut list = request("GET", "/flows/breaks");
    list.push(("authorization", &bearer));
    http2.ask(nth(0), &list);
    assert_eq!(http2.until(DATA).payload, b"half of it");
    upstream.go_on();
    assert_eq!(http2.until(RST_STREAM).stream, nth(0));
    let mut list = request("GET", "/flows/status?code=200");
    list.push(("authorization", &bearer));
    http2.ask(nth(1), &list);
    assert_eq!(http2.answer(nth(1)).0, 200);
    server.assert_well();
}
