//! The folder and the file: made with the right modes, and locked.

use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use rustix::fs::OFlags;

use super::open::{OpenError, Role};
use super::owner::Folder;

const OWNER_ALONE: u32 = 0o600;

/// How often a server looks whether it can have the lock, and how long it waits between: somebody may hold it for
/// a moment to see whether there is a server.
const LOOKS: u32 = 5;
const LOOK: Duration = Duration::from_millis(5);

/// Makes what is missing and takes the server's lock.
pub(super) fn prepare(path: &Path, role: Role) -> Result<Option<File>, OpenError> {
    let unusable = |error| OpenError::Unusable { path: path.to_owned(), error };
    Folder::create_all(folder_of(path)).map_err(unusable)?;
    let lock = match role {
        Role::Server => Some(lock(path)?),
        Role::Beside | Role::Bulk => None,
    };
    make_file(path).map_err(unusable)?;
    Ok(lock)
}

/// SQLite gives the log and the shared memory beside the file the file's own mode.
fn make_file(path: &Path) -> io::Result<()> {
    let folder = Folder::open(folder_of(path))?;
    match folder.create(name_of(path)?) {
        // It is not opened here: closing it would end the locks that a connection of this process has on it.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let metadata = fs::symlink_metadata(path)?;
            if !metadata.is_file() {
                return Err(io::Error::other("it is not a regular file"));
            }
            if metadata.permissions().mode() & 0o077 != 0 {
                tracing::warn!(path = %path.display(), "the database could be read by others; made it private");
                let file = folder.open_or_create(name_of(path)?)?;
                file.set_permissions(Permissions::from_mode(OWNER_ALONE))?;
            }
            Ok(())
        }
        created => created.map(drop),
    }
}

fn name_of(path: &Path) -> io::Result<&Path> {
    path.file_name().map(Path::new).ok_or_else(|| io::Error::other("it is not a regular file"))
}

pub(super) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

pub(super) fn lock(path: &Path) -> Result<File, OpenError> {
    let lock_path = lock_path(path);
    let unusable = |error| OpenError::Unusable { path: lock_path.clone(), error };
    let open = || Folder::open(folder_of(path))?.open_or_create(name_of(&lock_path)?);
    let file = open().map_err(unusable)?;
    for _ in 0..LOOKS {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => thread::sleep(LOOK),
            Err(TryLockError::Error(error)) => return Err(unusable(error)),
        }
    }
    Err(OpenError::InUse { path: path.to_owned() })
}

/// Whether a server has the file open at this moment.
#[must_use]
pub fn is_served(path: &Path) -> bool {
    // A shared lock, and for a moment only: see `LOOKS`.
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let lock = OpenOptions::new().read(true).custom_flags(flags).open(lock_path(path));
    lock.is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

fn lock_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}
