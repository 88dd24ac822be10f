//! One look at the folder: which manifests and pictures there are, and what tells whether they have changed.
//!
//! Folders are opened one below the other and never by their paths, so that no link can lead out, even one
//! that appears while we look.

use std::ffi::CStr;
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::io::{self, Read as _};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat, fstat, openat, statat};

use crate::icon::media_type;
use crate::limits::Limits;

/// How deep component folders can be: vendor, service, module, component.
const DEEPEST: usize = 4;

/// What is skipped, and why.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Problem {
    pub(crate) path: String,
    pub(crate) reason: String,
    /// Of the file, if it is one: once it has changed, the problem is another one.
    pub(crate) stamp: Option<Stamp>,
}

/// What tells that a file has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Stamp {
    inode: u64,
    size: i64,
    modified: (i64, u64),
    changed: (i64, u64),
}

impl Stamp {
    #[allow(
        clippy::unnecessary_cast,
        clippy::cast_lossless,
        reason = "the widths differ between architectures"
    )]
    fn of(stat: &Stat) -> Self {
        Self {
            inode: stat.st_ino,
            size: stat.st_size,
            modified: (stat.st_mtime as i64, stat.st_mtime_nsec as u64),
            changed: (stat.st_ctime as i64, stat.st_ctime_nsec as u64),
        }
    }
}

/// A manifest or a picture.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Seen {
    pub(crate) name: String,
    pub(crate) stamp: Stamp,
}

#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Folder {
    pub(crate) name: String,
    pub(crate) files: Vec<Seen>,
    pub(crate) folders: Vec<Self>,
}

impl Folder {
    pub(crate) fn file(&self, name: &str) -> Option<&Seen> {
        self.files.iter().find(|file| file.name == name)
    }
}

pub(crate) struct Look {
    root: OwnedFd,
    pub(crate) tree: Folder,
    pub(crate) problems: Vec<Problem>,
    /// When something was last changed, in seconds since 1970, as the file system tells.
    pub(crate) newest: i64,
}

impl Look {
    /// Looks at a folder. Only the folder itself may be a link.
    pub(crate) fn at(path: &Path, limits: &Limits) -> io::Result<Self> {
        let root = openat(CWD, path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        let mut walk = Walk { problems: Vec::new(), entries: limits.entries, newest: i64::MIN };
        let tree = walk.folder(&root, String::new(), "", 0)?;
        Ok(Self { root, tree, problems: walk.problems, newest: walk.newest })
    }

    /// Differs from another one's when something that counts does.
    pub(crate) fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (&self.tree, &self.problems).hash(&mut hasher);
        hasher.finish()
    }

    /// Reads a file, as far as it is one and not too large.
    pub(crate) fn read(&self, folders: &[&str], file: &str, most: u64) -> io::Result<Vec<u8>> {
        let mut above = None;
        for folder in folders {
            let next = open_folder(above.as_ref().unwrap_or(&self.root), *folder)?;
            above = Some(next);
        }
        // A pipe without a writer would make a blocking open wait for ever.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let opened = openat(above.as_ref().unwrap_or(&self.root), file, flags, Mode::empty())?;
        if FileType::from_raw_mode(fstat(&opened)?.st_mode) != FileType::RegularFile {
            return Err(io::Error::other(NO_FILE));
        }
        let mut bytes = Vec::new();
        File::from(opened).take(most.saturating_add(1)).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > most {
            return Err(io::Error::other(format!("has more than {most} bytes")));
        }
        Ok(bytes)
    }
}

const NO_FILE: &str = "is not a regular file";
const LINK: &str = "is a symbolic link, which is not followed";

fn open_folder<P: rustix::path::Arg>(above: impl AsFd, name: P) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(above, name, flags, Mode::empty())
}

struct Walk {
    problems: Vec<Problem>,
    /// How many entries may still come.
    entries: usize,
    newest: i64,
}

impl Walk {
    fn folder(&mut self, opened: &OwnedFd, name: String, path: &str, depth: usize) -> io::Result<Folder> {
        let mut folder = Folder { name, files: Vec::new(), folders: Vec::new() };
        let mut below = Vec::new();
        for entry in Dir::read_from(opened)? {
            let entry = entry?;
            let name = entry.file_name();
            if name.to_bytes().starts_with(b".") || name == c"node_modules" {
                continue;
            }
            let Some(left) = self.entries.checked_sub(1) else {
                self.problem(path, "the folder has too many files in it; the rest is skipped");
                break;
            };
            self.entries = left;
            self.entry(opened, name, entry.file_type(), (path, depth), &mut folder.files, &mut below);
        }
        // The order in which a file system tells them means nothing, and may change.
        folder.files.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        below.sort_unstable();
        for name in below {
            let path = join(path, &name);
            let opened = open_folder(opened, name.as_str()).map_err(io::Error::from);
            match opened.and_then(|opened| self.folder(&opened, name, &path, depth + 1)) {
                Ok(inner) => folder.folders.push(inner),
                Err(error) => self.problem(&path, &error.to_string()),
            }
        }
        Ok(folder)
    }

    fn entry(
        &mut self,
        above: &OwnedFd,
        name: &CStr,
        kind: FileType,
        (path, depth): (&str, usize),
        files: &mut Vec<Seen>,
        folders: &mut Vec<String>,
    ) {
        let may_be_folder = matches!(kind, FileType::Directory | FileType::Symlink | FileType::Unknown);
        let text = name.to_str().ok().filter(|text| !text.contains(char::is_control));
        let Some(text) = text else {
            // Manifests and icons have other names.
            if may_be_folder && depth < DEEPEST {
                let shown = join(path, &String::from_utf8_lossy(name.to_bytes()).escape_debug().to_string());
                self.problem(&shown, "has a name that is not UTF-8, or has control characters");
            }
            return;
        };
        let counts = counts(text, depth);
        if !counts && (!may_be_folder || depth == DEEPEST) {
            return;
        }
        let Ok(stat) = statat(above, name, AtFlags::SYMLINK_NOFOLLOW) else {
            return; // It has gone.
        };
        let stamp = Stamp::of(&stat);
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory if depth < DEEPEST => folders.push(text.to_owned()),
            FileType::RegularFile if counts => {
                self.newest = self.newest.max(stamp.changed.0);
                files.push(Seen { name: text.to_owned(), stamp });
            }
            FileType::Symlink if counts || leads_to_folder(above, name) => {
                self.problem(&join(path, text), LINK);
            }
            _ if counts => self.problem(&join(path, text), NO_FILE),
            _ => {}
        }
    }

    fn problem(&mut self, path: &str, reason: &str) {
        self.problems.push(Problem { path: path.to_owned(), reason: reason.to_owned(), stamp: None });
    }
}

/// Whether a file of this name means something so deep in the folder.
fn counts(name: &str, depth: usize) -> bool {
    match name {
        "service.json" => depth == 2,
        "module.json" => depth == 3,
        "component.json" => depth == 3 || depth == 4,
        _ => depth >= 2 && media_type(name).is_some(),
    }
}

fn leads_to_folder(above: &OwnedFd, name: &CStr) -> bool {
    statat(above, name, AtFlags::empty())
        .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Directory)
}

pub(crate) fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") }
}
