//! File systems that tests can fill, break and mend. They need the right to mount; without it a test says so.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::fs::{FallocateFlags, fallocate};
use tempfile::TempDir;

/// One in memory. Declared before the server that uses it, so that it goes after it.
pub(crate) struct Disk(TempDir);

impl Disk {
    /// Of so many bytes, as in `8m`.
    pub(crate) fn of(size: &str) -> Option<Self> {
        let disk = Self(tempfile::tempdir().unwrap());
        mount(&["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"], disk.path()).then_some(disk)
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// The data folder of a server.
    pub(crate) fn data(&self) -> PathBuf {
        self.path().join("data")
    }

    /// Takes all the room that is left.
    pub(crate) fn fill(&self) {
        let mut file = OpenOptions::new().create(true).append(true).open(self.path().join("filler")).unwrap();
        for size in [64 * 1024, 4096, 1] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
    }

    pub(crate) fn make_room(&self) {
        fs::remove_file(self.path().join("filler")).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        unmount(self.path());
    }
}

/// A real file system on an image that lies on a disk in memory: when that one is full, this one has errors of its
/// device, as when a disk dies.
pub(crate) struct DyingDisk {
    /// Dropped first.
    image: Mounted,
    below: Disk,
}

struct Mounted(TempDir);

impl DyingDisk {
    /// One that goes on after an error.
    pub(crate) fn new() -> Option<Self> {
        Self::with(&["-O", "^has_journal,^resize_inode", "-N", "256"], "errors=continue")
    }

    /// One that can only be read after an error, until it is mounted anew.
    pub(crate) fn with_journal() -> Option<Self> {
        Self::with(&[], "errors=remount-ro,data_err=abort")
    }

    fn with(format: &[&str], options: &str) -> Option<Self> {
        let below = Disk::of("48m")?;
        let image = below.path().join("image");
        fs::File::create(&image).unwrap().set_len(256 * 1024 * 1024).unwrap();
        let mut mkfs = Command::new("mkfs.ext4");
        let made = mkfs
            .args(["-q", "-F", "-m", "0", "-b", "4096"])
            .args(format)
            .arg(&image)
            .stderr(Stdio::null())
            .status();
        // What the file system needs to know what is whose comes first. It stays good: one that loses that, without a
        // journal, gives the same room to two files.
        let file = OpenOptions::new().write(true).open(&image).unwrap();
        fallocate(file, FallocateFlags::empty(), 0, 256 * 1024).unwrap();
        let mounted = Mounted(tempfile::tempdir().unwrap());
        let works = made.is_ok_and(|status| status.success())
            && mount(&["-o", &format!("loop,{options}"), image.to_str().unwrap()], mounted.0.path());
        if works {
            one_page_at_a_time(mounted.0.path());
        }
        works.then_some(Self { image: mounted, below })
    }

    pub(crate) fn mount_again(&self) -> bool {
        let path = self.image.0.path();
        let unmounted = Command::new("umount").arg(path).status();
        let image = self.below.path().join("image");
        let works = unmounted.unwrap().success() && mount(&["-o", "loop", image.to_str().unwrap()], path);
        if works {
            one_page_at_a_time(path);
        }
        works
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.image.0.path().join("data")
    }

    pub(crate) fn break_down(&self) {
        self.below.fill();
    }

    pub(crate) fn mend(&self) {
        self.below.make_room();
    }
}

/// Linux's loop device takes a write that was cut short for a good one, and says that all of it is on disk. A page
/// alone, which is a block here, is there or not: so the device is as honest about what it has lost as a real disk is.
fn one_page_at_a_time(mounted: &Path) {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    let path = mounted.to_str().unwrap();
    let device = mounts.lines().find_map(|line| {
        let mut fields = line.split(' ');
        let device = fields.next()?;
        (fields.next() == Some(path)).then(|| device.trim_start_matches("/dev/"))
    });
    fs::write(format!("/sys/block/{}/queue/max_sectors_kb", device.unwrap()), "4").unwrap();
}

impl Drop for Mounted {
    fn drop(&mut self) {
        unmount(self.0.path());
    }
}

fn mount(arguments: &[&str], at: &Path) -> bool {
    let done = Command::new("mount").args(arguments).arg(at).stderr(Stdio::null()).status();
    let works = done.is_ok_and(|status| status.success());
    if !works {
        eprintln!("skipped: no file system can be mounted here");
    }
    works
}

fn unmount(path: &Path) {
    // Also when something still has it open.
    let _ = Command::new("umount").arg("-l").arg(path).status();
}
