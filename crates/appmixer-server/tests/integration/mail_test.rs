//! The settings for mail, tried: what cannot work is warned of, and a test mail shows what the mail server answers.

use serde_json::{Value, json};

use crate::receivers::{MailServer, Manner, Receiver, configure};
use crate::support::{TestServer, eventually};

const TEST: &str = "/config/MAIL_SMTP_HOST/test";
const QUICK: (&str, &str) = ("APPMIXER_DELIVERY__FIRST_RETRY", "100ms");

fn entries(port: u16) -> Vec<(&'static str, Value)> {
    vec![("MAIL_SMTP_HOST", json!("127.0.0.1")), ("MAIL_SMTP_PORT", json!(port))]
}

fn stderr(server: &TestServer, arguments: &[&str]) -> (Option<i32>, String) {
    let output = server.command(arguments, "");
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

/// The state of a group.
fn state(server: &TestServer, admin: &str, group: &str) -> Value {
    let states = server.get("/config-keys/state", admin).expect(200).json();
    states.as_array().unwrap().iter().find(|state| state["group"] == group).unwrap().clone()
}

#[test]
fn a_test_mail_shows_what_the_mail_server_answers() {
    let replies = json!({"RCPT": ["550 5.7.1 <ann@acme.example>: Relaying denied"]});
    let Some(mail) = MailServer::start(&json!({"tls": "none", "replies": replies})) else { return };
    let server = TestServer::start();
    let (admin, joe) = (server.admin(), server.user("joe@acme"));
    let body = json!({"address": "ann@acme.example"}).to_string();
    let none = server.post_as(&admin, TEST, &body).expect(200).json();
    assert_eq!(none, json!({"delivered": false, "answer": "MAIL_SMTP_HOST is not set"}));
    configure(&server, &admin, &entries(mail.port));

    let refused = server.post_as(&admin, TEST, &body).expect(200).json();
    let answer = refused["answer"].as_str().unwrap();
    assert_eq!(refused["delivered"], false);
    for part in ["answered 550 5.7.1 to RCPT TO", "does not relay", "it said: 5.7.1 <ann@acme.example>"] {
        assert!(answer.contains(part), "{answer}");
    }
    let taken = server.post_as(&admin, TEST, &body).expect(200).json();
    assert_eq!(taken, json!({"delivered": true, "answer": "250 2.0.0 OK: queued as 4711"}));
    assert_eq!(mail.mails(1)[0]["to"], json!(["ann@acme.example"]));

    let printed = server.done(&["mail", "test", "ann@acme.example"], "");
    assert_eq!(printed, "the mail server answered 250 2.0.0 OK: queued as 4711");
    drop(mail);
    let (status, told) = stderr(&server, &["mail", "test", "ann@acme.example"]);
    assert_eq!(status, Some(1), "{told}");
    assert!(told.contains("Connection refused"), "{told}");
    assert_eq!(stderr(&server, &["mail", "test", "ann"]).0, Some(1));

    server.post_as(&joe, TEST, &body).error(403);
    server.post(TEST, &body).error(401);
    server.post_as(&admin, "/config/APP_NAME/test", &body).error(404);
    server.get(TEST, &admin).error(405);
    assert_eq!(server.post_as(&admin, TEST, "{}").expect(400).json()["details"][0]["path"], "address");
    assert!(!server.log().contains("ann@acme"));
}

#[test]
fn test_mails_are_limited() {
    let server = TestServer::with(&[("APPMIXER_LIMITS__FORGOT_PASSWORD", "2/1h")]);
    let admin = server.admin();
    let body = json!({"address": "ann@acme.example"}).to_string();
    for _ in 0..2 {
        server.post_as(&admin, TEST, &body).expect(200);
    }
    assert!(server.post_as(&admin, TEST, &body).expect(429).header("retry-after").is_some());
}

#[test]
fn what_cannot_work_is_warned_of_until_it_is_set() {
    let server = TestServer::start();
    let admin = server.admin();
    assert_eq!(state(&server, &admin, "mail")["warnings"], json!([]));
    let (status, told) = stderr(&server, &["config", "set", "MAIL_SMTP_HOST", "smtp.acme.example"]);
    assert_eq!(status, Some(0), "{told}");
    assert!(
        told.contains("warning: APPMIXER_FE_URL: links lead to") && told.contains("MAIL_FROM_EMAIL"),
        "{told}"
    );
    let keys = |state: Value| {
        let warnings = state["warnings"].as_array().unwrap().clone();
        warnings.iter().map(|warning| warning["key"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    eventually(|| keys(state(&server, &admin, "mail")) == ["APPMIXER_FE_URL", "MAIL_FROM_EMAIL"]);
    configure(&server, &admin, &[("MAIL_FROM_EMAIL", json!("info@acme.example"))]);
    let (_, told) = stderr(&server, &["config", "set", "APPMIXER_FE_URL", "https://acme.example"]);
    assert_eq!(told, "");
    eventually(|| keys(state(&server, &admin, "mail")).is_empty());
    // A password of another mail server is removed, and missed.
    configure(&server, &admin, &[("MAIL_SMTP_USER", json!("x")), ("MAIL_SMTP_PASS", json!("mail-secret"))]);
    let (_, told) = stderr(&server, &["config", "set", "MAIL_SMTP_HOST", "other.example"]);
    assert!(told.contains("MAIL_SMTP_PASS: is not set") && !told.contains("mail-secret"), "{told}");
}

#[test]
fn each_group_of_keys_has_its_state() {
    let server = TestServer::with(&[QUICK]);
    let (admin, joe) = (server.admin(), server.user("joe@acme.example"));
    server.get("/config-keys/state", &joe).error(403);
    let states = server.get("/config-keys/state", &admin).expect(200).json();
    let groups: Vec<_> = states.as_array().unwrap().iter().map(|state| state["group"].clone()).collect();
    assert_eq!(groups, ["sign-up", "mail", "webhooks", "tokens"]);
    assert_eq!(states[0], json!({"group": "sign-up", "warnings": [], "deliveries": null}));
    let nothing = json!({"waiting": 0, "lastDelivery": null, "lastError": null});
    assert_eq!((&states[1]["deliveries"], &states[2]["deliveries"]), (&nothing, &nothing));

    let receiver = Receiver::start(Manner::Answers(vec![503]));
    configure(&server, &admin, &[("WEBHOOK_USER_CREATED", json!(receiver.url))]);
    server.user("ann@acme.example");
    receiver.wait_for(2);
    // A message goes after its delivery was recorded.
    let has_arrived = |of: &Value| of["lastDelivery"].is_string() && of["waiting"] == 0;
    eventually(|| has_arrived(&state(&server, &admin, "webhooks")["deliveries"]));
    let webhooks = state(&server, &admin, "webhooks")["deliveries"].clone();
    assert_eq!(
        (&webhooks["waiting"], &webhooks["lastError"]["channel"]),
        (&json!(0), &json!("user-created-webhook"))
    );
    assert_eq!(webhooks["lastError"]["message"], "the receiver answered 503");

    // Nobody listens there.
    configure(&server, &admin, &entries(1));
    server.post("/user/forgot-password", r#"{"email":"joe@acme.example"}"#).expect(200);
    eventually(|| state(&server, &admin, "mail")["deliveries"]["lastError"].is_object());
    assert_eq!(state(&server, &admin, "mail")["deliveries"]["waiting"], 1);
}
