//! Packages from npm that tests need: the unmodified Appmixer CLI, and axe-core, which finds what keeps people with
//! assistive technology out of a page.

use std::fs;
use std::path::PathBuf;

use anyhow::Result;

use crate::process::{command, is_there, root, run};

/// A folder with packages.
pub(crate) struct Packages {
    folder: &'static str,
    /// The `package.json`, with pinned versions.
    manifest: &'static str,
    /// The one dependency with a native part; needs python3, make and g++.
    native: Option<&'static str>,
    what: &'static str,
}

/// `showdown` is named there by a Git address; any released version will do, since the CLI's server calls
/// do not use it.
pub(crate) const CLI: Packages = Packages {
    folder: "target/npm-appmixer",
    manifest: r#"{"private":true,"dependencies":{"appmixer":"2.2.0"},"overrides":{"showdown":"2.1.0"}}"#,
    native: Some("farmhash"),
    what: "the test with the Appmixer CLI is",
};

pub(crate) const AXE: Packages = Packages {
    folder: "target/npm-axe",
    manifest: r#"{"private":true,"dependencies":{"axe-core":"4.14.1"}}"#,
    native: None,
    what: "the checks of the console's pages with axe-core are",
};

impl Packages {
    /// The folder of the installed packages; `None` where npm is not at hand.
    pub(crate) fn install(&self) -> Result<Option<PathBuf>> {
        let folder = root().join(self.folder);
        let stamp = folder.join("installed");
        if fs::read_to_string(&stamp).is_ok_and(|text| text == self.manifest) {
            return Ok(Some(folder));
        }
        if !is_there("npm") {
            eprintln!("npm is not at hand: {} skipped", self.what);
            return Ok(None);
        }
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("package.json"), self.manifest)?;
        let quiet = "--no-audit --no-fund --loglevel=error";
        run(command(&format!("npm install --ignore-scripts {quiet}")).current_dir(&folder))?;
        if let Some(package) = self.native {
            run(command(&format!("npm rebuild {package} {quiet}")).current_dir(&folder))?;
        }
        fs::write(stamp, self.manifest)?;
        Ok(Some(folder))
    }
}
