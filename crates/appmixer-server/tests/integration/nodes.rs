//! Several servers on one PostgreSQL: what one does the others know within a second, also where no notification
//! comes, and what one leaves undone another one does.

use std::time::Duration;

use appmixer_testbed::{Pgbouncer, Postgres};
use serde_json::json;

use crate::receivers::{Manner, Receiver, configure};
use crate::support::{TestServer, happens, happens_within};

pub(crate) fn nodes(url: &str, settings: &[(&str, &str)], number: usize) -> Vec<TestServer> {
    let settings = [&[("APPMIXER_STORE__URL", url)], settings].concat();
    (0..number).map(|_| TestServer::with(&settings)).collect()
}

/// That all come to it. The promise is a second, which a busy machine of tests cannot be held to.
#[track_caller]
fn soon(nodes: &[TestServer], what: &str, holds: impl Fn(&TestServer) -> bool) {
    assert!(happens(|| nodes.iter().all(&holds)), "not every node knows: {what}");
}

#[test]
fn what_one_node_changes_counts_on_all_with_notifications_and_through_a_proxy_that_loses_them() {
    let postgres = Postgres::shared();
    // Fewer connections than one node alone would take.
    let bouncer = Pgbouncer::before(postgres, 6);
    for (prepare, url) in [("true", postgres.database()), ("false", bouncer.url(&postgres.database()))] {
        let nodes = nodes(&url, &[("APPMIXER_STORE__PREPARE", prepare)], 3);
        let admin = nodes[0].admin();
        let joe = nodes[1].user("joe@acme");
        let id = nodes[2].get("/user", &joe).text("id");
        // Every node remembers both by now.
        for node in &nodes {
            node.get("/user", &joe).expect(200);
            node.get("/user", &admin).expect(200);
            node.sign_in("joe@acme", "abc321").expect(200);
        }

        nodes[0].put_as(&admin, &format!("/users/{id}"), r#"{"plan":"gold"}"#).expect(200);
        soon(&nodes, "a user", |node| node.get("/user", &joe).json()["plan"] == "gold");

        configure(&nodes[1], &admin, &[("API_USER_CREATE_SCOPE", json!("admin"))]);
        let stranger = |node: &TestServer| node.post("/user", r#"{"username":"x@acme","password":"abc321"}"#);
        soon(&nodes, "the configuration", |node| matches!(stranger(node).status, 401 | 403));

        nodes[2].post_as(&admin, "/acl/routes", "[]").expect(200);
        soon(&nodes, "rules", |node| node.get("/acl/routes", &admin).body == "[]");

        let key = nodes[0].done(&["key", "rotate", "--algorithm", "eddsa", "--activate-in", "0"], "");
        assert!(!key.is_empty());
        let published = |node: &TestServer| node.request("GET", "/.well-known/jwks.json", &[], b"").json();
        soon(&nodes, "a key", |node| published(node)["keys"].as_array().is_some_and(|keys| keys.len() == 1));
        let by_key = nodes[0].sign_in("joe@acme", "abc321").text("token");
        soon(&nodes, "what it signs", |node| node.get("/user", &by_key).status == 200);

        nodes[2].post_as(&admin, "/keys", r#"{"algorithm":"ES256"}"#).expect(200);
        soon(&nodes, "a key made over HTTP", |node| published(node)["keys"][0]["alg"] == "ES256");

        nodes[1].done(&["user", "sign-out", "joe@acme"], "");
        soon(&nodes, "a revocation", |node| {
            node.get("/user", &joe).status == 401 && node.get("/user", &by_key).status == 401
        });

        nodes[2].delete_as(&admin, &format!("/users/{id}")).expect(200);
        soon(&nodes, "a deletion", |node| node.sign_in("joe@acme", "abc321").status == 403);
        for node in &nodes {
            node.assert_well();
        }
    }
}

#[test]
fn guesses_at_one_node_count_at_all_of_them_and_at_those_that_start_later() {
    let url = Postgres::shared().database();
    let settings = [("APPMIXER_LIMITS__SIGN_IN", "6/1h")];
    let nodes = nodes(&url, &settings, 3);
    nodes[0].user("joe@acme");
    for number in 0..6 {
        nodes[number % 3].sign_in(&format!("nobody{number}@acme"), "a guess").error(403);
    }
    // Whoever is known gets in, and hears what is left of the network's quota.
    let nothing_left = |node: &TestServer| {
        let answer = node.sign_in("joe@acme", "abc321").expect(200);
        answer.header("ratelimit").is_some_and(|left| left.contains("r=0"))
    };
    soon(&nodes, "a quota", nothing_left);
    let later = self::nodes(&url, &settings, 1);
    soon(&later, "what was before", nothing_left);
    for node in nodes.iter().chain(&later) {
        node.sign_in("nobody7@acme", "a guess").error(429);
    }
}

#[test]
fn a_message_is_delivered_once_and_what_a_killed_node_had_taken_by_another() {
    let url = Postgres::shared().database();
    let mut nodes =
        nodes(&url, &[("APPMIXER_DELIVERY__TIMEOUT", "2s"), ("APPMIXER_LIMITS__ENABLED", "false")], 3);
    let admin = nodes[0].admin();
    let receiver = Receiver::start(Manner::Answers(vec![]));
    configure(
        &nodes[0],
        &admin,
        &[
            ("WEBHOOK_SECRET", json!("the key that signs webhooks")),
            ("WEBHOOK_USER_CREATED", json!(receiver.url)),
        ],
    );
    soon(&nodes, "the configuration", |node| {
        node.get("/config", &admin).body.contains("WEBHOOK_USER_CREATED")
    });
    for number in 0..30 {
        nodes[number % 3].user(&format!("u{number}@acme"));
    }
    let hooks = receiver.wait_for(30);
    let mut names: Vec<_> = hooks.iter().map(|hook| hook.json()["username"].to_string()).collect();
    names.sort();
    names.dedup();
    assert_eq!((hooks.len(), names.len()), (30, 30), "each once");

    // A node is killed right after it has promised.
    let doomed = nodes.remove(0);
    doomed.user("last@acme");
    drop(doomed);
    // It may have taken the message, which is then its own for half a minute longer than an attempt may take.
    let arrived = || receiver.got().iter().any(|hook| hook.json()["username"] == "last@acme");
    assert!(happens_within(Duration::from_mins(2), arrived), "the message is lost");
}

#[test]
fn without_a_webhook_secret_all_nodes_sign_with_one_that_is_created_in_the_database() {
    let postgres = Postgres::shared();
    let url = postgres.database();
    let nodes = nodes(&url, &[("APPMIXER_LIMITS__ENABLED", "false")], 3);
    let admin = nodes[0].admin();
    let receiver = Receiver::start(Manner::Answers(vec![]));
    configure(&nodes[0], &admin, &[("WEBHOOK_USER_CREATED", json!(receiver.url))]);
    soon(&nodes, "the configuration", |node| {
        node.get("/config", &admin).body.contains("WEBHOOK_USER_CREATED")
    });
    for number in 0..12 {
        nodes[number % 3].user(&format!("u{number}@acme"));
    }
    let hooks = receiver.wait_for(12);
    let entries = nodes[1].get("/config", &admin).expect(200).json();
    assert_eq!(entries[0], json!({ "key": "WEBHOOK_SECRET", "value": "********" }));
    let database = url.rsplit('/').next().unwrap();
    let stored = postgres.psql(database, "SELECT value FROM config WHERE key = 'WEBHOOK_SECRET'");
    let key: String = serde_json::from_str(stored.trim()).unwrap();
    assert!(nodes.iter().all(|node| !node.log().contains(&key)));
    for hook in hooks {
        hook.assert_signed_with(key.as_bytes());
    }

    // One that an administrator sets is used from then on.
    configure(&nodes[2], &admin, &[("WEBHOOK_SECRET", json!("the key that signs webhooks"))]);
    nodes[0].user("last@acme");
    receiver.wait_for(13)[12].assert_signed_with(b"the key that signs webhooks");
}

#[test]
fn nodes_without_the_same_secret_do_not_start_and_backups_are_postgresqls_own() {
    let url = Postgres::shared().database();
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str], secret: Option<&str>| {
        let mut command = crate::support::binary(&folder.path().join("data"));
        command.args(arguments).env("APPMIXER_STORE__URL", &url).env_remove("APPMIXER_TOKEN__SECRET");
        command.envs(secret.map(|secret| ("APPMIXER_TOKEN__SECRET", secret)));
        let output = crate::support::run(command, "");
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (status, told) = run(&["serve", "--listen", "127.0.0.1:0"], None);
    assert_eq!(status, Some(2), "{told}");
    assert!(told.contains("token.secret: servers that share a database need one"), "{told}");
    let (status, told) = run(&["backup", "x"], Some(crate::support::SECRET));
    assert_eq!(status, Some(1), "{told}");
    assert!(told.contains("pg_dump"), "{told}");
    let (status, told) = run(&["store", "migrate"], Some(crate::support::SECRET));
    assert_eq!(status, Some(0), "{told}");
    let (status, told) = run(&["user", "list"], Some(crate::support::SECRET));
    assert_eq!((status, told.as_str()), (Some(0), ""), "{told}");
}
