//! What mails look like, and how much TLS they ask for.

use appmixer_core::{ConfigEntry, ConfigKey, Email, IdGenerator, MessageId, Timestamp};
use serde_json::{Value, json};

use super::*;
use crate::settings::Purpose;

fn mail(entries: &[(&str, Value)], name: &str) -> Result<String, String> {
    mail_with_code(Purpose::Reset, entries, name)
}

fn mail_with_code(purpose: Purpose, entries: &[(&str, Value)], name: &str) -> Result<String, String> {
    let now = Timestamp::from_seconds(1_700_000_000);
    let id = MessageId::new(IdGenerator::new([1; 8]).next(now));
    // As a store may have kept it: not checked.
    let entry =
        |(key, value): &(&str, Value)| ConfigEntry::from_store(ConfigKey::parse(key).unwrap(), value.clone());
    let mut all: Vec<_> = entries.iter().map(entry).collect();
    all.push(entry(&("MAIL_SMTP_HOST", json!("localhost"))));
    let settings = Settings(&all);
    let server = settings.mail_server().unwrap();
    let text = Text::with_code(&settings, purpose, "http://x/?a=1&code=C");
    match compose(&server, &Email::parse(name).unwrap(), id, now, text) {
        Ok(mail) => Ok(String::from_utf8(mail.formatted()).unwrap()),
        Err(Failure::Final(error)) => Err(error),
        Err(_) => Err("failed".to_owned()),
    }
}

#[test]
fn our_own_mail_has_the_link_how_long_it_is_good_and_a_proper_head() {
    let text = mail(&[("APP_NAME", json!("Acme"))], "joe@acme.example").unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    // Long lines are broken, and told apart by `=`.
    let body = body.replace("=\r\n", "").replace("=3D", "=");
    for line in [
        "From: Appmixer <info@appmixer.com>",
        "To: joe@acme.example",
        "Subject: Acme: choose a new password",
        "Date: Tue, 14 Nov 2023 22:13:20 +0000",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        "Auto-Submitted: auto-generated",
    ] {
        assert!(head.lines().any(|found| found == line), "{line}\n{head}");
    }
    assert!(head.contains("\r\nMessage-ID: <6553f100") && head.contains("@appmixer.com>"), "{head}");
    assert!(body.contains("\r\nhttp://x/?a=1&code=C\r\n") && body.contains("60 minutes"), "{body}");
}

#[test]
fn texts_from_the_configuration_cannot_add_to_the_head() {
    let evil = json!("x\r\nBcc: all@acme.example\r\n\r\nhello");
    for key in ["APP_NAME", "MAIL_FROM_NAME", "FORGOT_PASSWORD_MAIL_SUBJECT"] {
        let text = mail(&[(key, evil.clone())], "joe@acme.example").unwrap();
        let (head, _) = text.split_once("\r\n\r\n").unwrap();
        assert!(!head.lines().any(|line| line.starts_with("Bcc")), "{key}: {head}");
        assert!(head.contains("Auto-Submitted"), "{key}: {head}");
    }
    assert_eq!(mail(&[("MAIL_FROM_EMAIL", evil)], "joe@acme.example"), Err("failed".to_owned()));
}

#[test]
fn other_letters_are_encoded_and_a_body_that_begins_with_a_tag_is_html() {
    let entries = [
        ("FORGOT_PASSWORD_MAIL_SUBJECT", json!("Žluťoučký")),
        ("FORGOT_PASSWORD_MAIL_BODY", json!("<p>{{link}}</p>")),
    ];
    let text = mail(&entries, "joe@acme.example").unwrap();
    assert!(text.is_ascii() && text.contains("Subject: =?utf-8?"), "{text}");
    assert!(
        text.contains("text/html") && text.contains("<p>http://x/?a=3D1&amp;code=3DC</p>")
            || text.contains("<p>http://x/?a=1&amp;code=C</p>"),
        "{text}"
    );
}

#[test]
fn addresses_that_get_no_mail_are_refused_at_once() {
    for name in ["joe@acme", "joe@acme.example", "o'neil+x@acme", "jos\u{e9}@acme"] {
        assert!(mail(&[], name).is_ok(), "{name}");
    }
    for name in [
        "joe(x)@-",
        "joe@[127.0.0.1]",
        "joe@[IPv6:::1]",
        "joe@[::1]",
        "joe@127.0.0.1",
        "joe@::1",
        "joe@[x]",
        "joe@acme..example",
        "joe@a/b",
        "jo<e@acme",
        "joe@\u{ff11}27.0.0.1",
    ] {
        assert!(mail(&[], name).is_err_and(|error| error.contains("no mail can be sent")), "{name}");
    }
}

#[test]
fn domains_are_sent_in_ascii() {
    let sender = [("MAIL_FROM_EMAIL", json!("info@b\u{fc}cher.example"))];
    let text = mail(&sender, "joe@B\u{fc}cher.example").unwrap();
    let (head, _) = text.split_once("\r\n\r\n").unwrap();
    for part in
        ["To: joe@xn--bcher-kva.example\r\n", "<info@xn--bcher-kva.example>", "@xn--bcher-kva.example>\r\n"]
    {
        assert!(head.contains(part), "{part}: {head}");
    }
    assert!(text.is_ascii());
}

#[test]
fn the_link_goes_where_the_operator_wants_it() {
    let text = mail(&[("FORGOT_PASSWORD_MAIL_BODY", json!("a {{ link }} b"))], "joe@acme").unwrap();
    assert!(text.replace("=3D", "=").contains("a http://x/?a=1&code=C b"), "{text}");
}

#[test]
fn a_password_never_goes_over_a_wire_as_it_is() {
    let server = |host: &str, port, password: Option<&str>| MailServer {
        host: host.to_owned(),
        port,
        tls: None,
        helo: None,
        user: password.map(|_| "user".to_owned()),
        password: password.map(|text| text.to_owned().into()),
        from_name: String::new(),
        from_email: String::new(),
    };
    for (host, port, password, expected) in [
        ("smtp.acme", 465, Some("x"), Encryption::First),
        ("127.0.0.1", 465, None, Encryption::First),
        ("smtp.acme", 587, Some("x"), Encryption::Required),
        ("localhost.acme", 25, Some("x"), Encryption::Required),
        ("127.0.0.1.acme", 25, Some("x"), Encryption::Required),
        ("smtp.acme", 25, None, Encryption::IfOffered),
        ("127.0.0.2", 25, Some("x"), Encryption::IfOffered),
        ("LOCALHOST", 25, Some("x"), Encryption::IfOffered),
        ("::1", 25, Some("x"), Encryption::IfOffered),
        ("::ffff:127.0.0.1", 25, Some("x"), Encryption::IfOffered),
    ] {
        assert_eq!(encryption(&server(host, port, password)), expected, "{host}:{port}");
    }
    let asked = |tls| encryption(&MailServer { tls: Some(tls), ..server("localhost", 465, None) });
    assert_eq!(asked(MailTls::Implicit), Encryption::First);
    assert_eq!(asked(MailTls::StartTls), Encryption::Required);
}

#[test]
fn a_mail_that_confirms_an_address_has_its_own_texts() {
    let own = mail_with_code(Purpose::Confirm, &[("APP_NAME", json!("Acme"))], "joe@acme.example").unwrap();
    assert!(own.contains("Subject: Acme: confirm your email address\r\n"), "{own}");
    assert!(own.contains("within 24 hours") && own.contains("http://x/?a"), "{own}");
    let entries = [
        ("CONFIRM_MAIL_SUBJECT", json!("Welcome")),
        ("CONFIRM_MAIL_BODY", json!("<p>{{link}}</p>")),
        ("FORGOT_PASSWORD_MAIL_BODY", json!("another mail")),
    ];
    let set = mail_with_code(Purpose::Confirm, &entries, "joe@acme.example").unwrap();
    assert!(set.contains("Subject: Welcome\r\n") && set.contains("text/html"), "{set}");
    assert!(!set.contains("another mail"), "{set}");
}
