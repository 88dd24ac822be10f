//! The keys of the system configuration that mean something: what each takes, what it does, and its default.

/// What a known key's value must be. `null` is always possible and means the default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Scopes, separated by commas.
    Scopes,
    /// A vendor, or a list of them.
    Vendor,
    /// Any text.
    Text,
    /// A text of one line: without control characters, and not empty.
    Line,
    /// The text of a mail, with a place for the link ([`has_link`](crate::has_link)).
    MailBody,
    /// What follows the front end's URL in a link: a path, perhaps with a query or a fragment.
    UrlSuffix,
    /// A host name, or an IP address.
    Host,
    /// An email address.
    Email,
    /// One of [`MAIL_TLS`].
    MailTls,
    /// An `http` or `https` URL.
    Url,
    /// A TCP port.
    Port,
    /// A text that is write-only.
    Secret,
    /// The key that signs webhooks, write-only and long enough.
    WebhookSecret,
    /// The token secret, write-only and long enough (RFC 7518 section 3.2).
    TokenSecret,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 14] = [
        Self::Scopes,
        Self::Vendor,
        Self::Text,
        Self::Line,
        Self::MailBody,
        Self::UrlSuffix,
        Self::Host,
        Self::Email,
        Self::MailTls,
        Self::Url,
        Self::Port,
        Self::Secret,
        Self::WebhookSecret,
        Self::TokenSecret,
    ];

    /// What a form needs to know of it, in a word; kinds that a form asks for alike have the same.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scopes => "scopes",
            Self::Vendor => "vendors",
            Self::Text | Self::MailBody => "text",
            Self::Line | Self::UrlSuffix => "line",
            Self::Host => "host",
            Self::Email => "email",
            Self::MailTls => "choice",
            Self::Url => "url",
            Self::Port => "number",
            Self::Secret | Self::WebhookSecret | Self::TokenSecret => "secret",
        }
    }

    /// Whether the value can be written but not read.
    #[must_use]
    pub const fn is_write_only(self) -> bool {
        matches!(self, Self::Secret | Self::WebhookSecret | Self::TokenSecret)
    }

    /// All values that there are, where they are few.
    #[must_use]
    pub const fn choices(self) -> Option<&'static [&'static str]> {
        match self {
            Self::MailTls => Some(&MAIL_TLS),
            _ => None,
        }
    }
}

/// How the connection to a mail server can be encrypted.
pub const MAIL_TLS: [&str; 2] = ["implicit", "starttls"];

/// What holds while a key is not set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DefaultValue {
    /// Nothing, or something that cannot be told as a value; then the meaning tells it.
    Null,
    /// This text.
    Text(&'static str),
    /// This port.
    Port(u16),
}

/// A key that means something to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownKey {
    /// Its name.
    pub name: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// What holds while it is not set.
    pub default: DefaultValue,
    /// What it does, for people.
    pub meaning: &'static str,
}

/// What a key is about: forms show the keys of a group together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Who signs up, and as what.
    SignUp,
    /// The mail server, and what mails say.
    Mail,
    /// What is reported to other servers.
    Webhooks,
    /// What signs tokens.
    Tokens,
}

impl Group {
    /// Every group, in the order in which they are shown.
    pub const ALL: [Self; 4] = [Self::SignUp, Self::Mail, Self::Webhooks, Self::Tokens];

    /// Its name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SignUp => "sign-up",
            Self::Mail => "mail",
            Self::Webhooks => "webhooks",
            Self::Tokens => "tokens",
        }
    }
}

impl KnownKey {
    /// What it is about.
    #[must_use]
    pub fn group(&self) -> Group {
        match self.name {
            API_USER_CREATE_SCOPE | DEFAULT_USER_VENDOR => Group::SignUp,
            JWT_SECRET => Group::Tokens,
            name if name.starts_with("WEBHOOK_") => Group::Webhooks,
            _ => Group::Mail,
        }
    }

    /// The key of this name, if it means something.
    #[must_use]
    pub fn find(name: &str) -> Option<&'static Self> {
        KNOWN_KEYS.iter().find(|key| key.name == name)
    }
}

/// Names that keys had before, and their successors. Only the successors act.
pub const RENAMED_KEYS: [(&str, &str); 7] = [
    ("SMTP_HOST", "MAIL_SMTP_HOST"),
    ("SMTP_PORT", "MAIL_SMTP_PORT"),
    ("SMTP_SECURE", "MAIL_SMTP_TLS"),
    ("SMTP_USER", "MAIL_SMTP_USER"),
    ("SMTP_PASS", "MAIL_SMTP_PASS"),
    ("MAILER_FROM_NAME", "MAIL_FROM_NAME"),
    ("MAILER_FROM_EMAIL", "MAIL_FROM_EMAIL"),
];

/// The names of the keys whose values can be written but not read, earlier names included.
pub fn write_only_keys() -> impl Iterator<Item = &'static str> {
    let is_write_only = |name| KnownKey::find(name).is_some_and(|key| key.kind.is_write_only());
    let renamed = RENAMED_KEYS.iter().filter(move |(_, successor)| is_write_only(successor));
    let known = KNOWN_KEYS.iter().filter(|key| key.kind.is_write_only()).map(|key| key.name);
    known.chain(renamed.map(|(name, _)| *name))
}

/// The key that restricts who creates users.
pub const API_USER_CREATE_SCOPE: &str = "API_USER_CREATE_SCOPE";
/// The key of a new user's vendor.
pub const DEFAULT_USER_VENDOR: &str = "DEFAULT_USER_VENDOR";
/// The key of the signing secret.
pub const JWT_SECRET: &str = "JWTSecret";

const fn key(name: &'static str, kind: Kind, default: DefaultValue, meaning: &'static str) -> KnownKey {
    KnownKey { name, kind, default, meaning }
}

/// The keys that mean something (contract, "System configuration").
pub const KNOWN_KEYS: &[KnownKey] = &[
    key(
        API_USER_CREATE_SCOPE,
        Kind::Scopes,
        DefaultValue::Null,
        "When set, making users needs a token with one of these scopes; without it, anybody can sign up.",
    ),
    key("APP_NAME", Kind::Line, DefaultValue::Text("Appmixer"), "The product's name in mails."),
    key(DEFAULT_USER_VENDOR, Kind::Vendor, DefaultValue::Null, "The vendor of new users."),
    key(
        "WEBHOOK_USER_FORGOT_PASSWORD",
        Kind::Url,
        DefaultValue::Null,
        "Is told of each forgotten password, with the code and the link.",
    ),
    key(
        "APPMIXER_FE_URL",
        Kind::Url,
        DefaultValue::Text("http://localhost:8080"),
        "Where the links in mails lead to: for forgotten passwords and for confirmations.",
    ),
    key(
        "RESET_PASSWORD_FE_URL_SUFFIX",
        Kind::UrlSuffix,
        DefaultValue::Text("reset-password"),
        "The path of that link, to which the code is added; it may have a query of its own.",
    ),
    key(
        "MAIL_SMTP_HOST",
        Kind::Host,
        DefaultValue::Null,
        "The mail server for forgotten passwords and confirmations; without it there is no mail.",
    ),
    key("MAIL_SMTP_PORT", Kind::Port, DefaultValue::Port(465), "The mail server's port."),
    key("MAIL_SMTP_USER", Kind::Line, DefaultValue::Null, "The name to sign in with at the mail server."),
    key(
        "MAIL_SMTP_PASS",
        Kind::Secret,
        DefaultValue::Null,
        "The password to sign in with at the mail server; removed if the host, port or TLS mode changes.",
    ),
    key(
        "MAIL_SMTP_TLS",
        Kind::MailTls,
        DefaultValue::Null,
        "How the connection to the mail server is encrypted; without it, port 465 is implicit, and others are \
         starttls where there is a password or the server offers it.",
    ),
    key(
        "MAIL_SMTP_HELO",
        Kind::Host,
        DefaultValue::Null,
        "The name of this server in EHLO, or its IP address; without it, the machine's host name.",
    ),
    key("MAIL_FROM_NAME", Kind::Line, DefaultValue::Text("Appmixer"), "From whom mails are: the name."),
    key(
        "MAIL_FROM_EMAIL",
        Kind::Email,
        DefaultValue::Text("info@appmixer.com"),
        "From whom mails are: the address.",
    ),
    key(
        "FORGOT_PASSWORD_MAIL_SUBJECT",
        Kind::Line,
        DefaultValue::Null,
        "The subject of the mail about a forgotten password; without it, the server's own.",
    ),
    key(
        "FORGOT_PASSWORD_MAIL_BODY",
        Kind::MailBody,
        DefaultValue::Null,
        "The text of that mail, in which {{link}} stands for the link; one that begins with < is sent as HTML. \
         Without it, the server's own.",
    ),
    key(
        "CONFIRM_FE_URL_SUFFIX",
        Kind::UrlSuffix,
        DefaultValue::Text("confirm"),
        "The path of the link that confirms an address, to which the code is added.",
    ),
    key(
        "CONFIRM_MAIL_SUBJECT",
        Kind::Line,
        DefaultValue::Null,
        "The subject of the mail that confirms an address; without it, the server's own.",
    ),
    key(
        "CONFIRM_MAIL_BODY",
        Kind::MailBody,
        DefaultValue::Null,
        "The text of that mail, in which {{link}} stands for the link; one that begins with < is sent as HTML. \
         Without it, the server's own.",
    ),
    key(
        "WEBHOOK_USER_CONFIRM",
        Kind::Url,
        DefaultValue::Null,
        "Receives each code that confirms an address, with its link.",
    ),
    key("WEBHOOK_USER_CREATED", Kind::Url, DefaultValue::Null, "Is told of each new user."),
    key("WEBHOOK_USER_DELETED", Kind::Url, DefaultValue::Null, "Is told of each user who was deleted."),
    key(
        "WEBHOOK_SECRET",
        Kind::WebhookSecret,
        DefaultValue::Null,
        "Signs webhooks; without it, the server creates a key at the first webhook: in its data folder, or, if servers share the database, here.",
    ),
    key(
        JWT_SECRET,
        Kind::TokenSecret,
        DefaultValue::Null,
        "Signs tokens in the place of the server's own secret, until a key is rotated, and verifies them after that.",
    ),
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::{ConfigEntry, ConfigKey};

    #[test]
    fn a_default_is_a_value_that_the_key_takes() {
        for key in KNOWN_KEYS {
            let value = match key.default {
                DefaultValue::Null => continue,
                DefaultValue::Text(text) => json!(text),
                DefaultValue::Port(port) => json!(port),
            };
            assert!(!key.kind.is_write_only(), "{}", key.name);
            assert!(ConfigEntry::new(ConfigKey::parse(key.name).unwrap(), value, 32).is_ok(), "{}", key.name);
        }
    }

    #[test]
    fn only_keys_about_mail_are_in_the_group_of_mail() {
        const ABOUT_MAIL: &[&str] =
            &["MAIL_", "FORGOT_PASSWORD_MAIL_", "RESET_PASSWORD_FE_", "CONFIRM_", "APP_NAME"];
        for key in KNOWN_KEYS.iter().filter(|key| key.group() == Group::Mail) {
            let is_about_mail = |start: &&str| key.name.starts_with(*start);
            assert!(key.name == "APPMIXER_FE_URL" || ABOUT_MAIL.iter().any(is_about_mail), "{}", key.name);
        }
    }

    #[test]
    fn every_key_is_there_once_and_says_what_it_does_in_sentences() {
        for (place, key) in KNOWN_KEYS.iter().enumerate() {
            assert_eq!(KnownKey::find(key.name), Some(&KNOWN_KEYS[place]));
            assert!(key.meaning.len() > 10 && key.meaning.ends_with('.'), "{}", key.name);
        }
        assert_eq!(KnownKey::find("app_name"), None);
    }
}
