//! Confirming an address: the code, who may use it, and what an inactive user's token is good for.

use std::collections::BTreeSet;
use std::thread;

use serde_json::{Value, json};

use crate::console_session::{Browser, sign_in};
use crate::receivers::{Manner, Receiver, configure};
use crate::support::{Answer, TestServer, eventually};

const CONFIRM: &str = "/user/confirm";
const RESEND: &str = "/user/confirm/resend";
const REQUIRED: (&str, &str) = ("APPMIXER_USERS__REQUIRE_ACTIVE", "true");
const OFFERED: (&str, &str) = ("APPMIXER_USERS__CONFIRM", "true");
const BAD: &str = "Invalid code or password";
const INACTIVE: &str = "The account is not active";

/// A server whose codes go to a webhook, with its administrator's token.
fn with_webhook(setting: (&str, &str)) -> (TestServer, Receiver, String) {
    let server = TestServer::with(&[setting]);
    let (receiver, admin) = (Receiver::start(Manner::Answers(vec![])), server.admin());
    configure(&server, &admin, &[("WEBHOOK_USER_CONFIRM", json!(receiver.url))]);
    (server, receiver, admin)
}

fn sign_up(server: &TestServer, name: &str) -> Answer {
    server.post("/user", &json!({"username": name, "password": "abc321"}).to_string()).expect(200)
}

fn confirm(server: &TestServer, code: &Value, password: &str) -> Answer {
    server.post(CONFIRM, &json!({"code": code, "password": password}).to_string())
}

fn resend(server: &TestServer, name: &str) -> Answer {
    server.post(RESEND, &json!({ "email": name }).to_string())
}

fn id(server: &TestServer, admin: &str, name: &str) -> String {
    let found = server.get(&format!("/users?pattern={name}"), admin).expect(200).json();
    found[0]["id"].as_str().unwrap().to_owned()
}

fn pending(server: &TestServer) -> BTreeSet<String> {
    let listed = server.done(&["user", "list", "--filter", "pending", "--json"], "");
    let name =
        |line: &str| serde_json::from_str::<Value>(line).unwrap()["username"].as_str().unwrap().to_owned();
    listed.lines().map(name).collect()
}

#[test]
fn a_new_user_gets_a_token_after_the_code_and_the_password_have_confirmed_the_address() {
    let (server, receiver, admin) = with_webhook(REQUIRED);
    configure(&server, &admin, &[("APPMIXER_FE_URL", json!("https://acme.example/app/"))]);
    let answer = sign_up(&server, "joe@acme");
    let members: Vec<_> = answer.json().as_object().unwrap().keys().cloned().collect();
    assert_eq!(members, ["user"], "{}", answer.body);
    let messages = receiver.wait_for(1);
    assert_eq!(messages[0].header("X-Appmixer-Event"), "user.confirm");
    let message = messages[0].json();
    let members: Vec<_> = message.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["code", "email", "userId", "created", "link"]);
    assert_eq!((&message["email"], &message["userId"]), (&json!("joe@acme"), &answer.json()["user"]["id"]));
    let code = message["code"].as_str().unwrap();
    assert_eq!(message["link"], format!("https://acme.example/app/confirm?code={code}"));

    assert_eq!(server.sign_in("joe@acme", "abc321").error(403), INACTIVE);
    assert_eq!(confirm(&server, &message["code"], "wrong1").error(400), BAD);
    let confirmed = confirm(&server, &message["code"], "abc321").expect(200);
    assert_eq!((confirmed.body.as_str(), confirmed.header("cache-control")), ("{}", Some("no-store")));
    assert_eq!(confirm(&server, &message["code"], "abc321").error(400), BAD);
    let token = server.sign_in("joe@acme", "abc321").expect(200).text("token");
    assert_eq!(server.get("/user", &token).expect(200).json()["isActive"], true);
    let entry = &server.get("/audit?kind=user-confirmed", &admin).expect(200).json()[0];
    assert_eq!(entry["user"], message["userId"]);
    let log = server.log();
    assert!(!log.contains(code) && !log.contains("joe@acme"));
    server.assert_well();
}

#[test]
fn a_wrong_code_and_a_wrong_password_get_the_same_answer_and_count_as_failed_sign_ins() {
    let (server, receiver, admin) = with_webhook(REQUIRED);
    sign_up(&server, "joe@acme");
    let code = receiver.wait_for(1)[0].json()["code"].clone();
    let wrong_password = confirm(&server, &code, "wrong1").expect(400);
    for wrong in [json!("A".repeat(43)), json!("short"), json!("x".repeat(5000))] {
        assert_eq!(confirm(&server, &wrong, "abc321").expect(400).body, wrong_password.body);
    }
    let failed = || server.get("/audit?kind=sign-in-failed", &admin).expect(200).json();
    eventually(|| failed().as_array().unwrap().len() == 4);
    assert!(failed().as_array().unwrap().iter().all(|one| one["details"]["reason"] == "confirmation"));
    for (body, path) in [
        (r#"{"password":"abc321"}"#, "code"),
        (r#"{"code":7,"password":"abc321"}"#, "code"),
        (r#"{"code":"x"}"#, "password"),
    ] {
        assert_eq!(server.post(CONFIRM, body).expect(400).json()["details"][0]["path"], path, "{body}");
    }
    confirm(&server, &code, "abc321").expect(200);
}

#[test]
fn guesses_at_a_code_are_limited_like_guesses_at_a_name() {
    let server = TestServer::with(&[REQUIRED, ("APPMIXER_LIMITS__SIGN_IN", "6/1h")]);
    let code = json!("A".repeat(43));
    let statuses: Vec<_> = (0..8).map(|_| confirm(&server, &code, "abc321").status).collect();
    assert_eq!(statuses[0], 400, "{statuses:?}");
    assert_eq!(*statuses.last().unwrap(), 429, "{statuses:?}");
}

#[test]
fn an_inactive_users_token_is_refused_on_every_route_but_the_one_that_signs_out() {
    let server = TestServer::start();
    let (joe, ann, admin) = (server.user("joe@acme"), server.user("ann@acme"), server.admin());
    let server = server.restart_with(&[REQUIRED]);
    for (method, path, body) in [
        ("GET", "/user", ""),
        ("PUT", "/user", r#"{"metadata":{}}"#),
        ("POST", "/user", r#"{"username":"other@acme","password":"abc321"}"#),
        ("POST", "/user/change-password", r#"{"oldPassword":"abc321","newPassword":"xyz987"}"#),
        ("POST", "/user/reset-password", r#"{"username":"joe@acme","password":"xyz987"}"#),
        ("GET", "/users", ""),
        ("GET", "/config", ""),
        ("GET", "/acl/routes", ""),
        ("GET", "/apps", ""),
        ("GET", "/audit", ""),
        ("GET", "/auth/verify", ""),
    ] {
        let bearer = format!("Bearer {joe}");
        let headers = [("Content-Type", "application/json"), ("Authorization", bearer.as_str())];
        let answer = server.request(method, path, &headers, body.as_bytes());
        assert_eq!(answer.error(403), INACTIVE, "{method} {path}");
    }
    server.post_as(&joe, "/user/sign-out-everywhere", "").expect(200);
    assert_eq!(server.post_as(&joe, "/user/sign-out-everywhere", "").error(401), "Invalid JWT: revoked");
    assert_eq!(server.get("/user", &joe).error(403), INACTIVE, "it says so before the generation does");

    // The administrator was added by a command, and is active.
    for name in ["joe", "ann"] {
        server
            .put_as(&admin, &format!("/users/{}", id(&server, &admin, name)), r#"{"isActive":true}"#)
            .expect(200);
    }
    assert_eq!(server.get("/user", &joe).error(401), "Invalid JWT: revoked");
    server.get("/user", &ann).expect(200);
    server.assert_well();
}

#[test]
fn a_deactivation_ends_cached_tokens_for_good_and_one_that_is_repeated_changes_nothing() {
    let (server, receiver, admin) = with_webhook(REQUIRED);
    sign_up(&server, "joe@acme");
    confirm(&server, &receiver.wait_for(1)[0].json()["code"], "abc321").expect(200);
    let token = server.sign_in("joe@acme", "abc321").text("token");
    server.get("/user", &token).expect(200);
    let path = format!("/users/{}", server.get("/user", &token).text("id"));
    server.put_as(&admin, &path, r#"{"isActive":true,"scope":["user","admin"]}"#).expect(200);
    let browser = Browser::of(&server, &sign_in(&server, "joe@acme", "abc321").expect(200));
    browser.get("/console/api/users").expect(200);
    server.put_as(&admin, &path, r#"{"isActive":false}"#).expect(200);
    assert_eq!(server.get("/user", &token).error(403), INACTIVE);
    assert_eq!(browser.get("/console/api/users").error(403), INACTIVE);
    assert_eq!(browser.get("/console/session").error(403), INACTIVE);
    assert_eq!(resend(&server, "joe@acme").expect(200).body, "{}");
    assert!(pending(&server).is_empty(), "who was deactivated is not activated by a code");
    server.put_as(&admin, &path, r#"{"isActive":true}"#).expect(200);
    assert_eq!(server.get("/user", &token).error(401), "Invalid JWT: revoked");

    sign_up(&server, "ann@acme");
    let code = receiver.wait_for(2)[1].json()["code"].clone();
    let ann = format!("/users/{}", id(&server, &admin, "ann@acme"));
    server.put_as(&admin, &ann, r#"{"isActive":false}"#).expect(200);
    confirm(&server, &code, "abc321").expect(200);
    assert_eq!(receiver.got().len(), 2);
}

#[test]
fn another_address_has_to_be_confirmed_and_every_code_of_the_old_one_ends() {
    let (server, receiver, admin) = with_webhook(REQUIRED);
    let resets = Receiver::start(Manner::Answers(vec![]));
    configure(&server, &admin, &[("WEBHOOK_USER_FORGOT_PASSWORD", json!(resets.url))]);
    sign_up(&server, "joe@acme");
    let first = receiver.wait_for(1)[0].json()["code"].clone();
    server.post("/user/forgot-password", r#"{"email":"joe@acme"}"#).expect(200);
    let reset = resets.wait_for(1)[0].json()["code"].clone();
    let path = format!("/users/{}", id(&server, &admin, "joe@acme"));
    server.put_as(&admin, &path, r#"{"email":"joe@new"}"#).expect(200);
    let second = receiver.wait_for(2)[1].json();
    assert_eq!(second["email"], "joe@new");
    assert_eq!(confirm(&server, &first, "abc321").error(400), BAD);
    server
        .post("/user/forgot-password/reset", &json!({"code": reset, "password": "xyz987"}).to_string())
        .error(400);
    confirm(&server, &second["code"], "abc321").expect(200);
    let token = server.sign_in("joe@new", "abc321").expect(200).text("token");

    let moved = server.put_as(&admin, &path, r#"{"email":"joe@newer"}"#).expect(200);
    assert_eq!(moved.json()["isActive"], false);
    assert_eq!(server.get("/user", &token).error(403), INACTIVE);
    let shown = server.get(&format!("{path}?include=confirmationPending"), &admin).expect(200).json();
    assert_eq!(shown["confirmationPending"], true);
    let kept = server.put_as(&admin, &path, r#"{"email":"joe@newest","isActive":true}"#).expect(200);
    assert_eq!(kept.json()["isActive"], true);

    let root = format!("/users/{}", id(&server, &admin, "root@acme"));
    server.put_as(&admin, &root, r#"{"email":"root@new"}"#).error(409);
    server.put_as(&admin, &root, r#"{"email":"ROOT@acme"}"#).expect(200);
    server.put_as(&admin, &root, r#"{"email":"root@new","isActive":true}"#).expect(200);
    server.get("/user", &admin).expect(200);
    server.assert_well();
}

/// Changes the user of an id.
type Change<'a> = &'a dyn Fn(&str);

#[test]
fn whatever_changes_the_name_or_the_password_ends_reset_codes() {
    let server = TestServer::start();
    let (receiver, admin) = (Receiver::start(Manner::Answers(vec![])), server.admin());
    configure(&server, &admin, &[("WEBHOOK_USER_FORGOT_PASSWORD", json!(receiver.url))]);
    let by_admin = |body: &'static str| {
        let (server, admin) = (&server, &admin);
        move |id: &str| {
            server.put_as(admin, &format!("/users/{id}"), body).expect(200);
        }
    };
    let by_command = |arguments: &'static [&'static str], input: &'static str| {
        let server = &server;
        move |_: &str| {
            server.done(arguments, input);
        }
    };
    let changes: [(&str, Change<'_>); 5] = [
        ("a@acme", &by_admin(r#"{"email":"a@new"}"#)),
        ("b@acme", &by_admin(r#"{"username":"b@new"}"#)),
        ("c@acme", &by_admin(r#"{"password":"xyz987"}"#)),
        ("d@acme", &by_command(&["user", "set", "d@acme", "--email", "d@new"], "")),
        ("e@acme", &by_command(&["user", "reset-password", "e@acme", "--password-stdin"], "xyz987\n")),
    ];
    for (number, (name, change)) in changes.into_iter().enumerate() {
        let token = server.user(name);
        server.post("/user/forgot-password", &json!({ "email": name }).to_string()).expect(200);
        let code = receiver.wait_for(number + 1)[number].json()["code"].clone();
        change(&server.get("/user", &token).text("id"));
        let reset = json!({"code": code, "password": "stolen1"}).to_string();
        let answer = server.post("/user/forgot-password/reset", &reset).expect(400);
        assert_eq!(answer.json()["details"][0]["path"], "code", "{name}");
    }
}

#[test]
fn a_reset_code_confirms_the_address_too() {
    let (server, receiver, admin) = with_webhook(REQUIRED);
    configure(&server, &admin, &[("WEBHOOK_USER_FORGOT_PASSWORD", json!(receiver.url))]);
    sign_up(&server, "joe@acme");
    receiver.wait_for(1);
    server.post("/user/forgot-password", r#"{"email":"joe@acme"}"#).expect(200);
    let code = receiver.wait_for(2)[1].json()["code"].clone();
    let body = json!({"code": code, "password": "xyz987"}).to_string();
    server.post("/user/forgot-password/reset", &body).expect(200);
    server.sign_in("joe@acme", "xyz987").expect(200);
    server.sign_in("joe@acme", "abc321").error(403);
}

#[test]
fn another_code_is_sent_to_who_is_pending_and_the_answer_is_the_same_for_all() {
    let (server, receiver, admin) = with_webhook(OFFERED);
    assert!(sign_up(&server, "joe@acme").json()["token"].is_string(), "no one has to confirm here");
    let ann = r#"{"username":"ann@acme","password":"abc321","isActive":true}"#;
    server.post_as(&admin, "/user", ann).expect(200);
    receiver.wait_for(1);
    for name in ["joe@acme", "ann@acme", "nobody@acme", "joe@acme"] {
        assert_eq!(resend(&server, name).expect(200).body, "{}", "{name}");
    }
    let messages = receiver.wait_for(3);
    assert!(messages.iter().all(|message| message.json()["email"] == "joe@acme"));
    confirm(&server, &messages[1].json()["code"], "abc321").expect(200);
    assert_eq!(confirm(&server, &messages[2].json()["code"], "abc321").error(400), BAD);
    resend(&server, "joe@acme").expect(200);
    for email in [json!("joe"), json!(1), json!(null)] {
        let answer = server.post(RESEND, &json!({ "email": email }).to_string()).expect(400);
        assert_eq!(answer.json()["details"][0]["path"], "email", "{}", answer.body);
    }
    assert_eq!(receiver.got().len(), 3);
    assert_eq!(server.get(RESEND, "x").expect(405).header("allow"), Some("post, options"));
}

#[test]
fn without_the_setting_nothing_is_sent_but_by_an_operator() {
    let server = TestServer::start();
    let (receiver, admin) = (Receiver::start(Manner::Answers(vec![])), server.admin());
    server.user("joe@acme");
    let refused = server.command(&["user", "confirm", "joe@acme"], "");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("WEBHOOK_USER_CONFIRM"), "{refused:?}");
    configure(&server, &admin, &[("WEBHOOK_USER_CONFIRM", json!(receiver.url))]);
    server.user("ann@acme");
    resend(&server, "ann@acme").expect(200);
    assert_eq!(pending(&server), ["ann@acme", "joe@acme"].map(str::to_owned).into());
    server.done(&["user", "confirm", "joe@acme"], "");
    let message = receiver.wait_for(1)[0].json();
    assert_eq!(message["email"], "joe@acme");
    confirm(&server, &message["code"], "abc321").expect(200);
    assert_eq!(pending(&server), ["ann@acme"].map(str::to_owned).into());
    assert_eq!(server.get("/users/count?filter=pending", &admin).expect(200).json()["count"], 1);
    for (name, reason) in [("joe@acme", "active already"), ("root@acme", "active already")] {
        let refused = server.command(&["user", "confirm", name], "");
        assert_eq!(refused.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&refused.stderr).contains(reason), "{name}: {refused:?}");
    }
}

#[test]
fn two_administrators_who_deactivate_each_other_at_once_leave_an_active_one() {
    let server = TestServer::with(&[REQUIRED]);
    let admin = server.admin();
    let other = r#"{"username":"ann@acme","password":"abc321","scope":["admin"],"isActive":true}"#;
    server.post_as(&admin, "/user", other).expect(200);
    let paths = ["root@acme", "ann@acme"].map(|name| format!("/users/{}", id(&server, &admin, name)));
    let statuses: Vec<_> = thread::scope(|scope| {
        let deactivate = |number: usize| {
            let (server, path) = (&server, &paths[number]);
            let name = ["root@acme", "ann@acme"][1 - number];
            let token = server.sign_in(name, "abc321").expect(200).text("token");
            move || server.put_as(&token, path, r#"{"isActive":false}"#).status
        };
        let threads = [deactivate(0), deactivate(1)].map(|ask| scope.spawn(ask));
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    let active = server.done(&["user", "count", "--filter", "scope:admin", "--filter", "isActive:true"], "");
    assert_eq!(active, "1");
}
