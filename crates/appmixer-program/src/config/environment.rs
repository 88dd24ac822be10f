//! The environment as a source: `APPMIXER_SECTION__KEY`.
//!
//! figment's own source takes `0123` for a number. Here a key that is a text stays one, so that a secret
//! of digits is the secret that was set.

use std::ffi::OsString;

use figment::value::{Dict, Map, Value};
use figment::{Error, Metadata, Profile, Provider};

use super::keys::KEYS;
use crate::failure::Failure;

const PREFIX: &str = "APPMIXER_";

/// Variables that are not ours to read: the tests' own.
const NOT_OURS: &str = "APPMIXER_TEST_";

/// What has keys of its own, which no variable can be named after.
const ROUTES: &str = "gateway.routes";

/// The process's variables as text.
///
/// # Errors
/// One of the server's own is not UTF-8. Its value is not shown.
pub(super) fn variables(
    vars: impl Iterator<Item = (OsString, OsString)>,
) -> Result<Vec<(String, String)>, Failure> {
    let mut texts = Vec::new();
    for (name, value) in vars {
        if !name.as_encoded_bytes().starts_with(PREFIX.as_bytes()) {
            continue;
        }
        let name = name.into_string().map_err(|name| {
            Failure::configuration(format!("the name of the variable {:?} is not UTF-8", name.display()))
        })?;
        match value.into_string() {
            Ok(value) => texts.push((name, value)),
            Err(value) if is_ours(&name, &value.to_string_lossy()) => {
                let key = key_of(&name);
                return Err(Failure::configuration(format!(
                    "{key}: the value is not UTF-8 (from the environment: {name})"
                )));
            }
            Err(_) => {}
        }
    }
    Ok(texts)
}

pub(super) struct Environment(Vec<(String, Value)>);

impl Environment {
    /// The values of those variables that belong to the server.
    ///
    /// # Errors
    /// What has to be JSON is not.
    pub(super) fn of(vars: &[(String, String)]) -> Result<Self, Failure> {
        let ours = vars.iter().filter(|(name, value)| is_ours(name, value));
        ours.map(|(name, text)| value(name, text)).collect::<Result<_, _>>().map(Self)
    }
}

fn is_ours(name: &str, value: &str) -> bool {
    name.starts_with(PREFIX) && !name.starts_with(NOT_OURS) && !is_service_link(name, value)
}

/// The key that a variable sets: `section.key`.
fn key_of(name: &str) -> String {
    name[PREFIX.len()..].to_lowercase().replace("__", ".")
}

/// The warning about variables that Kubernetes sets, if there are any.
pub(super) fn warning(vars: &[(String, String)]) -> Option<String> {
    let names =
        vars.iter().filter(|(name, value)| is_service_link(name, value)).map(|(name, _)| name.as_str());
    let names: Vec<_> = names.collect();
    let first = names.first()?;
    Some(format!(
        "ignoring {} variables that Kubernetes sets for a service named appmixer, such as {first}; \
         enableServiceLinks: false in the pod's spec leaves them out",
        names.len()
    ))
}

/// Whether Kubernetes has made the variable of a service whose name begins with appmixer, as in
/// `APPMIXER_SERVICE_HOST`, `APPMIXER_SERVER_PORT=tcp://10.0.0.1:2200` or `APPMIXER_PORT_2200_TCP_ADDR`.
fn is_service_link(name: &str, value: &str) -> bool {
    let Some(rest) = name.strip_prefix(PREFIX).filter(|rest| !rest.contains("__")) else { return false };
    let rest = format!("_{rest}");
    let is_port = |tail: &str| {
        let mut words = tail.split('_');
        let number = words.next().unwrap_or_default();
        !number.is_empty()
            && number.bytes().all(|byte| byte.is_ascii_digit())
            && matches!(words.next(), Some("TCP" | "UDP" | "SCTP"))
            && matches!(words.next(), None | Some("PROTO" | "PORT" | "ADDR"))
    };
    rest.ends_with("_SERVICE_HOST")
        || rest.ends_with("_SERVICE_PORT")
        || rest.contains("_SERVICE_PORT_")
        || (rest.ends_with("_PORT") && value.contains("://"))
        || rest.match_indices("_PORT_").any(|(place, port)| is_port(&rest[place + port.len()..]))
}

impl Provider for Environment {
    fn metadata(&self) -> Metadata {
        Metadata::named("the environment")
            .interpolater(|_, keys| format!("{PREFIX}{}", keys.join("__").to_uppercase()))
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        let mut data = Dict::new();
        for (key, value) in &self.0 {
            insert(&mut data, key, value.clone());
        }
        Ok(Profile::Default.collect(data))
    }
}

/// The key of a variable, and its value.
fn value(name: &str, text: &str) -> Result<(String, Value), Failure> {
    let key = key_of(name);
    let value = if key == ROUTES {
        serde_json::from_str(text).map_err(|error| {
            Failure::configuration(format!("{key}: is not JSON: {error} (from the environment: {name})"))
        })?
    } else if is_list(&key) {
        Value::from(list(text))
    } else if KEYS.iter().any(|known| known.name == key && known.is_text) {
        text.into()
    } else {
        let boolean = text.parse::<bool>().map(Value::from);
        boolean.or_else(|_| text.parse::<i64>().map(Value::from)).unwrap_or_else(|_| text.into())
    };
    Ok((key, value))
}

/// As JSON, or without brackets and quotes.
fn list(text: &str) -> Vec<String> {
    serde_json::from_str(text)
        .unwrap_or_else(|_| text.split(',').map(|item| item.trim().to_owned()).collect())
}

fn is_list(path: &str) -> bool {
    matches!(
        path,
        "token.previous_secrets"
            | "http.cors_headers"
            | "http.cors_origins"
            | "http.trusted_proxies"
            | "limits.exempt"
    )
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

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt as _;

    use super::*;

    /// As a pod has them next to a service with a named port.
    #[test]
    fn what_kubernetes_sets_for_a_service_of_this_name_is_no_configuration() {
        for (name, value) in [
            ("APPMIXER_PORT", "tcp://10.96.0.1:2200"),
            ("APPMIXER_SERVICE_HOST", "10.96.0.1"),
            ("APPMIXER_SERVICE_PORT", "2200"),
            ("APPMIXER_SERVICE_PORT_HTTP", "2200"),
            ("APPMIXER_PORT_2200_TCP", "tcp://10.96.0.1:2200"),
            ("APPMIXER_PORT_2200_TCP_PROTO", "tcp"),
            ("APPMIXER_PORT_2200_TCP_PORT", "2200"),
            ("APPMIXER_PORT_2200_TCP_ADDR", "10.96.0.1"),
            ("APPMIXER_SERVER_SERVICE_HOST", "10.96.0.1"),
            ("APPMIXER_SERVER_PORT_53_UDP_ADDR", "10.96.0.1"),
            ("APPMIXER_SERVER_PORT", "udp://10.96.0.1:53"),
        ] {
            assert!(is_service_link(name, value), "{name}");
            let vars = [(name.to_owned(), value.to_owned())];
            assert!(Environment::of(&vars).unwrap().0.is_empty());
            assert!(warning(&vars).unwrap().contains(name));
        }
        for (name, value) in [
            ("APPMIXER_PORT", "2200"),
            ("APPMIXER_LISTEN", "127.0.0.1:2200"),
            ("APPMIXER_HTTP__SERVICE_HOST", "x"),
            ("APPMIXER_PORT_X_TCP", "x"),
            ("APPMIXER_SERVICE", "x"),
            ("OTHER_SERVICE_HOST", "x"),
        ] {
            assert!(!is_service_link(name, value), "{name}");
        }
        assert_eq!(warning(&[]), None);
    }

    #[test]
    fn a_value_that_is_not_utf_8_is_refused_by_its_key_and_not_shown() {
        let of = |name: &[u8], value: &[u8]| {
            let pair = (OsString::from_vec(name.to_vec()), OsString::from_vec(value.to_vec()));
            variables(std::iter::once(pair)).map_err(|failure| {
                assert_eq!(failure.code(), 2);
                failure.to_string()
            })
        };
        let refused = of(b"APPMIXER_TOKEN__SECRET", b"s3cr3t\xff").unwrap_err();
        assert!(refused.contains("token.secret") && refused.contains("APPMIXER_TOKEN__SECRET"), "{refused}");
        assert!(!refused.contains("s3cr3t"), "{refused}");
        assert!(of(b"APPMIXER_TOKEN__SECRET\xff", b"x").is_err());
        for not_ours in [&b"PATH"[..], b"PATH\xff", b"APPMIXER_TEST_X", b"APPMIXER_SERVICE_HOST"] {
            assert_eq!(of(not_ours, b"\xff"), Ok(Vec::new()));
        }
    }
}
