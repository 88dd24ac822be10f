//! Webhooks: signed, tried again, and neither lost nor held up.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::receivers::{Certificate, Manner, NOT_LISTED, Receiver, configure};
use crate::support::{TestServer, eventually};

const QUICK: &[(&str, &str)] = &[("APPMIXER_DELIVERY__FIRST_RETRY", "50ms")];
const SECRET: &str = "the key that signs webhooks";

#[test]
fn made_and_deleted_users_are_told_of_without_secrets_and_signed() {
    let server = TestServer::with(QUICK);
    let (receiver, admin) = (Receiver::start(Manner::Answers(vec![])), server.admin());
    configure(
        &server,
        &admin,
        &[
            ("WEBHOOK_SECRET", json!(SECRET)),
            ("WEBHOOK_USER_CREATED", json!(receiver.url)),
            ("WEBHOOK_USER_DELETED", json!(receiver.url)),
        ],
    );
    assert!(!server.get("/config", &admin).body.contains(SECRET));
    let token = server.user("joe@acme");
    let id = server.get("/user", &token).text("id");
    let created = receiver.wait_for(1)[0].clone();
    assert!(created.head.starts_with("POST /hook?a=b HTTP/1.1\r\n"), "{}", created.head);
    assert_eq!(created.header("content-type"), "application/json; charset=utf-8");
    assert_eq!(created.header("X-Appmixer-Event"), "user.created");
    created.assert_signed_with(SECRET.as_bytes());
    let told = created.json();
    let members: Vec<_> = told.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["userId", "username", "email", "isActive", "scope", "plan", "vendor", "created"]);
    assert_eq!((&told["userId"], &told["username"]), (&json!(id), &json!("joe@acme")));

    server.delete_as(&admin, &format!("/users/{id}")).expect(200);
    let deleted = receiver.wait_for(2)[1].clone();
    assert_eq!(deleted.header("X-Appmixer-Event"), "user.deleted");
    deleted.assert_signed_with(SECRET.as_bytes());
    assert_eq!((&deleted.json()["userId"], &deleted.json()["email"]), (&json!(id), &json!("joe@acme")));
    assert!(deleted.json()["deleted"].is_string());

    // The command tells too.
    server.done(&["user", "add", "ann@acme", "--password-stdin"], "abc321\n");
    assert_eq!(receiver.wait_for(3)[2].json()["username"], "ann@acme");
    server.assert_well();
}

#[test]
fn without_a_secret_webhooks_are_signed_with_a_key_that_is_made_once_and_the_owners_alone() {
    let server = TestServer::with(QUICK);
    let (receiver, admin) = (Receiver::start(Manner::Answers(vec![])), server.admin());
    let file = server.data().join("webhook.secret");
    assert!(!file.exists(), "not before it is needed");
    configure(&server, &admin, &[("WEBHOOK_USER_CREATED", json!(receiver.url))]);
    server.user("joe@acme");
    receiver.wait_for(1);
    let key = fs::read(&file).unwrap();
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let server = server.kill_and_restart();
    server.user("ann@acme");
    for hook in receiver.wait_for(2) {
        hook.assert_signed_with(&key);
    }
}

#[test]
fn what_failed_is_tried_again_with_the_same_number_until_it_is_taken() {
    let server = TestServer::with(QUICK);
    let receiver = Receiver::start(Manner::Answers(vec![500, 302, 429, 503]));
    configure(&server, &server.admin(), &[("WEBHOOK_USER_CREATED", json!(receiver.url))]);
    server.user("joe@acme");
    let got = receiver.wait_for(5);
    for hook in &got {
        assert_eq!(hook.header("X-Appmixer-Delivery"), got[0].header("X-Appmixer-Delivery"));
        assert_eq!(hook.body, got[0].body);
    }
    server.user("ann@acme");
    // Taken once is taken: the next one is another message.
    assert_eq!(receiver.wait_for(6)[5].json()["username"], "ann@acme");
    assert!(!server.log().contains("joe@acme"));
}

#[test]
fn what_is_refused_for_good_is_given_up() {
    let server = TestServer::with(QUICK);
    let receiver = Receiver::start(Manner::Answers(vec![410]));
    configure(&server, &server.admin(), &[("WEBHOOK_USER_CREATED", json!(receiver.url))]);
    server.user("joe@acme");
    receiver.wait_for(1);
    eventually(|| server.log().contains("given up"));
    server.user("ann@acme");
    assert_eq!(receiver.wait_for(2)[1].json()["username"], "ann@acme");
}

#[test]
fn messages_outlive_a_kill_and_a_receiver_that_was_away() {
    let mut server = TestServer::with(QUICK);
    let admin = server.admin();
    // A port that nobody listens on.
    configure(&server, &admin, &[("WEBHOOK_USER_CREATED", json!("http://127.0.0.1:1/"))]);
    for number in 0..20 {
        server.user(&format!("u{number}@acme"));
    }
    eventually(|| {
        let waiting = server.done(&["outbox", "list", "--json"], "");
        let waiting: Vec<_> = waiting.lines().collect();
        waiting.len() == 20 && waiting.iter().all(|line| line.contains("Connection refused"))
    });
    let waiting = server.done(&["outbox", "list"], "");
    assert!(waiting.contains("user-created-webhook") && !waiting.contains("@acme"), "{waiting}");
    let receiver = Receiver::start(Manner::Answers(vec![]));
    server.signal("KILL");
    server.wait();
    // Set before the start, at which all of them are due at once: later ones wait the longer the more often they failed.
    server.done(&["config", "set", "WEBHOOK_USER_CREATED", &receiver.url], "");
    let server = server.kill_and_restart();
    eventually(|| {
        let mut names: Vec<_> =
            receiver.got().iter().map(|hook| hook.json()["username"].to_string()).collect();
        names.sort();
        names.dedup();
        names.len() == 20
    });
    server.assert_well();
}

#[test]
fn a_receiver_that_says_nothing_holds_up_neither_requests_nor_other_receivers() {
    let server = TestServer::with(QUICK);
    let (silent, receiver) = (Receiver::start(Manner::Silent), Receiver::start(Manner::Answers(vec![])));
    let admin = server.admin();
    configure(
        &server,
        &admin,
        &[("WEBHOOK_USER_CREATED", json!(silent.url)), ("WEBHOOK_USER_FORGOT_PASSWORD", json!(receiver.url))],
    );
    for number in 0..8 {
        server.user(&format!("u{number}@acme"));
    }
    // As many as one receiver gets at a time.
    silent.wait_for(4);
    let started = Instant::now();
    server.post("/user/forgot-password", r#"{"email":"u0@acme"}"#).expect(200);
    receiver.wait_for(1);
    // An attempt may take 30 s.
    assert!(started.elapsed() < Duration::from_secs(15));
    assert_eq!(silent.got().len(), 4);
}

#[test]
fn https_is_trusted_by_the_configured_authority_alone() {
    let certificate = Certificate::of_openssl();
    let file = certificate.file();
    // Kept until the end: the file goes with it.
    let other = Certificate::new();
    let receiver = {
        let copy = fs::read(&file).unwrap();
        fs::write(other.file() + ".trusted", copy).unwrap();
        Receiver::start(Manner::Encrypted(certificate))
    };
    let server = TestServer::with(QUICK);
    let admin = server.admin();
    configure(&server, &admin, &[("WEBHOOK_USER_CREATED", json!(receiver.url))]);
    server.user("joe@acme");
    eventually(|| server.log().contains("could not be delivered"));
    assert!(server.log().contains(NOT_LISTED), "{}", server.log());
    assert_eq!(receiver.got().len(), 0, "an authority that nobody knows");
    let trusted = other.file() + ".trusted";
    let server = server.restart_with(&[("APPMIXER_DELIVERY__CA_FILE", &trusted)]);
    assert_eq!(receiver.wait_for(1)[0].json()["username"], "joe@acme");
    server.assert_well();
}

#[test]
fn a_trial_delivers_nothing_and_what_waits_is_delivered_afterwards() {
    let server = TestServer::with(&[("APPMIXER_DELIVERY__ENABLED", "false")]);
    let (receiver, admin) = (Receiver::start(Manner::Answers(vec![])), server.admin());
    configure(&server, &admin, &[("WEBHOOK_USER_CREATED", json!(receiver.url))]);
    server.user("joe@acme");
    assert_eq!(server.done(&["outbox", "list", "--json"], "").lines().count(), 1);
    assert!(server.log().contains("delivery.enabled is false"), "{}", server.log());
    let mut server = server;
    server.signal("TERM");
    assert!(server.wait().success());

    // A restore says what the next start does.
    let file = server.data().with_file_name("backup");
    let name = file.to_str().unwrap();
    server.done(&["backup", name], "");
    let restored = |settings: &[(&str, &str)]| {
        let mut command = crate::support::binary(&server.data());
        command.args(["restore", name, "--yes", "--discard-old"]).envs(settings.iter().copied());
        String::from_utf8(crate::support::run(command, "").stdout).unwrap()
    };
    let told = restored(&[]);
    assert!(told.contains("waiting    1 mails and webhooks, which the next start delivers"), "{told}");
    assert!(told.contains("APPMIXER_DELIVERY__ENABLED=false"), "{told}");
    assert!(!restored(&[("APPMIXER_DELIVERY__ENABLED", "false")]).contains("waiting"));
    assert_eq!(receiver.got().len(), 0);
    let server = server.restart_with(&[("APPMIXER_DELIVERY__ENABLED", "true")]);
    assert_eq!(receiver.wait_for(1)[0].json()["username"], "joe@acme");
    server.assert_well();
}
