//! Puts the sources together, and says in one line what is wrong with them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use appmixer_core::{MAX_PASSWORD_STRENGTH, PasswordPolicy, Rules};
use appmixer_http::{ConsoleOrigin, CorsHeaders, CorsOrigins, LONGEST_CONSOLE_SESSION, Networks};
use figment::error::Kind;
use figment::providers::{Format as _, Serialized, Toml};
use figment::{Error, Figment, Metadata, Profile, Provider};
use serde::Serialize;

use super::environment::{self, Environment};
use super::keys::KEYS;
use super::{Config, Span, log_level, secrets};
use crate::failure::Failure;
use crate::similar::closest;

/// The file that is read when none is named, if it is there.
const DEFAULT_FILE: &str = "appmixer.toml";

/// What the command line says, which counts more than anything else.
#[derive(Default, Serialize)]
pub(crate) struct Overrides {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) listen: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) data: Option<PathBuf>,
}

/// The configuration, and where each of its values comes from.
pub(crate) fn load(file: Option<&Path>, overrides: &Overrides) -> Result<(Config, Figment), Failure> {
    let vars: Vec<_> = std::env::vars_os().filter_map(utf8).collect();
    let figment = sources(file, overrides, vars.iter().cloned())?;
    let config: Config = figment.extract().map_err(|error| explain(&error))?;
    let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    let figment = secrets::resolve(&config, figment, credentials.as_deref())?;
    let mut config: Config = figment.extract().map_err(|error| explain(&error))?;
    check(&config)?;
    config.warnings.extend(environment::warning(&vars));
    Ok((config, figment))
}

fn utf8((name, value): (std::ffi::OsString, std::ffi::OsString)) -> Option<(String, String)> {
    Some((name.into_string().ok()?, value.into_string().ok()?))
}

fn sources(
    file: Option<&Path>,
    overrides: &Overrides,
    vars: impl Iterator<Item = (String, String)>,
) -> Result<Figment, Failure> {
    let mut figment = Figment::from(Serialized::defaults(Config::default()));
    match file {
        Some(path) if !path.is_file() => {
            return Err(Failure::configuration(format!("--config: there is no file {}", path.display())));
        }
        Some(path) => figment = figment.merge(Toml::file_exact(path)),
        None if Path::new(DEFAULT_FILE).is_file() => figment = figment.merge(Toml::file_exact(DEFAULT_FILE)),
        None => {}
    }
    Ok(figment.merge(Environment::of(vars)).merge(Flags(overrides)))
}

struct Flags<'a>(&'a Overrides);

impl Provider for Flags<'_> {
    fn metadata(&self) -> Metadata {
        Metadata::named("the command line").interpolater(|_, keys| format!("--{}", keys.join(".")))
    }

    fn data(&self) -> Result<figment::value::Map<Profile, figment::value::Dict>, Error> {
        Serialized::defaults(self.0).data()
    }
}

/// One line: the key, what is wrong with it, and where it was set.
fn explain(error: &Error) -> Failure {
    let mut key = error.path.clone();
    let what = match &error.kind {
        Kind::UnknownField(name, _) => {
            if key.last().is_none_or(|last| last != name) {
                key.push(name.clone());
            }
            format!("there is no such key{}", hint(&key.join("."), error.metadata.as_ref()))
        }
        // The text would repeat a value that may be a secret.
        Kind::InvalidType(_, expected) | Kind::InvalidValue(_, expected) if is_secret(&key) => {
            format!("must be {expected}")
        }
        kind => kind.to_string(),
    };
    let origin = error.metadata.as_ref().map_or_else(String::new, |metadata| origin(metadata, &key));
    let key = if key.is_empty() { "the configuration".to_owned() } else { key.join(".") };
    Failure::configuration(one_line(&format!("{key}: {what}{origin}")))
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

fn is_secret(key: &[String]) -> bool {
    key.iter().any(|part| part.contains("secret") || part == "url")
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

/// A receiver that takes longer is as good as away, and would hold a place for as long.
const LONGEST_DELIVERY: Duration = Duration::from_mins(5);

/// Other servers are asked a few times a second.
const SHORTEST_DOUBT: Duration = Duration::from_secs(1);

/// With fewer, strangers share what they have done; more take gigabytes.
const LIMITS_ENTRIES: std::ops::RangeInclusive<usize> = 1024..=16_777_216;

/// What the types alone cannot say.
fn check(config: &Config) -> Result<(), Failure> {
    let bad = |key: &str, what: String| Err(Failure::configuration(format!("{key}: {what}")));
    if config.token.lifetime.0.as_secs() == 0 || config.token.lifetime.0.subsec_millis() != 0 {
        return bad("token.lifetime", "must be a whole number of seconds, at least one".to_owned());
    }
    let session = config.console.session.0;
    if session.as_secs() == 0 || session.subsec_millis() != 0 || session > LONGEST_CONSOLE_SESSION {
        let longest = Span(LONGEST_CONSOLE_SESSION);
        return bad(
            "console.session",
            format!("must be a whole number of seconds, at least one and at most {longest}"),
        );
    }
    if config.delivery.timeout.0.is_zero() || config.delivery.timeout.0 > LONGEST_DELIVERY {
        return bad("delivery.timeout", format!("must be more than 0 and at most {LONGEST_DELIVERY:?}"));
    }
    if config.delivery.first_retry.0.is_zero() {
        return bad("delivery.first_retry", "must be more than 0".to_owned());
    }
    if let Some(path) = config.delivery.ca_file.as_deref().filter(|path| !path.is_file()) {
        return bad("delivery.ca_file", format!("there is no file {}", path.display()));
    }
    if config.store.pool_size == 0 || config.store.pool_size > 1000 {
        return bad("store.pool_size", "must be between 1 and 1000".to_owned());
    }
    if config.store.stale_after.0 < SHORTEST_DOUBT {
        return bad("store.stale_after", format!("must be at least {SHORTEST_DOUBT:?}"));
    }
    config.database()?;
    if let Err(error) = config.password.params() {
        return bad("password", error.to_string());
    }
    if !(1..=appmixer_core::MAX_PASSWORD_BYTES).contains(&config.password.min_length) {
        return bad(
            "password.min_length",
            format!("must be between 1 and {}", appmixer_core::MAX_PASSWORD_BYTES),
        );
    }
    if config.password.min_strength > MAX_PASSWORD_STRENGTH {
        return bad("password.min_strength", format!("must be between 0 and {MAX_PASSWORD_STRENGTH}"));
    }
    if config.password.threads > 1024 || config.http.workers > 1024 {
        return bad("password.threads, http.workers", "must be at most 1024".to_owned());
    }
    if config.password.queue == 0 {
        return bad("password.queue", "must be at least 1".to_owned());
    }
    if config.audit.max_rows == 0 {
        return bad("audit.max_rows", "must be at least 1; audit.keep = 0 keeps no log".to_owned());
    }
    if config.http.max_connections == 0 {
        return bad("http.max_connections", "must be at least 1".to_owned());
    }
    if config.http.header_limit < 8192 {
        return bad("http.header_limit", "must be at least 8192".to_owned());
    }
    for (key, Span(time)) in [
        ("http.header_timeout", config.http.header_timeout),
        ("http.idle_timeout", config.http.idle_timeout),
        ("http.body_timeout", config.http.body_timeout),
        ("tls.handshake_timeout", config.tls.handshake_timeout),
    ] {
        if time.is_zero() {
            return bad(key, "must be longer than nothing".to_owned());
        }
    }
    if let Err(error) = Networks::parse(&config.http.trusted_proxies) {
        return bad("http.trusted_proxies", error.to_string());
    }
    if config.http.max_streams == 0 {
        return bad("http.max_streams", "must be at least 1; tls.http2 = false is without".to_owned());
    }
    if config.tls.certificate.is_some() != config.tls.key.is_some() {
        return bad("tls.certificate, tls.key", "one needs the other".to_owned());
    }
    if config.tls.listen.is_some() && config.tls.certificate.is_none() {
        return bad("tls.listen", "needs tls.certificate and tls.key".to_owned());
    }
    if let Err(error) = Networks::parse(&config.limits.exempt) {
        return bad("limits.exempt", error.to_string());
    }
    if !LIMITS_ENTRIES.contains(&config.limits.entries) {
        return bad(
            "limits.entries",
            format!("must be between {} and {}", LIMITS_ENTRIES.start(), LIMITS_ENTRIES.end()),
        );
    }
    if let Err(error) = config.console.origin.as_deref().map(ConsoleOrigin::parse).transpose() {
        return bad("console.origin", error.to_string());
    }
    if let Err(error) = CorsOrigins::parse(&config.http.cors_origins) {
        return bad("http.cors_origins", error.to_string());
    }
    if let Err(error) = CorsHeaders::parse(&config.http.cors_headers) {
        return bad("http.cors_headers", error.to_string());
    }
    if let Err(error) = log_level::check(&config.log.level) {
        return bad("log.level", error);
    }
    config.gateway.options()?;
    config.token_secrets_are_long_enough()
}

impl Config {
    /// The rules that the use cases follow, but for the list of refused passwords.
    pub(crate) fn rules(&self) -> Rules {
        Rules {
            token_lifetime: self.token.lifetime.0,
            password_policy: PasswordPolicy {
                min_chars: self.password.min_length,
                min_strength: self.password.min_strength,
                ..PasswordPolicy::default()
            },
            require_active: self.users.require_active,
            confirm: self.users.confirm,
            audit_log: !self.audit.keep.0.is_zero(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn try_load(toml: &str, vars: &[(&str, &str)], overrides: &Overrides) -> Result<Config, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("test.toml");
        fs::write(&path, toml).unwrap();
        let vars = vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let loaded = sources(Some(&path), overrides, vars).and_then(|figment| {
            let config = figment.extract().map_err(|error| explain(&error))?;
            check(&config).map(|()| config)
        });
        loaded.map_err(|failure| {
            assert_eq!(failure.code(), 2);
            failure.to_string()
        })
    }

    #[test]
    fn flags_beat_the_environment_which_beats_the_file_which_beats_the_defaults() {
        let toml = "listen = '127.0.0.1:1'\ndata = 'file'\n[password]\nqueue = 7";
        let vars = [("APPMIXER_LISTEN", "127.0.0.1:2"), ("APPMIXER_DATA", "env")];
        let overrides = Overrides { listen: Some("127.0.0.1:3".to_owned()), data: None };
        let config = try_load(toml, &vars, &overrides).unwrap();
        assert_eq!(config.listen.to_string(), "127.0.0.1:3");
        assert_eq!(config.data, PathBuf::from("env"));
        assert_eq!((config.password.queue, config.password.min_length), (7, 6));
    }

    #[test]
    fn a_secret_that_looks_like_a_number_or_a_list_stays_what_it_is() {
        for secret in [
            "00000000000000000000000000000001",
            "[1,2]bcdefghijklmnopqrstuvwxyz012345",
            "1e5000000000000000000000000000000000",
        ] {
            let config = try_load("", &[("APPMIXER_TOKEN__SECRET", secret)], &Overrides::default()).unwrap();
            assert_eq!(config.token.secret.unwrap().as_bytes(), secret.as_bytes());
        }
    }

    #[test]
    fn lists_in_the_environment_need_no_brackets() {
        let origins = |text: &str| {
            let vars = [("APPMIXER_HTTP__CORS_ORIGINS", text)];
            try_load("", &vars, &Overrides::default()).unwrap().http.cors_origins
        };
        assert_eq!(origins("https://a.b"), ["https://a.b"]);
        assert_eq!(origins("https://a.b, https://c.d"), ["https://a.b", "https://c.d"]);
        assert_eq!(origins(r#"["https://a.b"]"#), ["https://a.b"]);
    }

    #[test]
    fn what_is_wrong_is_told_in_one_line_with_the_key_and_its_place() {
        let none = Overrides::default();
        let bad_flag = Overrides { listen: Some("nowhere".to_owned()), data: None };
        let secret = "s3cr3t";
        for (toml, vars, overrides, parts) in [
            ("colour = 1", vec![], &none, ["colour", "no such key", "test.toml"]),
            ("[http]\nbody_limits = 1", vec![], &none, ["http.body_limits", "no such key", "test.toml"]),
            ("[http]\nbody_limit = 'x'", vec![], &none, ["http.body_limit", "invalid type", "test.toml"]),
            (
                "",
                vec![("APPMIXER_HTTP__BODY_LIMITS", "1")],
                &none,
                ["http.body_limits", "no such key", "APPMIXER_HTTP__BODY_LIMITS"],
            ),
            (
                "",
                vec![("APPMIXER_HTTP_BODY_LIMIT", "1")],
                &none,
                ["http_body_limit", "two underscores: APPMIXER_HTTP__BODY_LIMIT", "no such key"],
            ),
            (
                "[http]\nbody_limt = 1",
                vec![],
                &none,
                ["http.body_limt", "did you mean http.body_limit?", "test.toml"],
            ),
            (
                "http_body_limit = 1",
                vec![],
                &none,
                ["http_body_limit", "did you mean http.body_limit?", "test.toml"],
            ),
            (
                "",
                vec![("APPMIXER_PASSWORD__QUEUE", "many")],
                &none,
                ["password.queue", "invalid type", "APPMIXER_PASSWORD__QUEUE"],
            ),
            (
                "",
                vec![("APPMIXER_TOKEN__LIFETIME", "1 year")],
                &none,
                ["token.lifetime", "30d", "APPMIXER_TOKEN__LIFETIME"],
            ),
            ("", vec![], &bad_flag, ["listen", "socket address", "--listen"]),
            (
                "",
                vec![("APPMIXER_TOKEN__SECRET", secret)],
                &none,
                ["token.secret", "32", "allow_short_secret"],
            ),
            ("[password]\nmemory_kib = 1", vec![], &none, ["password", "memory", "8 KiB"]),
            ("[log]\nlevel = 'loud=loud'", vec![], &none, ["log.level", "info", "debug"]),
            (
                "[log]\nlevel = 'warning'",
                vec![],
                &none,
                ["log.level", "`warning` is no level", "error, warn, info"],
            ),
            (
                "[http]\ncors_origins = ['app.example.com']",
                vec![],
                &none,
                ["http.cors_origins", "app.example.com", "origin"],
            ),
            (
                "",
                vec![("APPMIXER_HTTP__TRUSTED_PROXIES", "10.0.0.0/8, 0.0.0.0/0")],
                &none,
                ["http.trusted_proxies", "0.0.0.0/0", "everybody"],
            ),
            ("[tls]\nkey = 'key.pem'", vec![], &none, ["tls.certificate", "tls.key", "needs"]),
            ("[tls]\nlisten = '[::1]:1'", vec![], &none, ["tls.listen", "tls.certificate", "needs"]),
            ("listen_unix_mode = '9'", vec![], &none, ["listen_unix_mode", "0660", "test.toml"]),
            ("[limits]\nsign_in = '20'", vec![], &none, ["limits.sign_in", "20/1m", "test.toml"]),
            ("[limits]\nsign_in = 20", vec![], &none, ["limits.sign_in", "invalid type", "test.toml"]),
            ("", vec![("APPMIXER_LIMITS__EXEMPT", "office")], &none, ["limits.exempt", "office", "unix"]),
            ("[console]\nsession = '13h'", vec![], &none, ["console.session", "at most", "12h"]),
            (
                "[console]\norigin = 'admin.example.com'",
                vec![],
                &none,
                ["console.origin", "admin.example.com", "https://"],
            ),
            ("[console]\nsession = '1500ms'", vec![], &none, ["console.session", "whole", "seconds"]),
            ("[limits]\nentries = 1", vec![], &none, ["limits.entries", "1024", "16777216"]),
            ("this is no toml", vec![], &none, ["TOML", "test.toml", "="]),
        ] {
            let line = try_load(toml, &vars, overrides).unwrap_err();
            for part in parts {
                assert!(line.contains(part), "{part:?} is not in: {line}");
            }
            assert!(!line.contains('\n') && !line.contains(secret), "{line}");
        }
    }

    #[test]
    fn a_file_that_is_named_must_be_there() {
        let failure = sources(Some(Path::new("/nowhere.toml")), &Overrides::default(), std::iter::empty());
        assert!(failure.err().unwrap().to_string().contains("/nowhere.toml"));
    }
}
