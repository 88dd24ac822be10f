//! The folder and the file: made with the right modes, and locked.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use super::open::{OpenError, Role};

const OWNER_ALONE: u32 = 0o600;

/// How often a server looks whether it can have the lock, and how long it waits between: somebody may hold it for
/// a moment to see whether there is a server.
const LOOKS: u32 = 5;
const LOOK: Duration = Duration::from_millis(5);

/// Makes what is missing and takes the server's lock.
pub(super) fn prepare(path: &Path, role: Role) -> Result<Option<File>, OpenError> {
    let unusable = |error| OpenError::Unusable { path: path.to_owned(), error };
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(unusable)?;
    }
    let lock = match role {
        Role::Server => Some(lock(path)?),
        Role::Beside | Role::Bulk => None,
    };
    make_file(path).map_err(unusable)?;
    Ok(lock)
}

/// SQLite gives the log and the shared memory beside the file the file's own mode.
fn make_file(path: &Path) -> io::Result<()> {
    let made = OpenOptions::new().write(true).create_new(true).mode(OWNER_ALONE).open(path);
    match made {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let metadata = fs::symlink_metadata(path)?;
            if !metadata.is_file() {
                return Err(io::Error::other("it is not a regular file"));
            }
            if metadata.permissions().mode() & 0o077 != 0 {
                tracing::warn!(path = %path.display(), "the database could be read by others; made it private");
                fs::set_permissions(path, Permissions::from_mode(OWNER_ALONE))?;
            }
            Ok(())
        }
        other => other.map(drop),
    }
}

pub(super) fn lock(path: &Path) -> Result<File, OpenError> {
    let lock_path = lock_path(path);
    let unusable = |error| OpenError::Unusable { path: lock_path.clone(), error };
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(OWNER_ALONE)
        .open(&lock_path)
        .map_err(unusable)?;
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
    let lock = File::open(lock_path(path));
    lock.is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

fn lock_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}
