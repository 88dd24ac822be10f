//! The first administrator, made with the link of the log.

use std::sync::Barrier;
use std::thread;

use appmixer_core::Timestamp;
use appmixer_http::{TokenOptions, set_up_code};
use appmixer_testbed::Postgres;
use appmixer_token::{Algorithm, Secret};
use serde_json::{Value, json};

use crate::console_session::{Browser, OWN, sign_in};
use crate::nodes::nodes;
use crate::secure::{Authority, address_of};
use crate::support::{Answer, SECRET, TestServer, eventually};

/// The link that the log has, if it has one.
fn link(server: &TestServer) -> Option<String> {
    let log = server.log();
    let mut events = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    events.find_map(|event| event["link"].as_str().map(str::to_owned))
}

fn code_of(link: &str) -> String {
    link.split_once("/console#/setup/").unwrap().1.trim().to_owned()
}

fn code(server: &TestServer) -> String {
    eventually(|| link(server).is_some());
    code_of(&link(server).unwrap())
}

/// What a server with the tests' secret has made a day and a minute ago.
fn old(server: &TestServer) -> String {
    let secret = Secret::new(SECRET.as_bytes()).unwrap();
    let tokens = TokenOptions {
        current: secret,
        previous: Vec::new(),
        algorithm: Algorithm::Hs256,
        allow_short_secret: false,
    };
    let now: u64 = code(server).split('.').next().unwrap().parse().unwrap();
    let made = |before: u64| set_up_code(&tokens, Timestamp::from_seconds(now - before)).unwrap();
    assert_eq!(made(24 * 3600), code(server), "it would be good if it were newer");
    made(2 * 24 * 3600 + 60)
}

fn set_up(server: &TestServer, code: &str, name: &str) -> Answer {
    let body = json!({ "code": code, "username": name, "password": "abc321" }).to_string();
    server.request("POST", "/console/setup", &[OWN, ("Content-Type", "application/json")], body.as_bytes())
}

fn admins(server: &TestServer) -> Vec<String> {
    server.done(&["user", "list", "--filter", "scope:admin"], "").lines().map(str::to_owned).collect()
}

#[test]
fn the_link_of_the_log_makes_the_first_administrator_once_and_signs_it_in() {
    let server =
        TestServer::with(&[("APPMIXER_USERS__REQUIRE_ACTIVE", "true"), ("APPMIXER_LOG__ACCESS", "true")]);
    let code = code(&server);
    assert_eq!(link(&server).unwrap(), format!("http://{}/console#/setup/{code}", server.address));
    server.post("/user", r#"{"username":"taken@acme","password":"abc321"}"#).expect(200);
    let body = json!({ "code": code, "username": "root@acme", "password": "abc" }).to_string();
    let json = ("Content-Type", "application/json");
    let weak = server.request("POST", "/console/setup", &[OWN, json], body.as_bytes());
    assert!(weak.error(400).contains("password"));
    set_up(&server, &code, "taken@acme").error(409);

    let answer = set_up(&server, &code, "root@acme").expect(200);
    let browser = Browser::of(&server, &answer);
    let user = &browser.get("/console/session").expect(200).json()["user"];
    assert_eq!((&user["scope"], &user["isActive"]), (&json!(["user", "admin"]), &json!(true)));
    assert_eq!(*user, answer.json()["user"]);
    browser.get("/console/api/users").expect(200);

    assert!(set_up(&server, &code, "second@acme").error(409).contains("administrator already"));
    assert_eq!(admins(&server).len(), 1);
    sign_in(&server, "root@acme", "abc321").expect(200);
    let entries = || browser.get("/console/api/audit?kind=user-created&limit=1").expect(200).json();
    let entry = &entries()[0];
    assert_eq!((&entry["user"], &entry["details"]["reason"]), (&user["id"], &json!("set-up")));

    // The link is in the log once, and nothing of what came over the network is.
    eventually(|| server.log().matches("/console/setup").count() >= 4);
    assert_eq!(server.log().matches(&code).count(), 1);
    for secret in ["abc321", "root@acme", &browser.csrf, browser.cookie.split_once('=').unwrap().1] {
        assert!(!server.log().contains(secret), "{secret}");
    }
    let server = server.kill_and_restart();
    server.assert_well();
    sign_in(&server, "root@acme", "abc321").expect(200);
    assert_eq!(link(&server), None, "nobody is asked to set up what is set up");
    set_up(&server, &code, "second@acme").error(409);
}

#[test]
fn the_link_leads_to_where_a_browser_finds_the_server() {
    let authority = Authority::new();
    let secure = authority.serve(&[]);
    let address = address_of(&secure, "https");
    let code = code(&secure);
    assert_eq!(link(&secure).unwrap(), format!("https://{address}/console#/setup/{code}"));
    for (listen, shown) in [("0.0.0.0:0", "http://127.0.0.1:"), ("[::]:0", "http://[::1]:")] {
        let everywhere = TestServer::with(&[("APPMIXER_LISTEN", listen)]);
        eventually(|| link(&everywhere).is_some());
        let link = link(&everywhere).unwrap();
        assert!(link.starts_with(shown) && link.contains("/console#/setup/"), "{link}");
    }
    // Whoever is in front of a socket without an address knows it.
    let socket = tempfile::tempdir().unwrap();
    let path = socket.path().join("socket").display().to_string();
    let unix = TestServer::with(&[("APPMIXER_LISTEN", "off"), ("APPMIXER_LISTEN_UNIX", &path)]);
    eventually(|| link(&unix).is_some());
    assert!(link(&unix).unwrap().starts_with("/console#/setup/"));
    // Two listeners of TLS and not make one link.
    assert_eq!(secure.log().matches("/console#/setup/").count(), 1);
}

#[test]
fn a_forged_changed_or_old_code_makes_nobody() {
    let server = TestServer::start();
    let code = code(&server);
    let (expiry, mark) = code.split_once('.').unwrap();
    let other = TestServer::with(&[("APPMIXER_TOKEN__SECRET", "another secret of the tests, which is long")]);
    for forged in [
        self::code(&other),
        format!("9{expiry}.{mark}"),
        format!("1.{mark}"),
        format!("{expiry}.{}", mark.to_uppercase()),
        old(&server),
        format!("{expiry}."),
        expiry.to_owned(),
        String::new(),
        "\u{1f511}".to_owned(),
    ] {
        let message = set_up(&server, &forged, "root@acme").error(403);
        assert!(message.contains("set-up link"), "{message}");
    }
    assert_eq!(admins(&server), Vec::<String>::new());
    set_up(&server, &code, "root@acme").expect(200);
    server.assert_well();
}

#[test]
fn of_many_who_have_the_link_one_becomes_the_administrator_also_at_several_nodes() {
    let url = Postgres::shared().database();
    for servers in [vec![TestServer::start()], nodes(&url, &[], 2)] {
        let codes: Vec<_> = servers.iter().map(code).collect();
        let start = Barrier::new(8);
        let outcomes: Vec<u16> = thread::scope(|scope| {
            let attempt = |number: usize| {
                let (server, code, start) =
                    (&servers[number % servers.len()], &codes[(number / 2) % codes.len()], &start);
                scope.spawn(move || {
                    start.wait();
                    set_up(server, code, &format!("root{number}@acme")).status
                })
            };
            let attempts: Vec<_> = (0..8).map(attempt).collect();
            attempts.into_iter().map(|attempt| attempt.join().unwrap()).collect()
        });
        assert_eq!(outcomes.iter().filter(|status| **status == 200).count(), 1, "{outcomes:?}");
        assert!(outcomes.iter().all(|status| matches!(status, 200 | 409)), "{outcomes:?}");
        assert_eq!(admins(&servers[0]).len(), 1);
        let users = servers[0].done(&["user", "count"], "");
        assert_eq!(users, "1", "whoever came too late is not there as somebody else");
    }
}

#[test]
fn a_command_prints_a_link_while_there_is_no_administrator() {
    let server = TestServer::start();
    let link = server.done(&["console", "link", "--at", "https://auth.example.com/"], "");
    assert!(link.starts_with("https://auth.example.com/console#/setup/"), "{link}");
    let listen = server.done(&["console", "link"], "");
    assert!(listen.starts_with("http://127.0.0.1:2200/console#/setup/"), "{listen}");
    let wrong = server.command(&["console", "link", "--at", "auth.example.com"], "");
    assert_eq!(wrong.status.code(), Some(1));
    set_up(&server, &code_of(&link), "root@acme").expect(200);
    let late = server.command(&["console", "link"], "");
    assert_eq!(late.status.code(), Some(1));
    let told = String::from_utf8(late.stderr).unwrap();
    assert!(told.contains("administrator already") && late.stdout.is_empty(), "{told}");
}
