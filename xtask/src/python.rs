//! A Python of our own, with the packages from `PyPI` that tests need.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;

use anyhow::Result;

use crate::process::{command, root, run};

/// One package a line, each pinned.
const PACKAGES: &str = "aiosmtpd==1.4.6\natpublic==9.0.0\nattrs==26.1.0\n";

/// The interpreter that has them; `None` where Python cannot make an environment.
pub(crate) fn install() -> Result<Option<PathBuf>> {
    let folder = root().join("target/python-venv");
    let (python, stamp) = (folder.join("bin/python"), folder.join("installed"));
    if fs::read_to_string(&stamp).is_ok_and(|text| text == PACKAGES) {
        return Ok(Some(python));
    }
    if !can_make_environments() {
        eprintln!("python3 with venv is not at hand: the tests with a mail server are skipped");
        return Ok(None);
    }
    run(&mut command("python3 -m venv --clear target/python-venv"))?;
    let wanted = folder.join("requirements.txt");
    fs::write(&wanted, PACKAGES)?;
    let mut pip =
        command("target/python-venv/bin/python -m pip install --quiet --disable-pip-version-check -r");
    run(pip.arg(&wanted))?;
    fs::write(stamp, PACKAGES)?;
    Ok(Some(python))
}

/// Debian has the module in a package of its own, python3-venv.
fn can_make_environments() -> bool {
    let mut probe = command("python3 -c");
    let probe = probe.arg("import ensurepip, venv").stdout(Stdio::null()).stderr(Stdio::null()).status();
    probe.is_ok_and(|status| status.success())
}
