//! Files of a data folder that root creates for a service which runs as another user.
//!
//! Each gets the owner and group of its folder. The owner of the folder may be hostile to root and can replace any
//! name in it at any moment. So a file is created in an open folder, never through a symbolic link, and its owner is
//! changed through its descriptor.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{
    Access, AtFlags, CWD, Dir, Gid, Mode, OFlags, Uid, access, fchown, fstat, fsync, linkat, mkdirat, openat,
    unlinkat,
};
use rustix::io::Errno;
use rustix::process::geteuid;

const OWNER_ALONE: Mode = Mode::RUSR.union(Mode::WUSR);

/// Numbers the drafts of this process.
static DRAFTS: AtomicU64 = AtomicU64::new(0);

/// A folder that files are created in.
pub struct Folder {
    fd: OwnedFd,
    /// Who gets the files that root creates; `None` if the process is not root, or the folder is root's.
    owner: Option<(Uid, Gid)>,
}

impl Folder {
    /// Opens a folder.
    ///
    /// # Errors
    /// It is not there, or cannot be read.
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Self::of(openat(CWD, path, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?)?)
    }

    /// Opens a folder, and creates it first if necessary, with its parents, each readable by its owner alone.
    ///
    /// # Errors
    /// It cannot be created or read.
    pub fn create_all(path: &Path) -> io::Result<Self> {
        let made = match (path.parent(), path.file_name()) {
            _ if path.exists() => return Self::open(path),
            (Some(parent), Some(name)) => {
                let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
                Self::create_all(parent)?.create_folder(name.as_ref())
            }
            _ => fs::DirBuilder::new().recursive(true).mode(0o700).create(path),
        };
        match made {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => Self::open(path),
        }
    }

    fn of(fd: OwnedFd) -> Result<Self, Errno> {
        let folder = fstat(&fd)?;
        let (uid, gid) = (Uid::from_raw(folder.st_uid), Gid::from_raw(folder.st_gid));
        Ok(Self { fd, owner: geteuid().is_root().then_some((uid, gid)).filter(|(uid, _)| !uid.is_root()) })
    }

    /// Creates a file (mode 0600) that is not there yet.
    ///
    /// # Errors
    /// Something has the name already, or nothing can be created here.
    pub fn create(&self, name: &Path) -> io::Result<File> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = File::from(openat(&self.fd, name, flags, OWNER_ALONE)?);
        self.adopt(&file)?;
        Ok(file)
    }

    /// Opens a file for reading and writing, or creates it. Neither a symbolic link nor a pipe is opened.
    pub(super) fn open_or_create(&self, name: &Path) -> io::Result<File> {
        let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        loop {
            match openat(&self.fd, name, flags, Mode::empty()) {
                Ok(fd) => {
                    let file = File::from(fd);
                    let is_file = file.metadata()?.is_file();
                    return if is_file { Ok(file) } else { Err(not_regular()) };
                }
                Err(Errno::LOOP) => return Err(not_regular()),
                Err(Errno::NOENT) => {}
                Err(error) => return Err(error.into()),
            }
            match self.create(name) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                outcome => return outcome,
            }
        }
    }

    /// Writes a new file (mode 0600) so that it is there with its content, on disk, or not at all.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] if something has the name; or it cannot be written.
    pub fn write_new(&self, name: &str, content: &[u8]) -> io::Result<()> {
        // Of many that write it at once, in this process as well, each has a draft of its own.
        let draft = format!("{name}.{}.{}", std::process::id(), DRAFTS.fetch_add(1, Ordering::Relaxed));
        // Left by a process of this number that was killed.
        let _ = unlinkat(&self.fd, &draft, AtFlags::empty());
        let mut file = self.create(draft.as_ref())?;
        let written = file.write_all(content).and_then(|()| file.sync_all());
        let linked = written.and_then(|()| Ok(linkat(&self.fd, &draft, &self.fd, name, AtFlags::empty())?));
        unlinkat(&self.fd, &draft, AtFlags::empty())?;
        linked.and_then(|()| Ok(fsync(&self.fd)?))
    }

    /// Gives a file that this process has just created to the owner and group of this folder, if it is root.
    ///
    /// # Errors
    /// The system refuses.
    pub fn adopt(&self, file: &impl AsFd) -> io::Result<()> {
        let Some((uid, gid)) = self.owner else { return Ok(()) };
        match fchown(file, Some(uid), Some(gid)) {
            // Root without that capability, or a file system without owners: the file stays as it is.
            Err(Errno::PERM | Errno::INVAL | Errno::OPNOTSUPP) => {
                tracing::warn!(uid = uid.as_raw(), "a new file cannot be given to the owner of its folder");
                Ok(())
            }
            outcome => Ok(outcome?),
        }
    }

    fn create_folder(&self, name: &Path) -> io::Result<()> {
        mkdirat(&self.fd, name, Mode::RWXU)?;
        if self.owner.is_none() {
            return Ok(());
        }
        let made =
            openat(&self.fd, name, OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?;
        // Another folder may have taken its place: an empty one of root's is as good as the one that was made.
        let is_empty = Dir::read_from(&made)?
            .all(|entry| entry.is_ok_and(|entry| matches!(entry.file_name().to_bytes(), b"." | b"..")));
        if is_empty && fstat(&made)?.st_uid == geteuid().as_raw() { self.adopt(&made) } else { Ok(()) }
    }
}

fn not_regular() -> io::Error {
    io::Error::other("it is not a regular file")
}

/// The path with its folder's symbolic links resolved: SQLite then need not follow any.
pub(super) fn resolved(path: &Path) -> PathBuf {
    let Some(name) = path.file_name() else { return path.to_owned() };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::canonicalize(folder).map_or_else(|_| path.to_owned(), |folder| folder.join(name))
}

/// An error of the system; if it is a lack of permission, also to whom the file belongs.
#[must_use]
pub fn explain(path: &Path, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => format!("{error}; {}", whose(path)),
        _ => error.to_string(),
    }
}

/// Which of these files this process may not write, and to whom that one belongs.
pub(super) fn denied(paths: &[PathBuf]) -> Option<String> {
    let is_denied = |path: &&PathBuf| access(*path, Access::READ_OK | Access::WRITE_OK) == Err(Errno::ACCESS);
    paths.iter().find(is_denied).map(|path| whose(path))
}

/// Says to whom a file belongs, or the nearest folder of one that is not there.
fn whose(path: &Path) -> String {
    let found = path.ancestors().find_map(|path| Some((path, fs::metadata(path).ok()?)));
    let process = user(geteuid().as_raw());
    match found {
        Some((path, metadata)) => {
            format!(
                "{} belongs to {}, and this process runs as {process}",
                path.display(),
                user(metadata.uid())
            )
        }
        None => format!("this process runs as {process}"),
    }
}

/// The name of a user of this machine, as far as `/etc/passwd` has it.
fn user(uid: u32) -> String {
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    });
    name.map_or_else(|| format!("uid {uid}"), |name| format!("{name} (uid {uid})"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn a_new_file_is_its_owners_alone_and_there_as_a_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("a").join("b");
        let opened = Folder::create_all(&data).unwrap();
        assert_eq!(fs::metadata(&data).unwrap().permissions().mode() & 0o777, 0o700);
        opened.write_new("x", b"whole").unwrap();
        assert_eq!(fs::read(data.join("x")).unwrap(), b"whole");
        assert_eq!(fs::metadata(data.join("x")).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(opened.write_new("x", b"other").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_dir(&data).unwrap().count(), 1);
        assert!(Folder::create_all(&data).is_ok());
    }

    #[test]
    fn of_many_that_write_a_file_at_once_one_does_and_the_others_find_it_whole() {
        let folder = tempfile::tempdir().unwrap();
        let written: usize = std::thread::scope(|scope| {
            let writers = [0u8; 16].map(|_| {
                scope.spawn(|| match Folder::open(folder.path()).unwrap().write_new("x", b"whole") {
                    Ok(()) => 1,
                    Err(error) => {
                        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
                        assert_eq!(fs::read(folder.path().join("x")).unwrap(), b"whole");
                        0
                    }
                })
            });
            writers.map(|writer| writer.join().unwrap()).iter().sum()
        });
        assert_eq!((written, fs::read_dir(folder.path()).unwrap().count()), (1, 1));
    }

    #[test]
    fn no_symbolic_link_is_followed() {
        let folder = tempfile::tempdir().unwrap();
        let elsewhere = folder.path().join("elsewhere");
        fs::create_dir(folder.path().join("data")).unwrap();
        for name in ["x", "there"] {
            symlink(&elsewhere, folder.path().join("data").join(name)).unwrap();
        }
        let data = Folder::open(&folder.path().join("data")).unwrap();
        assert!(data.create("x".as_ref()).is_err());
        assert!(data.open_or_create("x".as_ref()).is_err());
        assert!(data.write_new("x", b"text").is_err());
        assert!(!elsewhere.exists());
        fs::write(&elsewhere, "theirs").unwrap();
        assert!(data.open_or_create("there".as_ref()).is_err());
        assert_eq!(fs::read(elsewhere).unwrap(), b"theirs");
    }

    #[test]
    fn what_root_creates_in_the_folder_of_another_user_is_that_users() {
        if !geteuid().is_root() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::chown(folder.path(), Some(65534), Some(65533)).unwrap();
        let data = folder.path().join("a/b");
        Folder::create_all(&data).unwrap().write_new("x", b"text").unwrap();
        for path in [folder.path().join("a"), data.clone(), data.join("x")] {
            let metadata = fs::metadata(path).unwrap();
            assert_eq!((metadata.uid(), metadata.gid()), (65534, 65533));
        }
    }

    #[test]
    fn a_lack_of_permission_names_the_owner() {
        let folder = tempfile::tempdir().unwrap();
        let denied = io::Error::from(io::ErrorKind::PermissionDenied);
        let text = explain(&folder.path().join("not/there"), &denied);
        assert!(text.contains(&format!("{} belongs to ", folder.path().display())), "{text}");
        assert!(text.contains("this process runs as "), "{text}");
        let missing = io::Error::from(io::ErrorKind::NotFound);
        assert!(!explain(folder.path(), &missing).contains("belongs"));
    }
}
