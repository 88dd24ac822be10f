//! What a mail server refuses: the recipient for good, and this server until an administrator has corrected it.

use serde_json::{Value, json};

use crate::receivers::{MailServer, configure};
use crate::support::{TestServer, eventually};

const QUICK: (&str, &str) = ("APPMIXER_DELIVERY__FIRST_RETRY", "100ms");

/// A server that sends mail there, and the administrator's token.
fn sending_to(mail: &MailServer) -> (TestServer, String) {
    let server = TestServer::with(&[QUICK]);
    let admin = server.admin();
    let entries = [("MAIL_SMTP_HOST", json!("127.0.0.1")), ("MAIL_SMTP_PORT", json!(mail.port))];
    configure(&server, &admin, &entries);
    (server, admin)
}

fn forgot(server: &TestServer, name: &str) {
    server.user(name);
    server.post("/user/forgot-password", &json!({ "email": name }).to_string()).expect(200);
}

fn options(replies: &Value) -> Value {
    json!({ "tls": "none", "utf8": false, "replies": replies })
}

#[test]
fn refusals_of_this_server_are_tried_again_and_named_in_the_log() {
    for (replies, named) in [
        (
            json!({"EHLO": ["504 5.5.2 box: Helo command rejected: need fully-qualified hostname"]}),
            "MAIL_SMTP_HELO",
        ),
        (json!({"MAIL": ["530 5.7.0 Authentication required"]}), "MAIL_SMTP_USER"),
        (json!({"MAIL": ["550 5.7.1 sender rejected"]}), "MAIL_FROM_EMAIL"),
        (json!({"RCPT": ["550 relaying denied"]}), "does not relay"),
        (json!({"RCPT": ["554 5.7.1 <joe@acme.example>: Relay access denied"]}), "does not relay"),
        (json!({"RCPT": ["554 5.7.1 Client host [192.0.2.1] blocked"]}), "refuses this server"),
        (json!({"RCPT": ["504 5.5.2 <box>: Helo command rejected"]}), "MAIL_SMTP_HELO"),
        (json!({"DATA": ["554 5.7.1 your address is on a list"]}), "refuses the content or the sender"),
    ] {
        let Some(mail) = MailServer::start(&options(&replies)) else { return };
        let (server, _) = sending_to(&mail);
        forgot(&server, "joe@acme.example");
        assert_eq!(mail.mails(1)[0]["to"], json!(["joe@acme.example"]), "{replies}");
        let log = server.log();
        assert!(log.contains(named) && log.contains("it is tried again"), "{replies}: {log}");
        assert!(!log.contains("joe@acme") && !log.contains("given up"), "{replies}: {log}");
        eventually(|| server.log().contains("a message is delivered"));
    }
}

#[test]
fn a_refused_recipient_is_given_up_at_once() {
    for reply in
        ["550 5.1.1 no such mailbox", "550 No such user here", "552 5.2.2 mailbox full", "556 5.1.10 null MX"]
    {
        let Some(mail) = MailServer::start(&options(&json!({ "RCPT": [reply] }))) else { return };
        let (server, _) = sending_to(&mail);
        forgot(&server, "joe@acme.example");
        eventually(|| server.log().contains("given up"));
        forgot(&server, "ann@acme.example");
        assert_eq!(mail.mails(1)[0]["to"], json!(["ann@acme.example"]), "{reply}");
        assert_eq!(mail.said("said").len(), 1, "{reply}");
    }
}

#[test]
fn addresses_that_no_mail_reaches_are_given_up_without_asking_the_mail_server() {
    let Some(mail) = MailServer::start(&options(&json!({}))) else { return };
    let (server, _) = sending_to(&mail);
    for (number, name) in
        ["v@[127.0.0.1]", "v@[IPv6:::1]", "v@127.0.0.1", "v@acme..example"].iter().enumerate()
    {
        forgot(&server, name);
        eventually(|| server.log().matches("given up").count() == number + 1);
    }
    // Without SMTPUTF8, a local part beyond ASCII cannot be delivered either.
    forgot(&server, "jos\u{e9}@acme.example");
    eventually(|| server.log().matches("given up").count() == 5);
    assert_eq!(mail.said("data").len(), 0);
    assert!(!server.log().contains("tried again"), "{}", server.log());
}

#[test]
fn a_domain_beyond_ascii_is_sent_as_a_labels_to_a_server_without_smtputf8() {
    let Some(mail) = MailServer::start(&options(&json!({}))) else { return };
    let (server, admin) = sending_to(&mail);
    let entries = [
        ("MAIL_FROM_EMAIL", json!("info@b\u{fc}cher.example")),
        ("APPMIXER_FE_URL", json!("https://b\u{fc}cher.example/app")),
        ("MAIL_SMTP_HELO", json!("mail.b\u{fc}cher.example")),
        ("RESET_PASSWORD_FE_URL_SUFFIX", json!("reset?lang=en")),
        ("FORGOT_PASSWORD_MAIL_BODY", json!("{{ link }}")),
    ];
    configure(&server, &admin, &entries);
    forgot(&server, "joe@B\u{fc}cher.example");
    let got = mail.mails(1).remove(0);
    assert_eq!(got["to"], json!(["joe@xn--bcher-kva.example"]));
    assert_eq!(got["mail_from"], "info@xn--bcher-kva.example");
    assert_eq!(got["helo"], "mail.xn--bcher-kva.example");
    let text = got["data"].as_str().unwrap().replace("=\r\n", "").replace("=3D", "=");
    assert!(text.contains("https://xn--bcher-kva.example/app/reset?lang=en&code="), "{text}");
}
