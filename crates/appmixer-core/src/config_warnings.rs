//! What an administrator should know of the system configuration: values that cannot work in production.

use std::net::IpAddr;

use serde_json::Value;

use crate::config::ConfigEntry;
use crate::known_keys::{DefaultValue, KnownKey};
use crate::mail_target::mail_password;
use crate::mail_template::has_link;

/// Something that an administrator should set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigWarning {
    /// The key.
    pub key: &'static str,
    /// What is wrong with its value, and what to do.
    pub text: &'static str,
}

/// The warnings for these entries. Without mail and webhooks there are none.
#[must_use]
pub fn config_warnings(entries: &[ConfigEntry]) -> Vec<ConfigWarning> {
    let all = Entries(entries);
    let has_mail = all.is_set("MAIL_SMTP_HOST");
    let webhooks = ["WEBHOOK_USER_FORGOT_PASSWORD", "WEBHOOK_USER_CONFIRM"];
    let has_links = has_mail || webhooks.into_iter().any(|key| all.is_set(key));
    let has_user = all.is_set("MAIL_SMTP_USER");
    let has_password = mail_password(entries).is_some();
    let lacks_link = |key: &str| has_mail && all.text(key).is_some_and(|body| !has_link(&body));
    let checks = [
        (
            has_links && all.text("APPMIXER_FE_URL").is_none_or(|url| is_loopback(&url)),
            "APPMIXER_FE_URL",
            "links lead to the reader's own machine (localhost); set the address of your front end",
        ),
        (
            has_mail && all.is_default("MAIL_FROM_EMAIL"),
            "MAIL_FROM_EMAIL",
            "mails are sent from info@appmixer.com, which most mail servers refuse; set an address of your own",
        ),
        (
            has_mail && has_user && !has_password,
            "MAIL_SMTP_PASS",
            "is not set, so mails are sent without a sign-in; a change of the mail server's host, port or TLS mode \
             removes it",
        ),
        (
            has_mail && has_password && !has_user,
            "MAIL_SMTP_USER",
            "is not set, so MAIL_SMTP_PASS is not used",
        ),
        (
            lacks_link("FORGOT_PASSWORD_MAIL_BODY"),
            "FORGOT_PASSWORD_MAIL_BODY",
            "has no {{link}}, so users cannot choose a new password; add it",
        ),
        (
            lacks_link("CONFIRM_MAIL_BODY"),
            "CONFIRM_MAIL_BODY",
            "has no {{link}}, so users cannot confirm their address; add it",
        ),
    ];
    checks.into_iter().filter(|check| check.0).map(|(_, key, text)| ConfigWarning { key, text }).collect()
}

struct Entries<'a>(&'a [ConfigEntry]);

impl Entries<'_> {
    fn value(&self, key: &str) -> Option<&Value> {
        let entry = self.0.iter().find(|entry| entry.key().as_str() == key)?;
        Some(entry.value()).filter(|value| !value.is_null())
    }

    fn is_set(&self, key: &str) -> bool {
        self.value(key).is_some()
    }

    /// The value, or its default.
    fn text(&self, key: &str) -> Option<String> {
        self.value(key).map_or_else(|| default(key), |value| value.as_str().map(str::to_owned))
    }

    fn is_default(&self, key: &str) -> bool {
        self.text(key) == default(key)
    }
}

fn default(key: &str) -> Option<String> {
    match KnownKey::find(key)?.default {
        DefaultValue::Text(text) => Some(text.to_owned()),
        DefaultValue::Null | DefaultValue::Port(_) => None,
    }
}

/// Whether the host of a URL is the machine that reads it.
fn is_loopback(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(literal) => literal.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ConfigKey;

    fn warned(entries: &[(&str, &str)]) -> Vec<&'static str> {
        let entry = |(key, value): &(&str, &str)| {
            ConfigEntry::from_store(ConfigKey::parse(key).unwrap(), Value::from(*value))
        };
        let entries: Vec<_> = entries.iter().map(entry).collect();
        config_warnings(&entries).into_iter().map(|warning| warning.key).collect()
    }

    const MAIL: (&str, &str) = ("MAIL_SMTP_HOST", "smtp.acme.example");
    const URL: (&str, &str) = ("APPMIXER_FE_URL", "https://acme.example");
    const FROM: (&str, &str) = ("MAIL_FROM_EMAIL", "info@acme.example");

    #[test]
    fn what_cannot_work_is_warned_of_once_it_is_used() {
        assert_eq!(warned(&[]), Vec::<&str>::new());
        assert_eq!(warned(&[MAIL]), ["APPMIXER_FE_URL", "MAIL_FROM_EMAIL"]);
        assert_eq!(warned(&[MAIL, URL, FROM]), Vec::<&str>::new());
        assert_eq!(warned(&[MAIL, URL, ("MAIL_FROM_EMAIL", "info@appmixer.com")]), ["MAIL_FROM_EMAIL"]);
        assert_eq!(warned(&[("WEBHOOK_USER_FORGOT_PASSWORD", "http://x/")]), ["APPMIXER_FE_URL"]);
        assert_eq!(warned(&[MAIL, URL, FROM, ("MAIL_SMTP_USER", "x")]), ["MAIL_SMTP_PASS"]);
        assert_eq!(warned(&[MAIL, URL, FROM, ("MAIL_SMTP_PASS", "x")]), ["MAIL_SMTP_USER"]);
        for key in ["FORGOT_PASSWORD_MAIL_BODY", "CONFIRM_MAIL_BODY"] {
            assert_eq!(warned(&[MAIL, URL, FROM, (key, "no place for it")]), [key]);
        }
        for url in ["http://localhost:8080", "http://LOCALHOST/app", "http://127.0.0.1", "http://[::1]:80/"] {
            assert_eq!(warned(&[MAIL, FROM, ("APPMIXER_FE_URL", url)]), ["APPMIXER_FE_URL"], "{url}");
        }
    }
}
