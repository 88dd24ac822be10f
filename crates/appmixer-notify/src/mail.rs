//! Mail: the message as text, and its way to the mail server.

mod compose;
mod reply;
mod session;

use std::net::IpAddr;

use appmixer_core::{Email, MailTest, MailTls, Message as Waiting, MessageId, SUBMISSIONS_PORT, Timestamp};
use lettre::transport::smtp::client::{Certificate, TlsParameters};
use tokio::task::spawn_blocking;

use self::compose::{Text, compose};
use self::session::{Failure, deliver};
use crate::NotifyOptions;
use crate::lane::{Outcome, Sent};
use crate::settings::{MailServer, Settings};

/// Delivers a code.
pub(crate) async fn send(
    options: &NotifyOptions,
    settings: &Settings<'_>,
    waiting: &Waiting,
    sent: &Sent,
) -> Outcome {
    let text = Text::with_code(settings, sent.purpose, &sent.link);
    let to = &sent.user.names.email;
    match try_send(options, settings, to, waiting.id, waiting.created, text).await {
        Ok(_) => Outcome::Delivered,
        Err(failure) => failure.into(),
    }
}

/// Sends a test mail once. Its answer is for the administrator who asked for it, and repeats what the server said.
pub(crate) async fn send_test(
    options: &NotifyOptions,
    settings: &Settings<'_>,
    to: &Email,
    id: MessageId,
    now: Timestamp,
) -> MailTest {
    let sent = try_send(options, settings, to, id, now, Text::of_test(settings)).await;
    let is_taken = sent.is_ok();
    let answer = sent.unwrap_or_else(|failure| match failure {
        Failure::Refused(reply) => format!("{reply}; it said: {}", reply.text),
        Failure::Final(why) | Failure::Unusable(why) => why,
    });
    // What a server says may be anything.
    let answer = answer.chars().filter(|char| !char.is_control()).take(MAX_ANSWER_CHARS).collect();
    MailTest { is_taken, answer }
}

/// The longest answer to a test mail.
const MAX_ANSWER_CHARS: usize = 1000;

/// Sends a mail; answers with what the server said when it took it.
async fn try_send(
    options: &NotifyOptions,
    settings: &Settings<'_>,
    to: &Email,
    id: MessageId,
    written: Timestamp,
    text: Text,
) -> Result<String, Failure> {
    let server = settings.mail_server();
    let server = server.ok_or_else(|| Failure::Final("MAIL_SMTP_HOST is not set".to_owned()))?;
    let mail = compose(&server, to, id, written, text)?;
    let tls = tls_parameters(&server, options).await.map_err(Failure::Unusable)?;
    deliver(&server, tls, options.timeout, &mail).await
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
        None if server.port == SUBMISSIONS_PORT => Encryption::First,
        None if server.password.is_some() && !is_loopback(&server.host) => Encryption::Required,
        None => Encryption::IfOffered,
    }
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

async fn tls_parameters(server: &MailServer, options: &NotifyOptions) -> Result<TlsParameters, String> {
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
    parameters.await.unwrap_or_else(|error| Err(error.to_string()))
}

#[cfg(test)]
mod tests;
