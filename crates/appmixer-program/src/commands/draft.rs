//! A file that is being made: under a name that nobody takes for a finished one, and gone when it is not finished.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use appmixer_store::Folder;
use rustix::fs::{CWD, Mode, OFlags, RenameFlags, openat, renameat_with};
use rustix::process::geteuid;
use tempfile::{Builder, TempDir};

const PREFIX: &str = ".appmixer-unfinished-";
const FILE: &str = "draft";

/// A folder of its own, its owner's alone, for the file and for what SQLite puts beside it.
pub(super) struct Draft {
    folder: TempDir,
    /// Locked: who finds the folder and gets its lock knows that whoever made it was killed.
    lock: File,
}

impl Draft {
    /// In this folder. What others who were killed have left in it goes.
    pub(super) fn new_in(parent: &Path) -> io::Result<Self> {
        let turn = File::open(parent)?;
        turn.lock()?;
        remove_abandoned(parent)?;
        let folder =
            Builder::new().prefix(PREFIX).permissions(Permissions::from_mode(0o700)).tempdir_in(parent)?;
        let lock = File::from(openat(
            CWD,
            folder.path(),
            OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC,
            Mode::empty(),
        )?);
        if lock.metadata()?.uid() != geteuid().as_raw() {
            return Err(io::Error::other("its folder was replaced by another one"));
        }
        lock.lock()?;
        Ok(Self { folder, lock })
    }

    /// The file, which the caller makes.
    pub(super) fn path(&self) -> PathBuf {
        self.folder.path().join(FILE)
    }

    /// Gives the file to the owner of a folder, if this process is root.
    pub(super) fn give_to_owner_of(&self, folder: &Path) -> io::Result<()> {
        // Nobody but root can put another file into this folder, whatever becomes of its name.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(&self.lock, FILE, flags, Mode::empty())?;
        Folder::open(folder)?.adopt(&file)
    }

    /// Gives the file, which is on disk, its name. A file that has this name is replaced only where that is wanted.
    pub(super) fn finish(self, name: &Path, replace: bool) -> io::Result<()> {
        let draft = self.path();
        if replace {
            fs::rename(draft, name)?;
        } else {
            match renameat_with(CWD, &draft, CWD, name, RenameFlags::NOREPLACE) {
                // Not every file system has it.
                Err(rustix::io::Errno::INVAL) => fs::hard_link(draft, name)?,
                outcome => outcome?,
            }
        }
        self.folder.close()?;
        File::open(folder_of(name))?.sync_all()
    }
}

/// The folder that a file is in.
pub(super) fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn remove_abandoned(parent: &Path) -> io::Result<()> {
    for entry in fs::read_dir(parent)? {
        let entry = entry?;
        if !entry.file_name().to_string_lossy().starts_with(PREFIX) || !entry.file_type()?.is_dir() {
            continue;
        }
        // Somebody else's, or one that has just ended, is none of our business.
        if File::open(entry.path()).is_ok_and(|folder| folder.try_lock().is_ok()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_abandoned_goes_and_what_is_being_made_stays() {
        let folder = tempfile::tempdir().unwrap();
        let running = Draft::new_in(folder.path()).unwrap();
        fs::write(running.path(), "half").unwrap();
        let abandoned = folder.path().join(format!("{PREFIX}killed"));
        fs::create_dir(&abandoned).unwrap();
        fs::write(abandoned.join(FILE), "half").unwrap();
        let second = Draft::new_in(folder.path()).unwrap();
        assert!(running.path().exists() && !abandoned.exists());

        fs::write(second.path(), "whole").unwrap();
        let name = folder.path().join("name");
        second.finish(&name, false).unwrap();
        assert_eq!(fs::read(&name).unwrap(), b"whole");
        let refused = running.finish(&name, false).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&name).unwrap(), b"whole");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
