//! The database's URL, as libpq, other drivers and providers write it.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};

use super::error::with_cause;
use super::open::{APPLICATION, CONNECT_TIMEOUT, PostgresError};

/// After how long without a sign of life a connection is given up.
const SILENCE: Duration = Duration::from_secs(10);

/// Limits for each session. A proxy that pools transactions may not know them.
const SESSION_LIMITS: &str = "-c statement_timeout=30s -c idle_in_transaction_session_timeout=60s";

/// Parameters that mean the same to the driver.
const OF_DRIVER: &[&str] = &[
    "application_name",
    "channel_binding",
    "connect_timeout",
    "dbname",
    "host",
    "hostaddr",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_retries",
    "load_balance_hosts",
    "options",
    "password",
    "port",
    "sslnegotiation",
    "target_session_attrs",
    "tcp_user_timeout",
    "user",
];

const NEEDS_ENCODING: &str =
    "user and password have to be percent-encoded: a @ in the password is written %40, a / %2F and a ? %3F";

/// What a URL says.
pub(super) struct Url {
    pub(super) config: Config,
    /// Whether statements may be prepared.
    pub(super) prepare: bool,
    /// `sslrootcert`: certificates that are trusted, too.
    pub(super) ca_file: Option<PathBuf>,
}

/// How the connection is to be encrypted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Encryption {
    Default,
    Never,
    Verified,
}

/// Reads a URL. `prepare` says whether statements may be prepared as far as the configuration is concerned.
///
/// # Errors
/// [`PostgresError::Url`], which shows no part of the URL but names of parameters.
pub(super) fn read(text: &str, prepare: bool) -> Result<Url, PostgresError> {
    let text = text.trim_start_matches('\u{feff}').trim();
    let (base, query) = split(text)?;
    let mut settings = Settings { prepare, ..Settings::default() };
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        settings.add(pair)?;
    }
    let url = format!("{base}?{}", settings.of_driver.join("&"));
    let mut config: Config = url.parse().map_err(|error| bad(with_cause(&error)))?;
    if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
        return Err(bad("it names no host"));
    }
    // The driver would refuse these at the first connection.
    let (hosts, addresses) = (config.get_hosts().len(), config.get_hostaddrs().len());
    if hosts > 0 && addresses > 0 && hosts != addresses {
        return Err(bad("the parameter hostaddr: there must be as many addresses as hosts"));
    }
    if config.get_ports().len() > 1 && config.get_ports().len() != hosts.max(addresses) {
        return Err(bad("there must be one port, or as many as hosts; a port is given twice"));
    }
    settings.complete(&mut config);
    Ok(Url { config, prepare: settings.prepare, ca_file: settings.ca_file })
}

/// Hosts, ports and database, for messages.
pub(super) fn place(config: &Config) -> String {
    let ports = config.get_ports();
    let hosts = config.get_hosts().iter().enumerate().map(|(at, host)| {
        let host = match host {
            Host::Tcp(name) if name.contains(':') => format!("[{name}]"),
            Host::Tcp(name) => name.clone(),
            Host::Unix(path) => path.display().to_string(),
        };
        let port = ports.get(at).or_else(|| ports.first()).copied().unwrap_or(5432);
        format!("{host}:{port}")
    });
    let addresses = config.get_hostaddrs().iter().map(IpAddr::to_string);
    let hosts: Vec<_> = hosts.collect();
    let hosts = if hosts.is_empty() { addresses.collect() } else { hosts };
    format!("postgres://{}/{}", hosts.join(","), config.get_dbname().unwrap_or_default())
}

fn bad(reason: impl Into<String>) -> PostgresError {
    PostgresError::Url { reason: reason.into() }
}

/// The URL without its parameters, and these. What may be a part of the password is refused before anything is
/// looked up or shown.
fn split(text: &str) -> Result<(&str, &str), PostgresError> {
    let (scheme, rest) = text.split_once("://").ok_or_else(|| bad("it has no scheme"))?;
    let (before, after) = rest.split_once('@').map_or(("", rest), |(before, after)| (before, after));
    let (place, query) = after.split_once('?').unwrap_or((after, ""));
    if before.contains('?') || place.contains('@') || query.split('&').any(|pair| pair.contains('@')) {
        return Err(bad(NEEDS_ENCODING));
    }
    let base =
        scheme.len() + "://".len() + before.len() + usize::from(before.len() + after.len() < rest.len());
    Ok((&text[..base + place.len()], query))
}

#[derive(Default)]
struct Settings<'u> {
    of_driver: Vec<&'u str>,
    encryption: Option<Encryption>,
    ca_file: Option<PathBuf>,
    prepare: bool,
}

impl<'u> Settings<'u> {
    /// Takes one parameter with its meaning, or refuses it by its name.
    fn add(&mut self, pair: &'u str) -> Result<(), PostgresError> {
        let Some((name, raw)) = pair.split_once('=') else {
            // Other text may be a piece of a password, and is not shown.
            let is_known = OF_DRIVER.contains(&pair) || matches!(pair, "sslmode" | "sslrootcert" | "ssl");
            let missing = || format!("the parameter {pair} has no value: write {pair}=…");
            return Err(bad(if is_known { missing() } else { NEEDS_ENCODING.to_owned() }));
        };
        if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            // It may be a piece of a password, and is not shown.
            return Err(bad(NEEDS_ENCODING));
        }
        let value = percent_encoding::percent_decode_str(raw).decode_utf8();
        let value = value.map_err(|_| bad(format!("the parameter {name} is not UTF-8")))?;
        let refuse = |why: &str| Err(bad(format!("the parameter {name}: {why}")));
        match (name, &*value) {
            ("sslmode", "disable") | ("ssl", "false") => self.encryption = Some(Encryption::Never),
            ("sslmode", "allow" | "prefer") => self.encryption = Some(Encryption::Default),
            ("sslmode", "require" | "verify-ca" | "verify-full") | ("ssl", "true") => {
                self.encryption = Some(Encryption::Verified);
            }
            ("sslmode", _) => {
                return refuse("must be disable, allow, prefer, require, verify-ca or verify-full");
            }
            ("sslrootcert", "system" | "") => self.ca_file = None,
            ("sslrootcert", path) => self.ca_file = Some(path.into()),
            ("sslcert" | "sslkey" | "sslpassword", _) => {
                return refuse("certificates of clients are not supported; use user and password");
            }
            ("gssencmode", "disable" | "prefer") | ("client_encoding", "UTF8" | "utf8" | "auto") => {}
            ("pgbouncer", "false" | "true") | ("statement_cache_size", _) => {
                // What drivers with a cache of prepared statements are told behind PgBouncer.
                self.prepare &= !matches!(&*value, "true" | "0");
            }
            ("connection_limit" | "pool_size" | "max_connections", _) => {
                return refuse("the number of connections is store.pool_size");
            }
            ("schema" | "search_path" | "currentSchema", _) => {
                return refuse("a schema is written as options=-c%20search_path=NAME");
            }
            ("target_session_attrs", "read-only" | "standby" | "prefer-standby") => {
                return refuse("the server writes: any, read-write or primary");
            }
            ("target_session_attrs", "primary") => {
                self.of_driver.push("target_session_attrs=read-write");
            }
            (name, _) if OF_DRIVER.contains(&name) => {
                self.of_driver.push(pair);
            }
            _ => return refuse("it is not known here; leave it out"),
        }
        Ok(())
    }

    /// Whether a parameter is given whose name and value begin so.
    fn has(&self, beginning: &str) -> bool {
        self.of_driver.iter().any(|pair| pair.starts_with(beginning))
    }

    /// What the URL leaves open.
    fn complete(&self, config: &mut Config) {
        let is_here = |host: &Host| match host {
            Host::Tcp(name) => name == "localhost" || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback()),
            Host::Unix(_) => true,
        };
        let all_here =
            config.get_hosts().iter().all(is_here) && config.get_hostaddrs().iter().all(IpAddr::is_loopback);
        // What a stranger in between could take away is no protection.
        config.ssl_mode(match self.encryption.unwrap_or(Encryption::Default) {
            Encryption::Never => SslMode::Disable,
            Encryption::Default if all_here => SslMode::Disable,
            Encryption::Default | Encryption::Verified => SslMode::Require,
        });
        if config.get_hosts().len() > 1 && !self.has("target_session_attrs=read") {
            config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIMEOUT);
        }
        if !self.has("keepalives") {
            config.keepalives_idle(SILENCE).keepalives_interval(SILENCE / 4).keepalives_retries(2);
        }
        if !self.has("tcp_user_timeout=") {
            config.tcp_user_timeout(SILENCE);
        }
        if config.get_application_name().is_none() {
            config.application_name(APPLICATION);
        }
        if self.prepare {
            // Its own options come last, and so count more.
            let options = config.get_options().map(|own| format!("{SESSION_LIMITS} {own}"));
            config.options(options.as_deref().unwrap_or(SESSION_LIMITS));
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio_postgres::config::ChannelBinding;

    use super::*;

    fn config(url: &str) -> Config {
        read(url, true).unwrap_or_else(|error| panic!("{url}: {error}")).config
    }

    #[test]
    fn what_the_driver_would_refuse_later_is_refused_at_once() {
        for (url, part) in [
            ("postgres://joe:s3cret@x/y?sslmode", "the parameter sslmode has no value"),
            ("postgres://joe:s3cret@x:1/y?port=2", "a port is given twice"),
            ("postgres://joe:s3cret@x,z/y?hostaddr=127.0.0.1", "as many addresses as hosts"),
            ("postgres://joe:s3cret@x/y?ssw0rd", "percent-encoded"),
        ] {
            assert!(reason(url).contains(part), "{}", reason(url));
        }
    }

    fn reason(url: &str) -> String {
        let told = read(url, true).err().unwrap_or_else(|| panic!("{url}")).to_string();
        for part in ["s3cret", "ssw0rd", "joe"] {
            assert!(!told.contains(part), "{url}: {told}");
        }
        told
    }

    #[test]
    fn beyond_this_machine_a_connection_is_encrypted_unless_that_is_switched_off() {
        for (url, expected) in [
            ("postgres://a:b@127.0.0.1/x", SslMode::Disable),
            ("postgres://a:b@127.0.0.1/x?sslmode=prefer", SslMode::Disable),
            ("postgres://a:b@localhost:5433/x?sslmode=require", SslMode::Require),
            ("postgres://a:b@db.example/x", SslMode::Require),
            ("postgres://a:b@localhost,db.example/x?sslmode=prefer", SslMode::Require),
            ("postgres://a:b@db.example/x?sslmode=allow", SslMode::Require),
            ("postgres://a:b@db.example/x?sslmode=disable", SslMode::Disable),
            ("postgres://a:b@db.example/x?ssl=false", SslMode::Disable),
            ("postgres://a:b@db.example/x?sslmode=verify-full", SslMode::Require),
            ("postgres://a:b@[::1]/x?sslmode=verify-ca", SslMode::Require),
            ("postgres://a:b@127.0.0.1/x?ssl=true", SslMode::Require),
        ] {
            assert_eq!(config(url).get_ssl_mode(), expected, "{url}");
        }
    }

    #[test]
    fn urls_of_providers_are_read_with_their_meaning() {
        let neon = config("postgresql://a:b@ep-x.neon.tech/db?sslmode=require&channel_binding=require");
        assert_eq!(neon.get_channel_binding(), ChannelBinding::Require);
        let cockroach =
            config("postgresql://a:b@x.cloud:26257/db?sslmode=verify-full&options=--cluster%3Dx-1");
        assert_eq!(cockroach.get_options(), Some(&*format!("{SESSION_LIMITS} --cluster=x-1")));
        assert_eq!(cockroach.get_ports(), [26257]);
        let named = config("postgres://a:b@h/x?connect_timeout=15&application_name=my%20app");
        assert_eq!(named.get_connect_timeout(), Some(&Duration::from_secs(15)));
        assert_eq!(named.get_application_name(), Some("my app"));
        let plain = config("postgres://a:b@h/x");
        assert_eq!(plain.get_connect_timeout(), Some(&CONNECT_TIMEOUT));
        assert_eq!(plain.get_target_session_attrs(), TargetSessionAttrs::Any);
        for (url, expected) in [
            ("postgres://a:b@h,i/x", TargetSessionAttrs::ReadWrite),
            ("postgres://a:b@h,i/x?target_session_attrs=any", TargetSessionAttrs::ReadWrite),
            ("postgres://a:b@h/x?target_session_attrs=primary", TargetSessionAttrs::ReadWrite),
            ("postgres://a:b@h/x?target_session_attrs=read-write", TargetSessionAttrs::ReadWrite),
        ] {
            assert_eq!(config(url).get_target_session_attrs(), expected, "{url}");
        }
        let pooled = read("postgres://a:b@h:6543/x?pgbouncer=true&connect_timeout=5", true).unwrap();
        assert!(!pooled.prepare && pooled.config.get_options().is_none());
        assert!(!read("postgres://a:b@h/x?statement_cache_size=0", true).unwrap().prepare);
        assert!(read("postgres://a:b@h/x?pgbouncer=false", true).unwrap().prepare);
        assert!(!read("postgres://a:b@h/x?pgbouncer=false", false).unwrap().prepare);
        let root = read("postgres://a:b@h/x?sslmode=verify-full&sslrootcert=/etc/ssl/my%20ca.pem", true);
        assert_eq!(root.unwrap().ca_file, Some("/etc/ssl/my ca.pem".into()));
        assert_eq!(read("postgres://a:b@h/x?sslrootcert=system", true).unwrap().ca_file, None);
    }

    #[test]
    fn a_byte_order_mark_and_blanks_around_a_url_do_not_count() {
        for url in ["postgres://a:b@h/x \n", "\u{feff}postgres://a:b@h/x", " \tpostgres://a:b@h/x\r\n"] {
            let config = config(url);
            assert_eq!((config.get_dbname(), config.get_password()), (Some("x"), Some(&b"b"[..])), "{url:?}");
        }
    }

    #[test]
    fn a_password_that_is_not_encoded_is_refused_before_any_of_it_is_used() {
        for url in [
            "postgres://joe:p@ssw0rd@127.0.0.1/app",
            "postgres://joe@s3cret.example:p@h/app",
            "postgres://joe:p@ssw0rd/s3cret@127.0.0.1/app",
            "postgres://joe:s3cret?@127.0.0.1/app",
            "postgres://joe:p@s?ssw0rd@127.0.0.1/app",
            "postgres://joe:p@s?ssw0rd@h=1",
            "postgres://joe:p@h/app?s3cret",
            "postgres://h/app?user=joe&password=p@ssw0rd",
        ] {
            assert!(reason(url).contains("a @ in the password is written %40"), "{url}: {}", reason(url));
        }
        let encoded = config("postgres://joe:p%40ss%2Fw%3F0rd%25@127.0.0.1/app");
        assert_eq!(encoded.get_password(), Some(&b"p@ss/w?0rd%"[..]));
        // Other drivers do not ask for this one to be encoded.
        assert_eq!(config("postgres://joe:p/q@127.0.0.1/app").get_password(), Some(&b"p/q"[..]));
    }

    #[test]
    fn what_is_not_supported_is_refused_by_its_name() {
        for (parameter, told) in [
            ("sslmode=s3cret", "sslmode: must be disable"),
            ("sslcert=/a", "sslcert: certificates of clients"),
            ("sslkey=/a", "sslkey: certificates of clients"),
            ("connection_limit=5", "connection_limit: the number of connections is store.pool_size"),
            ("schema=public", "schema: a schema is written as options="),
            ("target_session_attrs=standby", "target_session_attrs: the server writes"),
            ("gssencmode=require", "gssencmode: it is not known here"),
            ("supa=base-pooler.x", "supa: it is not known here; leave it out"),
            ("replication=database", "replication: it is not known here"),
            ("pgbouncer=maybe", "pgbouncer: it is not known here"),
            ("application_name=%ff", "application_name is not UTF-8"),
        ] {
            let told_of = reason(&format!("postgres://joe:s3cret@h/x?{parameter}"));
            assert!(told_of.contains(told), "{parameter}: {told_of}");
        }
        assert!(reason("postgres://joe:s3cret@host:port/x").contains("postgres://user:password@host"));
        assert!(reason("postgres:///x").contains("names no host"));
        assert!(reason("postgres://joe:s3cret@h/x?connect_timeout=soon").contains("connect_timeout"));
    }

    #[test]
    fn a_place_has_hosts_ports_and_database_and_nothing_else() {
        for (url, expected) in [
            ("postgres://joe:s3cret@h/x", "postgres://h:5432/x"),
            ("postgres://joe:s3cret@h:1,i:2/x?password=s3cret", "postgres://h:1,i:2/x"),
            ("postgres://joe:s3cret@[::1]:7/x", "postgres://[::1]:7/x"),
            ("postgres:///x?host=/run/postgresql", "postgres:///run/postgresql:5432/x"),
        ] {
            assert_eq!(place(&config(url)), expected);
        }
    }
}
