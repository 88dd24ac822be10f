//! Other programs: run, and told about when they fail.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

/// The workspace's root.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// A program in the workspace's root, with its arguments separated by blanks.
pub(crate) fn command(line: &str) -> Command {
    let mut words = line.split_whitespace();
    let mut command = Command::new(words.next().unwrap_or_default());
    command.args(words).current_dir(root());
    // What cargo has told us about ourselves would look like a change to build scripts, and rebuild them.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(name);
        }
    }
    command
}

/// Runs it to its end, with a line that says what runs.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let line = show(command);
    eprintln!("\n$ {line}");
    let status = command.status().with_context(|| format!("cannot run {line}"))?;
    ensure!(status.success(), "{line}: {status}");
    Ok(())
}

/// What it prints on standard output.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let line = show(command);
    let output = command.stderr(Stdio::inherit()).output().with_context(|| format!("cannot run {line}"))?;
    ensure!(output.status.success(), "{line}: {}", output.status);
    Ok(String::from_utf8(output.stdout)?)
}

/// Whether a program can be started at all.
pub(crate) fn is_there(program: &str) -> bool {
    let probe = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    probe.is_ok()
}

/// Whether packages of the system can be installed: on Debian, by root.
pub(crate) fn may_install() -> bool {
    let is_root = || output(&mut command("id -u")).is_ok_and(|id| id.trim() == "0");
    is_there("apt-get") && is_root()
}

/// Where Debian's packages ask whether they may start what they bring; 101 is no.
const START_POLICY: &str = "/usr/sbin/policy-rc.d";

/// Installs Debian's packages, separated by blanks. None of them starts a server.
pub(crate) fn install_packages(names: &str) -> Result<()> {
    run(&mut command("apt-get update -qq"))?;
    let is_ours = !Path::new(START_POLICY).exists();
    if is_ours {
        fs::write(START_POLICY, "#!/bin/sh\nexit 101\n")?;
        fs::set_permissions(START_POLICY, fs::Permissions::from_mode(0o755))?;
    }
    let mut install = command(&format!("apt-get install -y -qq --no-install-recommends {names}"));
    let installed = run(install.env("DEBIAN_FRONTEND", "noninteractive"));
    if is_ours {
        fs::remove_file(START_POLICY)?;
    }
    installed
}

fn show(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
