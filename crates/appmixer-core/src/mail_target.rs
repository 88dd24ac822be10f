//! The mail server that a stored `MAIL_SMTP_PASS` belongs to: the password is sent to no other.

use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::audit::Beside;
use crate::config::{ConfigEntry, ConfigKey};

/// The port on which TLS comes first (RFC 8314, section 3.3), which is also the default port.
pub const SUBMISSIONS_PORT: u16 = 465;

const HOST: &str = "MAIL_SMTP_HOST";
const PORT: &str = "MAIL_SMTP_PORT";
const TLS: &str = "MAIL_SMTP_TLS";
const PASSWORD: &str = "MAIL_SMTP_PASS";

/// How the connection to a mail server is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailTls {
    /// TLS from the first byte.
    Implicit,
    /// An upgrade by STARTTLS.
    StartTls,
}

impl MailTls {
    /// The mode of this name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "implicit" => Some(Self::Implicit),
            "starttls" => Some(Self::StartTls),
            _ => None,
        }
    }

    /// Its name, as `MAIL_SMTP_TLS` has it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Implicit => "implicit",
            Self::StartTls => "starttls",
        }
    }
}

/// The parts of a mail server's address that are set; the others have their defaults.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MailTarget {
    /// The host, as it is set.
    pub host: Option<String>,
    /// The port.
    pub port: Option<u16>,
    /// The TLS mode.
    pub tls: Option<MailTls>,
}

impl MailTarget {
    /// The target that the entries set.
    #[must_use]
    pub fn of(entries: &[ConfigEntry]) -> Self {
        Self {
            host: value(entries, HOST).and_then(Value::as_str).map(str::to_owned),
            port: value(entries, PORT).and_then(port),
            tls: value(entries, TLS).and_then(Value::as_str).and_then(MailTls::parse),
        }
    }

    /// The port that is used.
    #[must_use]
    pub fn effective_port(&self) -> u16 {
        self.port.unwrap_or(SUBMISSIONS_PORT)
    }

    /// The TLS mode that a connection with a password uses.
    #[must_use]
    pub fn effective_tls(&self) -> MailTls {
        let by_port =
            if self.effective_port() == SUBMISSIONS_PORT { MailTls::Implicit } else { MailTls::StartTls };
        self.tls.unwrap_or(by_port)
    }

    /// Whether a password that belongs to `self` may be sent to `now`.
    ///
    /// A part that was not set when the password was set takes the first value that it gets, so that clients
    /// may set the keys one by one in any order. A part that was set must have the same effective value.
    fn covers(&self, now: &Self) -> bool {
        let same_host = |host: &String| now.host.as_ref().is_some_and(|now| now.eq_ignore_ascii_case(host));
        self.host.as_ref().is_none_or(same_host)
            && self.port.is_none_or(|port| port == now.effective_port())
            && self.tls.is_none_or(|tls| tls == now.effective_tls())
    }

    /// The same with the parts that are set for the first time.
    fn completed_by(self, now: &Self) -> Self {
        Self {
            host: self.host.or_else(|| now.host.clone()),
            port: self.port.or(now.port),
            tls: self.tls.or(now.tls),
        }
    }
}

/// A password as it is stored: with the target that it belongs to. Releases before this one stored the text alone.
struct Bound {
    password: Zeroizing<String>,
    target: MailTarget,
}

impl Bound {
    /// A text alone belongs to what is set beside it.
    fn read(entries: &[ConfigEntry]) -> Option<Self> {
        let stored = value(entries, PASSWORD)?;
        let text = |member: &str| stored[member].as_str().map(str::to_owned);
        if let Some(password) = stored.as_str() {
            return Some(Self { password: password.to_owned().into(), target: MailTarget::of(entries) });
        }
        let target = MailTarget {
            host: text("host"),
            port: port(&stored["port"]),
            tls: stored["tls"].as_str().and_then(MailTls::parse),
        };
        Some(Self { password: text("password")?.into(), target })
    }

    fn to_value(&self) -> Value {
        let MailTarget { host, port, tls } = &self.target;
        json!({ "password": *self.password, "host": host, "port": port, "tls": tls.map(MailTls::as_str) })
    }
}

/// The password for the mail server that the entries set; `None` also if it belongs to another one.
#[must_use]
pub fn mail_password(entries: &[ConfigEntry]) -> Option<Zeroizing<String>> {
    let bound = Bound::read(entries)?;
    bound.target.covers(&MailTarget::of(entries)).then_some(bound.password)
}

/// A change of the system configuration: a value, or `None` to remove the entry.
pub type ConfigWrite = (ConfigKey, Option<Value>);

/// Whether a write of this key may change the entry of the password as well.
#[must_use]
pub fn concerns_mail_password(key: &ConfigKey) -> bool {
    [HOST, PORT, TLS, PASSWORD].contains(&key.as_str())
}

/// What a store has to write for a change, as [`with_mail_password`] says it, and the keys that it removes besides. The
/// entry of the audit log names them.
#[must_use]
pub fn config_writes(before: &[ConfigEntry], write: ConfigWrite, beside: &mut Beside) -> Vec<ConfigWrite> {
    let changed = write.0.clone();
    let writes = with_mail_password(before, write);
    for (key, _) in writes.iter().filter(|(key, value)| value.is_none() && *key != changed) {
        if let Some(entry) = beside.audit.as_mut() {
            entry.details = std::mem::take(&mut entry.details).and_cleared(key);
        }
    }
    writes
}

/// What a store has to write, in the same transaction, for this change to the entries that there are.
///
/// The password is stored with its target. If the target changes to another one, the password is removed: whoever
/// changes the target need not know the password, and must not learn it.
#[must_use]
pub fn with_mail_password(before: &[ConfigEntry], write: ConfigWrite) -> Vec<ConfigWrite> {
    let (key, new) = write;
    if key.as_str() == PASSWORD {
        let password = new.as_ref().and_then(Value::as_str).map(|text| Zeroizing::new(text.to_owned()));
        let bound = password.map(|password| Bound { password, target: MailTarget::of(before) });
        return vec![(key, bound.map(|bound| bound.to_value()).or(new))];
    }
    let Some(Bound { password, target }) = Bound::read(before) else { return vec![(key, new)] };
    let mut after: Vec<_> = before.iter().filter(|entry| *entry.key() != key).cloned().collect();
    after.extend(new.clone().map(|value| ConfigEntry::from_store(key.clone(), value)));
    let now = MailTarget::of(&after);
    let kept = target.covers(&now).then(|| Bound { password, target: target.completed_by(&now) });
    let password_key =
        before.iter().find(|entry| entry.key().as_str() == PASSWORD).map(|entry| entry.key().clone());
    let password = password_key.map(|key| (key, kept.map(|bound| bound.to_value())));
    std::iter::once((key, new)).chain(password).collect()
}

fn value<'a>(entries: &'a [ConfigEntry], key: &str) -> Option<&'a Value> {
    let entry = entries.iter().find(|entry| entry.key().as_str() == key)?;
    Some(entry.value()).filter(|value| !value.is_null())
}

/// A port is a number, or its digits.
pub(crate) fn port(value: &Value) -> Option<u16> {
    match value {
        Value::String(digits) => digits.parse().ok(),
        number => number.as_u64().and_then(|number| u16::try_from(number).ok()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Change<'a> = (&'a str, Option<Value>);

    /// The entries after these changes, as a store makes them.
    fn after(start: Vec<ConfigEntry>, changes: &[Change<'_>]) -> Vec<ConfigEntry> {
        let mut entries = start;
        for (key, value) in changes {
            let key = ConfigKey::parse(key).unwrap();
            for (key, value) in with_mail_password(&entries, (key, value.clone())) {
                entries.retain(|entry| *entry.key() != key);
                entries.extend(value.map(|value| ConfigEntry::from_store(key, value)));
            }
        }
        entries
    }

    fn sent(entries: &[ConfigEntry]) -> Option<String> {
        mail_password(entries).map(|password| password.to_string())
    }

    fn permutations<T: Clone>(items: &[T]) -> Vec<Vec<T>> {
        if items.is_empty() {
            return vec![Vec::new()];
        }
        let each = (0..items.len()).flat_map(|first| {
            let mut rest = items.to_vec();
            let first = rest.remove(first);
            permutations(&rest).into_iter().map(move |mut rest| {
                rest.insert(0, first.clone());
                rest
            })
        });
        each.collect()
    }

    fn complete() -> Vec<Change<'static>> {
        vec![
            (HOST, Some("smtp.acme".into())),
            (PORT, Some(587.into())),
            (TLS, Some("starttls".into())),
            ("MAIL_SMTP_USER", Some("mailer".into())),
            (PASSWORD, Some("secret".into())),
        ]
    }

    #[test]
    fn the_order_in_which_the_keys_are_set_does_not_matter() {
        for changes in permutations(&complete()) {
            assert_eq!(sent(&after(vec![], &changes)).as_deref(), Some("secret"), "{changes:?}");
        }
        // Neither does it with defaults, nor if a key is set again to what it has.
        for changes in permutations(&[complete()[0].clone(), complete()[4].clone()]) {
            let entries = after(vec![], &changes);
            let again = after(entries, &[(HOST, Some("SMTP.acme".into())), (PORT, Some("465".into()))]);
            assert_eq!(sent(&again).as_deref(), Some("secret"));
        }
    }

    #[test]
    fn another_host_port_or_tls_mode_removes_the_password_for_good() {
        for changes in permutations(&complete()) {
            let entries = after(vec![], &changes);
            for (key, value) in [
                (HOST, Some(Value::from("evil.example"))),
                (HOST, Some(Value::Null)),
                (HOST, None),
                (PORT, Some(25.into())),
                (PORT, Some("2525".into())),
                (PORT, None),
                (TLS, Some("implicit".into())),
            ] {
                let changed = after(entries.clone(), &[(key, value.clone())]);
                assert!(changed.iter().all(|entry| entry.key().as_str() != PASSWORD), "{key} {value:?}");
                // Back again, it is still gone.
                assert_eq!(sent(&after(changed, &complete()[..4])), None, "{key} {value:?}");
            }
        }
    }

    #[test]
    fn a_password_without_a_host_belongs_to_the_first_one_and_no_other() {
        let entries = after(vec![], &[complete()[4].clone(), complete()[0].clone()]);
        assert_eq!(sent(&entries).as_deref(), Some("secret"));
        assert_eq!(sent(&after(entries, &[(HOST, Some("evil.example".into()))])), None);
    }

    #[test]
    fn a_password_of_an_earlier_release_belongs_to_what_is_set_beside_it() {
        let entry = |key, value: &str| ConfigEntry::from_store(ConfigKey::parse(key).unwrap(), value.into());
        let old = vec![entry(HOST, "smtp.acme"), entry(PORT, "587"), entry(PASSWORD, "secret")];
        assert_eq!(sent(&old).as_deref(), Some("secret"));
        assert_eq!(sent(&after(old.clone(), &[(HOST, Some("evil.example".into()))])), None);
        assert_eq!(sent(&after(old, &[("MAIL_SMTP_USER", Some("x".into()))])).as_deref(), Some("secret"));
    }

    #[test]
    fn a_target_that_was_changed_without_us_gets_no_password() {
        let mut entries = after(vec![], &complete());
        entries.retain(|entry| entry.key().as_str() != HOST);
        entries.push(ConfigEntry::from_store(ConfigKey::parse(HOST).unwrap(), "evil.example".into()));
        assert_eq!(sent(&entries), None);
    }

    #[test]
    fn a_null_password_is_stored_as_it_is() {
        let entries = after(vec![], &[(PASSWORD, Some(Value::Null))]);
        assert_eq!((entries.len(), entries[0].value()), (1, &Value::Null));
        assert_eq!(sent(&entries), None);
    }
}
