//! Programs from PyPI, which `cargo xtask test` installs into an environment of their own.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The interpreter of that environment; `None`, and a line that says so, where there is none.
pub(crate) fn python() -> Option<PathBuf> {
    let python = std::env::var_os("APPMIXER_TEST_PYTHON").map(PathBuf::from);
    if python.is_none() {
        eprintln!("skipped: `cargo xtask test` installs what it needs from PyPI where Python is at hand");
    }
    python
}

/// A program that a package has brought into that environment.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    Some(python()?.with_file_name(name))
}

/// A module of that environment as a program.
pub(crate) fn module(python: &Path, name: &str) -> Command {
    let mut command = Command::new(python);
    command.args(["-m", name]).env_clear().env("PATH", std::env::var_os("PATH").unwrap());
    // Neither caches beside the sources nor anything of whoever runs the tests.
    command
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("PYTHONNOUSERSITE", "1")
        .env("HOME", std::env::temp_dir());
    command
}
