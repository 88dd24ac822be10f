//! Pythons of our own, with packages from PyPI: for tests, for `test --full`, and for the checks of `deploy/`.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;

use anyhow::Result;

use crate::process::{command, install_packages, may_install, root, run};

/// A Python with packages.
pub(crate) struct Environment {
    folder: &'static str,
    /// A file with one package a line, each pinned, and what is in it.
    requirements: (&'static str, &'static str),
    what: &'static str,
}

pub(crate) const TESTS: Environment = Environment {
    folder: "target/python-venv",
    requirements: ("xtask/requirements.txt", include_str!("../requirements.txt")),
    what: "the tests that need packages from PyPI are",
};

pub(crate) const DEPLOY: Environment = Environment {
    folder: "target/deploy-venv",
    requirements: ("xtask/deploy-requirements.txt", include_str!("../deploy-requirements.txt")),
    what: "the check of deploy/ is",
};

pub(crate) const FULL: Environment = Environment {
    folder: "target/full-venv",
    requirements: ("xtask/full-requirements.txt", include_str!("../full-requirements.txt")),
    what: "the tests with a generated Python client and with Checkov are",
};

impl Environment {
    /// The folder of its programs, the interpreter among them; `None` where Python cannot make an environment.
    pub(crate) fn install(&self) -> Result<Option<PathBuf>> {
        let folder = root().join(self.folder);
        let (bin, stamp) = (folder.join("bin"), folder.join("installed"));
        let (path, packages) = self.requirements;
        if fs::read_to_string(&stamp).is_ok_and(|text| text == packages) {
            return Ok(Some(bin));
        }
        if !can_make_environments() && !install_module() {
            eprintln!("python3 with venv is not at hand: {} skipped", self.what);
            return Ok(None);
        }
        run(&mut command(&format!("python3 -m venv --clear {}", self.folder)))?;
        let pip = format!("{}/bin/python -m pip install --quiet --disable-pip-version-check", self.folder);
        run(&mut command(&format!("{pip} -r {path}")))?;
        fs::write(stamp, packages)?;
        Ok(Some(bin))
    }
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
