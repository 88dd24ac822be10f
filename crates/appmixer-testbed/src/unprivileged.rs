//! Servers that refuse to be run by root, or should not be, and what is theirs: they end with whoever has started them, also when that
//! one has no time to do it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// Folders, and which process one belongs to.
const PREFIX: &str = "appmixer-testbed-";
const OWNER: &str = "owner";

/// The user as whom a server runs that root starts.
const USER: &str = "nobody";
const GROUP: &str = "nogroup";

/// A folder for a server. Those of processes that had no time to remove theirs are removed.
pub(crate) fn folder() -> TempDir {
    let folder = tempfile::Builder::new().prefix(PREFIX).tempdir().unwrap();
    fs::write(folder.path().join(OWNER), std::process::id().to_string()).unwrap();
    for entry in fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten() {
        if !entry.file_name().to_string_lossy().starts_with(PREFIX) {
            continue;
        }
        let owner = fs::read_to_string(entry.path().join(OWNER)).unwrap_or_default();
        if !owner.is_empty() && !Path::new("/proc").join(owner).exists() {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    folder
}

/// The program as somebody whom it accepts, who ends when whoever has started it does.
pub(crate) fn command(program: &Path) -> Command {
    let user = ["--reuid", USER, "--regid", GROUP, "--clear-groups"];
    started_by(if is_root() { &user } else { &[] }, program)
}

/// The program as whoever runs the test, for one that may lie where nobody else can go.
pub(crate) fn ending_with_us(program: &Path) -> Command {
    started_by(&[], program)
}

fn started_by(user: &[&str], program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "INT"]).args(user).arg("--").arg(program).current_dir("/");
    command
}

/// Makes a folder belong to whoever runs the server.
pub(crate) fn give(folder: &Path) {
    if is_root() {
        done(Command::new("chown").args(["-R", &format!("{USER}:{GROUP}")]).arg(folder));
    }
}

pub(crate) fn done(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A program that must be there; the package of Debian has its name.
pub(crate) fn program(name: &str) -> PathBuf {
    on_path(name).unwrap_or_else(|| panic!("there is no {name}: install it (Debian: apt-get install {name})"))
}

/// A program on the path, or where Debian has those of administrators.
pub(crate) fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    folders.map(|folder| folder.join(name)).find(|program| program.exists())
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
