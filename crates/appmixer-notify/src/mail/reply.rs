//! What a mail server's refusal means: whether the recipient is refused, which is final, or this server, which an
//! administrator can correct.

use std::error::Error as _;
use std::fmt;

use lettre::transport::smtp::Error;

/// What the refusal answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// The connection and `EHLO`.
    Hello,
    StartTls,
    Auth,
    MailFrom,
    Recipient,
    /// `DATA`, and what follows it.
    Data,
}

impl Command {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Hello => "EHLO",
            Self::StartTls => "STARTTLS",
            Self::Auth => "AUTH",
            Self::MailFrom => "MAIL FROM",
            Self::Recipient => "RCPT TO",
            Self::Data => "DATA",
        }
    }
}

/// A negative reply (RFC 5321, section 4.2).
#[derive(Debug)]
pub(super) struct Reply {
    command: Command,
    code: u16,
    /// The enhanced status code (RFC 3463), where there is one.
    enhanced: Option<[u16; 3]>,
    /// What the server said. It may repeat the recipient's address: not for logs.
    pub(super) text: String,
}

impl Reply {
    /// The reply behind an error; `None` if there was none.
    pub(super) fn of(command: Command, error: &Error) -> Option<Self> {
        let code = error.status()?;
        let text = error.source().map(ToString::to_string).unwrap_or_default();
        Some(Self::new(command, code.into(), text))
    }

    fn new(command: Command, code: u16, text: String) -> Self {
        Self { command, code, enhanced: enhanced(&text), text }
    }

    /// Whether no later attempt can succeed: the recipient is refused, and not this server or its sender.
    pub(super) fn is_final(&self) -> bool {
        if !(500..600).contains(&self.code) {
            return false;
        }
        match (self.command, self.enhanced) {
            // 5.1.7 to 5.1.9 are about the sender's address.
            (Command::Recipient | Command::Data, Some([5, 1, detail])) => !matches!(detail, 7..=9),
            // The mailbox, and an address that needs SMTPUTF8 further on.
            (Command::Recipient | Command::Data, Some([5, 2, _] | [5, 6, 7 | 9])) => true,
            (Command::Recipient, None) => match self.code {
                501 | 556 => true,
                550..=553 => !self.is_about_us(),
                _ => false,
            },
            _ => false,
        }
    }

    /// Whether the text of a reply without an enhanced code says that this server or its sender is refused.
    fn is_about_us(&self) -> bool {
        const WORDS: &[&str] = &[
            "relay",
            "rcpthosts",
            "authent",
            "auth ",
            "sender",
            "helo",
            "client host",
            "block",
            "spam",
            "your ip",
        ];
        let text = self.text.to_lowercase();
        !text.contains("unknown") && WORDS.iter().any(|word| text.contains(word))
    }

    /// What is refused, and what to set; nothing where the reply does not say.
    fn meaning(&self) -> &'static str {
        let text = self.text.to_lowercase();
        match (self.command, self.code, self.enhanced) {
            (_, 400..=499, _) => "",
            (Command::Auth, ..) => ": it refuses MAIL_SMTP_USER and MAIL_SMTP_PASS",
            (_, 530, _) => ": it requires MAIL_SMTP_USER and MAIL_SMTP_PASS",
            (Command::StartTls, ..) => ": it refuses TLS, see MAIL_SMTP_TLS",
            (Command::Hello, 521 | 554 | 556, _) => ": it refuses the address of this server",
            (Command::Hello, ..) | (_, 504, _) => ": it refuses the name of this server, see MAIL_SMTP_HELO",
            _ if text.contains("helo") => ": it refuses the name of this server, see MAIL_SMTP_HELO",
            _ if self.is_final() => ": it refuses the recipient",
            (Command::MailFrom, ..) | (_, _, Some([5, 1, 7..=9])) => {
                ": it refuses the sender, see MAIL_FROM_EMAIL"
            }
            (Command::Recipient, ..) if text.contains("relay") => {
                ": it does not relay for this server, see MAIL_SMTP_HOST, MAIL_SMTP_USER and MAIL_SMTP_PASS"
            }
            (Command::Recipient, ..) => ": it refuses this server or the sender, see MAIL_FROM_EMAIL",
            (Command::Data, ..) => ": it refuses the content or the sender",
        }
    }
}

/// Without the server's text.
impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the mail server answered {}", self.code)?;
        if let Some([class, subject, detail]) = self.enhanced {
            write!(f, " {class}.{subject}.{detail}")?;
        }
        write!(f, " to {}{}", self.command.as_str(), self.meaning())
    }
}

/// The enhanced code: the first word (RFC 2034), or `(#5.7.1)` at the end.
fn enhanced(text: &str) -> Option<[u16; 3]> {
    let first = text.split_whitespace().next();
    let marked = text.split_whitespace().filter_map(|word| word.strip_prefix("(#")?.split(')').next());
    first.into_iter().chain(marked).find_map(|word| {
        let mut numbers = word.split('.').map(|number| number.parse().ok());
        let code = [numbers.next()??, numbers.next()??, numbers.next()??];
        (numbers.next().is_none() && matches!(code[0], 2 | 4 | 5)).then_some(code)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_recipient_is_final_and_a_refused_server_is_not() {
        use Command::{Auth, Data, Hello, MailFrom, Recipient, StartTls};
        for (command, code, text, is_final, meaning) in [
            (Recipient, 550, "5.1.1 <joe@acme>: Recipient address rejected: User unknown", true, "recipient"),
            (Recipient, 550, "5.1.1 <j@a>: User unknown in relay recipient table", true, "recipient"),
            (Recipient, 550, "No such user here", true, "recipient"),
            (Recipient, 550, "User unknown in relay recipient table", true, "recipient"),
            (Recipient, 552, "5.2.2 Mailbox full", true, "recipient"),
            (Recipient, 550, "5.2.1 The email account is disabled", true, "recipient"),
            (Recipient, 556, "5.1.10 Domain does not accept mail", true, "recipient"),
            (Recipient, 501, "Bad address syntax", true, "recipient"),
            (Data, 550, "5.1.1 No such user", true, "recipient"),
            (Recipient, 550, "relaying denied", false, "relay"),
            (Recipient, 550, "5.7.1 Relaying denied", false, "relay"),
            (Recipient, 550, "5.7.54 SMTP; Unable to relay recipient in non-accepted domain", false, "relay"),
            (Recipient, 554, "5.7.1 <joe@acme>: Relay access denied", false, "relay"),
            (
                Recipient,
                553,
                "sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)",
                false,
                "sender",
            ),
            (
                Recipient,
                554,
                "5.7.1 <info@x>: Sender address rejected: Access denied",
                false,
                "MAIL_FROM_EMAIL",
            ),
            (
                Recipient,
                550,
                "5.1.8 <info@x>: Sender address rejected: Domain not found",
                false,
                "MAIL_FROM_EMAIL",
            ),
            (
                Recipient,
                554,
                "5.7.1 Service unavailable; Client host [192.0.2.1] blocked",
                false,
                "this server",
            ),
            (
                Recipient,
                504,
                "5.5.2 <box>: Helo command rejected: need fully-qualified name",
                false,
                "MAIL_SMTP_HELO",
            ),
            (Recipient, 550, "Authentication required", false, ""),
            (Recipient, 530, "5.7.0 Authentication required", false, "MAIL_SMTP_USER"),
            (Recipient, 450, "4.2.0 Greylisted", false, ""),
            (Hello, 504, "5.5.2 box: Helo command rejected", false, "MAIL_SMTP_HELO"),
            (Hello, 554, "5.7.1 No SMTP service here", false, "address of this server"),
            (StartTls, 554, "no", false, "MAIL_SMTP_TLS"),
            (Auth, 535, "5.7.8 Bad credentials", false, "MAIL_SMTP_PASS"),
            (Auth, 534, "5.7.9 too weak", false, "MAIL_SMTP_PASS"),
            (MailFrom, 550, "5.1.0 rejected", false, "MAIL_FROM_EMAIL"),
            (MailFrom, 530, "5.7.0 Must issue a STARTTLS command first", false, "MAIL_SMTP_USER"),
            (MailFrom, 552, "5.3.4 too big", false, "MAIL_FROM_EMAIL"),
            (Data, 554, "5.7.1 Message rejected as spam", false, "content"),
        ] {
            let reply = Reply::new(command, code, text.to_owned());
            assert_eq!(reply.is_final(), is_final, "{code} {text}");
            let shown = reply.to_string();
            assert!(
                shown.contains(&format!("answered {code}")) && shown.contains(meaning),
                "{text}: {shown}"
            );
            assert!(!shown.contains('@') && !shown.contains("192.0.2.1"), "{shown}");
        }
    }

    #[test]
    fn an_enhanced_code_is_the_first_word_or_marked() {
        assert_eq!(enhanced("5.7.1 no"), Some([5, 7, 1]));
        assert_eq!(enhanced("no (#5.1.1)"), Some([5, 1, 1]));
        assert_eq!(enhanced("5.7.1.2 no"), None);
        assert_eq!(enhanced("host 5.7.1 no"), None);
        assert_eq!(enhanced(""), None);
        assert_eq!(enhanced("9.9.9 x"), None);
    }
}
