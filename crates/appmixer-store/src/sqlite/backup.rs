//! Copies of a database: made while a server writes to it, and held against what a database of ours must be.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};
use thiserror::Error;

use super::folder::folder_of;
use super::open::{Mode, connection};
use super::owner::{Folder, resolved};
use super::schema;

/// Pages that are copied at once, of 4 KiB each. Between two steps progress is told.
const STEP: i32 = 1024;

/// What waits for a lock that another program holds, as one that folds the log in.
const BUSY_PAUSE: Duration = Duration::from_millis(10);

const MAKE_SECRETS: &str = "CREATE TABLE backup_secrets (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT";
const PUT_SECRET: &str = "INSERT INTO backup_secrets (name, value) VALUES (?1, ?2)";
const HAS_SECRETS: &str = "SELECT count(*) FROM pragma_table_list('backup_secrets')";
const SECRETS: &str = "SELECT name, value FROM backup_secrets ORDER BY name";
const DROP_SECRETS: &str = "DROP TABLE backup_secrets";
const CLEAR_ENTRY: &str = "UPDATE config SET value = 'null' WHERE key = ?1 AND value <> 'null'";
const IS_NULL: &str = "SELECT 1 FROM config WHERE key = ?1 AND value = 'null'";
const WRITE_ANEW: &str = "VACUUM INTO ?1";
/// Backups of older versions have none.
const HAS_OUTBOX: &str = "SELECT count(*) FROM pragma_table_list('outbox')";
const COUNT_MESSAGES: &str = "SELECT count(*) FROM outbox";
/// Of every schema version; whoever asks has just read the whole file.
const COUNT_USERS: &str = "SELECT count(*) FROM users";

/// What a file has that is a database of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    /// How many users.
    pub users: u64,
    /// The version of its schema.
    pub schema: i64,
    /// Its size.
    pub bytes: u64,
}

/// How far a copy has come, in pages.
#[derive(Clone, Copy, Debug)]
pub struct Copied {
    /// Copied.
    pub done: u64,
    /// To be copied in all.
    pub of: u64,
}

/// A small file that travels in a copy: its name and its content.
pub type SecretFile = (String, Vec<u8>);

/// Why there is no copy, or why one cannot be used.
#[derive(Debug, Error)]
pub enum BackupError {
    /// The file cannot be read or written.
    #[error("{}: {reason}", path.display())]
    Unusable {
        /// Which.
        path: PathBuf,
        /// What the system or SQLite says.
        reason: String,
    },
    /// It is something else, or some other program's database.
    #[error("{} is no database of this program", path.display())]
    NotOurs {
        /// Which.
        path: PathBuf,
    },
    /// It is not whole.
    #[error("{} is damaged: {reason}", path.display())]
    Damaged {
        /// Which.
        path: PathBuf,
        /// What SQLite found first.
        reason: String,
    },
    /// A newer version of this program has written it.
    #[error("{} has schema version {found} and this program knows {known}; use the newer program", path.display())]
    NewerSchema {
        /// Which.
        path: PathBuf,
        /// The version in the file.
        found: i64,
        /// The newest version known.
        known: i64,
    },
    /// Somebody works with the database that is to be replaced.
    #[error("{} is in use by {by}; stop that first", path.display())]
    InUse {
        /// Which.
        path: PathBuf,
        /// Whom.
        by: &'static str,
    },
}

impl BackupError {
    pub(super) fn unusable(path: &Path, reason: &dyn std::fmt::Display) -> Self {
        Self::Unusable { path: path.to_owned(), reason: reason.to_string() }
    }

    pub(super) fn of(path: &Path, error: &rusqlite::Error) -> Self {
        use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
        match error.sqlite_error_code() {
            Some(DatabaseCorrupt) => Self::Damaged { path: path.to_owned(), reason: error.to_string() },
            Some(NotADatabase) => Self::NotOurs { path: path.to_owned() },
            _ => Self::unusable(path, error),
        }
    }
}

/// Copies the database as it is at one moment into a new file (mode 0600), which is on disk when this returns.
/// Writers go on meanwhile, and the log beside the database grows by what they write. Blocks.
///
/// The pages are copied as they are, not their rows (`VACUUM INTO`): that takes about half as long, so the log grows
/// less, it can be told how far it has come, and what SQLite does not promise to keep (rowids of tables that do not
/// name theirs) stays too. The copy is as big as the database, with what is free in it.
///
/// # Errors
/// [`BackupError`]; what has been written of the copy stays then.
pub fn back_up(database: &Path, copy: &Path, mut show: impl FnMut(Copied)) -> Result<(), BackupError> {
    let from = connection(database, Mode::Read).map_err(|error| BackupError::of(database, &error))?;
    // As long as this transaction lasts, what is read is one state, and copying need not begin anew when others write.
    from.execute_batch("BEGIN; SELECT count(*) FROM sqlite_schema")
        .map_err(|error| BackupError::of(database, &error))?;
    let name = copy.file_name().unwrap_or_default();
    let created = Folder::open(folder_of(copy)).and_then(|folder| folder.create(name.as_ref()));
    created.map_err(|error| BackupError::unusable(copy, &error))?;
    let bad_copy = |error: rusqlite::Error| BackupError::of(copy, &error);
    let mut to = writable(copy).map_err(bad_copy)?;
    // A copy that is not finished is of no use to anybody: one fsync at the end is enough.
    to.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF").map_err(bad_copy)?;
    let backup = Backup::new(&from, &mut to).map_err(bad_copy)?;
    loop {
        // Which of the two files an error is about is not told.
        match backup.step(STEP).map_err(bad_copy)? {
            StepResult::Done => break,
            StepResult::Busy | StepResult::Locked => thread::sleep(BUSY_PAUSE),
            _ => {}
        }
        let progress = backup.progress();
        let of = u64::try_from(progress.pagecount).unwrap_or_default();
        show(Copied { done: of - u64::try_from(progress.remaining).unwrap_or_default().min(of), of });
    }
    drop(backup);
    drop(to);
    // One file that stands alone, also where nothing can be written beside it.
    writable(copy).and_then(|to| to.execute_batch("PRAGMA journal_mode = DELETE")).map_err(bad_copy)?;
    sync(copy)
}

/// Whether the file is a database of ours that this version can serve, and what it has. Looks at the whole file where
/// that is wanted, which takes about as long as to read it some times.
///
/// # Errors
/// [`BackupError`] says why it is not.
pub fn examine(path: &Path, whole: bool) -> Result<Contents, BackupError> {
    let bytes = path.metadata().map_err(|error| BackupError::unusable(path, &error))?.len();
    let bad = |error: rusqlite::Error| BackupError::of(path, &error);
    let database = connection(path, Mode::Read).map_err(bad)?;
    let schema = schema::version(&database).map_err(bad)?;
    let known = schema::newest_known();
    if schema == 0 {
        return Err(BackupError::NotOurs { path: path.to_owned() });
    }
    if schema > known {
        return Err(BackupError::NewerSchema { path: path.to_owned(), found: schema, known });
    }
    if whole {
        check(&database, path)?;
    }
    let users: i64 = database.query_row(COUNT_USERS, [], |row| row.get(0)).map_err(bad)?;
    let users = u64::try_from(users).unwrap_or_default();
    Ok(Contents { users, schema, bytes })
}

fn check(database: &Connection, path: &Path) -> Result<(), BackupError> {
    let bad = |error: rusqlite::Error| BackupError::of(path, &error);
    let damaged = |reason: String| BackupError::Damaged { path: path.to_owned(), reason };
    let found: String = database.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)).map_err(bad)?;
    if found != "ok" {
        return Err(damaged(found));
    }
    let orphans: i64 = database
        .query_row("SELECT count(*) FROM pragma_foreign_key_check", [], |row| row.get(0))
        .map_err(bad)?;
    if orphans > 0 {
        return Err(damaged(format!("{orphans} rows belong to rows that are not there")));
    }
    Ok(())
}

/// Puts files into a copy.
///
/// # Errors
/// [`BackupError`]
pub fn put_secrets(copy: &Path, files: &[SecretFile]) -> Result<(), BackupError> {
    let put = || -> rusqlite::Result<()> {
        let mut copy = writable(copy)?;
        let changes = copy.transaction()?;
        changes.execute_batch(MAKE_SECRETS)?;
        for file in files {
            changes.execute(PUT_SECRET, (&file.0, &file.1))?;
        }
        changes.commit()
    };
    put().map_err(|error| BackupError::of(copy, &error))?;
    sync(copy)
}

/// Writes a copy anew, without the values of these entries of the configuration: each of them is `null`, which every
/// version reads as not set. Returns those that had a value.
///
/// Nothing of the values is in the new file (mode 0600), which is on disk when this returns. Pages as they are could
/// still have them, and older ones too: in free pages, and between the rows.
///
/// # Errors
/// [`BackupError`]
pub fn leave_out(copy: &Path, keys: &[&str], new: &Path) -> Result<Vec<String>, BackupError> {
    let write = || -> rusqlite::Result<Vec<String>> {
        let copy = writable(copy)?;
        let mut left_out = Vec::new();
        for key in keys {
            if copy.execute(CLEAR_ENTRY, [key])? > 0 {
                left_out.push((*key).to_owned());
            }
        }
        copy.execute(WRITE_ANEW, [new.to_str()])?;
        Ok(left_out)
    };
    let name = new.file_name().unwrap_or_default();
    let created = Folder::open(folder_of(new)).and_then(|folder| folder.create(name.as_ref()));
    created.map_err(|error| BackupError::unusable(new, &error))?;
    let left_out = write().map_err(|error| BackupError::of(copy, &error))?;
    sync(new)?;
    Ok(left_out)
}

/// Which of these entries of the configuration are there without a value, as a backup leaves them.
///
/// # Errors
/// [`BackupError`]
pub fn left_out(database: &Path, keys: &[&str]) -> Result<Vec<String>, BackupError> {
    let bad = |error: rusqlite::Error| BackupError::of(database, &error);
    let connection = connection(database, Mode::Read).map_err(bad)?;
    let mut left_out = Vec::new();
    for key in keys {
        if connection.prepare_cached(IS_NULL).and_then(|mut entry| entry.exists([key])).map_err(bad)? {
            left_out.push((*key).to_owned());
        }
    }
    Ok(left_out)
}

/// How many messages wait for delivery in a database of this version.
///
/// # Errors
/// [`BackupError`]
pub fn waiting_messages(database: &Path) -> Result<u64, BackupError> {
    let bad = |error: rusqlite::Error| BackupError::of(database, &error);
    let connection = connection(database, Mode::Read).map_err(bad)?;
    let has_outbox: i64 = connection.query_row(HAS_OUTBOX, [], |row| row.get(0)).map_err(bad)?;
    if has_outbox == 0 {
        return Ok(0);
    }
    let waiting: i64 = connection.query_row(COUNT_MESSAGES, [], |row| row.get(0)).map_err(bad)?;
    Ok(u64::try_from(waiting).unwrap_or_default())
}

/// Takes the files out of a copy. Nothing of them stays in it.
///
/// # Errors
/// [`BackupError`]
pub fn take_secrets(copy: &Path) -> Result<Vec<SecretFile>, BackupError> {
    let take = || -> rusqlite::Result<Vec<SecretFile>> {
        let copy = writable(copy)?;
        let number: i64 = copy.query_row(HAS_SECRETS, [], |row| row.get(0))?;
        if number == 0 {
            return Ok(Vec::new());
        }
        let files = copy
            .prepare(SECRETS)?
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<_, _>>()?;
        copy.pragma_update(None, "secure_delete", true)?;
        copy.execute_batch(DROP_SECRETS)?;
        Ok(files)
    };
    let files = take().map_err(|error| BackupError::of(copy, &error))?;
    sync(copy)?;
    Ok(files)
}

fn writable(path: &Path) -> rusqlite::Result<Connection> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let connection = Connection::open_with_flags(resolved(path), flags)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    Ok(connection)
}

pub(super) fn sync(path: &Path) -> Result<(), BackupError> {
    let synced = File::open(path).and_then(|file| file.sync_all());
    synced.map_err(|error| BackupError::unusable(path, &error))
}
