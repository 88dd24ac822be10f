//! `GET /stats`: what an overview shows.

use std::thread;

use appmixer_testbed::Postgres;
use serde_json::{Value, json};

use crate::nodes::nodes;
use crate::support::{TestServer, eventually};

fn stats(server: &TestServer, token: &str) -> Value {
    server.get("/stats", token).expect(200).json()
}

/// Sign-ups, sign-ins and failures of today; of a day before too, should midnight be in between.
fn counted(server: &TestServer, token: &str) -> [u64; 3] {
    let stats = stats(server, token);
    let days = stats["days"].as_array().unwrap();
    ["signUps", "signIns", "failures"]
        .map(|member| days[days.len() - 2..].iter().map(|day| day[member].as_u64().unwrap()).sum())
}

#[test]
fn the_overview_counts_users_sign_ins_and_requests() {
    let server = TestServer::with(&[("APPMIXER_PASSWORD__QUEUE", "77")]);
    let admin = server.admin();
    for name in ["a@acme", "b@acme", "c@acme"] {
        server.user(name);
        server.sign_in(name, "abc321").expect(200);
        server.sign_in(name, "wrong1").expect(403);
    }
    server.sign_in("nobody@acme", "wrong1").expect(403);
    server.post("/user", r#"{"username":"a@acme","password":"abc321"}"#).error(409);
    let id = server.get("/user", &server.sign_in("a@acme", "abc321").text("token")).text("id");
    server.put_as(&admin, &format!("/users/{id}"), r#"{"isActive":true}"#).expect(200);
    // The administrator was made by a command, and has signed in.
    eventually(|| counted(&server, &admin) == [4, 5, 4]);

    let stats = stats(&server, &admin);
    assert_eq!((&stats["users"], &stats["active"]), (&json!(4), &json!(2)));
    let node = &stats["node"];
    assert_eq!(node["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(node["hashQueue"], json!({"waiting": 0, "capacity": 77}));
    assert!(node["uptime"].is_u64() && node["minutes"].is_array());
    let requests = &node["requests"];
    let [p50, p99] = ["p50", "p99"].map(|member| requests[member].as_f64().unwrap());
    assert!(requests["total"].as_u64().unwrap() > 15 && 0.0 < p50 && p50 <= p99 && p99 <= 10.0, "{requests}");

    // Counted again after a restart, and where no log is kept.
    let server = server.restart_with(&[("APPMIXER_AUDIT__KEEP", "0")]);
    server.sign_in("a@acme", "abc321").expect(200);
    server.user("d@acme");
    eventually(|| counted(&server, &admin) == [5, 6, 4]);
    let entries = server.get("/audit?kind=user-created&limit=1000", &admin).expect(200).json();
    assert_eq!(entries, json!([]), "what was there is forgotten, and nothing came");
    server.assert_well();
}

#[test]
fn days_are_there_one_by_one_as_many_as_are_asked_for() {
    let server = TestServer::start();
    let (admin, joe) = (server.admin(), server.user("joe@acme"));
    let days = |query: &str| {
        let answer = server.get(&format!("/stats{query}"), &admin).expect(200);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let days = answer.json()["days"].as_array().unwrap().clone();
        days.iter().map(|day| day["day"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    for (query, number) in [("", 30), ("?days=1", 1), ("?days=366", 366), ("?days=7&shoe=47", 7)] {
        let days = days(query);
        assert_eq!(days.len(), number, "{query}");
        assert!(days.is_sorted_by(|a, b| a < b) && days.iter().all(|day| day.len() == 10), "{days:?}");
    }
    for bad in ["0", "367", "-1", "x", "", "1&days=2"] {
        let answer = server.get(&format!("/stats?days={bad}"), &admin).expect(400).json();
        assert_eq!(answer["details"][0]["path"], "days", "{bad}");
    }
    server.request("GET", "/stats", &[], b"").error(401);
    server.get("/stats", &joe).error(403);
    assert_eq!(
        server.post_as(&admin, "/stats", "{}").expect(405).header("allow"),
        Some("get, head, options")
    );
    server.assert_well();
}

#[test]
fn what_several_nodes_count_any_of_them_tells_and_each_is_counted_once() {
    let url = Postgres::shared().database();
    let nodes = nodes(&url, &[("APPMIXER_LIMITS__ENABLED", "false")], 3);
    let admin = nodes[0].admin();
    thread::scope(|scope| {
        for (number, node) in nodes.iter().enumerate() {
            scope.spawn(move || {
                for user in 0..10 {
                    let name = format!("user{user}@node{number}");
                    node.user(&name);
                    node.sign_in(&name, "abc321").expect(200);
                    node.sign_in(&name, "wrong1").expect(403);
                }
            });
        }
    });
    for node in &nodes {
        eventually(|| counted(node, &admin) == [31, 31, 30]);
        assert_eq!(stats(node, &admin)["users"], json!(31));
    }
}
