//! One mail over one SMTP connection (RFC 5321), command by command, so that a refusal tells what was refused.

use std::sync::Arc;
use std::time::Duration;

use lettre::Message;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use lettre::transport::smtp::response::Response;
use rustls::ClientConfig;
use tokio::time::timeout;

use super::connection::connect;
use super::reply::{Command, Reply};
use crate::lane::Outcome;
use crate::settings::MailServer;

/// The longest wait for the answer to `QUIT`: the mail is taken or refused before.
const QUIT_TIMEOUT: Duration = Duration::from_secs(2);

const MECHANISMS: &[Mechanism] = &[Mechanism::Plain, Mechanism::Login];

/// Why a mail was not taken.
pub(super) enum Failure {
    /// The server has refused something.
    Refused(Reply),
    /// The mail can never be sent.
    Final(String),
    /// There was no usable answer.
    Unusable(String),
}

impl From<Failure> for Outcome {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(reply) if reply.is_final() => Self::Refused(reply.to_string()),
            Failure::Refused(reply) => Self::Failed(reply.to_string()),
            Failure::Final(why) => Self::Refused(why),
            Failure::Unusable(why) => Self::Failed(why),
        }
    }
}

/// Delivers a mail; answers with the server's last reply.
pub(super) async fn deliver(
    server: &MailServer,
    tls: Arc<ClientConfig>,
    limit: Duration,
    mail: &Message,
) -> Result<String, Failure> {
    let conversation = async {
        let mut smtp = connect(server, tls, &hello(server)).await?;
        let answer = converse(&mut smtp, server, mail).await;
        Ok((smtp, answer))
    };
    let in_time = timeout(limit, conversation).await;
    let (mut smtp, answer) =
        in_time.map_err(|_| Failure::Unusable("the mail server did not answer in time".to_owned()))??;
    let _ = timeout(QUIT_TIMEOUT, smtp.abort()).await;
    answer
}

async fn converse(
    smtp: &mut AsyncSmtpConnection,
    server: &MailServer,
    mail: &Message,
) -> Result<String, Failure> {
    if let (Some(user), Some(password)) = (&server.user, &server.password) {
        let credentials = Credentials::new(user.clone(), password.to_string());
        smtp.auth(MECHANISMS, &credentials).await.map_err(failure(Command::Auth))?;
    }
    let envelope = mail.envelope();
    let content = mail.formatted();
    let mut parameters = Vec::new();
    let is_ascii = envelope.to().iter().chain(envelope.from()).all(|address| address.to_string().is_ascii());
    if !is_ascii {
        if !smtp.server_info().supports_feature(Extension::SmtpUtfEight) {
            return Err(Failure::Final(
                "the mail server takes only ASCII addresses (no SMTPUTF8)".to_owned(),
            ));
        }
        parameters.push(MailParameter::SmtpUtfEight);
    }
    if !content.is_ascii() {
        parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
    }
    let from = Mail::new(envelope.from().cloned(), parameters);
    smtp.command(from).await.map_err(failure(Command::MailFrom))?;
    for to in envelope.to() {
        smtp.command(Rcpt::new(to.clone(), Vec::new())).await.map_err(failure(Command::Recipient))?;
    }
    smtp.command(Data).await.map_err(failure(Command::Data))?;
    let taken = smtp.message(&content).await.map_err(failure(Command::Data))?;
    Ok(said(&taken))
}

/// The name in `EHLO`: as configured, else the machine's own.
fn hello(server: &MailServer) -> ClientId {
    use std::net::IpAddr;
    match server.helo.as_deref().map(|name| (name, name.parse())) {
        Some((_, Ok(IpAddr::V4(address)))) => ClientId::Ipv4(address),
        Some((_, Ok(IpAddr::V6(address)))) => ClientId::Ipv6(address),
        Some((name, Err(_))) => ClientId::Domain(name.to_owned()),
        None => ClientId::default(),
    }
}

fn said(response: &Response) -> String {
    let lines: Vec<_> = response.message().collect();
    format!("{} {}", response.code(), lines.join(" "))
}

pub(super) fn failure(command: Command) -> impl Fn(Error) -> Failure {
    move |error| {
        if let Some(reply) = Reply::of(command, &error) {
            return Failure::Refused(reply);
        }
        if error.is_timeout() {
            return Failure::Unusable("the mail server cannot be used: timed out".to_owned());
        }
        unusable(&error)
    }
}

/// There is no connection, or it has broken.
pub(super) fn unusable(error: &(dyn std::error::Error + 'static)) -> Failure {
    let text = appmixer_tls::refusal(error).unwrap_or_else(|| innermost(error));
    Failure::Unusable(format!("the mail server cannot be used: {text}"))
}

fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}
