//! The password for the mail server goes to the server that it was set for, and to no other.

use serde_json::{Value, json};

use crate::receivers::{MailServer, configure};
use crate::support::{TestServer, eventually};

const QUICK: (&str, &str) = ("APPMIXER_DELIVERY__FIRST_RETRY", "100ms");

fn with_password() -> Option<MailServer> {
    MailServer::start(&json!({"tls": "none", "user": "mailer", "password": "mail-secret"}))
}

/// What sets the mail server, one key after the other.
fn entries(mail: &MailServer) -> Vec<(&'static str, Value)> {
    vec![
        ("MAIL_SMTP_HOST", json!("127.0.0.1")),
        ("MAIL_SMTP_PORT", json!(mail.port)),
        ("MAIL_SMTP_USER", json!("mailer")),
        ("MAIL_SMTP_PASS", json!("mail-secret")),
    ]
}

fn forgot(server: &TestServer, name: &str) {
    server.post("/user/forgot-password", &json!({ "email": name }).to_string()).expect(200);
}

fn has_password(server: &TestServer, admin: &str) -> bool {
    let entries = server.get("/config", admin).expect(200).json();
    entries.as_array().unwrap().iter().any(|entry| entry["key"] == "MAIL_SMTP_PASS")
}

#[test]
fn keys_set_in_any_order_make_a_mail_server_that_works() {
    let Some(mail) = with_password() else { return };
    let server = TestServer::with(&[QUICK]);
    let admin = server.admin();
    server.user("joe@acme.example");
    for turn in 0..4 {
        for (key, _) in entries(&mail) {
            server.delete_as(&admin, &format!("/config/{key}"));
        }
        let mut all = entries(&mail);
        all.rotate_left(turn);
        configure(&server, &admin, &all);
        forgot(&server, "joe@acme.example");
        assert_eq!(mail.mails(turn + 1)[turn]["authenticated"], true, "{all:?}");
    }
}

#[test]
fn another_mail_server_does_not_get_the_stored_password() {
    let (Some(mail), Some(other)) = (with_password(), with_password()) else { return };
    let server = TestServer::with(&[QUICK]);
    let admin = server.admin();
    server.user("joe@acme.example");
    configure(&server, &admin, &entries(&mail));
    forgot(&server, "joe@acme.example");
    mail.mails(1);

    // By an administrator over HTTP, and by one at the machine.
    for by_command in [false, true] {
        configure(&server, &admin, &entries(&mail));
        assert!(has_password(&server, &admin));
        if by_command {
            server.done(&["config", "set", "MAIL_SMTP_PORT", &other.port.to_string()], "");
        } else {
            configure(&server, &admin, &[("MAIL_SMTP_PORT", json!(other.port))]);
        }
        eventually(|| !has_password(&server, &admin));
    }
    let audit = server.get("/audit?kind=config-set", &admin).expect(200).json();
    assert_eq!(audit[0]["details"], json!({"key": "MAIL_SMTP_PORT", "cleared": "MAIL_SMTP_PASS"}));
    forgot(&server, "joe@acme.example");
    eventually(|| server.log().contains("answered 530"));
    assert_eq!(other.said("auth").len() + other.said("data").len(), 0);

    // Neither does it come back with the old port; and what was removed is not told by the log.
    configure(&server, &admin, &[("MAIL_SMTP_PORT", json!(mail.port))]);
    assert!(!has_password(&server, &admin) && !server.log().contains("mail-secret"));
    configure(&server, &admin, &entries(&other));
    assert!(!other.mails(1).is_empty());
}

#[test]
fn a_mail_server_that_is_taken_away_takes_its_password_along() {
    let server = TestServer::start();
    let admin = server.admin();
    let set = || {
        let all = [("MAIL_SMTP_HOST", json!("smtp.acme.example")), ("MAIL_SMTP_PASS", json!("mail-secret"))];
        configure(&server, &admin, &all);
        assert!(has_password(&server, &admin));
    };
    set();
    server.delete_as(&admin, "/config/MAIL_SMTP_HOST").expect(200);
    assert!(!has_password(&server, &admin));
    server.delete_as(&admin, "/config/MAIL_SMTP_PASS").error(404);
    set();
    configure(&server, &admin, &[("MAIL_SMTP_HOST", Value::Null)]);
    assert!(!has_password(&server, &admin));
    set();
    server.done(&["config", "unset", "MAIL_SMTP_HOST"], "");
    eventually(|| !has_password(&server, &admin));
    // What means the same changes nothing.
    set();
    configure(
        &server,
        &admin,
        &[("MAIL_SMTP_PORT", json!("465")), ("MAIL_SMTP_HOST", json!("SMTP.acme.example"))],
    );
    assert!(has_password(&server, &admin));
}
