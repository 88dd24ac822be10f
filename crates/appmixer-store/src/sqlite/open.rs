//! Connections, and why there may be none.

use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use thiserror::Error;

use super::folder::folder_of;
use super::owner::{denied, explain, resolved};

/// Who opens the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The one server of the file.
    Server,
    /// A command that works beside it.
    Beside,
    /// The same for one that writes a lot: with more memory, and a longer log beside the file meanwhile.
    Bulk,
}

/// Why a store could not be opened. Each says what to do about it.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The folder or the file cannot be made or written.
    #[error("{} cannot be used: {}; choose another data folder or correct its owner and permissions", path.display(), explain(path, error))]
    Unusable {
        /// Which.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// Another server has the file open.
    #[error("{} is in use by another server; stop that one first, or choose another data folder", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The file is not a database, or damaged.
    #[error("{} is damaged or no SQLite database: {reason}; restore it from a backup", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        reason: String,
    },
    /// A newer version has written the file.
    #[error("{} has schema version {found} and this program knows {known}; use the newer program", path.display())]
    NewerSchema {
        /// The file.
        path: PathBuf,
        /// The version in the file.
        found: i64,
        /// The newest version known.
        known: i64,
    },
    /// It is the target of a copy that was not finished.
    #[error("{} is an unfinished copy of another database; finish it with the same `store copy` as before", path.display())]
    Unfinished {
        /// The file.
        path: PathBuf,
    },
    /// SQLite cannot open it or bring it up to date.
    #[error("{} cannot be opened: {reason}", path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        reason: String,
    },
    /// The system gave no thread.
    #[error("a thread could not be started: {error}")]
    Threads {
        /// What the system says.
        error: io::Error,
    },
}

impl OpenError {
    pub(super) fn of(path: &Path, error: &rusqlite::Error) -> Self {
        use rusqlite::ErrorCode::{CannotOpen, DatabaseCorrupt, NotADatabase, PermissionDenied, ReadOnly};
        let (path, mut reason) = (path.to_owned(), error.to_string());
        match error.sqlite_error_code() {
            Some(DatabaseCorrupt | NotADatabase) => return Self::Damaged { path, reason },
            // SQLite does not say which of its files it may not use.
            Some(CannotOpen | PermissionDenied | ReadOnly) => {
                if let Some(whose) = denied(&files_of(&path)) {
                    reason = format!("{reason}; {whose}");
                }
            }
            _ => {}
        }
        Self::Sqlite { path, reason }
    }
}

/// The database, what SQLite has next to it, and their folder.
fn files_of(path: &Path) -> Vec<PathBuf> {
    let with = |ending: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name)
    };
    let mut files: Vec<_> = ["", "-wal", "-shm", "-journal"].map(with).into();
    files.push(folder_of(path).to_owned());
    files
}

/// What a connection is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Write,
    Read,
}

/// How long a connection waits for another process's write. Ours never wait for each other.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How often it looks whether it can go on. SQLite's own waiting gets longer each time, up to a tenth of a second:
/// beside an import, which leaves but a moment between two writes, that one would never get its turn.
const BUSY_INTERVAL: Duration = Duration::from_millis(1);

/// Statements that stay prepared.
const CACHED_STATEMENTS: usize = 64;

pub(super) fn connect(path: &Path, mode: Mode) -> Result<Connection, OpenError> {
    connection(path, mode).map_err(|error| OpenError::of(path, &error))
}

pub(super) fn connection(path: &Path, mode: Mode) -> rusqlite::Result<Connection> {
    // Each connection stays on one thread at a time: SQLite's own locks are not needed.
    let (access, path) = match mode {
        Mode::Write => (OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NOFOLLOW, resolved(path)),
        Mode::Read => (OpenFlags::SQLITE_OPEN_READ_ONLY, path.to_owned()),
    };
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_handler(Some(wait))?;
    connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    if mode == Mode::Write {
        connection.pragma_update(None, "journal_mode", "WAL")?;
        // Every commit is on disk before it is acknowledged.
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        // What was deleted is overwritten where its page is written anyway: codes should not outlive their use.
        connection.pragma_update(None, "secure_delete", "FAST")?;
        // After a burst of writes the log gives its space back.
        connection.pragma_update(None, "journal_size_limit", 4 * 1024 * 1024)?;
    }
    // A file from elsewhere cannot make us run its functions.
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    // SQLite opens the log at the first read: what comes first may come when the file has been moved away.
    connection.pragma_query_value(None, "schema_version", |_| Ok(()))?;
    Ok(connection)
}

/// Whether to go on waiting, after so many times.
fn wait(times: i32) -> bool {
    let goes_on = BUSY_INTERVAL.saturating_mul(times.unsigned_abs()) < BUSY_TIMEOUT;
    if goes_on {
        thread::sleep(BUSY_INTERVAL);
    }
    goes_on
}

/// Makes a connection one that writes a lot: pages that are changed again and again go to disk less often.
pub(super) fn in_bulk(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let configure = || -> rusqlite::Result<()> {
        // In KiB; as much as is needed.
        connection.pragma_update(None, "cache_size", -256 * 1024)?;
        // In pages of 4 KiB.
        connection.pragma_update(None, "wal_autocheckpoint", 32 * 1024)
    };
    configure().map_err(|error| OpenError::of(path, &error))
}
