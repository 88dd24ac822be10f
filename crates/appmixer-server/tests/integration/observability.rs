//! What an operator sees: metrics on the management address, and that the documents and `deploy/` are in step.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;

use serde_json::Value;

use crate::secure::Authority;
use crate::support::{Answer, PATIENCE, TestServer, eventually};

/// With everything that counts: behind the route is nobody.
const MANAGED: &[(&str, &str)] = &[
    ("APPMIXER_MANAGEMENT__LISTEN", "127.0.0.1:0"),
    ("APPMIXER_GATEWAY__ROUTES", r#"{"/behind":{"to":["http://nobody:9"]}}"#),
];

fn ask(address: &str, method: &str, path: &str) -> Answer {
    let mut connection = TcpStream::connect(address).unwrap();
    connection.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(connection, "{method} {path} HTTP/1.1\r\nHost: test\r\n\r\n").unwrap();
    let mut text = Vec::new();
    connection.read_to_end(&mut text).unwrap();
    Answer::parse(&text).unwrap()
}

/// Each series with its value.
pub(crate) fn scrape(address: &str) -> BTreeMap<String, f64> {
    let answer = ask(address, "GET", "/metrics").expect(200);
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let lines = answer.body.lines().filter(|line| !line.starts_with('#'));
    let samples = lines.map(|line| line.rsplit_once(' ').unwrap());
    let samples: Vec<_> =
        samples.map(|(series, value)| (series.to_owned(), value.parse().unwrap())).collect();
    let count = samples.len();
    let map: BTreeMap<_, _> = samples.into_iter().collect();
    assert_eq!(map.len(), count, "a series is there twice");
    map
}

/// Some of everything.
fn traffic(server: &TestServer, admin: &str) -> String {
    let token = server.user("joe@acme");
    server.sign_in("joe@acme", "wrong").error(403);
    server.get("/user", &token).expect(200);
    server.get("/user", &token).expect(200);
    server.get("/users?pattern=joe", admin).expect(200);
    server.get("/user", "no-token").expect(401);
    token
}

#[test]
fn counters_move_by_exactly_what_was_done() {
    let server = TestServer::with(MANAGED);
    server.admin();
    // Another process made the administrator. A server that hears of that only now forgets every token it remembers,
    // and looks into one more of them than are counted here.
    let server = server.kill_and_restart();
    let address = server.management();
    let before = scrape(&address);
    let admin = server.sign_in("root@acme", "abc321").expect(200).text("token");
    traffic(&server, &admin);
    server.user("jane@acme");
    server.post("/user", r#"{"username":"jane@acme","password":"abc321"}"#).error(409);
    let after = scrape(&address);
    for (series, difference) in [
        (r#"appmixer_http_requests_total{route="/user",method="GET",status="200"}"#, 2.0),
        (r#"appmixer_http_requests_total{route="/user",method="GET",status="401"}"#, 1.0),
        (r#"appmixer_http_requests_total{route="/user",method="POST",status="200"}"#, 2.0),
        (r#"appmixer_http_requests_total{route="/user/auth",method="POST",status="200"}"#, 1.0),
        (r#"appmixer_http_requests_total{route="/user/auth",method="POST",status="403"}"#, 1.0),
        (r#"appmixer_http_request_duration_seconds_count{route="/user",method="GET"}"#, 3.0),
        (r#"appmixer_http_request_duration_seconds_bucket{route="/user",method="GET",le="+Inf"}"#, 3.0),
        (r#"appmixer_sign_ins_total{outcome="ok"}"#, 1.0),
        (r#"appmixer_sign_ins_total{outcome="credentials"}"#, 1.0),
        (r#"appmixer_account_changes_total{operation="sign-up",outcome="ok"}"#, 2.0),
        (r#"appmixer_account_changes_total{operation="sign-up",outcome="refused"}"#, 1.0),
        // Each token once, and the second look at one.
        (r#"appmixer_tokens_checked_total{outcome="ok"}"#, 2.0),
        (r#"appmixer_tokens_checked_total{outcome="malformed"}"#, 1.0),
        ("appmixer_tokens_remembered_total", 1.0),
        // Two sign-ins, two sign-ups: a name that is taken costs no hash.
        ("appmixer_hash_duration_seconds_count", 4.0),
        ("appmixer_hash_wait_seconds_count", 4.0),
    ] {
        let value = |scraped: &BTreeMap<String, f64>| scraped.get(series).copied().unwrap_or(0.0);
        assert!((value(&after) - value(&before) - difference).abs() < 1e-9, "{series}: {}", value(&after));
    }
    for series in [
        "appmixer_http_requests_in_flight",
        "appmixer_hash_queue_length",
        "appmixer_store_reads_waiting",
        "appmixer_store_writes_waiting",
    ] {
        eventually(|| scrape(&address)[series] == 0.0);
    }
    assert!(after["appmixer_store_commit_seconds_count"] > before["appmixer_store_commit_seconds_count"]);
    for series in [
        "process_resident_memory_bytes",
        "process_open_fds",
        "process_start_time_seconds",
        "appmixer_disk_free_bytes",
        "appmixer_store_size_bytes",
    ] {
        assert!(after[series] > 0.0, "{series}");
    }
    let build = format!("appmixer_build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION"));
    assert!((after[&build] - 1.0).abs() < 1e-9);
    // Every test's connection is closed, as is seen a moment later.
    eventually(|| scrape(&address)["appmixer_http_connections"] == 0.0);
}

#[test]
fn paths_and_methods_that_clients_make_up_add_no_series() {
    let server = TestServer::with(MANAGED);
    let address = server.management();
    let mut first = None;
    for round in 0..3 {
        for number in 0..50 {
            let method = format!("X{round}Y{number}");
            server.request(&method, &format!("/{round}/{number}"), &[], b"").expect(404);
            server.request(&method, "/user", &[], b"").expect(405);
            server.request("GET", &format!("/users/{round}{number}"), &[], b"").expect(401);
        }
        let series: BTreeSet<_> = scrape(&address).into_keys().collect();
        assert_eq!(*first.get_or_insert(series.clone()), series);
    }
    let total = r#"appmixer_http_requests_total{route="none",method="other",status="404"}"#;
    assert!((scrape(&address)[total] - 150.0).abs() < 1e-9);
}

#[test]
fn metrics_tell_nothing_of_who_and_what() {
    let server = TestServer::with(MANAGED);
    let address = server.management();
    let token = traffic(&server, &server.admin());
    server
        .request("GET", "/secret-path?code=secret-query", &[("X-Request-Id", "secret-id")], b"")
        .expect(404);
    let text = ask(&address, "GET", "/metrics").expect(200).body;
    for secret in ["joe", "acme", "abc321", "secret", "127.0.0.1", token.as_str(), &token[..20]] {
        assert!(!text.contains(secret), "{secret}");
    }
}

#[test]
fn only_the_management_address_has_metrics_and_it_has_nothing_else() {
    let server = TestServer::with(MANAGED);
    let address = server.management();
    server.request("GET", "/metrics", &[], b"").error(404);
    ask(&address, "GET", "/healthz").expect(200);
    ask(&address, "GET", "/readyz").expect(200);
    assert_eq!(ask(&address, "HEAD", "/metrics").expect(200).body, "");
    assert_eq!(ask(&address, "POST", "/metrics").expect(405).header("allow"), Some("get, head"));
    for path in ["/", "/user", "/users", "/config", "/metrics/", "/docs"] {
        ask(&address, "GET", path).error(404);
    }
}

#[test]
fn without_a_management_address_nothing_more_listens() {
    let server = TestServer::start();
    assert!(!server.log().contains("listening for management"));
    server.request("GET", "/metrics", &[], b"").error(404);
    assert_eq!(server.listening(), 1);
    assert_eq!(TestServer::with(MANAGED).listening(), 2);
}

#[test]
fn whoever_can_be_reached_by_others_is_warned() {
    let server = TestServer::with(&[("APPMIXER_MANAGEMENT__LISTEN", "0.0.0.0:0")]);
    assert!(server.log().contains("asks for no token"), "{}", server.log());
    assert!(!TestServer::with(MANAGED).log().contains("asks for no token"));
}

#[test]
fn scrapers_that_stall_hold_up_neither_others_nor_the_server() {
    let server = TestServer::with(MANAGED);
    let address = server.management();
    let mut stalled: Vec<_> = (0..64).map(|_| TcpStream::connect(&address).unwrap()).collect();
    for connection in &mut stalled {
        let _ = connection.write_all(b"GET /metrics HTTP/1.1\r\nHost: t\r\n");
    }
    server.user("joe@acme");
    server.assert_well();
    // While as many are open as may be, one more is closed; the oldest have to end by themselves.
    eventually(|| {
        let mut connection = TcpStream::connect(&address).unwrap();
        connection.set_read_timeout(Some(PATIENCE)).unwrap();
        let _ = connection.write_all(b"GET /metrics HTTP/1.1\r\nHost: t\r\n\r\n");
        let mut text = Vec::new();
        let _ = connection.read_to_end(&mut text);
        Answer::parse(&text).is_some_and(|answer| answer.status == 200)
    });
}

fn repository(path: &str) -> String {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    fs::read_to_string(root.join(path)).unwrap()
}

/// The metrics that there are, without what a histogram's series add to its name.
fn families(address: &str) -> BTreeSet<String> {
    let text = ask(address, "GET", "/metrics").expect(200).body;
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    types.map(|line| line.split(' ').next().unwrap().to_owned()).collect()
}

/// The words of a text that are names of metrics.
fn named(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let ours = words.filter(|word| word.starts_with("appmixer_") || word.starts_with("process_"));
    let bare = ours.map(|word| {
        let histogram = ["_bucket", "_sum", "_count"].iter().find_map(|end| word.strip_suffix(end));
        histogram.unwrap_or(word).to_owned()
    });
    bare.collect()
}

#[test]
fn the_operators_page_has_every_metric_and_no_other() {
    let authority = Authority::new();
    let server = authority.serve(MANAGED);
    let address = server.management();
    traffic(&server, &server.admin());
    // What is asked of the database is there a moment after the start.
    eventually(|| families(&address).contains("appmixer_outbox_oldest_seconds"));
    let page = repository("docs/operations.md");
    let rows =
        page.lines().filter(|line| line.starts_with("| `appmixer_") || line.starts_with("| `process_"));
    let told: BTreeSet<_> = rows.map(|row| row.split('`').nth(1).unwrap().to_owned()).collect();
    assert_eq!(told, families(&address));
}

#[test]
fn dashboard_and_alerts_use_metrics_that_are_there() {
    let authority = Authority::new();
    let server = authority.serve(MANAGED);
    let address = server.management();
    traffic(&server, &server.admin());
    eventually(|| families(&address).contains("appmixer_outbox_oldest_seconds"));
    let there = families(&address);
    let dashboard = repository("deploy/grafana/appmixer-server.json");
    let alerts = repository("deploy/prometheus/alerts.yml");
    for (file, text, least) in [("dashboard", dashboard, 25), ("alerts", alerts, 10)] {
        let used = named(&text);
        assert!(used.len() >= least, "{file}: {used:?}");
        let missing: Vec<_> = used.difference(&there).collect();
        assert!(missing.is_empty(), "{file}: {missing:?}");
    }
}

#[test]
fn the_dashboard_has_the_shape_that_grafana_takes() {
    let dashboard: Value = serde_json::from_str(&repository("deploy/grafana/appmixer-server.json")).unwrap();
    assert!(dashboard["schemaVersion"].as_u64().unwrap() >= 36);
    assert_eq!(dashboard["uid"], "appmixer-server");
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    assert!(variables.iter().any(|variable| variable["type"] == "datasource"));
    let (mut ids, mut rows, mut places) = (BTreeSet::new(), Vec::new(), BTreeSet::new());
    for panel in dashboard["panels"].as_array().unwrap() {
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{panel}");
        let place = &panel["gridPos"];
        assert!(places.insert((place["x"].as_u64(), place["y"].as_u64())), "{panel}");
        assert!(place["x"].as_u64().unwrap() + place["w"].as_u64().unwrap() <= 24, "{panel}");
        if panel["type"] == "row" {
            rows.push(panel["title"].as_str().unwrap().to_owned());
            continue;
        }
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{panel}");
        for target in panel["targets"].as_array().unwrap() {
            assert!(target["expr"].as_str().is_some_and(|expr| expr.contains("instance=~\"$instance\"")));
        }
    }
    assert_eq!(rows, ["Traffic", "Latency", "Signing in", "Hashing", "Store", "Delivery", "Process"]);
}

#[test]
fn every_alert_has_its_paragraph() {
    let alerts = repository("deploy/prometheus/alerts.yml");
    let names = alerts.lines().filter_map(|line| line.trim().strip_prefix("- alert: "));
    let names: BTreeSet<_> = names.map(str::to_owned).collect();
    let page = repository("docs/operations.md");
    let section = page.split("\n### Alerts\n").nth(1).unwrap().split("\n### ").next().unwrap();
    let told = section.lines().filter_map(|line| line.strip_prefix("**`")?.split('`').next());
    assert_eq!(told.map(str::to_owned).collect::<BTreeSet<_>>(), names);
    assert!(names.len() >= 10);
}
