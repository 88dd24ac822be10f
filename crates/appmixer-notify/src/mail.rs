//! Mail: the message as text, and its way to the mail server.

use std::net::IpAddr;
use std::time::{Duration, UNIX_EPOCH};

use appmixer_core::{Message as Waiting, RESET_CODE_LIFETIME};
use lettre::message::header::{ContentType, HeaderName, HeaderValue, MIME_VERSION_1_0};
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::{AsyncSmtpTransport, Error};
use lettre::{Address, AsyncTransport as _, Tokio1Executor};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::NotifyOptions;
use crate::lane::{Outcome, Reset};
use crate::settings::{MailServer, MailTls, Settings};

/// The port on which TLS comes first (RFC 8314 section 3.3).
const TLS_FIRST: u16 = 465;

type Transport = AsyncSmtpTransport<Tokio1Executor>;

pub(crate) async fn send(
    options: &NotifyOptions,
    settings: &Settings<'_>,
    waiting: &Waiting,
    reset: &Reset,
) -> Outcome {
    let Some(server) = settings.mail_server() else {
        return Outcome::Refused("MAIL_SMTP_HOST is not set any more".to_owned());
    };
    let mail = match compose(settings, &server, waiting, reset) {
        Ok(mail) => mail,
        Err(outcome) => return outcome,
    };
    let sending = async {
        let transport = transport(server, options).await?;
        transport.send(mail).await.map_err(|error| judge(&error))
    };
    match timeout(options.timeout, sending).await {
        Ok(Ok(_)) => Outcome::Delivered,
        Ok(Err(outcome)) => outcome,
        Err(_) => Outcome::Failed("the mail server did not answer in time".to_owned()),
    }
}

/// The mail. Whatever comes from the configuration cannot end a line of its head.
fn compose(
    settings: &Settings<'_>,
    server: &MailServer,
    waiting: &Waiting,
    reset: &Reset,
) -> Result<Message, Outcome> {
    let from = server.from_email.parse::<Address>();
    let from = from.map_err(|_| Outcome::Failed("MAIL_FROM_EMAIL is no address".to_owned()))?;
    let to = reset.user.names.email.as_str().parse::<Address>();
    // A user's name need only look like an address.
    let to = to.map_err(|_| Outcome::Refused("no mail can be sent to the user's address".to_owned()))?;
    let id = format!("<{}@{}>", waiting.id, from.domain());
    let app = one_line(settings.app_name());
    let subject = settings.mail_subject().map_or_else(|| format!("{app}: choose a new password"), one_line);
    let written = UNIX_EPOCH + Duration::from_millis(waiting.created.millis().unsigned_abs());

    let builder = Message::builder()
        .from(Mailbox::new(Some(one_line(&server.from_name)), from))
        .to(Mailbox::new(None, to))
        .date(written)
        .message_id(Some(id))
        .subject(subject);
    let (kind, text) = match settings.mail_body() {
        None => (ContentType::TEXT_PLAIN, own_text(&app, &reset.link)),
        Some(body) if is_html(body) => {
            (ContentType::TEXT_HTML, body.replace("{{link}}", &escape_html(&reset.link)))
        }
        Some(body) => (ContentType::TEXT_PLAIN, body.replace("{{link}}", &reset.link)),
    };
    let mail = builder.header(MIME_VERSION_1_0).header(kind).body(text);
    let mut mail = mail.map_err(|_| Outcome::Failed("the mail could not be written".to_owned()))?;
    // So that no machine answers it (RFC 3834 section 5).
    let name = HeaderName::new_from_ascii_str("Auto-Submitted");
    mail.headers_mut().insert_raw(HeaderValue::new(name, "auto-generated".to_owned()));
    Ok(mail)
}

fn own_text(app: &str, link: &str) -> String {
    let minutes = RESET_CODE_LIFETIME.as_secs() / 60;
    format!(
        "Hello,\n\nsomebody, probably you, has asked for a new password for your account at {app}.\n\
         To choose one, open this link within {minutes} minutes; it works once:\n\n{link}\n\n\
         If it was not you, there is nothing to do: your password stays as it is.\n"
    )
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

/// How much TLS there must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encryption {
    First,
    Required,
    IfOffered,
}

/// A password never goes over the wire as it is; to this machine there is no wire.
fn encryption(server: &MailServer) -> Encryption {
    match server.tls {
        Some(MailTls::Implicit) => Encryption::First,
        Some(MailTls::StartTls) => Encryption::Required,
        None if server.port == TLS_FIRST => Encryption::First,
        None if server.password.is_some() && !is_loopback(&server.host) => Encryption::Required,
        None => Encryption::IfOffered,
    }
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

async fn transport(server: MailServer, options: &NotifyOptions) -> Result<Transport, Outcome> {
    let (host, ca_file) = (server.host.clone(), options.ca_file.clone());
    // Reads the system's authorities: not for the threads that serve requests.
    let parameters = spawn_blocking(move || -> Result<TlsParameters, String> {
        let mut builder = TlsParameters::builder(host);
        let authorities = ca_file.as_deref().map(appmixer_tls::authorities).transpose();
        let authorities = authorities.map_err(|error| format!("delivery.ca_file, {error}"))?;
        for certificate in authorities.unwrap_or_default() {
            let certificate = Certificate::from_der(certificate.to_vec());
            builder = builder.add_root_certificate(certificate.map_err(|error| error.to_string())?);
        }
        builder.build().map_err(|error| error.to_string())
    });
    let parameters = parameters.await.unwrap_or_else(|error| Err(error.to_string()));
    let parameters = parameters.map_err(Outcome::Failed)?;
    let encryption = match encryption(&server) {
        Encryption::First => Tls::Wrapper(parameters),
        Encryption::Required => Tls::Required(parameters),
        Encryption::IfOffered => Tls::Opportunistic(parameters),
    };
    let mut builder = Transport::builder_dangerous(server.host)
        .port(server.port)
        .tls(encryption)
        .timeout(Some(options.timeout));
    if let (Some(user), Some(password)) = (server.user, server.password) {
        builder = builder.credentials(Credentials::new(user, password.to_string()));
    }
    Ok(builder.build())
}

/// What the server says may repeat the user's address: of its answers only the number is told.
fn judge(error: &Error) -> Outcome {
    let Some(code) = error.status() else {
        let text = if error.is_timeout() { "timed out".to_owned() } else { innermost(error) };
        return Outcome::Failed(format!("the mail server cannot be used: {text}"));
    };
    let number: u16 = code.into();
    let text = format!("the mail server answered {number}");
    // 53x is about us and how we sign in: an administrator can mend that.
    match number {
        500..=529 | 540..=599 => Outcome::Refused(text),
        _ => Outcome::Failed(text),
    }
}

fn innermost(error: &Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests;
