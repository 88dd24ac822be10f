//! Which database it is, and how it is opened.

use std::path::{self, Path, PathBuf};
use std::sync::Arc;
use std::{fmt, fs, io};

use appmixer_core::{ChangeListener, Store};
use appmixer_store::{PostgresOptions, PostgresStore, Role, SqliteStore, explain};
use rustix::fs::Access;

use crate::config::{Config, StoreConfig};
use crate::failure::Failure;
use crate::output::errln;

/// The name of the database in the data folder.
pub(crate) const FILE: &str = "appmixer.sqlite";

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
    pub(crate) fn database(&self, url: &str) -> Result<Database, String> {
        // What editors leave in a file that has the URL.
        let url = url.trim_start_matches('\u{feff}').trim();
        if let Some(path) = url.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            if path.is_empty() {
                return Err("sqlite: names no file".to_owned());
            }
            if path == ":memory:" {
                return Err("sqlite::memory: is not supported: users would be lost; name a file".to_owned());
            }
            return Ok(Database::Sqlite(path.into()));
        }
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err("must begin with sqlite: or postgres://".to_owned());
        }
        let options = PostgresOptions {
            url: url.to_owned(),
            pool_size: self.pool_size,
            prepare: self.prepare,
            stale_after: self.stale_after.0,
            ca_file: self.ca_file.clone(),
        };
        options.place().map_err(|error| error.to_string())?;
        Ok(Database::Postgres(Box::new(options)))
    }
}

impl Config {
    /// # Errors
    /// The URL names no database that this program knows, or what servers share is not the same on each.
    pub(crate) fn database(&self) -> Result<Database, Failure> {
        let Some(url) = &self.store.url else { return Ok(Database::Sqlite(self.data.join(FILE))) };
        let bad = |what: &str| Failure::configuration(format!("store.url: {what}"));
        let url = std::str::from_utf8(url.as_bytes()).map_err(|_| bad("must be text"))?;
        let database = self.store.database(url).map_err(|why| bad(&why))?;
        if database.file().is_none() && self.token.secret.is_none() {
            return Err(Failure::configuration(
                "token.secret: servers that share a database need one, the same on each; set it, or token.secret_file",
            ));
        }
        Ok(database)
    }

    /// Whether a folder is the data folder, where every file belongs to the folder's owner.
    pub(crate) fn is_data_folder(&self, folder: &Path) -> bool {
        let (data, folder) = (fs::canonicalize(&self.data), fs::canonicalize(folder));
        data.is_ok_and(|data| folder.is_ok_and(|folder| folder == data))
    }

    /// The file, for a command that works on nothing else.
    pub(crate) fn sqlite_file(&self, instead: &str) -> Result<PathBuf, Failure> {
        match self.database()? {
            Database::Sqlite(path) => Ok(path),
            Database::Postgres(_) => Err(Failure::refused(format!("the database is PostgreSQL: {instead}"))),
        }
    }
}

/// Whether a database that is not there is created.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum IfMissing {
    /// It is created, and that is reported: on standard error, or in the server's log.
    Create,
    /// The command is refused, and nothing is created.
    Refuse,
}

impl Database {
    /// The file, or hosts, ports and database, for the log.
    pub(crate) fn place(&self) -> String {
        match self {
            Self::Sqlite(path) => format!("sqlite:{}", path.display()),
            Self::Postgres(options) => options.place().unwrap_or_default(),
        }
    }

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
        if_missing: IfMissing,
        listener: Arc<dyn ChangeListener>,
    ) -> Result<Arc<dyn Store>, Failure> {
        let is_new = !self.exists().await?;
        if is_new && if_missing == IfMissing::Refuse {
            return Err(self.missing());
        }
        let store: Arc<dyn Store> = match self {
            Self::Sqlite(path) => Arc::new(SqliteStore::open(path, role, listener)?),
            Self::Postgres(options) => Arc::new(PostgresStore::open(options, listener).await?),
        };
        match role {
            _ if !is_new => {}
            Role::Server => tracing::info!("created the {self}"),
            Role::Beside | Role::Bulk => self.report_creation(),
        }
        Ok(store)
    }

    /// Whether there is a database: a file, or in PostgreSQL the tables of any version.
    pub(crate) async fn exists(&self) -> Result<bool, Failure> {
        match self {
            Self::Sqlite(path) => Ok(file_exists(path)),
            Self::Postgres(options) => Ok(PostgresStore::schema_version(options).await? > 0),
        }
    }

    /// Tells the person at the terminal that a command has created the database.
    pub(crate) fn report_creation(&self) {
        errln!("appmixer-server: created the {self}");
    }

    /// The failure of a command that needs a database, where there is none.
    pub(crate) fn missing(&self) -> Failure {
        Failure::refused(match self {
            Self::Sqlite(path) => no_database_at(path),
            Self::Postgres(_) => {
                "the PostgreSQL database has no tables of this server: give --config, or create \
                 them with `store migrate`"
                    .to_owned()
            }
        })
    }
}

/// Checks that a file can be read and written, or the nearest folder that is there if it is not.
///
/// # Errors
/// It cannot, by this process: the message says whose it is.
pub(crate) fn access(key: &str, path: &Path) -> Result<(), Failure> {
    let path = path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let Some(there) = path.ancestors().find(|path| file_exists(path)) else { return Ok(()) };
    let accessed = rustix::fs::access(there, Access::READ_OK | Access::WRITE_OK).map_err(io::Error::from);
    let failure = |path: &Path, what: &str, error: &io::Error| {
        Failure::configuration(format!(
            "{key}: {} cannot be {what}: {}",
            path.display(),
            explain(there, error)
        ))
    };
    accessed.map_err(|error| failure(there, "used", &error))?;
    if path != there {
        // Only an attempt says whether a folder can be created there. Its error names the folder of the attempt.
        let created = tempfile::tempdir_in(there).and_then(tempfile::TempDir::close);
        created.map_err(|error| failure(&path, "created", &error.kind().into()))?;
    }
    Ok(())
}

/// Whether there is something at the path; what cannot be examined is left to whoever opens it.
pub(crate) fn file_exists(path: &Path) -> bool {
    !fs::symlink_metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

/// What a command says that needs a database, where there is no file.
pub(crate) fn no_database_at(path: &Path) -> String {
    let path = path::absolute(path).unwrap_or_else(|_| path.to_owned());
    format!("there is no database at {}; give --data or --config", path.display())
}

/// What it is, for messages: without the URL, which may have a password.
impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "database {}", path.display()),
            Self::Postgres(_) => f.write_str("tables of this server in the PostgreSQL database"),
        }
    }
}
