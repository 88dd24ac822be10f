//! Forgotten passwords: the code, what it does, and that nobody learns who exists.

use std::thread;

use serde_json::{Value, json};

use crate::receivers::{Manner, Receiver, configure};
use crate::support::{Answer, TestServer, eventually};

const FORGOT: &str = "/user/forgot-password";
const RESET: &str = "/user/forgot-password/reset";

/// A server whose codes go to a webhook, with its administrator's token.
fn with_webhook(manner: Manner) -> (TestServer, Receiver, String) {
    let server = TestServer::with(&[("APPMIXER_DELIVERY__FIRST_RETRY", "50ms")]);
    let (receiver, admin) = (Receiver::start(manner), server.admin());
    configure(&server, &admin, &[("WEBHOOK_USER_FORGOT_PASSWORD", json!(receiver.url))]);
    (server, receiver, admin)
}

fn forgot(server: &TestServer, name: &str) -> Answer {
    server.post(FORGOT, &json!({ "email": name }).to_string())
}

fn reset(server: &TestServer, code: &Value, password: &str) -> Answer {
    server.post(RESET, &json!({"code": code, "password": password}).to_string())
}

#[track_caller]
fn assert_bad_code(answer: Answer) {
    let answer = answer.expect(400);
    assert_eq!(answer.json()["details"][0]["path"], "code", "{}", answer.body);
}

#[test]
fn a_code_sets_a_password_once_and_ends_every_token() {
    let (server, receiver, admin) = with_webhook(Manner::Answers(vec![]));
    configure(&server, &admin, &[("APPMIXER_FE_URL", json!("https://acme.example/app/"))]);
    let token = server.user("joe@acme");
    server.get("/user", &token).expect(200);
    let answer = forgot(&server, "JOE@acme").expect(200);
    assert_eq!((answer.body.as_str(), answer.header("cache-control")), ("{}", Some("no-store")));
    let told = receiver.wait_for(1)[0].json();
    let members: Vec<_> = told.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["code", "email", "userId", "created", "link"]);
    assert_eq!(told["email"], "joe@acme");
    assert_eq!(told["userId"], server.get("/user", &token).json()["id"]);
    let code = told["code"].as_str().unwrap();
    assert_eq!(told["link"], format!("https://acme.example/app/reset-password?code={code}"));

    assert_eq!(reset(&server, &told["code"], "xyz987").expect(200).body, "{}");
    assert_eq!(server.get("/user", &token).error(401), "Invalid JWT: revoked");
    server.sign_in("joe@acme", "abc321").error(403);
    server.sign_in("joe@acme", "xyz987").expect(200);
    assert_bad_code(reset(&server, &told["code"], "other5"));
    server.sign_in("joe@acme", "xyz987").expect(200);
    server.assert_well();
}

#[test]
fn a_code_is_kept_as_its_digest_and_leaves_the_disk_and_stays_out_of_the_log() {
    let (mut server, receiver, _) = with_webhook(Manner::Answers(vec![]));
    server.user("joe@acme");
    forgot(&server, "joe@acme").expect(200);
    let code = receiver.wait_for(1)[0].json()["code"].as_str().unwrap().to_owned();
    let database = rusqlite::Connection::open(server.data().join("appmixer.sqlite")).unwrap();
    let count = |sql: &str| database.query_row(sql, [], |row| row.get::<_, u32>(0)).unwrap();
    eventually(|| count("SELECT count(*) FROM outbox") == 0);
    assert_eq!(count("SELECT count(*) FROM reset_codes"), 1);
    drop(database);
    server.signal("TERM");
    server.wait();
    let bytes = std::fs::read(server.data().join("appmixer.sqlite")).unwrap();
    assert!(!bytes.windows(code.len()).any(|window| window == code.as_bytes()), "the code is on the disk");
    assert!(!server.log().contains(&code) && !server.log().contains("joe@acme"));
}

#[test]
fn a_refused_password_does_not_use_the_code_up() {
    let (server, receiver, _) = with_webhook(Manner::Answers(vec![]));
    server.user("joe@acme");
    forgot(&server, "joe@acme").expect(200);
    let code = receiver.wait_for(1)[0].json()["code"].clone();
    let answer = reset(&server, &code, "short").expect(400);
    assert_eq!(answer.json()["details"][0]["path"], "password", "{}", answer.body);
    reset(&server, &code, "xyz987").expect(200);
}

#[test]
fn what_is_no_code_and_what_is_no_name_is_named() {
    let (server, ..) = with_webhook(Manner::Answers(vec![]));
    for code in [json!("short"), json!("A".repeat(43)), json!(7), json!(null), json!("")] {
        assert_bad_code(reset(&server, &code, "xyz987"));
    }
    for email in [json!("joe"), json!(1), json!(null)] {
        let answer = server.post(FORGOT, &json!({ "email": email }).to_string()).expect(400);
        assert_eq!(answer.json()["details"][0]["path"], "email", "{}", answer.body);
    }
    assert_eq!(server.get(FORGOT, "x").expect(405).header("allow"), Some("post, options"));
}

#[test]
fn nobody_gets_the_same_answer_as_somebody_and_no_message() {
    let (server, receiver, _) = with_webhook(Manner::Answers(vec![]));
    server.user("joe@acme");
    let (nobody, somebody) = (forgot(&server, "nobody@acme"), forgot(&server, "joe@acme"));
    assert_eq!((nobody.expect(200).body, somebody.expect(200).body), ("{}".to_owned(), "{}".to_owned()));
    forgot(&server, "nobody@acme").expect(200);
    forgot(&server, "joe@acme").expect(200);
    let told = receiver.wait_for(2);
    assert!(told.iter().all(|hook| hook.json()["email"] == "joe@acme"));
    assert_eq!(receiver.got().len(), 2);
}

#[test]
fn with_no_door_open_there_is_nothing_to_send() {
    let server = TestServer::start();
    server.user("joe@acme");
    forgot(&server, "joe@acme").expect(200);
    let database = rusqlite::Connection::open(server.data().join("appmixer.sqlite")).unwrap();
    for table in ["outbox", "reset_codes"] {
        let count = format!("SELECT count(*) FROM {table}");
        assert_eq!(database.query_row(&count, [], |row| row.get::<_, u32>(0)), Ok(0), "{table}");
    }
}

#[test]
fn a_changed_password_and_another_code_make_older_codes_worthless() {
    let (server, receiver, _) = with_webhook(Manner::Answers(vec![]));
    let token = server.user("joe@acme");
    for _ in 0..2 {
        forgot(&server, "joe@acme").expect(200);
    }
    let codes: Vec<_> = receiver.wait_for(2).iter().map(|hook| hook.json()["code"].clone()).collect();
    reset(&server, &codes[0], "xyz987").expect(200);
    assert_bad_code(reset(&server, &codes[1], "other5"));

    server.get("/user", &token).error(401);
    let token = server.sign_in("joe@acme", "xyz987").text("token");
    forgot(&server, "joe@acme").expect(200);
    let code = receiver.wait_for(3)[2].json()["code"].clone();
    let change = r#"{"oldPassword":"xyz987","newPassword":"abc321"}"#;
    server.post_as(&token, "/user/change-password", change).expect(200);
    assert_bad_code(reset(&server, &code, "other5"));
    server.sign_in("joe@acme", "abc321").expect(200);
}

#[test]
fn of_many_who_use_a_code_at_once_one_wins() {
    let (server, receiver, _) = with_webhook(Manner::Answers(vec![]));
    server.user("joe@acme");
    forgot(&server, "joe@acme").expect(200);
    let code = receiver.wait_for(1)[0].json()["code"].clone();
    let statuses: Vec<_> = thread::scope(|scope| {
        let (server, code) = (&server, &code);
        let ask = |number: u32| move || reset(server, code, &format!("secret{number}")).status;
        let asked: Vec<_> = (0..8).map(|number| scope.spawn(ask(number))).collect();
        asked.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 400).count(), 7, "{statuses:?}");
    server.assert_well();
}

#[test]
fn a_code_survives_a_kill_and_is_delivered_after_the_restart() {
    let (server, receiver, _) = with_webhook(Manner::Answers(vec![500; 3]));
    server.user("joe@acme");
    forgot(&server, "joe@acme").expect(200);
    let server = server.kill_and_restart();
    eventually(|| receiver.got().len() >= 4);
    let got = receiver.got();
    let number = got[0].header("X-Appmixer-Delivery");
    assert!(got.iter().all(|hook| hook.header("X-Appmixer-Delivery") == number));
    reset(&server, &got[3].json()["code"], "xyz987").expect(200);
    server.sign_in("joe@acme", "xyz987").expect(200);
}
