//! The system configuration: what an administrator changes while the server runs.

use std::fmt;

use serde_json::Value;
use thiserror::Error;

use crate::domain::{ascii_domain, ascii_url};
use crate::known_keys::{
    API_USER_CREATE_SCOPE, DEFAULT_USER_VENDOR, JWT_SECRET, Kind, KnownKey, MAIL_TLS, write_only_keys,
};
use crate::mail_target::port;
use crate::mail_template::has_link;
use crate::message::OpenChannels;
use crate::name::Email;
use crate::profile::Vendor;
use crate::scope::Scopes;

/// The longest key, in bytes.
pub const MAX_KEY_BYTES: usize = 256;
/// The largest value, in bytes of compact JSON.
pub const MAX_VALUE_BYTES: usize = 32 * 1024;
/// The shortest key for signing webhooks, in bytes.
pub const MIN_WEBHOOK_SECRET_BYTES: usize = 16;
/// The most entries: all of them are read and kept in memory together. A known key finds room nevertheless,
/// so that clients' own keys cannot keep an administrator from closing a door.
pub const MAX_ENTRIES: usize = 1000;
/// The longest text of one line, in characters.
const MAX_LINE_CHARS: usize = 255;
/// What is shown in the place of a write-only value.
pub const MASK: &str = "********";

/// Why a key, or a key's value, is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidConfig {
    /// Empty, more than [`MAX_KEY_BYTES`], or with a control character.
    #[error("must have 1 to {MAX_KEY_BYTES} bytes and no control characters")]
    Key,
    /// More than [`MAX_VALUE_BYTES`].
    #[error("must be at most {MAX_VALUE_BYTES} bytes of JSON")]
    ValueSize,
    /// Not what a known key needs.
    #[error("{0}")]
    Value(String),
}

/// The name of an entry. Any name may be stored; some mean something ([`crate::KNOWN_KEYS`]).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConfigKey(Box<str>);

impl ConfigKey {
    /// Reads a key.
    ///
    /// # Errors
    /// [`InvalidConfig::Key`].
    pub fn parse(text: &str) -> Result<Self, InvalidConfig> {
        if text.is_empty() || text.len() > MAX_KEY_BYTES || text.chars().any(char::is_control) {
            return Err(InvalidConfig::Key);
        }
        Ok(Self(text.into()))
    }

    /// The key's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the key means something to a server.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.kind().is_some()
    }

    fn kind(&self) -> Option<Kind> {
        KnownKey::find(self.as_str()).map(|key| key.kind)
    }

    /// Whether the value can be written but not read.
    #[must_use]
    pub fn is_write_only(&self) -> bool {
        write_only_keys().any(|name| name == self.as_str())
    }
}

/// One entry, its value fit for its key. Not shown by `Debug`.
#[derive(Clone, PartialEq)]
pub struct ConfigEntry {
    key: ConfigKey,
    value: Value,
}

impl ConfigEntry {
    /// Takes an entry. `min_secret_bytes` is the shortest token secret that the server accepts.
    ///
    /// # Errors
    /// [`InvalidConfig`] when a known key cannot have the value.
    pub fn new(key: ConfigKey, value: Value, min_secret_bytes: usize) -> Result<Self, InvalidConfig> {
        if serde_json::to_vec(&value).map_or(usize::MAX, |json| json.len()) > MAX_VALUE_BYTES {
            return Err(InvalidConfig::ValueSize);
        }
        // A client that lists the entries and writes them back must not make the mask the secret.
        if key.is_write_only() && value == MASK {
            return Err(InvalidConfig::Value(
                "must not be the mask that stands for the present value".to_owned(),
            ));
        }
        let value = if key.kind() == Some(Kind::Port) { whole(value) } else { value };
        if let Some(kind) = key.kind()
            && !value.is_null()
        {
            check(kind, &value, min_secret_bytes).map_err(InvalidConfig::Value)?;
        }
        Ok(Self { key, value })
    }

    /// An entry that a store kept. What it holds was checked when it was written; if it is not good any
    /// more, [`SystemConfig::from_entries`] says so.
    #[must_use]
    pub const fn from_store(key: ConfigKey, value: Value) -> Self {
        Self { key, value }
    }

    /// The key.
    #[must_use]
    pub const fn key(&self) -> &ConfigKey {
        &self.key
    }

    /// The value as it is kept, secrets included.
    #[must_use]
    pub const fn value(&self) -> &Value {
        &self.value
    }

    /// The value as it may be shown: a write-only one is [`MASK`].
    #[must_use]
    pub fn shown_value(&self) -> Value {
        if self.key.is_write_only() && !self.value.is_null() { MASK.into() } else { self.value.clone() }
    }
}

impl fmt::Debug for ConfigEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConfigEntry").field("key", &self.key).finish_non_exhaustive()
    }
}

fn check(kind: Kind, value: &Value, min_secret_bytes: usize) -> Result<(), String> {
    match kind {
        Kind::Scopes => scopes(value).map(drop),
        Kind::Vendor => vendor(value).map(drop),
        Kind::Text | Kind::Secret => text(value).map(drop),
        Kind::Line => line(text(value)?),
        Kind::Host => host(text(value)?),
        Kind::Email => Email::parse(text(value)?).map(drop).map_err(|error| error.to_string()),
        Kind::MailTls => {
            if MAIL_TLS.contains(&text(value)?) {
                Ok(())
            } else {
                Err(format!("must be {}", MAIL_TLS.join(" or ")))
            }
        }
        Kind::Url => url(text(value)?),
        Kind::Port => port(value)
            .filter(|port| *port > 0)
            .map(drop)
            .ok_or_else(|| "must be a port between 1 and 65535".to_owned()),
        Kind::MailBody => mail_body(text(value)?),
        Kind::UrlSuffix => url_suffix(text(value)?),
        Kind::WebhookSecret => long_enough(text(value)?, MIN_WEBHOOK_SECRET_BYTES),
        Kind::TokenSecret => long_enough(text(value)?, min_secret_bytes),
    }
}

fn long_enough(text: &str, least: usize) -> Result<(), String> {
    if text.len() < least { Err(format!("must be at least {least} bytes long")) } else { Ok(()) }
}

/// What ends up in a mail's head must not be able to end a line there.
fn line(text: &str) -> Result<(), String> {
    if text.is_empty() || text.chars().any(char::is_control) {
        return Err("must be one line of text, and not empty".to_owned());
    }
    // A line of a mail has at most 998 bytes (RFC 5322 section 2.1.1).
    if text.chars().count() > MAX_LINE_CHARS {
        return Err(format!("must have at most {MAX_LINE_CHARS} characters"));
    }
    Ok(())
}

fn host(text: &str) -> Result<(), String> {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':');
    let name = ascii_domain(text).filter(|name| name.len() <= 253 && name.bytes().all(good));
    if name.is_none_or(|name| name.is_empty()) {
        return Err("must be a host name or an IP address".to_owned());
    }
    Ok(())
}

fn mail_body(text: &str) -> Result<(), String> {
    if has_link(text) { Ok(()) } else { Err("must have {{link}} where the link goes".to_owned()) }
}

fn url_suffix(text: &str) -> Result<(), String> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("must be a path of visible ASCII characters, such as reset-password?lang=en".to_owned());
    }
    Ok(())
}

fn text(value: &Value) -> Result<&str, String> {
    value.as_str().ok_or_else(|| "must be a string".to_owned())
}

fn scopes(value: &Value) -> Result<Scopes, String> {
    Scopes::parse_comma_separated(text(value)?)
        .map_err(|e| format!("must be scopes separated by commas, and {e}"))
}

fn vendor(value: &Value) -> Result<Vendor, String> {
    const WANTED: &str = "must be a string or an array of strings";
    let names: Vec<&str> = match value {
        Value::String(name) => vec![name],
        Value::Array(names) => names.iter().map(Value::as_str).collect::<Option<_>>().ok_or(WANTED)?,
        _ => return Err(WANTED.to_owned()),
    };
    Vendor::parse(names).map_err(|e| e.to_string())
}

/// Enough to catch a mistake; the client that calls the URL parses it in full.
fn url(text: &str) -> Result<(), String> {
    const WANTED: &str = "must be an http or https URL";
    let text = ascii_url(text).ok_or(WANTED)?;
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).ok_or(WANTED)?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(WANTED.to_owned());
    }
    // It would not be used, and is shown to every administrator.
    if authority.contains('@') {
        return Err("must be an http or https URL without a name or password in it".to_owned());
    }
    Ok(())
}

/// 465.0 is the number 465, in JSON Schema as in JavaScript: it is kept as what readers expect.
fn whole(value: Value) -> Value {
    let number = value.as_f64().and_then(|number| number.to_string().parse::<u16>().ok());
    number.map_or(value, Value::from)
}

/// The entries that the domain acts on, read.
#[derive(Clone, Default)]
pub struct SystemConfig {
    /// One of these scopes is needed to create users, if set.
    pub user_create_scopes: Option<Scopes>,
    /// The vendor of new users.
    pub default_vendor: Vendor,
    /// Where messages go.
    pub open_channels: OpenChannels,
    /// The signing secret that replaces the server's own.
    pub token_secret: Option<zeroize::Zeroizing<String>>,
}

impl SystemConfig {
    /// Reads the entries of a store.
    ///
    /// # Errors
    /// The key and what is wrong with its value. To go on with a default instead could open what an
    /// administrator has closed.
    pub fn from_entries(entries: &[ConfigEntry]) -> Result<Self, (ConfigKey, InvalidConfig)> {
        let mut config = Self { open_channels: OpenChannels::of(entries), ..Self::default() };
        for entry in entries.iter().filter(|entry| !entry.value.is_null()) {
            let bad = |message| (entry.key.clone(), InvalidConfig::Value(message));
            match entry.key.as_str() {
                API_USER_CREATE_SCOPE => config.user_create_scopes = Some(scopes(&entry.value).map_err(bad)?),
                DEFAULT_USER_VENDOR => config.default_vendor = vendor(&entry.value).map_err(bad)?,
                JWT_SECRET => {
                    config.token_secret = Some(text(&entry.value).map_err(bad)?.to_owned().into());
                }
                _ => {}
            }
        }
        Ok(config)
    }
}

impl fmt::Debug for SystemConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SystemConfig")
            .field("user_create_scopes", &self.user_create_scopes)
            .field("default_vendor", &self.default_vendor)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(key: &str, value: Value) -> Result<ConfigEntry, InvalidConfig> {
        ConfigEntry::new(ConfigKey::parse(key)?, value, 32)
    }

    #[test]
    fn a_port_is_a_whole_number_however_it_is_written() {
        let port = |value| ConfigEntry::new(ConfigKey::parse("MAIL_SMTP_PORT").unwrap(), value, 32);
        for value in [json!(465), json!(465.0), json!(4.65e2)] {
            assert_eq!(*port(value).unwrap().value(), json!(465));
        }
        assert!(port(json!(465.5)).is_err() && port(json!(1e9)).is_err() && port(json!(-1)).is_err());
        assert_eq!(*port(json!("465")).unwrap().value(), json!("465"));
    }

    #[test]
    fn an_unknown_key_takes_any_value() {
        for value in [json!(null), json!({"a": [1]}), json!("x"), json!(1.5)] {
            assert_eq!(entry("OUR_OWN", value.clone()).unwrap().value(), &value);
        }
    }

    #[test]
    fn a_known_key_takes_what_it_means_or_null() {
        for (key, good, bad) in [
            ("API_USER_CREATE_SCOPE", json!("admin, developer"), json!("a b")),
            ("API_USER_CREATE_SCOPE", json!("admin"), json!(["admin"])),
            ("API_USER_CREATE_SCOPE", json!("admin"), json!("")),
            ("DEFAULT_USER_VENDOR", json!("acme"), json!(7)),
            ("DEFAULT_USER_VENDOR", json!(["a", "b"]), json!(["a", 1])),
            ("APP_NAME", json!("Acme"), json!(true)),
            ("APPMIXER_FE_URL", json!("https://acme.example/app"), json!("acme.example")),
            ("WEBHOOK_USER_CREATED", json!("http://127.0.0.1:9/x"), json!("ftp://x")),
            ("MAIL_SMTP_PORT", json!(465), json!(0)),
            ("MAIL_SMTP_PORT", json!("587"), json!("65536")),
            ("APP_NAME", json!("Acmé"), json!("Acme\r\nBcc: x@y")),
            ("MAIL_SMTP_HOST", json!("smtp.acme.example"), json!("smtp.acme.example/x")),
            ("MAIL_SMTP_HOST", json!("::1"), json!("")),
            ("MAIL_SMTP_TLS", json!("starttls"), json!("none")),
            ("MAIL_FROM_EMAIL", json!("info@acme"), json!("Acme <info@acme>")),
            ("FORGOT_PASSWORD_MAIL_SUBJECT", json!("Hello"), json!("Hello\nBcc: x@y")),
            ("FORGOT_PASSWORD_MAIL_BODY", json!("Hello\n{{link}}"), json!(1)),
            ("FORGOT_PASSWORD_MAIL_BODY", json!("Hello\n{{ link }}"), json!("Hello")),
            ("RESET_PASSWORD_FE_URL_SUFFIX", json!("reset?lang=en#x"), json!("reset password")),
            ("RESET_PASSWORD_FE_URL_SUFFIX", json!("#/reset"), json!("")),
            ("APPMIXER_FE_URL", json!("https://bücher.example/app"), json!("https://bücher.example/ä")),
            ("WEBHOOK_USER_CREATED", json!("http://例え.テスト:8080/x"), json!("http://me@bücher.example/")),
            ("MAIL_SMTP_HOST", json!("smtp.bücher.example"), json!("smtp/bücher")),
            ("MAIL_SMTP_HELO", json!("mail.acme.example"), json!("mail acme")),
            ("MAIL_SMTP_HELO", json!("2001:db8::1"), json!("")),
            ("WEBHOOK_USER_DELETED", json!("https://x:8443/y?z"), json!("https://me:secret@x/")),
            ("WEBHOOK_SECRET", json!("x".repeat(16)), json!("x".repeat(15))),
            ("JWTSecret", json!("x".repeat(32)), json!("x".repeat(31))),
        ] {
            assert!(entry(key, good).is_ok(), "{key}");
            assert!(entry(key, json!(null)).is_ok(), "{key}");
            assert!(matches!(entry(key, bad), Err(InvalidConfig::Value(_))), "{key}");
        }
    }

    #[test]
    fn keys_and_values_are_bounded() {
        assert!(entry("CONFIRM_MAIL_SUBJECT", json!("é".repeat(255))).is_ok());
        assert!(entry("CONFIRM_MAIL_SUBJECT", json!("x".repeat(256))).is_err());
        assert_eq!(ConfigKey::parse(""), Err(InvalidConfig::Key));
        assert_eq!(ConfigKey::parse(&"k".repeat(257)), Err(InvalidConfig::Key));
        assert_eq!(ConfigKey::parse("a\nb"), Err(InvalidConfig::Key));
        assert_eq!(entry("K", json!("x".repeat(MAX_VALUE_BYTES))), Err(InvalidConfig::ValueSize));
    }

    #[test]
    fn write_only_values_are_masked_where_they_are_shown() {
        let secret = entry("JWTSecret", json!("s".repeat(40))).unwrap();
        assert_eq!(secret.shown_value(), json!(MASK));
        assert!(!format!("{secret:?}").contains("ssss"));
        assert_eq!(entry("MAIL_SMTP_PASS", json!(null)).unwrap().shown_value(), json!(null));
        assert_eq!(entry("SMTP_PASS", json!("old")).unwrap().shown_value(), json!(MASK));
        assert_eq!(entry("SMTP_HOST", json!("x")).unwrap().shown_value(), json!("x"));
        assert_eq!(entry("APP_NAME", json!("A")).unwrap().shown_value(), json!("A"));
        assert!(entry("MAIL_SMTP_PASS", json!(MASK)).is_err());
    }

    #[test]
    fn entries_become_the_typed_configuration_and_null_is_the_default() {
        let config = SystemConfig::from_entries(&[
            entry("API_USER_CREATE_SCOPE", json!("admin,developer")).unwrap(),
            entry("DEFAULT_USER_VENDOR", json!("acme")).unwrap(),
            entry("JWTSecret", json!(null)).unwrap(),
        ])
        .unwrap();
        assert_eq!(config.user_create_scopes, Scopes::parse(["admin", "developer"]).ok());
        assert_eq!(config.default_vendor, Vendor::parse(["acme"]).unwrap());
        assert!(config.token_secret.is_none());
    }

    #[test]
    fn a_damaged_entry_is_an_error_and_not_the_open_default() {
        let damaged = ConfigEntry::from_store(ConfigKey::parse(API_USER_CREATE_SCOPE).unwrap(), json!(1));
        assert!(SystemConfig::from_entries(&[damaged]).is_err());
    }
}
