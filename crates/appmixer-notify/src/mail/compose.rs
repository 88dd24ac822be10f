//! What a mail looks like. Nothing that comes from the configuration can end a line of its head.

use std::net::IpAddr;
use std::time::{Duration, UNIX_EPOCH};

use appmixer_core::{
    CONFIRMATION_CODE_LIFETIME, Email, MessageId, RESET_CODE_LIFETIME, Timestamp, ascii_domain, with_link,
};
use lettre::Address;
use lettre::message::header::{ContentType, HeaderName, HeaderValue, MIME_VERSION_1_0};
use lettre::message::{Mailbox, Message};

use super::session::Failure;
use crate::settings::{MailServer, Purpose, Settings};

/// What a mail says.
pub(super) struct Text {
    pub(super) subject: String,
    pub(super) kind: ContentType,
    pub(super) body: String,
}

impl Text {
    /// What the mail with a code says.
    pub(super) fn with_code(settings: &Settings<'_>, purpose: Purpose, link: &str) -> Self {
        let app = one_line(settings.app_name());
        let own_subject = || match purpose {
            Purpose::Reset => format!("{app}: choose a new password"),
            Purpose::Confirm => format!("{app}: confirm your email address"),
        };
        let subject = settings.mail_subject(purpose).map_or_else(own_subject, one_line);
        let (kind, body) = match settings.mail_body(purpose) {
            None => (ContentType::TEXT_PLAIN, own_text(purpose, &app, link)),
            Some(body) if is_html(body) => (ContentType::TEXT_HTML, with_link(body, &escape_html(link))),
            Some(body) => (ContentType::TEXT_PLAIN, with_link(body, link)),
        };
        Self { subject, kind, body }
    }

    /// What a test mail says.
    pub(super) fn of_test(settings: &Settings<'_>) -> Self {
        let app = one_line(settings.app_name());
        Self {
            subject: format!("{app}: test mail"),
            kind: ContentType::TEXT_PLAIN,
            body: format!("Hello,\n\nan administrator of {app} sent this mail to test the mail settings.\n"),
        }
    }
}

/// The mail, from the configured sender.
pub(super) fn compose(
    server: &MailServer,
    to: &Email,
    id: MessageId,
    written: Timestamp,
    text: Text,
) -> Result<Message, Failure> {
    let sender = address(&server.from_email);
    let from = sender.ok_or_else(|| Failure::Unusable("MAIL_FROM_EMAIL is not an address".to_owned()))?;
    // A user's name need only look like an address.
    let to = address(to.as_str()).filter(|to| is_host_name(to.domain()));
    let to = to.ok_or_else(|| Failure::Final("no mail can be sent to the user's address".to_owned()))?;
    let id = format!("<{id}@{}>", from.domain());
    let written = UNIX_EPOCH + Duration::from_millis(written.millis().unsigned_abs());
    let mail = Message::builder()
        .from(Mailbox::new(Some(one_line(&server.from_name)), from))
        .to(Mailbox::new(None, to))
        .date(written)
        .message_id(Some(id))
        .subject(text.subject)
        .header(MIME_VERSION_1_0)
        .header(text.kind)
        .body(text.body);
    let mut mail = mail.map_err(|_| Failure::Unusable("the mail could not be written".to_owned()))?;
    // So that no machine answers it (RFC 3834 section 5).
    let name = HeaderName::new_from_ascii_str("Auto-Submitted");
    mail.headers_mut().insert_raw(HeaderValue::new(name, "auto-generated".to_owned()));
    Ok(mail)
}

/// An address with its domain in ASCII, which needs no SMTPUTF8 (RFC 6531) at the mail server.
fn address(text: &str) -> Option<Address> {
    let (local, domain) = text.rsplit_once('@')?;
    Address::new(local, ascii_domain(domain)?).ok()
}

/// Whether a domain is a name. IP addresses, in brackets (RFC 5321, section 4.1.3) or without, are no places of people.
fn is_host_name(domain: &str) -> bool {
    let is_of_a_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    domain.bytes().all(is_of_a_name) && domain.parse::<IpAddr>().is_err()
}

fn own_text(purpose: Purpose, app: &str, link: &str) -> String {
    match purpose {
        Purpose::Reset => {
            let minutes = RESET_CODE_LIFETIME.as_secs() / 60;
            format!(
                "Hello,\n\nsomebody, probably you, has asked for a new password for your account at {app}.\n\
                 To choose one, open this link within {minutes} minutes; it works once:\n\n{link}\n\n\
                 If it was not you, there is nothing to do: your password stays as it is.\n"
            )
        }
        Purpose::Confirm => {
            let hours = CONFIRMATION_CODE_LIFETIME.as_secs() / 3600;
            format!(
                "Hello,\n\nsomebody, probably you, has an account at {app} with this email address.\n\
                 To confirm the address, open this link within {hours} hours and enter your password; it works once:\n\n\
                 {link}\n\n\
                 If it was not you, there is nothing to do: without the password the address stays unconfirmed.\n"
            )
        }
    }
}

fn one_line(text: &str) -> String {
    text.chars().map(|char| if char.is_control() { ' ' } else { char }).collect()
}

/// A body that begins with a tag is HTML.
fn is_html(body: &str) -> bool {
    body.trim_start().starts_with('<')
}

fn escape_html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
