//! Which database it is, and how it is opened.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use appmixer_core::{ChangeListener, Store};
use appmixer_store::{PostgresOptions, PostgresStore, Role, SqliteStore};

use crate::config::{Config, StoreConfig};
use crate::failure::Failure;

const FILE: &str = "appmixer.sqlite";

/// Where users and configuration are.
pub(crate) enum Database {
    /// In a file on this machine, which one server has.
    Sqlite(PathBuf),
    /// In PostgreSQL, which any number of servers share.
    Postgres(Box<PostgresOptions>),
}

impl StoreConfig {
    /// The database at a URL, reached as the configured one is.
    ///
    /// # Errors
    /// What is wrong with the URL, without what it says.
    pub(crate) fn database(&self, url: &str) -> Result<Database, &'static str> {
        if let Some(path) = url.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            if path.is_empty() {
                return Err("sqlite: names no file");
            }
            return Ok(Database::Sqlite(path.into()));
        }
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err("must begin with sqlite: or postgres://");
        }
        Ok(Database::Postgres(Box::new(PostgresOptions {
            url: url.to_owned(),
            pool_size: self.pool_size,
            prepare: self.prepare,
            stale_after: self.stale_after.0,
            ca_file: self.ca_file.clone(),
        })))
    }
}

impl Config {
    /// # Errors
    /// The URL names no database that this program knows, or what servers share is not the same on each.
    pub(crate) fn database(&self) -> Result<Database, Failure> {
        let Some(url) = &self.store.url else { return Ok(Database::Sqlite(self.data.join(FILE))) };
        let bad = |what: &str| Failure::configuration(format!("store.url: {what}"));
        let url = std::str::from_utf8(url.as_bytes()).map_err(|_| bad("must be text"))?;
        let database = self.store.database(url).map_err(bad)?;
        if database.file().is_none() && self.token.secret.is_none() {
            return Err(Failure::configuration(
                "token.secret: servers that share a database need one, the same on each; set it, or token.secret_file",
            ));
        }
        Ok(database)
    }

    /// The file, for a command that works on nothing else.
    pub(crate) fn sqlite_file(&self, instead: &str) -> Result<PathBuf, Failure> {
        match self.database()? {
            Database::Sqlite(path) => Ok(path),
            Database::Postgres(_) => Err(Failure::refused(format!("the database is PostgreSQL: {instead}"))),
        }
    }
}

impl Database {
    /// The file, if it is one.
    pub(crate) fn file(&self) -> Option<&Path> {
        match self {
            Self::Sqlite(path) => Some(path),
            Self::Postgres(_) => None,
        }
    }

    pub(crate) async fn open(
        &self,
        role: Role,
        listener: Arc<dyn ChangeListener>,
    ) -> Result<Arc<dyn Store>, Failure> {
        Ok(match self {
            Self::Sqlite(path) => Arc::new(SqliteStore::open(path, role, listener)?),
            Self::Postgres(options) => Arc::new(PostgresStore::open(options, listener).await?),
        })
    }
}
