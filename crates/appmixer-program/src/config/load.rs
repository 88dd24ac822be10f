//! Puts the sources together, and checks what they say.

use std::path::{Path, PathBuf};
use std::time::Duration;

use appmixer_core::{MAX_PASSWORD_STRENGTH, PasswordPolicy, Rules};
use appmixer_http::{CorsHeaders, LONGEST_CONSOLE_SESSION, Networks};
use figment::providers::Serialized;
use figment::{Error, Figment, Metadata, Profile, Provider};
use serde::Serialize;

use super::environment::{self, Environment};
use super::explain::explain;
use super::file::TomlFile;
use super::{Config, Span, log_level, secrets};
use crate::failure::Failure;

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
    let vars = environment::variables(std::env::vars_os())?;
    let figment = sources(file, overrides, &vars)?;
    let config: Config = figment.extract().map_err(|error| explain(&error))?;
    let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    let figment = secrets::resolve(&config, figment, credentials.as_deref())?;
    let mut config: Config = figment.extract().map_err(|error| explain(&error))?;
    check(&config)?;
    config.warnings.extend(environment::warning(&vars));
    Ok((config, figment))
}

fn sources(
    file: Option<&Path>,
    overrides: &Overrides,
    vars: &[(String, String)],
) -> Result<Figment, Failure> {
    let mut figment = Figment::from(Serialized::defaults(Config::default()));
    let default = Path::new(DEFAULT_FILE);
    if let Some(path) = file.or_else(|| default.is_file().then_some(default)) {
        figment = figment.merge(TomlFile::read(path)?);
    }
    Ok(figment.merge(Environment::of(vars)?).merge(Flags(overrides)))
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

/// A receiver that takes longer is as good as away, and would hold a place for as long.
const LONGEST_DELIVERY: Duration = Duration::from_mins(5);

/// Other servers are asked a few times a second.
const SHORTEST_DOUBT: Duration = Duration::from_secs(1);

/// With fewer, strangers share what they have done; more take gigabytes.
const LIMITS_ENTRIES: std::ops::RangeInclusive<usize> = 1024..=16_777_216;

/// The longest path of a Unix socket, in bytes (`sun_path`, with its final zero).
const MAX_SOCKET_PATH: usize = 107;

fn check_socket_path(path: &Path) -> Result<(), String> {
    match path.as_os_str().len() {
        0 => Err("must name a file".to_owned()),
        1..=MAX_SOCKET_PATH => Ok(()),
        _ => Err(format!("the path of a Unix socket must have at most {MAX_SOCKET_PATH} bytes")),
    }
}

/// What the types alone cannot say.
fn check(config: &Config) -> Result<(), Failure> {
    let bad = |key: &str, what: String| Err(Failure::configuration(format!("{key}: {what}")));
    if let Err(why) = config.token.lifetime.check_token_lifetime() {
        return bad("token.lifetime", why);
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
    if config.data.as_os_str().is_empty() {
        return bad("data", "must name a folder".to_owned());
    }
    if let Some(path) = &config.listen_unix {
        check_socket_path(path).map_err(|why| Failure::configuration(format!("listen_unix: {why}")))?;
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
    config.console_origin()?;
    config.cors_origins()?;
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
mod tests;
