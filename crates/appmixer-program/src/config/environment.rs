//! The environment as a source: `APPMIXER_SECTION__KEY`.
//!
//! figment's own source takes `0123` for a number. Here a key that is a text stays one, so that a secret
//! of digits is the secret that was set.

use figment::value::{Dict, Map, Value};
use figment::{Error, Metadata, Profile, Provider};

use super::keys::KEYS;

const PREFIX: &str = "APPMIXER_";

/// Variables that are not ours to read: the tests' own.
const NOT_OURS: &str = "APPMIXER_TEST_";

/// What has keys of its own, which no variable can be named after.
const ROUTES: &str = "gateway.routes";

pub(super) struct Environment(Vec<(String, String)>);

impl Environment {
    /// The process's variables, as far as they are ours. One that is not UTF-8 is left out of `vars`.
    pub(super) fn of(vars: impl Iterator<Item = (String, String)>) -> Self {
        Self(vars.filter(|(name, _)| name.starts_with(PREFIX) && !name.starts_with(NOT_OURS)).collect())
    }
}

impl Provider for Environment {
    fn metadata(&self) -> Metadata {
        Metadata::named("the environment")
            .interpolater(|_, keys| format!("{PREFIX}{}", keys.join("__").to_uppercase()))
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        let mut data = Dict::new();
        for (name, text) in &self.0 {
            let path = name[PREFIX.len()..].to_lowercase().replace("__", ".");
            insert(&mut data, &path, value(&path, text));
        }
        Ok(Profile::Default.collect(data))
    }
}

fn value(path: &str, text: &str) -> Value {
    if path == ROUTES {
        // JSON, or else something that is refused by the name of its key.
        return serde_json::from_str(text).unwrap_or_else(|_| text.into());
    }
    if is_list(path) {
        return Value::from(list(text));
    }
    if KEYS.iter().any(|key| key.name == path && key.is_text) {
        return text.into();
    }
    let boolean = text.parse::<bool>().map(Value::from);
    boolean.or_else(|_| text.parse::<i64>().map(Value::from)).unwrap_or_else(|_| text.into())
}

/// As JSON, or without brackets and quotes.
fn list(text: &str) -> Vec<String> {
    serde_json::from_str(text)
        .unwrap_or_else(|_| text.split(',').map(|item| item.trim().to_owned()).collect())
}

fn is_list(path: &str) -> bool {
    matches!(path, "token.previous_secrets" | "http.cors_origins" | "http.trusted_proxies" | "limits.exempt")
}

fn insert(data: &mut Dict, path: &str, value: Value) {
    match path.split_once('.') {
        None => drop(data.insert(path.to_owned(), value)),
        Some((section, rest)) => {
            let section = data.entry(section.to_owned()).or_insert_with(|| Value::from(Dict::new()));
            if let Value::Dict(_, section) = section {
                insert(section, rest, value);
            }
        }
    }
}
