//! Another file in the place of the database, so that there is the old one or the new one at every moment, whole.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use super::backup::{BackupError, sync};
use super::folder::{self, folder_of};
use super::open::OpenError;
use super::owner::{Folder, explain, resolved};

/// What SQLite may have beside a file. Taken for the new file's, the old one's would destroy it.
const BESIDE: [&str; 3] = ["-wal", "-shm", "-journal"];

/// The right to replace the database: as long as there is one of these, no server starts on it.
pub struct Swap {
    database: PathBuf,
    _lock: File,
}

impl Swap {
    /// Makes the folder where there is none, and keeps servers away.
    ///
    /// # Errors
    /// [`BackupError::InUse`] where one has the database.
    pub fn begin(database: &Path) -> Result<Self, BackupError> {
        let folder = folder_of(database);
        Folder::create_all(folder)
            .map_err(|error| BackupError::unusable(folder, &explain(folder, &error)))?;
        let lock = folder::lock(database).map_err(|error| match error {
            OpenError::InUse { path } => BackupError::InUse { path, by: "a server" },
            other => BackupError::unusable(database, &other),
        })?;
        Ok(Self { database: database.to_owned(), _lock: lock })
    }

    /// Puts `new`, which is on the same file system and on disk, in the place of the database; what was there gets
    /// the name `aside`, or goes. Whether there was anything.
    ///
    /// # Errors
    /// [`BackupError`]; the old one is in its place then.
    pub fn finish(self, new: &Path, aside: Option<&Path>) -> Result<bool, BackupError> {
        let unusable = |error: io::Error| BackupError::unusable(&self.database, &error);
        let there = fs::symlink_metadata(&self.database).is_ok();
        if there {
            // From here on it is one file. Where it is too damaged for that, there is nothing whole to be kept.
            settle(&self.database)?;
            if let Some(aside) = aside {
                fs::hard_link(&self.database, aside).map_err(unusable)?;
            }
        }
        for ending in BESIDE {
            let beside = with(&self.database, ending);
            let moved = match aside {
                Some(aside) => fs::rename(&beside, with(aside, ending)),
                None => fs::remove_file(&beside),
            };
            match moved {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(unusable(error)),
                _ => {}
            }
        }
        let folder = folder_of(&self.database);
        sync(folder)?;
        fs::rename(new, &self.database).map_err(unusable)?;
        sync(folder)?;
        Ok(there)
    }
}

/// Folds the log into the file and takes away what is beside it, which works only where nobody else has it open.
fn settle(database: &Path) -> Result<(), BackupError> {
    use rusqlite::ErrorCode::{DatabaseBusy, DatabaseCorrupt, DatabaseLocked, NotADatabase};
    let outcome = || -> rusqlite::Result<String> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX
            | OpenFlags::SQLITE_OPEN_NOFOLLOW;
        let connection = Connection::open_with_flags(resolved(database), flags)?;
        connection.query_row("PRAGMA journal_mode = DELETE", [], |row| row.get(0))
    };
    let in_use = BackupError::InUse { path: database.to_owned(), by: "a command" };
    match outcome() {
        Ok(mode) if mode == "delete" => Ok(()),
        Ok(_) => Err(in_use),
        Err(error) => match error.sqlite_error_code() {
            Some(DatabaseCorrupt | NotADatabase) => Ok(()),
            Some(DatabaseBusy | DatabaseLocked) => Err(in_use),
            _ => Err(BackupError::of(database, &error)),
        },
    }
}

fn with(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}
