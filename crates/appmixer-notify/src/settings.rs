//! The entries of the system configuration that deliveries need, read for each.

use std::borrow::Cow;

use appmixer_core::{
    Channel, ConfigEntry, DefaultValue, KnownKey, MailTarget, MailTls, ascii_domain, ascii_url, mail_password,
};
use serde_json::Value;
use zeroize::Zeroizing;

use crate::link::link;

/// The key of the system configuration that signs webhooks.
pub(crate) const WEBHOOK_SECRET: &str = "WEBHOOK_SECRET";

/// The mail server, and from whom mail is.
pub(crate) struct MailServer {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) tls: Option<MailTls>,
    /// The name in `EHLO`, or an IP address.
    pub(crate) helo: Option<String>,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<Zeroizing<String>>,
    pub(crate) from_name: String,
    pub(crate) from_email: String,
}

/// What a code is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Choosing another password.
    Reset,
    /// Confirming an address.
    Confirm,
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
    pub(crate) fn url(&self, channel: Channel) -> Option<Cow<'_, str>> {
        self.text(channel.key()).map(|url| ascii_url(url).unwrap_or(Cow::Borrowed(url)))
    }

    pub(crate) fn webhook_secret(&self) -> Option<Zeroizing<Vec<u8>>> {
        self.text(WEBHOOK_SECRET).map(|text| Zeroizing::new(text.as_bytes().to_vec()))
    }

    pub(crate) fn mail_server(&self) -> Option<MailServer> {
        let target = MailTarget::of(self.0);
        Some(MailServer {
            port: target.effective_port(),
            tls: target.tls,
            host: ascii(&target.host?),
            helo: self.text("MAIL_SMTP_HELO").map(ascii),
            user: self.text("MAIL_SMTP_USER").map(str::to_owned),
            password: mail_password(self.0),
            from_name: self.text_or_default("MAIL_FROM_NAME").to_owned(),
            from_email: self.text_or_default("MAIL_FROM_EMAIL").to_owned(),
        })
    }

    pub(crate) fn app_name(&self) -> &str {
        self.text_or_default("APP_NAME")
    }

    pub(crate) fn mail_subject(&self, purpose: Purpose) -> Option<&str> {
        self.text(match purpose {
            Purpose::Reset => "FORGOT_PASSWORD_MAIL_SUBJECT",
            Purpose::Confirm => "CONFIRM_MAIL_SUBJECT",
        })
    }

    pub(crate) fn mail_body(&self, purpose: Purpose) -> Option<&str> {
        self.text(match purpose {
            Purpose::Reset => "FORGOT_PASSWORD_MAIL_BODY",
            Purpose::Confirm => "CONFIRM_MAIL_BODY",
        })
    }

    /// The link to the front end's page for this purpose, with a code.
    pub(crate) fn link(&self, purpose: Purpose, code: &str) -> Zeroizing<String> {
        let suffix_key = match purpose {
            Purpose::Reset => "RESET_PASSWORD_FE_URL_SUFFIX",
            Purpose::Confirm => "CONFIRM_FE_URL_SUFFIX",
        };
        let url = self.text_or_default("APPMIXER_FE_URL");
        let url = ascii_url(url).unwrap_or(Cow::Borrowed(url));
        link(&url, self.text_or_default(suffix_key), code)
    }
}

/// A host as DNS and TLS know it.
fn ascii(host: &str) -> String {
    ascii_domain(host).unwrap_or(Cow::Borrowed(host)).into_owned()
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
        let link = settings.link(Purpose::Reset, "C");
        assert_eq!(*link, "http://localhost:8080/reset-password?code=C");
        assert_eq!(*settings.link(Purpose::Confirm, "C"), "http://localhost:8080/confirm?code=C");
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
        let link = settings.link(Purpose::Reset, "C");
        assert_eq!(*link, "https://acme.example/app/new-password?code=C");
    }
    #[test]
    fn hosts_beyond_ascii_are_used_in_their_ascii_form() {
        let entries = [
            entry("MAIL_SMTP_HOST", json!("smtp.bücher.example")),
            entry("APPMIXER_FE_URL", json!("https://bücher.example/app")),
            entry("WEBHOOK_USER_CREATED", json!("http://bücher.example:8080/x")),
        ];
        let settings = Settings(&entries);
        assert_eq!(settings.mail_server().unwrap().host, "smtp.xn--bcher-kva.example");
        let url = settings.url(Channel::CreatedWebhook);
        assert_eq!(url.as_deref(), Some("http://xn--bcher-kva.example:8080/x"));
        let link = settings.link(Purpose::Reset, "C");
        assert_eq!(*link, "https://xn--bcher-kva.example/app/reset-password?code=C");
    }
}
