//! The entries of the system configuration that deliveries need, read for each.

use appmixer_core::{Channel, ConfigEntry, DefaultValue, KnownKey};
use serde_json::Value;
use zeroize::Zeroizing;

/// The mail server, and from whom mail is.
pub(crate) struct MailServer {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) tls: Option<MailTls>,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<Zeroizing<String>>,
    pub(crate) from_name: String,
    pub(crate) from_email: String,
}

/// What `MAIL_SMTP_TLS` asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum MailTls {
    Implicit,
    StartTls,
}

/// All entries, to be asked one by one.
pub(crate) struct Settings<'a>(pub(crate) &'a [ConfigEntry]);

impl Settings<'_> {
    fn value(&self, key: &str) -> Option<&Value> {
        let entry = self.0.iter().find(|entry| entry.key().as_str() == key)?;
        Some(entry.value()).filter(|value| !value.is_null())
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.value(key)?.as_str()
    }

    fn text_or_default(&self, key: &str) -> &str {
        let default = || match KnownKey::find(key)?.default {
            DefaultValue::Text(text) => Some(text),
            DefaultValue::Null | DefaultValue::Port(_) => None,
        };
        self.text(key).or_else(default).unwrap_or_default()
    }

    /// Where the channel leads, if it is still open.
    pub(crate) fn url(&self, channel: Channel) -> Option<&str> {
        self.text(channel.key())
    }

    pub(crate) fn webhook_secret(&self) -> Option<Zeroizing<Vec<u8>>> {
        self.text("WEBHOOK_SECRET").map(|text| Zeroizing::new(text.as_bytes().to_vec()))
    }

    fn port_or_default(&self, key: &str) -> u16 {
        let port = match self.value(key) {
            Some(Value::String(digits)) => digits.parse().ok(),
            Some(number) => number.as_u64().and_then(|number| u16::try_from(number).ok()),
            None => None,
        };
        let default = || match KnownKey::find(key)?.default {
            DefaultValue::Port(port) => Some(port),
            DefaultValue::Null | DefaultValue::Text(_) => None,
        };
        port.or_else(default).unwrap_or_default()
    }

    pub(crate) fn mail_server(&self) -> Option<MailServer> {
        Some(MailServer {
            host: self.text("MAIL_SMTP_HOST")?.to_owned(),
            port: self.port_or_default("MAIL_SMTP_PORT"),
            tls: self.text("MAIL_SMTP_TLS").map(|text| match text {
                "implicit" => MailTls::Implicit,
                _ => MailTls::StartTls,
            }),
            user: self.text("MAIL_SMTP_USER").map(str::to_owned),
            password: self.text("MAIL_SMTP_PASS").map(|text| text.to_owned().into()),
            from_name: self.text_or_default("MAIL_FROM_NAME").to_owned(),
            from_email: self.text_or_default("MAIL_FROM_EMAIL").to_owned(),
        })
    }

    pub(crate) fn app_name(&self) -> &str {
        self.text_or_default("APP_NAME")
    }

    pub(crate) fn mail_subject(&self) -> Option<&str> {
        self.text("FORGOT_PASSWORD_MAIL_SUBJECT")
    }

    pub(crate) fn mail_body(&self) -> Option<&str> {
        self.text("FORGOT_PASSWORD_MAIL_BODY")
    }

    /// `<url>/<suffix>?code=<code>` (contract); a code needs no escaping.
    pub(crate) fn link(&self, code: &str) -> Zeroizing<String> {
        let url = self.text_or_default("APPMIXER_FE_URL");
        let suffix = self.text_or_default("RESET_PASSWORD_FE_URL_SUFFIX");
        let (url, suffix) = (url.trim_end_matches('/'), suffix.trim_start_matches('/'));
        Zeroizing::new(format!("{url}/{suffix}?code={code}"))
    }
}

#[cfg(test)]
mod tests {
    use appmixer_core::ConfigKey;
    use serde_json::json;

    use super::*;

    fn entry(key: &str, value: Value) -> ConfigEntry {
        ConfigEntry::new(ConfigKey::parse(key).unwrap(), value, 32).unwrap()
    }

    #[test]
    fn without_entries_there_is_no_door_and_the_link_is_the_documented_one() {
        let settings = Settings(&[]);
        assert!(settings.mail_server().is_none());
        assert!(Channel::ALL.into_iter().all(|channel| settings.url(channel).is_none()));
        assert_eq!(*settings.link("C"), "http://localhost:8080/reset-password?code=C");
    }

    #[test]
    fn a_port_is_a_number_or_its_digits_and_slashes_meet_once() {
        let entries = [
            entry("MAIL_SMTP_HOST", json!("smtp.acme")),
            entry("MAIL_SMTP_PORT", json!("587")),
            entry("APPMIXER_FE_URL", json!("https://acme.example/app/")),
            entry("RESET_PASSWORD_FE_URL_SUFFIX", json!("/new-password")),
        ];
        let settings = Settings(&entries);
        let server = settings.mail_server().unwrap();
        assert_eq!((server.port, server.from_email.as_str()), (587, "info@appmixer.com"));
        assert_eq!(*settings.link("C"), "https://acme.example/app/new-password?code=C");
    }
}
