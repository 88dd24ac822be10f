//! The audit log: how it is read, and how it forgets.

use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::audit::{database, entries, id_of, newest};
use crate::support::{TestServer, eventually};

#[test]
fn pages_lead_to_each_other_and_have_every_entry_once() {
    let server = TestServer::start();
    let admin = server.admin();
    let before = newest(&server, &admin);
    thread::scope(|scope| {
        for client in 0..4 {
            let (server, admin) = (&server, &admin);
            scope.spawn(move || {
                for number in 0..50 {
                    let entry = json!({"key": format!("K{client}"), "value": number}).to_string();
                    server.post_as(admin, "/config", &entry).expect(200);
                }
            });
        }
    });
    let mut path = format!("/audit?kind=config-set&kind=config-removed&limit=30&after={before}");
    let (mut pages, mut ids) = (0, Vec::new());
    loop {
        let answer = server.get(&path, &admin).expect(200);
        let page = answer.json();
        ids.extend(page.as_array().unwrap().iter().map(|entry| entry["id"].as_u64().unwrap()));
        pages += 1;
        // It goes on while others write.
        server.post_as(&admin, "/config", r#"{"key":"LATER","value":1}"#).expect(200);
        let Some(link) = answer.header("link") else { break };
        let query = link.strip_prefix("<?").unwrap().strip_suffix(">; rel=\"next\"").unwrap();
        path = format!("/audit?{query}");
    }
    assert_eq!((pages, ids.len()), (7, 200));
    assert!(ids.is_sorted_by(|newer, older| newer > older));
    // The last page is full: there is no next one.
    assert!(server.get(&format!("/audit?after={before}&limit=207"), &admin).header("link").is_none());
    assert_eq!(entries(&server, &admin, &format!("?after={before}&limit=1000")).len(), 207);
}

#[test]
fn entries_are_found_by_time_user_and_kind() {
    let server = TestServer::start();
    let admin = server.admin();
    let (joe, root) = (id_of(&server, &server.user("joe@acme")), id_of(&server, &admin));
    server.sign_in("joe@acme", "wrong1").error(403);
    server.put_as(&admin, &format!("/users/{joe}"), r#"{"plan":"beta"}"#).expect(200);
    eventually(|| entries(&server, &admin, "").len() == 5);
    let kinds = |query: &str| {
        let found = entries(&server, &admin, query);
        found.iter().map(|entry| entry["kind"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    // The order in which a note and a change come is not told: sorted, but for the time.
    let sorted = |query: &str| {
        let mut kinds = kinds(query);
        kinds.sort();
        kinds
    };
    assert_eq!(sorted(&format!("?user={joe}")), ["sign-in-failed", "user-changed", "user-created"]);
    assert_eq!(sorted(&format!("?user={root}")), ["sign-in", "user-changed", "user-created"]);
    assert_eq!(sorted(&format!("?user={root}&kind=sign-in&kind=user-deleted")), ["sign-in"]);
    assert_eq!(kinds("?kind=user-created&limit=1"), ["user-created"]);
    assert_eq!(kinds("?user=0123456789abcdef01234567"), [""; 0]);
    assert_eq!(kinds("?shoe=47&limit=2").len(), 2, "unknown parameters are ignored");

    let all = entries(&server, &admin, "");
    let time = |number: usize| all[number]["time"].as_str().unwrap().to_owned();
    let later = all.iter().filter(|entry| entry["time"].as_str() >= Some(&time(2))).count();
    assert_eq!(kinds(&format!("?from={}", time(2))).len(), later, "from is inclusive");
    assert_eq!(kinds(&format!("?to={}", time(2))).len(), 5 - later, "to is exclusive");
    assert_eq!(kinds(&format!("?from={}&to={}", time(0), time(0))), [""; 0]);
    assert_eq!(kinds("?from=2000-01-01T00:00:00Z&to=2001-01-01T00:00:00.000Z"), [""; 0]);
}

#[test]
fn what_is_wrong_with_a_parameter_is_told_by_its_name() {
    let server = TestServer::start();
    let admin = server.admin();
    for (query, path) in [
        ("from=yesterday", "from"),
        ("from=2026-01-31", "from"),
        ("to=2026-02-30T00:00:00Z", "to"),
        ("to=", "to"),
        ("user=joe@acme", "user"),
        ("user=0123456789ABCDEF01234567", "user"),
        ("kind=signin", "kind"),
        ("kind=sign-in&kind=", "kind"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=ten", "limit"),
        ("limit=10&limit=10", "limit"),
        ("before=0", "before"),
        ("after=99999999999999999999", "after"),
        ("after=1&after=2", "after"),
    ] {
        let answer = server.get(&format!("/audit?{query}"), &admin).expect(400).json();
        assert_eq!(answer["details"][0]["path"], path, "{query}: {answer}");
        assert_eq!(answer["details"].as_array().unwrap().len(), 1, "{query}");
    }
    let answer = server.get("/audit?from=x&kind=y&limit=z", &admin).expect(400).json();
    assert_eq!(answer["details"].as_array().unwrap().len(), 3, "{answer}");
    server.get("/audit?a=%ff", &admin).error(400);
    server.get(&format!("/audit?{}", "a&".repeat(65)), &admin).error(400);
    server.assert_well();
}

#[test]
fn the_log_is_for_administrators_alone_and_nobody_writes_to_it() {
    let server = TestServer::start();
    let (admin, joe) = (server.admin(), server.user("joe@acme"));
    server.get("/audit", &joe).error(403);
    server.get("/audit?limit=no", &joe).error(403);
    server.request("GET", "/audit", &[], b"").error(401);
    let refused = server.delete_as(&admin, "/audit").expect(405);
    assert_eq!(refused.header("allow"), Some("get, head, options"));
    let bearer = format!("Bearer {admin}");
    let head = server.request("HEAD", "/audit", &[("Authorization", &bearer)], b"").expect(200);
    assert!(head.body.is_empty());
}

/// Moves every entry into the past.
fn age(server: &TestServer, hours: u32) {
    let database = database(server);
    database.busy_timeout(Duration::from_secs(5)).unwrap();
    database.execute("UPDATE audit SET time = time - ?1", [i64::from(hours) * 3_600_000]).unwrap();
}

#[test]
fn what_is_older_than_the_log_is_kept_is_forgotten_while_the_server_runs() {
    let server = TestServer::with(&[("APPMIXER_AUDIT__KEEP", "20s")]);
    let admin = server.admin();
    let old = newest(&server, &admin);
    age(&server, 1);
    let all = || entries(&server, &admin, "").len();
    eventually(|| all() == 0);
    server.user("joe@acme");
    let kept = entries(&server, &admin, "");
    assert_eq!(kept.len(), 1);
    assert!(kept[0]["id"].as_u64().unwrap() > old, "no number is used twice");
    // With the usual time, nothing of this is old.
    let server = server.restart_with(&[("APPMIXER_AUDIT__KEEP", "90d")]);
    age(&server, 24);
    let server = server.kill_and_restart();
    server.sign_in("joe@acme", "abc321").expect(200);
    eventually(|| entries(&server, &admin, "").len() == 2);
}

#[test]
fn the_log_has_no_more_entries_than_it_may_and_loses_what_anybody_can_cause_and_then_the_oldest() {
    let server = TestServer::with(&[("APPMIXER_AUDIT__MAX_ROWS", "25"), ("APPMIXER_AUDIT__KEEP", "60s")]);
    let admin = server.admin();
    for number in 0..60 {
        let entry = json!({"key": "K", "value": number}).to_string();
        server.post_as(&admin, "/config", &entry).expect(200);
    }
    let last = newest_of(&server, &admin);
    // Who floods the log hides nothing: what anybody can cause goes first.
    for number in 0..60 {
        server.sign_in(&format!("nobody{number}@acme"), "wrong1").error(403);
    }
    // What a sign-in has left is written before what comes later.
    server.post_as(&admin, "/config", r#"{"key":"K","value":60}"#).expect(200);
    let newest = newest_of(&server, &admin);
    assert!(newest > last + 60, "they were in the log: {last}, and then {newest}");
    let ids = || -> Vec<_> {
        entries(&server, &admin, "").iter().map(|entry| entry["id"].as_u64().unwrap()).collect()
    };
    let expected: Vec<_> = [newest].into_iter().chain((last - 23..=last).rev()).collect();
    eventually(|| ids() == expected);
}

fn newest_of(server: &TestServer, admin: &str) -> u64 {
    entries(server, admin, "?limit=1")[0]["id"].as_u64().unwrap()
}

#[test]
fn no_time_is_no_log() {
    let server = TestServer::start();
    let admin = server.admin();
    assert!(newest(&server, &admin) > 0);
    let server = server.restart_with(&[("APPMIXER_AUDIT__KEEP", "0")]);
    eventually(|| entries(&server, &admin, "").is_empty());
    server.user("joe@acme");
    server.sign_in("joe@acme", "abc321").expect(200);
    server.sign_in("joe@acme", "wrong1").error(403);
    server.done(&["user", "set", "joe@acme", "--plan", "beta"], "");
    // What a sign-in would have left is written before what comes later.
    server.post_as(&admin, "/config", r#"{"key":"K","value":1}"#).expect(200);
    assert_eq!(entries(&server, &admin, ""), [json!(null); 0]);
    let rows: i64 = database(&server).query_row("SELECT count(*) FROM audit", [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 0);
}

#[test]
fn the_command_shows_what_the_api_does_also_of_a_user_who_is_gone() {
    let server = TestServer::start();
    let admin = server.admin();
    let joe = id_of(&server, &server.user("joe@acme"));
    server.sign_in("joe@acme", "wrong1").error(403);
    eventually(|| entries(&server, &admin, "").len() == 4);
    let lines = |arguments: &[&str]| -> Vec<String> {
        let all = [&["audit", "list"], arguments].concat();
        server.done(&all, "").lines().map(str::to_owned).collect()
    };
    let shown: Vec<Value> =
        lines(&["--json"]).iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(shown, entries(&server, &admin, ""));
    assert_eq!(lines(&["--limit", "3"]), lines(&[])[..3]);
    let table = lines(&["--user", "joe@acme", "--kind", "sign-in-failed", "--from", "2020-01-01T00:00:00Z"]);
    assert_eq!(table.len(), 1);
    let columns: Vec<_> = table[0].split_whitespace().skip(1).collect();
    assert_eq!(columns, ["sign-in-failed", "-", "127.0.0.1", &joe, r#"{"reason":"credentials"}"#]);
    server.done(&["user", "delete", "joe@acme", "--yes"], "");
    assert_eq!(lines(&["--user", &joe]).len(), 3);
    assert_eq!(lines(&["--to", "2020-01-01T00:00:00Z"]), [""; 0]);
    for (arguments, word) in [
        (["--from", "yesterday"], "--from"),
        (["--to", "2026"], "--to"),
        (["--kind", "signin"], "--kind"),
        (["--user", "joe@acme"], "no user"),
    ] {
        let output = server.command(&[&["audit", "list"][..], &arguments].concat(), "");
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), told.lines().count()), (Some(1), 1), "{told}");
        assert!(told.contains(word), "{told}");
    }
}
