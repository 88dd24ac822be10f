//! What is wrong with a value of the configuration, in one line. The value itself is not shown: it may be a secret,
//! also one that was set under the wrong key.

use figment::error::{Actual, Kind};
use figment::{Error, Metadata, Profile};

use super::keys::KEYS;
use crate::failure::Failure;
use crate::similar::closest;

/// Names the key, what is wrong with its value, and where it was set.
pub(super) fn explain(error: &Error) -> Failure {
    let mut key = error.path.clone();
    let what = match &error.kind {
        Kind::UnknownField(name, _) => {
            if key.last().is_none_or(|last| last != name) {
                key.push(name.clone());
            }
            format!("there is no such key{}", hint(&key.join("."), error.metadata.as_ref()))
        }
        Kind::InvalidType(_, expected) if expected.starts_with("struct ") => {
            "is a section: set one of its keys".to_owned()
        }
        Kind::InvalidType(found, expected) => {
            format!("invalid type: found {}, expected {expected}", kind(found))
        }
        Kind::InvalidValue(found, expected) => {
            format!("invalid value: found {}, expected {expected}", kind(found))
        }
        Kind::Unsupported(found) | Kind::UnsupportedKey(found, _) => {
            format!("{} is not supported", kind(found))
        }
        Kind::ISizeOutOfRange(_) | Kind::USizeOutOfRange(_) => "the number is out of range".to_owned(),
        other => other.to_string(),
    };
    let origin = error.metadata.as_ref().map_or_else(String::new, |metadata| origin(metadata, &key));
    let key = if key.is_empty() { "the configuration".to_owned() } else { key.join(".") };
    Failure::configuration(one_line(&format!("{key}: {what}{origin}")))
}

/// What a value is, without the value.
const fn kind(found: &Actual) -> &'static str {
    match found {
        Actual::Bool(_) => "a boolean",
        Actual::Unsigned(_) | Actual::Signed(_) | Actual::Float(_) => "a number",
        Actual::Char(_) | Actual::Str(_) | Actual::Bytes(_) => "a string",
        Actual::Seq => "a list",
        Actual::Map => "a section",
        _ => "another value",
    }
}

/// The key that was meant, if there is one that looks like it.
fn hint(key: &str, metadata: Option<&Metadata>) -> String {
    let plain = |name: &str| name.replace('.', "_");
    if let Some(meant) = KEYS.iter().find(|known| known.name != key && plain(known.name) == plain(key)) {
        let is_variable = metadata.is_some_and(|metadata| metadata.source.is_none());
        return if is_variable {
            let variable = meant.name.replace('.', "__").to_uppercase();
            format!("; a section and its key are joined by two underscores: APPMIXER_{variable}")
        } else {
            format!("; did you mean {}?", meant.name)
        };
    }
    closest(key, KEYS.iter().map(|known| known.name))
        .map_or_else(String::new, |meant| format!("; did you mean {meant}?"))
}

fn origin(metadata: &Metadata, key: &[String]) -> String {
    match &metadata.source {
        Some(source) => format!(" (in {source})"),
        None => format!(" (from {}: {})", metadata.name, metadata.interpolate(&Profile::Default, key)),
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
