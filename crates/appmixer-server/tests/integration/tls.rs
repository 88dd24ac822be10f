//! TLS as real clients see it: curl, openssl, and rustls.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rcgen::date_time_ymd;

use crate::secure::{Authority, address_of, connect, get, text};
use crate::support::{PATIENCE, binary, eventually, run};

/// `openssl s_client`, which ends after its handshake.
fn s_client(authority: &Authority, address: &str, arguments: &[&str]) -> String {
    let mut command = Command::new("openssl");
    command.args(["s_client", "-connect", address, "-CAfile"]).arg(authority.path("ca.pem")).args(arguments);
    text(&run(command, "Q\n"))
}

#[test]
fn curl_gets_the_same_over_http_1_and_2_and_tls_1_2_and_1_3() {
    let authority = Authority::new();
    let server = authority.serve(&[]);
    let (token, address) = (server.user("joe@acme"), address_of(&server, "https"));
    let plain = server.get("/user", &token).expect(200).body;
    let (bearer, url) = (format!("Authorization: Bearer {token}"), format!("https://{address}/user"));
    for (http, version) in [("--http2", "2"), ("--http1.1", "1.1")] {
        for tls in [&["--tlsv1.2", "--tls-max", "1.2"][..], &["--tlsv1.3"]] {
            let format = "\n%{http_version} %{http_code} %{header_json}";
            let mut arguments = vec![http, "-H", &bearer, "-w", format, &url];
            arguments.extend(tls);
            let told = text(&authority.curl(&arguments));
            let (body, rest) = told.split_once('\n').unwrap();
            assert_eq!(body, plain, "{arguments:?}");
            assert!(rest.starts_with(&format!("{version} 200 ")), "{arguments:?}: {rest}");
            assert!(rest.contains("max-age=31536000"), "{rest}");
        }
        let sign_in = r#"{"username":"joe@acme","password":"abc321"}"#;
        let url = format!("https://{address}/user/auth");
        let told =
            text(&authority.curl(&[http, "-H", "Content-Type: application/json", "-d", sign_in, &url]));
        assert!(told.contains("\"token\":\"ey"), "{told}");
        let told = text(&authority.curl(&[http, "-I", &format!("https://{address}/healthz")]));
        assert!(told.to_lowercase().contains("content-length: 1"), "HEAD tells the length: {told}");
    }
    server.assert_well();
}

#[test]
fn old_versions_other_protocols_and_plain_text_are_refused() {
    let authority = Authority::new();
    let server = authority.serve(&[]);
    let address = address_of(&server, "https");
    for old in ["-tls1", "-tls1_1"] {
        let told = s_client(&authority, &address, &[old, "-cipher", "ALL:@SECLEVEL=0"]);
        assert!(told.contains(" alert ") && told.contains("Cipher is (NONE)"), "{old}: {told}");
    }
    for weak in ["AES128-SHA", "AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA"] {
        let told = s_client(&authority, &address, &["-tls1_2", "-cipher", weak]);
        assert!(told.contains("alert handshake failure"), "{weak}: {told}");
    }
    for (version, protocol) in [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")] {
        let told = s_client(&authority, &address, &[version, "-alpn", "h2,http/1.1"]);
        assert!(told.contains(protocol) && told.contains("Verify return code: 0 (ok)"), "{told}");
        assert!(told.contains("ALPN protocol: h2"), "{told}");
    }
    let told = s_client(&authority, &address, &["-alpn", "http/1.1"]);
    assert!(told.contains("ALPN protocol: http/1.1"), "{told}");
    let told = s_client(&authority, &address, &["-alpn", "spdy/3"]);
    assert!(told.contains("alert no application protocol"), "{told}");

    let mut plain = TcpStream::connect(&address).unwrap();
    plain.set_read_timeout(Some(PATIENCE)).unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP"), "{}", String::from_utf8_lossy(&answer));
    server.assert_well();
    let failures = server.log().matches("handshake").count();
    assert_eq!(failures, 0, "what clients do is no news: {}", server.log());
}

#[test]
fn http2_can_be_switched_off() {
    let authority = Authority::new();
    let server = authority.serve(&[("APPMIXER_TLS__HTTP2", "false")]);
    let address = address_of(&server, "https");
    let told = s_client(&authority, &address, &["-alpn", "h2,http/1.1"]);
    assert!(told.contains("ALPN protocol: http/1.1"), "{told}");
}

#[test]
fn browsers_are_told_to_insist_on_tls_where_there_is_tls_and_nowhere_else() {
    const HSTS: &str = "strict-transport-security";
    let authority = Authority::new();
    let client = authority.client(&["http/1.1"]);
    let server = authority.serve(&[]);
    let address = address_of(&server, "https");
    for path in ["/", "/user", "/nowhere", "/docs"] {
        assert_eq!(server.request("GET", path, &[], b"").header(HSTS), None, "{path}");
        let answer = get(&address, &client, path).unwrap();
        assert_eq!(answer.header(HSTS), Some("max-age=31536000"), "{path}");
    }
    for (settings, value) in [
        (&[("APPMIXER_TLS__HSTS", "0")][..], None),
        (
            &[("APPMIXER_TLS__HSTS", "1h"), ("APPMIXER_TLS__HSTS_SUBDOMAINS", "true")],
            Some("max-age=3600; includesubdomains"),
        ),
    ] {
        let server = authority.serve(settings);
        let answer = get(&address_of(&server, "https"), &client, "/").unwrap();
        assert_eq!(answer.header(HSTS), value);
    }
}

/// Also when the test fails.
struct StopAtLast<'a>(&'a AtomicBool);

impl Drop for StopAtLast<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_new_certificate_is_served_without_a_restart_and_without_a_failed_request() {
    let authority = Authority::new();
    let server = authority.serve(&[]);
    let address = address_of(&server, "https");
    let client = authority.client(&["http/1.1"]);
    let mut open = connect(&address, &client).unwrap();
    let first = open.conn.peer_certificates().unwrap()[0].clone();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let stopping = StopAtLast(&stop);
        let load = || {
            // Without the sessions of others, which would spare the handshake.
            let client = authority.client(&["http/1.1"]);
            let mut answers = 0;
            while !stop.load(Ordering::Relaxed) {
                get(&address, &client, "/healthz").unwrap().expect(200);
                answers += 1;
            }
            answers
        };
        let load: Vec<_> = (0..3).map(|_| scope.spawn(load)).collect();
        authority.renew("second");
        let serves_another = || {
            let stream = connect(&address, &authority.client(&[])).unwrap();
            stream.conn.peer_certificates().unwrap()[0] != first
        };
        eventually(serves_another);
        // And when told.
        authority.renew("third");
        server.signal("HUP");
        eventually(|| server.log().matches("the TLS certificate was read anew").count() == 2);
        drop(stopping);
        for load in load {
            assert!(load.join().unwrap() > 0);
        }
    });
    write!(open, "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    open.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "what was open before goes on: {answer}");
    server.assert_well();
}

#[test]
fn what_is_no_good_pair_changes_nothing_and_is_told_once() {
    let authority = Authority::new();
    let server = authority.serve(&[]);
    let address = address_of(&server, "https");
    let warnings = || server.log().matches("the TLS certificate stays as it is").count();
    let (other, key) = authority.issue("other", |_| ());
    for (told, bad) in [(1, &other[..other.len() / 2]), (2, ""), (3, other.as_str())] {
        authority.put("certificate.pem", bad);
        eventually(|| {
            server.signal("HUP");
            warnings() == told
        });
        get(&address, &authority.client(&[]), "/healthz").unwrap().expect(200);
    }
    assert!(server.log().contains("certificate.pem") && server.log().contains("key.pem"));
    assert!(!server.log().contains("BEGIN"), "nothing of the files is in the log");
    // Nothing new: no more to tell.
    for _ in 0..20 {
        server.signal("HUP");
        get(&address, &authority.client(&[]), "/healthz").unwrap().expect(200);
    }
    assert_eq!(warnings(), 3);
    authority.put("key.pem", &key);
    eventually(|| server.log().contains("the TLS certificate was read anew"));
    server.assert_well();
}

#[test]
fn a_certificate_that_ends_soon_or_has_ended_is_told_in_the_log() {
    let authority = Authority::new();
    let (past, key) = authority.issue("past", |parameters| {
        parameters.not_before = date_time_ymd(2020, 1, 1);
        parameters.not_after = date_time_ymd(2021, 1, 1);
    });
    authority.put("certificate.pem", &past);
    authority.put("key.pem", &key);
    let server = authority.serve(&[]);
    eventually(|| server.log().contains("the TLS certificate has expired"));
    // Who does not check is served: the operator is told, and clients decide.
    let told = text(&authority.curl(&["-k", &format!("https://{}/", address_of(&server, "https"))]));
    assert!(told.contains("\"status\":\"ok\""), "{told}");
    let told = text(&authority.curl(&[&format!("https://{}/", address_of(&server, "https"))]));
    assert!(told.contains("expired"), "{told}");

    let soon = std::time::SystemTime::now() + std::time::Duration::from_hours(24);
    let (soon, key) = authority.issue("soon", |parameters| parameters.not_after = soon.into());
    authority.put("certificate.pem", &soon);
    authority.put("key.pem", &key);
    eventually(|| server.log().contains("the TLS certificate expires within two weeks"));
}

#[test]
fn files_that_cannot_be_used_stop_the_start_with_the_key_and_the_file() {
    let authority = Authority::new();
    let folder = tempfile::tempdir().unwrap();
    let refused = |certificate: &str, key: &str| {
        let mut command = binary(&folder.path().join("data"));
        let path = |name: &str| authority.path(name).display().to_string();
        command.args(["serve", "--listen", "off"]).env("APPMIXER_TLS__LISTEN", "127.0.0.1:0");
        command.env("APPMIXER_TLS__CERTIFICATE", path(certificate)).env("APPMIXER_TLS__KEY", path(key));
        let output = run(command, "");
        assert_eq!(output.status.code(), Some(2));
        text(&output)
    };
    let line = refused("nowhere.pem", "key.pem");
    assert!(line.contains("tls.certificate") && line.contains("nowhere.pem"), "{line}");
    let line = refused("certificate.pem", "certificate.pem");
    assert!(line.contains("tls.key") && line.contains("no private key"), "{line}");
    let line = refused("ca.pem", "key.pem");
    assert!(line.contains("tls.key") && line.contains("not the key of the certificate"), "{line}");
}

#[test]
fn sessions_are_resumed_with_tickets() {
    let authority = Authority::new();
    let server = authority.serve(&[]);
    let address = address_of(&server, "https");
    let session = authority.path("session.pem").display().to_string();
    for version in ["-tls1_2", "-tls1_3"] {
        // With TLS 1.3 the ticket comes after the handshake, and is there once an answer is.
        let save = |arguments: &[&str]| {
            let mut command = Command::new("openssl");
            command.args(["s_client", "-connect", &address, "-ign_eof", version, "-CAfile"]);
            command.arg(authority.path("ca.pem")).args(arguments);
            text(&run(command, "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
        };
        assert!(save(&["-sess_out", &session]).contains("New, TLSv1"));
        let again = save(&["-sess_in", &session]);
        assert!(again.contains("Reused, TLSv1") && again.contains("HTTP/1.1 200"), "{again}");
    }
}

#[test]
fn a_handshake_that_does_not_end_is_cut_off_and_holds_up_no_stop() {
    let authority = Authority::new();
    let is_closed = |silent: &mut TcpStream| {
        silent.set_read_timeout(Some(PATIENCE)).unwrap();
        silent.read(&mut [0; 16]).map_or(true, |length| length == 0)
    };
    let server = authority.serve(&[("APPMIXER_TLS__HANDSHAKE_TIMEOUT", "300ms")]);
    let address = address_of(&server, "https");
    let mut silent = TcpStream::connect(&address).unwrap();
    let mut half = TcpStream::connect(&address).unwrap();
    half.write_all(b"\x16\x03\x01\x02\x00\x01\x00").unwrap();
    assert!(is_closed(&mut silent) && is_closed(&mut half));
    server.assert_well();

    let mut server = authority.serve(&[("APPMIXER_TLS__HANDSHAKE_TIMEOUT", "1h")]);
    let silent: Vec<_> = (0..10).map(|_| TcpStream::connect(address_of(&server, "https")).unwrap()).collect();
    get(&address_of(&server, "https"), &authority.client(&[]), "/healthz").unwrap().expect(200);
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
    assert!(!server.log().contains("cut off"), "{}", server.log());
    drop(silent);
}

#[test]
fn plain_and_tls_share_the_limit_of_connections() {
    let authority = Authority::new();
    let server = authority.serve(&[("APPMIXER_HTTP__MAX_CONNECTIONS", "10")]);
    let (address, client) = (address_of(&server, "https"), authority.client(&["http/1.1"]));
    let encrypted: Vec<_> = (0..5).map(|_| connect(&address, &client).unwrap()).collect();
    let plain: Vec<_> = (0..5).map(|_| server.connect()).collect();
    eventually(|| {
        server
            .raw(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            .is_ok_and(|answer| answer.status == 503)
    });
    let mut one_more = TcpStream::connect(&address).unwrap();
    one_more.set_read_timeout(Some(PATIENCE)).unwrap();
    assert_eq!(one_more.read(&mut [0; 16]).unwrap_or(0), 0, "closed without a word");
    drop((encrypted, plain));
    eventually(|| get(&address, &client, "/healthz").is_ok_and(|answer| answer.status == 200));
    server.assert_well();
}

#[test]
fn a_thousand_idle_tls_connections_leave_memory_bounded() {
    let authority = Authority::new();
    let server = authority.serve(&[]);
    let address = address_of(&server, "https");
    let before = server.resident_kib();
    for protocol in ["http/1.1", "h2"] {
        let client = authority.client(&[protocol]);
        let idle: Vec<_> = (0..1000).map(|_| connect(&address, &client).unwrap()).collect();
        let each = (server.resident_kib() - before) / idle.len() as u64;
        println!("{} idle TLS connections, {protocol}: {each} KiB each", idle.len());
        // An unoptimised program begins with more than twice the 12 MiB of the real one.
        assert!(each < 48, "{each} KiB for each connection with {protocol}");
    }
    server.assert_well();
}

/// Whether programs that these tests drive are there; where they are not, the tests say so by failing.
#[test]
fn the_clients_of_these_tests_are_there() {
    for (program, argument, part) in [("curl", "--version", "HTTP2"), ("openssl", "version", "OpenSSL")] {
        let output = Command::new(program).arg(argument).output().unwrap();
        assert!(text(&output).contains(part), "{program}: {}", text(&output));
    }
}
