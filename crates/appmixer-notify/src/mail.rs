//! Mail: the message as text, and its way to the mail server.

mod compose;
mod connection;
mod reply;
mod session;

use std::net::IpAddr;
use std::sync::Arc;

use appmixer_core::{Email, MailTest, MailTls, Message as Waiting, MessageId, SUBMISSIONS_PORT, Timestamp};
use rustls::ClientConfig;
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
    let tls = tls_config(options).await.map_err(Failure::Unusable)?;
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

/// Reads the system's authorities: not for the threads that serve requests.
async fn tls_config(options: &NotifyOptions) -> Result<Arc<ClientConfig>, String> {
    let ca_file = options.ca_file.clone();
    let config = spawn_blocking(move || appmixer_tls::client_config(ca_file.as_deref()));
    let config = config.await.map_err(|error| error.to_string())?;
    config.map(Arc::new).map_err(|error| format!("delivery.ca_file, {error}"))
}

#[cfg(test)]
mod tests;
