//! Where the database is, how to connect to it, and why that may not work.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};
use tokio_postgres::{Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::error::with_cause;
use super::tls;

/// How long a connection may take to be made.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// After how long without a sign of life a connection is given up.
const SILENCE: Duration = Duration::from_secs(10);

/// By what servers, and commands beside them, are known in `pg_stat_activity`.
pub(super) const APPLICATION: &str = "appmixer-server";

/// How the store is reached, and what it may use.
#[derive(Clone)]
pub struct PostgresOptions {
    /// `postgres://user:password@host:5432/database`, as libpq reads it; several hosts may be named, of which the one
    /// is used that takes writes. Beyond this machine the connection is encrypted and the server's certificate
    /// verified, unless it says `sslmode=disable`.
    pub url: String,
    /// The most connections of this node, and one more for what other nodes change.
    pub pool_size: usize,
    /// Whether statements may be prepared. Not behind a proxy that pools transactions.
    pub prepare: bool,
    /// How long it may be unknown what other nodes have changed until nothing that is remembered counts any more.
    pub stale_after: Duration,
    /// Certificates (PEM) that are trusted besides the system's.
    pub ca_file: Option<PathBuf>,
}

/// The password stays out.
impl fmt::Debug for PostgresOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresOptions")
            .field("pool_size", &self.pool_size)
            .field("prepare", &self.prepare)
            .field("stale_after", &self.stale_after)
            .finish_non_exhaustive()
    }
}

/// Why a store could not be opened. Each says what to do about it.
#[derive(Debug, Error)]
pub enum PostgresError {
    /// The URL is none.
    #[error("the database's URL cannot be read: {reason}; it is postgres://user:password@host:5432/database")]
    Url {
        /// What is wrong with it, without what it says.
        reason: String,
    },
    /// The certificates cannot be read.
    #[error("{}: {reason}", path.display())]
    Certificates {
        /// Their file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// TLS cannot be used.
    #[error("TLS cannot be used: {reason}")]
    Tls {
        /// Why.
        reason: String,
    },
    /// No server answers, or it lets nobody in.
    #[error(
        "no connection to the database at {place}: {reason}; see that it runs, and that user and password are right"
    )]
    Connect {
        /// Hosts and ports.
        place: String,
        /// What the system or the server says.
        reason: String,
    },
    /// A newer version has written the database.
    #[error("the database has schema version {found} and this program knows {known}; use the newer program")]
    NewerSchema {
        /// The version in the database.
        found: i64,
        /// The newest version known.
        known: i64,
    },
    /// It is the target of a copy that was not finished.
    #[error(
        "the database is an unfinished copy of another one; finish it with the same `store copy` as before"
    )]
    Unfinished,
    /// The schema cannot be made or brought up to date.
    #[error("the database's schema cannot be brought up to date: {reason}")]
    Schema {
        /// What the server says.
        reason: String,
    },
}

/// Makes connections.
#[derive(Clone)]
pub(super) struct Connector {
    pub(super) config: Config,
    pub(super) tls: MakeRustlsConnect,
}

impl Connector {
    pub(super) fn new(options: &PostgresOptions) -> Result<Self, PostgresError> {
        let unreadable = |error: tokio_postgres::Error| PostgresError::Url { reason: with_cause(&error) };
        let mut config: Config = options.url.parse().map_err(unreadable)?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(PostgresError::Url { reason: "it names no host".to_owned() });
        }
        let here = |host: &Host| match host {
            Host::Tcp(name) => {
                name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
            }
            Host::Unix(_) => true,
        };
        if config.get_ssl_mode() == SslMode::Prefer {
            // What a stranger in between could take away is no protection.
            let needed = !config.get_hosts().iter().all(here)
                || !config.get_hostaddrs().iter().all(std::net::IpAddr::is_loopback);
            config.ssl_mode(if needed { SslMode::Require } else { SslMode::Disable });
        }
        if config.get_hosts().len() > 1 {
            config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIMEOUT);
        }
        config.keepalives_idle(SILENCE).keepalives_interval(SILENCE / 4).keepalives_retries(2);
        config.tcp_user_timeout(SILENCE);
        if config.get_application_name().is_none() {
            config.application_name(APPLICATION);
        }
        // A proxy that pools transactions may not know it.
        if options.prepare && config.get_options().is_none() {
            config.options("-c statement_timeout=30s -c idle_in_transaction_session_timeout=60s");
        }
        Ok(Self { config, tls: tls::connector(options.ca_file.as_deref())? })
    }

    /// A connection beside the pool, which a task of its own keeps going.
    pub(super) async fn connect(&self) -> Result<Client, tokio_postgres::Error> {
        let (client, connection) = self.config.connect(self.tls.clone()).await?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(error = with_cause(&error), "a connection to the database ended");
            }
        });
        Ok(client)
    }

    /// For a copy: under a name of its own, by which it can be told from servers. Nothing is prepared, and nothing times out.
    #[cfg(feature = "sqlite")]
    pub(super) fn to_copy(options: &PostgresOptions) -> Result<Self, PostgresError> {
        let mut connector = Self::new(&PostgresOptions { prepare: false, ..options.clone() })?;
        connector.config.application_name("appmixer-server store copy");
        Ok(connector)
    }

    pub(super) fn unreachable(&self, error: &tokio_postgres::Error) -> PostgresError {
        let hosts = self.config.get_hosts().iter().map(|host| match host {
            Host::Tcp(name) => name.clone(),
            Host::Unix(path) => path.display().to_string(),
        });
        let place = hosts.collect::<Vec<_>>().join(", ");
        let ports = self.config.get_ports().iter().map(u16::to_string).collect::<Vec<_>>().join(", ");
        let place = if ports.is_empty() { place } else { format!("{place} (port {ports})") };
        PostgresError::Connect { place, reason: with_cause(error) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(url: &str) -> PostgresOptions {
        let stale_after = Duration::from_secs(5);
        PostgresOptions { url: url.to_owned(), pool_size: 4, prepare: true, stale_after, ca_file: None }
    }

    #[test]
    fn beyond_this_machine_a_connection_is_encrypted_unless_that_is_switched_off() {
        let mode = |url: &str| Connector::new(&options(url)).unwrap().config.get_ssl_mode();
        assert_eq!(mode("postgres://a:b@127.0.0.1/x"), SslMode::Disable);
        assert_eq!(mode("postgres://a:b@localhost:5433/x?sslmode=require"), SslMode::Require);
        for url in ["postgres://a:b@db.example/x", "postgres://a:b@localhost,db.example/x?sslmode=prefer"] {
            assert_eq!(mode(url), SslMode::Require, "{url}");
        }
        assert_eq!(mode("postgres://a:b@db.example/x?sslmode=disable"), SslMode::Disable);
    }

    #[test]
    fn neither_an_error_nor_debug_shows_the_url() {
        let wrong = options("postgres://joe:s3cret@host:port/x");
        let told = Connector::new(&wrong).err().unwrap().to_string();
        assert!(!told.contains("s3cret") && told.contains("postgres://user:password@host"), "{told}");
        assert!(!format!("{wrong:?}").contains("s3cret"));
        assert!(Connector::new(&options("postgres:///x")).is_err());
    }
}
