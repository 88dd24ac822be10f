//! Where the database is, how to connect to it, and why that may not work.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;
use tokio_postgres::{Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::error::{is_away, with_cause};
use super::tls;
use super::url::{self, Url};

/// How long a connection may take to be made.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// By what servers, and commands beside them, are known in `pg_stat_activity`.
pub(super) const APPLICATION: &str = "appmixer-server";

/// How the store is reached, and what it may use.
#[derive(Clone)]
pub struct PostgresOptions {
    /// `postgres://user:password@host:5432/database`, as libpq and providers write it; several hosts may be named, of
    /// which the one is used that takes writes. Beyond this machine the connection is encrypted and the server's
    /// certificate verified, unless it says `sslmode=disable`.
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

impl PostgresOptions {
    /// Hosts, ports and database of the URL, without user and password.
    ///
    /// # Errors
    /// [`PostgresError::Url`].
    pub fn place(&self) -> Result<String, PostgresError> {
        Ok(url::place(&url::read(&self.url, self.prepare)?.config))
    }

    /// Checks the URL and the files of certificates, without a connection.
    ///
    /// # Errors
    /// [`PostgresError::Url`] or [`PostgresError::Tls`].
    pub fn check(&self) -> Result<(), PostgresError> {
        let url = url::read(&self.url, self.prepare)?;
        tls::connector([self.ca_file.as_deref(), url.ca_file.as_deref()].into_iter().flatten()).map(drop)
    }
}

impl PostgresError {
    /// Whether the same may work later, with the same configuration.
    #[must_use]
    pub const fn is_temporary(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Broken { .. })
    }
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
    /// TLS cannot be used, or the certificates to trust cannot be read.
    #[error("store.ca_file, {reason}")]
    Tls {
        /// Why.
        reason: String,
    },
    /// The server cannot be reached, or takes no connections for now. Later it may work.
    #[error("the database {place} cannot be reached: {reason}; check that it is running")]
    Unreachable {
        /// Hosts, ports and database.
        place: String,
        /// What the system or the server says.
        reason: String,
    },
    /// The connection broke while the schema was checked. Later it may work.
    #[error("the connection to the database broke: {reason}")]
    Broken {
        /// What the system or the server says.
        reason: String,
    },
    /// The server refuses the connection, or its certificate is refused.
    #[error("no connection to the database {place}: {reason}; check user, password, database name and TLS")]
    Connect {
        /// Hosts, ports and database.
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
    /// Whether statements may be prepared.
    pub(super) prepare: bool,
}

impl Connector {
    pub(super) fn new(options: &PostgresOptions) -> Result<Self, PostgresError> {
        let Url { config, prepare, ca_file } = url::read(&options.url, options.prepare)?;
        let tls = tls::connector([options.ca_file.as_deref(), ca_file.as_deref()].into_iter().flatten())?;
        Ok(Self { config, tls, prepare })
    }

    /// Hosts, ports and database.
    pub(super) fn place(&self) -> String {
        url::place(&self.config)
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

    /// Why there is no connection: the server is away for now, or the configuration is wrong.
    pub(super) fn unreachable(&self, error: &tokio_postgres::Error) -> PostgresError {
        let reason = appmixer_tls::refusal(error).unwrap_or_else(|| with_cause(error));
        let place = self.place();
        if is_away(error) {
            PostgresError::Unreachable { place, reason }
        } else {
            PostgresError::Connect { place, reason }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_an_error_nor_debug_shows_the_url() {
        let stale_after = Duration::from_secs(5);
        let url = "postgres://joe:s3cret@host:port/x".to_owned();
        let wrong = PostgresOptions { url, pool_size: 4, prepare: true, stale_after, ca_file: None };
        let told = Connector::new(&wrong).err().unwrap().to_string();
        assert!(!told.contains("s3cret") && told.contains("postgres://user:password@host"), "{told}");
        assert!(!format!("{wrong:?}").contains("s3cret"));
        assert!(wrong.place().is_err());
    }
}
