//! The memory of the process, which has keys and passwords.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::process::Stdio;

use rustix::process::geteuid;

use crate::support::{binary, eventually};

const NOBODY: u32 = 65534;

#[test]
fn the_memory_of_the_process_is_not_dumped_and_not_read_by_others_of_the_same_user() {
    let folder = tempfile::tempdir().unwrap();
    // Waits for its standard input.
    let mut command = binary(&folder.path().join("data"));
    command.args(["token", "inspect"]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    if geteuid().is_root() {
        // Whatever belongs to root tells nothing.
        chown(folder.path(), Some(NOBODY), Some(NOBODY)).unwrap();
        command.uid(NOBODY).gid(NOBODY);
    }
    let mut child = command.spawn().unwrap();
    let process = format!("/proc/{}", child.id());
    let status = || fs::read_to_string(format!("{process}/status")).unwrap();
    eventually(|| status().contains("Name:\tappmixer-server"));
    // The files of a process that is not dumpable belong to root (proc(5)).
    eventually(|| fs::metadata(format!("{process}/environ")).unwrap().uid() == 0);
    assert!(status().lines().any(|line| line.starts_with("Uid:") && !line.starts_with("Uid:\t0\t")));
    child.kill().unwrap();
    child.wait().unwrap();
}
