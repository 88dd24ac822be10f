//! Whether the database is still the file that was opened.
//!
//! A file that is deleted or replaced goes on for whoever has it open: writes to it succeed, and are gone with the
//! last one who has it. So a write counts only while the file, and the two that SQLite keeps beside it, are where
//! the next start will look for them.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// A file, whatever it is called.
type Identity = (u64, u64);

pub(super) struct Place {
    path: PathBuf,
    file: Option<Identity>,
    /// The write-ahead log and the shared memory, once they were seen: SQLite makes them at the first use.
    companions: [(PathBuf, Option<Identity>); 2],
}

/// What is where the database was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// The same files.
    Same,
    /// The same file, without what belongs to it.
    WithoutCompanion,
    /// Another file.
    Another,
    /// None, or none that can be looked at.
    Nothing,
}

impl Place {
    /// Where the database is at this moment.
    pub(super) fn of(path: &Path) -> Self {
        let companion = |suffix: &str| {
            let mut name = path.as_os_str().to_owned();
            name.push(suffix);
            (PathBuf::from(name), None)
        };
        let companions = [companion("-wal"), companion("-shm")];
        let mut place = Self { path: path.to_owned(), file: identity(path).ok(), companions };
        place.look();
        place
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Looks again. Costs three system calls, some microseconds.
    pub(super) fn look(&mut self) -> Look {
        match (identity(&self.path), self.file) {
            (Err(_), _) => return Look::Nothing,
            (Ok(found), Some(file)) if found == file => {}
            (Ok(_), _) => return Look::Another,
        }
        for (path, known) in &mut self.companions {
            let found = identity(path).ok();
            if known.is_none() {
                *known = found;
            } else if *known != found {
                return Look::WithoutCompanion;
            }
        }
        Look::Same
    }
}

fn identity(path: &Path) -> io::Result<Identity> {
    let metadata = fs::metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_again_and_another_of_its_name_is_not_taken_for_it() {
        let folder = tempfile::tempdir().unwrap();
        let (path, aside) = (folder.path().join("a"), folder.path().join("b"));
        fs::write(&path, "").unwrap();
        let mut place = Place::of(&path);
        assert_eq!(place.look(), Look::Same);
        fs::rename(&path, &aside).unwrap();
        assert_eq!(place.look(), Look::Nothing);
        fs::write(&path, "").unwrap();
        assert_eq!(place.look(), Look::Another);
        fs::rename(&aside, &path).unwrap();
        assert_eq!(place.look(), Look::Same);

        let log = folder.path().join("a-wal");
        fs::write(&log, "").unwrap();
        assert_eq!(place.look(), Look::Same);
        fs::remove_file(&log).unwrap();
        assert_eq!(place.look(), Look::WithoutCompanion);
    }
}
