//! A Python of our own, with the packages from PyPI that tests need.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;

use anyhow::Result;

use crate::process::{command, install_packages, may_install, root, run};

/// One package a line, each pinned.
const PACKAGES: &str = include_str!("../requirements.txt");

/// The interpreter that has them; `None` where Python cannot make an environment.
pub(crate) fn install() -> Result<Option<PathBuf>> {
    let folder = root().join("target/python-venv");
    let (python, stamp) = (folder.join("bin/python"), folder.join("installed"));
    if fs::read_to_string(&stamp).is_ok_and(|text| text == PACKAGES) {
        return Ok(Some(python));
    }
    if !can_make_environments() && !install_module() {
        eprintln!("python3 with venv is not at hand: the tests that need packages from PyPI are skipped");
        return Ok(None);
    }
    run(&mut command("python3 -m venv --clear target/python-venv"))?;
    let pip = "target/python-venv/bin/python -m pip install --quiet --disable-pip-version-check";
    run(&mut command(&format!("{pip} -r xtask/requirements.txt")))?;
    fs::write(stamp, PACKAGES)?;
    Ok(Some(python))
}

/// Debian has the module in a package of its own, python3-venv.
fn can_make_environments() -> bool {
    let mut probe = command("python3 -c");
    let probe = probe.arg("import ensurepip, venv").stdout(Stdio::null()).stderr(Stdio::null()).status();
    probe.is_ok_and(|status| status.success())
}

/// Installs it where we may.
fn install_module() -> bool {
    if !may_install() {
        return false;
    }
    let packages = install_packages("python3 python3-venv");
    packages.is_ok() && can_make_environments()
}
