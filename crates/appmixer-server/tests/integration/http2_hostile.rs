//! HTTP/2 as it should not be used. After each: others are answered, memory is bounded, and the connection has ended
//! where it should.

use crate::frames::{
    ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, Http2, PING, PREFACE, PRIORITY,
    PUSH_PROMISE, RST_STREAM, SETTINGS, WINDOW_UPDATE, fields, frame, nth, request, text,
};
use crate::secure::{Authority, address_of, get};
use crate::support::{TestServer, eventually};

/// What a flood may leave behind, in KiB: buffers that the allocator keeps.
const MOST_GROWTH: u64 = 24 * 1024;

/// A server under attack.
struct Besieged {
    authority: Authority,
    server: TestServer,
    address: String,
    before: u64,
}

impl Besieged {
    fn start() -> Self {
        Self::with(&[])
    }

    fn with(settings: &[(&str, &str)]) -> Self {
        let authority = Authority::new();
        let server = authority.serve(settings);
        let address = address_of(&server, "https");
        get(&address, &authority.client(&[]), "/healthz").unwrap().expect(200);
        let before = server.resident_kib();
        Self { authority, server, address, before }
    }

    fn attacker(&self) -> Http2 {
        Http2::connect(&self.authority, &self.address)
    }

    /// That it has not noticed, but for some memory.
    #[track_caller]
    fn assert_unmoved(&self) {
        get(&self.address, &self.authority.client(&[]), "/healthz").unwrap().expect(200);
        let mut http2 = self.attacker();
        http2.ask(1, &request("GET", "/readyz"));
        assert_eq!(http2.answer(1).0, 200);
        let growth = self.server.resident_kib().saturating_sub(self.before);
        assert!(growth < MOST_GROWTH, "{growth} KiB more than before");
        self.server.assert_well();
    }
}

#[test]
fn rapid_resets_end_the_connection() {
    // CVE-2023-44487.
    let besieged = Besieged::start();
    let head = fields(&request("GET", "/user"));
    let mut attacker = besieged.attacker();
    attacker.flood(50_000, |each| {
        let begin = frame(HEADERS, END_HEADERS | END_STREAM, nth(each), &head);
        [begin, frame(RST_STREAM, 0, nth(each), &8_u32.to_be_bytes())].concat()
    });
    let reason = attacker.ended();
    assert!(matches!(reason, None | Some(11)), "ENHANCE_YOUR_CALM: {reason:?}");
    besieged.assert_unmoved();
}

#[test]
fn making_the_server_reset_streams_ends_the_connection() {
    // CVE-2025-8671: a window update of nothing is an error of the stream, which the server must reset.
    let besieged = Besieged::start();
    let head = fields(&request("POST", "/user/auth"));
    let mut attacker = besieged.attacker();
    attacker.flood(20_000, |each| {
        let begin = frame(HEADERS, END_HEADERS, nth(each), &head);
        [begin, frame(WINDOW_UPDATE, 0, nth(each), &[0; 4])].concat()
    });
    attacker.ended();
    besieged.assert_unmoved();
}

#[test]
fn a_head_that_is_continued_without_end_ends_the_connection() {
    // CVE-2024-27316.
    let besieged = Besieged::start();
    let mut attacker = besieged.attacker();
    attacker.send(HEADERS, END_STREAM, 1, &fields(&request("GET", "/user")));
    let more = frame(CONTINUATION, 0, 1, &fields(&[("x-more", &"y".repeat(1000))]));
    attacker.flood(100_000, |_| more.clone());
    attacker.ended();
    // The same with frames that have nothing in them.
    let mut attacker = besieged.attacker();
    attacker.send(HEADERS, END_STREAM, 1, &fields(&request("GET", "/user")));
    attacker.flood(1_000_000, |_| frame(CONTINUATION, 0, 1, &[]));
    attacker.ended();
    besieged.assert_unmoved();
}

#[test]
fn a_small_head_that_unpacks_to_a_big_one_is_refused() {
    let besieged = Besieged::start();
    let mut attacker = besieged.attacker();
    let mut block = fields(&request("GET", "/healthz"));
    // Into the table (RFC 7541 section 6.2.1), and then out of it thousands of times, a byte each.
    block.push(0x40);
    text(&mut block, "x-bomb");
    text(&mut block, &"y".repeat(3900));
    block.extend([0xbe; 12_000]);
    attacker.send(HEADERS, END_HEADERS | END_STREAM, 1, &block);
    // 431, or the end of the connection: 47 MB are beyond whatever might be a mistake.
    while let Some(frame) = attacker.next() {
        assert_ne!(frame.kind, DATA, "no answer to it");
        if frame.stream == 1 || frame.kind == GOAWAY {
            break;
        }
    }
    besieged.assert_unmoved();
}

#[test]
fn floods_of_settings_and_pings_whose_answers_nobody_reads_end_the_connection() {
    let besieged = Besieged::with(&[("APPMIXER_HTTP__HEADER_TIMEOUT", "1s")]);
    for flood in [frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 255, 255]), frame(PING, 0, 0, &[7; 8])] {
        let mut attacker = besieged.attacker();
        attacker.flood(500_000, |_| flood.clone());
        attacker.ended();
    }
    besieged.assert_unmoved();
}

#[test]
fn a_flood_of_frames_that_nobody_asked_for_leaves_no_line_in_the_log() {
    let mut besieged = Besieged::start();
    let before = besieged.server.log().lines().count();
    let mut attacker = besieged.attacker();
    attacker.flood(1_000, |_| frame(PING, ACK, 0, &[9; 8]));
    attacker.ask(nth(0), &request("GET", "/healthz"));
    assert_eq!(attacker.answer(nth(0)).0, 200);
    // Lines come in their order: behind the last one there is nothing more.
    besieged.server.signal("TERM");
    assert_eq!(besieged.server.wait().code(), Some(0));
    eventually(|| besieged.server.log().contains("\"stopped\""));
    let log = besieged.server.log();
    assert!(log.lines().count() <= before + 2, "{log}");
}

#[test]
fn pings_do_not_keep_a_connection_open_on_which_nothing_is_done() {
    let besieged = Besieged::with(&[("APPMIXER_HTTP__HEADER_TIMEOUT", "1s")]);
    let mut attacker = besieged.attacker();
    loop {
        if attacker.write(&frame(PING, 0, 0, &[7; 8])).is_err() {
            break;
        }
        match attacker.next() {
            Some(frame) if frame.kind == GOAWAY => assert_eq!(frame.reason(), 0, "NO_ERROR"),
            Some(_) => {}
            None => break,
        }
    }
    besieged.assert_unmoved();
}

#[test]
fn a_flood_of_empty_data_ends_the_connection() {
    let besieged = Besieged::start();
    let mut attacker = besieged.attacker();
    attacker.begin(1, "/user/auth", None);
    attacker.flood(1_000_000, |_| frame(DATA, 0, 1, &[]));
    attacker.ended();
    besieged.assert_unmoved();
}

#[test]
fn a_client_that_opens_no_window_for_its_answers_is_cut_off() {
    let besieged = Besieged::with(&[("APPMIXER_HTTP__HEADER_TIMEOUT", "1s")]);
    // SETTINGS_INITIAL_WINDOW_SIZE.
    let mut attacker = Http2::with_settings(&besieged.authority, &besieged.address, &[(4, 0)]);
    for each in 0..100 {
        attacker.ask(nth(each), &request("GET", "/openapi.json"));
    }
    attacker.ended();
    besieged.assert_unmoved();
}

#[test]
fn a_client_that_does_not_read_its_answers_is_cut_off() {
    let besieged = Besieged::with(&[("APPMIXER_HTTP__HEADER_TIMEOUT", "1s")]);
    let mut attacker =
        Http2::with_settings(&besieged.authority, &besieged.address, &[(4, 0x7fff_ffff), (5, 16_384)]);
    attacker.send(WINDOW_UPDATE, 0, 0, &0x7fff_0000_u32.to_be_bytes());
    let head = fields(&request("GET", "/openapi.json"));
    // Until the server takes in no more.
    attacker.flood(100_000, |each| frame(HEADERS, END_HEADERS | END_STREAM, nth(each), &head));
    let growth = besieged.server.resident_kib().saturating_sub(besieged.before);
    assert!(growth < MOST_GROWTH, "{growth} KiB while nobody reads");
    attacker.ended();
    besieged.assert_unmoved();
}

#[test]
fn frames_that_break_the_rules_end_the_connection() {
    let besieged = Besieged::start();
    let update = |by: u32| by.to_be_bytes();
    let head = fields(&request("GET", "/healthz"));
    for (what, bytes) in [
        ("more than the biggest frame", frame(DATA, 0, 1, &vec![0; 16_385])),
        ("a length of 16 MiB", vec![255, 255, 255, DATA, 0, 0, 0, 0, 1]),
        ("a push", frame(PUSH_PROMISE, END_HEADERS, 1, &[0, 0, 0, 2])),
        ("data for nobody", frame(DATA, 0, 0, b"x")),
        ("data on a stream that was never opened", frame(DATA, 0, 1, b"x")),
        ("a request on a stream of the server's", frame(HEADERS, END_HEADERS, 2, &head)),
        ("a reset of a stream that was never opened", frame(RST_STREAM, 0, 1, &[0; 4])),
        ("settings that are cut short", frame(SETTINGS, 0, 0, &[0, 3, 0])),
        ("settings of a stream", frame(SETTINGS, 0, 1, &[])),
        ("a window of more than may be", frame(SETTINGS, 0, 0, &[0, 4, 255, 255, 255, 255])),
        ("a ping of seven bytes", frame(PING, 0, 0, &[0; 7])),
        ("a continuation of nothing", frame(CONTINUATION, END_HEADERS, 1, &[])),
        ("HPACK that is none", frame(HEADERS, END_HEADERS, 1, &[0xff; 64])),
        ("a window that overflows", frame(WINDOW_UPDATE, 0, 0, &update(0x7fff_ffff)).repeat(2)),
        ("a window that grows by nothing", frame(WINDOW_UPDATE, 0, 0, &update(0))),
        (
            "a request in the middle of a head",
            [frame(HEADERS, 0, 1, &head), frame(PING, 0, 0, &[0; 8])].concat(),
        ),
        (
            "a stream number that goes back",
            [
                frame(HEADERS, END_HEADERS | END_STREAM, 5, &head),
                frame(HEADERS, END_HEADERS | END_STREAM, 3, &head),
            ]
            .concat(),
        ),
    ] {
        let mut attacker = besieged.attacker();
        let _ = attacker.write(&bytes);
        let reason = attacker.ended();
        assert_ne!(reason, Some(0), "{what}");
    }
    // What is no HTTP/2 at all.
    for bytes in [&b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..], &[0; 100], &PREFACE[..20]] {
        let mut attacker = Http2::bare(&besieged.authority, &besieged.address);
        let _ = attacker.write(bytes);
        if bytes.len() == 20 {
            attacker.stream.conn.send_close_notify();
            let _ = attacker.stream.sock.shutdown(std::net::Shutdown::Write);
        }
        attacker.ended();
    }
    besieged.assert_unmoved();
}

#[test]
fn requests_that_break_the_rules_are_never_answered() {
    let besieged = Besieged::start();
    let with = |name: &'static str, value: &'static str| {
        let mut list = request("GET", "/healthz");
        list.push((name, value));
        list
    };
    let without = |left_out: &str| -> Vec<_> {
        request("GET", "/healthz").into_iter().filter(|(name, _)| *name != left_out).collect()
    };
    for list in [
        with("Upper", "x"),
        with("connection", "close"),
        with("transfer-encoding", "chunked"),
        with("te", "gzip"),
        with("x", "a\r\nb"),
        with("x y", "z"),
        with(":path", "/again"),
        with(":nonsense", "x"),
        with("content-length", "5"),
        without(":method"),
        without(":path"),
        without(":scheme"),
    ] {
        let mut http2 = besieged.attacker();
        http2.ask(1, &list);
        // The stream is reset, or the connection ends.
        while let Some(frame) = http2.next() {
            assert!(!matches!(frame.kind, HEADERS | DATA), "{list:?} is answered: {frame:?}");
            if matches!(frame.kind, RST_STREAM | GOAWAY) {
                break;
            }
        }
    }
    besieged.assert_unmoved();
}

#[test]
fn what_is_wrong_with_one_stream_is_not_the_others_concern() {
    let besieged = Besieged::start();
    let mut http2 = besieged.attacker();
    let mut list = request("GET", "/healthz");
    list.push(("connection", "close"));
    http2.ask(nth(0), &list);
    let reset = http2.until(RST_STREAM);
    assert_eq!((reset.stream, reset.reason()), (nth(0), 1), "PROTOCOL_ERROR");
    // A window that overflows.
    http2.begin(nth(1), "/user/auth", None);
    http2.send(WINDOW_UPDATE, 0, nth(1), &0x7fff_ffff_u32.to_be_bytes());
    let reset = http2.until(RST_STREAM);
    assert_eq!((reset.stream, reset.reason()), (nth(1), 3), "FLOW_CONTROL_ERROR");
    http2.ask(nth(2), &request("GET", "/healthz"));
    assert_eq!(http2.answer(nth(2)).0, 200);
    besieged.assert_unmoved();
}

#[test]
fn priorities_and_frames_that_nobody_knows_are_passed_over() {
    let besieged = Besieged::start();
    let mut http2 = besieged.attacker();
    http2.flood(10_000, |each| {
        [frame(PRIORITY, 0, nth(each), &[0, 0, 0, 0, 16]), frame(0xfe, 0xff, 0, b"whatever")].concat()
    });
    http2.ask(nth(20_000), &request("GET", "/healthz"));
    assert_eq!(http2.answer(nth(20_000)).0, 200);
    http2.send(PING, 0, 0, &[1; 8]);
    assert_eq!(http2.until(PING).flags & ACK, ACK);
    besieged.assert_unmoved();
}

#[test]
fn connect_and_upgrades_lead_nowhere() {
    let besieged = Besieged::start();
    let mut http2 = besieged.attacker();
    http2.ask(1, &[(":method", "CONNECT"), (":authority", "localhost:22")]);
    assert!(matches!(http2.error(1).0, 404 | 405), "no tunnel");
    let plain = besieged.server.raw(
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
    );
    plain.unwrap().expect(200);
    let prior = besieged.server.raw(&[PREFACE, &frame(SETTINGS, 0, 0, &[])].concat());
    assert!(prior.is_err_and(|text| text.is_empty()), "no HTTP/2 without TLS");
    besieged.assert_unmoved();
}
