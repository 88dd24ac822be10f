//! Mail for forgotten passwords, through a real mail server.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::receivers::{Certificate, MailServer, NOT_LISTED, Silence, configure};
use crate::support::{TestServer, eventually};

const QUICK: (&str, &str) = ("APPMIXER_DELIVERY__FIRST_RETRY", "100ms");

fn forgot(server: &TestServer, name: &str) {
    assert_eq!(
        server.post("/user/forgot-password", &json!({"email": name}).to_string()).expect(200).body,
        "{}"
    );
}

/// The code in a mail's link; a line may be broken by quoted-printable.
fn code(mail: &Value) -> String {
    let text = mail["data"].as_str().unwrap().replace("=\r\n", "").replace("=3D", "=");
    let (_, rest) = text.split_once("?code=").unwrap_or_else(|| panic!("{text}"));
    rest.split_whitespace().next().unwrap().to_owned()
}

fn entries(port: u16, host: &str) -> Vec<(&'static str, Value)> {
    vec![("MAIL_SMTP_HOST", json!(host)), ("MAIL_SMTP_PORT", json!(port))]
}

fn with_password(port: u16, host: &str) -> Vec<(&'static str, Value)> {
    let mut all = entries(port, host);
    all.extend([("MAIL_SMTP_USER", json!("mailer")), ("MAIL_SMTP_PASS", json!("mail-secret"))]);
    all
}

#[test]
fn a_mail_brings_a_link_that_works_over_a_plain_loopback_connection() {
    let Some(mail) = MailServer::start(&json!({"tls": "none", "user": "mailer", "password": "mail-secret"}))
    else {
        return;
    };
    let server = TestServer::with(&[QUICK]);
    let mut all = with_password(mail.port, "127.0.0.1");
    all.extend([
        ("APP_NAME", json!("Acme")),
        ("MAIL_FROM_NAME", json!("Žofie")),
        ("MAIL_FROM_EMAIL", json!("info@acme.example")),
    ]);
    configure(&server, &server.admin(), &all);
    server.user("joe@acme.example");
    forgot(&server, "joe@acme.example");
    let got = mail.mails(1).remove(0);
    assert_eq!((&got["mail_from"], &got["to"]), (&json!("info@acme.example"), &json!(["joe@acme.example"])));
    assert_eq!((&got["tls"], &got["authenticated"]), (&json!(false), &json!(true)));
    let text = got["data"].as_str().unwrap();
    for part in
        ["\r\nSubject: Acme: choose a new password\r\n", "\r\nDate: ", "MIME-Version: 1.0", "Message-ID: <"]
    {
        assert!(format!("\r\n{text}").contains(part), "{part}: {text}");
    }
    let body = json!({"code": code(&got), "password": "xyz987"}).to_string();
    server.post("/user/forgot-password/reset", &body).expect(200);
    server.sign_in("joe@acme.example", "xyz987").expect(200);
    server.assert_well();
    assert!(!server.log().contains("joe@acme") && !server.log().contains("mail-secret"));
}

#[test]
fn starttls_and_implicit_tls_work_with_a_certificate_that_is_trusted_and_no_other() {
    let certificate = Certificate::of_openssl();
    for tls in ["starttls", "implicit"] {
        let Some(mail) = MailServer::with(tls, &certificate) else { return };
        let server = TestServer::with(&[QUICK]);
        let mut all = with_password(mail.port, "localhost");
        all.push(("MAIL_SMTP_TLS", json!(tls)));
        configure(&server, &server.admin(), &all);
        server.user("joe@acme.example");
        forgot(&server, "joe@acme.example");
        eventually(|| server.log().contains(NOT_LISTED));
        assert_eq!(mail.said("data").len() + mail.said("auth").len(), 0, "{tls}: nothing to a stranger");

        let server = server.restart_with(&[("APPMIXER_DELIVERY__CA_FILE", &certificate.file())]);
        let got = mail.mails(1).remove(0);
        assert_eq!((&got["tls"], &got["authenticated"]), (&json!(true), &json!(true)), "{tls}");
        let body = json!({"code": code(&got), "password": "xyz987"}).to_string();
        server.post("/user/forgot-password/reset", &body).expect(200);
        server.assert_well();
    }
}

#[test]
fn the_text_is_the_operators_and_cannot_add_to_the_head() {
    let Some(mail) = MailServer::start(&json!({"tls": "none"})) else { return };
    let server = TestServer::with(&[QUICK]);
    let admin = server.admin();
    for key in ["APP_NAME", "MAIL_FROM_NAME", "FORGOT_PASSWORD_MAIL_SUBJECT"] {
        let entry = json!({"key": key, "value": "x\r\nBcc: all@acme.example"}).to_string();
        let answer = server.post_as(&admin, "/config", &entry).expect(400);
        assert_eq!(answer.json()["details"][0]["path"], "value");
    }
    let mut all = entries(mail.port, "127.0.0.1");
    let body = "Ahoj,\nklikni: {{link}}\n.\nžluťoučký kůň";
    all.extend([
        ("FORGOT_PASSWORD_MAIL_SUBJECT", json!("Zapomenuté heslo")),
        ("FORGOT_PASSWORD_MAIL_BODY", json!(body)),
    ]);
    configure(&server, &admin, &all);
    server.user("joe@acme.example");
    forgot(&server, "joe@acme.example");
    let got = mail.mails(1).remove(0);
    let text = got["data"].as_str().unwrap();
    assert!(text.contains("Subject: =?utf-8?") && text.is_ascii(), "{text}");
    assert!(text.contains("charset=utf-8"), "{text}");
}

#[test]
fn a_recipient_that_is_refused_is_given_up_and_not_named_in_the_log() {
    let Some(mail) = MailServer::start(&json!({"tls": "none", "refuse": "joe@acme.example"})) else { return };
    let server = TestServer::with(&[QUICK]);
    configure(&server, &server.admin(), &entries(mail.port, "127.0.0.1"));
    server.user("joe@acme.example");
    server.user("ann@acme.example");
    forgot(&server, "joe@acme.example");
    eventually(|| server.log().contains("given up"));
    assert!(server.log().contains("answered 550") && !server.log().contains("joe@acme"), "{}", server.log());
    forgot(&server, "ann@acme.example");
    assert_eq!(mail.mails(1)[0]["to"], json!(["ann@acme.example"]));
    assert_eq!(mail.said("refused").len(), 1);
}

#[test]
fn a_mail_server_that_was_down_gets_the_mail_when_it_is_up() {
    let Some(first) = MailServer::start(&json!({"tls": "none"})) else { return };
    let port = first.port;
    drop(first);
    let server = TestServer::with(&[QUICK]);
    configure(&server, &server.admin(), &entries(port, "127.0.0.1"));
    server.user("joe@acme.example");
    forgot(&server, "joe@acme.example");
    eventually(|| server.log().contains("could not be delivered"));
    let mail = MailServer::start(&json!({"tls": "none", "port": port})).unwrap();
    mail.mails(1);
}

#[test]
fn a_wrong_password_for_the_mail_server_can_be_mended() {
    let Some(mail) = MailServer::start(&json!({"tls": "none", "user": "mailer", "password": "mail-secret"}))
    else {
        return;
    };
    let (server, mut all) = (TestServer::with(&[QUICK]), with_password(mail.port, "127.0.0.1"));
    let admin = server.admin();
    all.push(("MAIL_SMTP_PASS", json!("wrong-secret")));
    configure(&server, &admin, &all);
    server.user("joe@acme.example");
    forgot(&server, "joe@acme.example");
    eventually(|| server.log().contains("could not be delivered") || server.log().contains("given up"));
    assert!(server.log().contains("answered 535"), "{}", server.log());
    configure(&server, &admin, &[("MAIL_SMTP_PASS", json!("mail-secret"))]);
    mail.mails(1);
}

#[test]
fn a_mail_server_that_never_answers_slows_nothing() {
    let silence = Silence::start();
    let server = TestServer::with(&[QUICK, ("APPMIXER_LIMITS__ACCOUNT_CODES", "100/1h")]);
    configure(&server, &server.admin(), &entries(silence.port, "127.0.0.1"));
    server.user("joe@acme.example");
    let started = Instant::now();
    for _ in 0..20 {
        forgot(&server, "joe@acme.example");
        forgot(&server, "nobody@acme.example");
    }
    eventually(|| silence.taken() > 0);
    // One attempt may take 30 s.
    assert!(started.elapsed() < Duration::from_secs(15));
    server.assert_well();
}
