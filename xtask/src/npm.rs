//! Packages from npm that tests need: the unmodified Appmixer CLI, axe-core, which finds what keeps people with
//! assistive technology out of a page, and what products use as clients.

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

/// What products use with the server: a client generated from `/openapi.json`, jose for tokens, and ws.
pub(crate) const CLIENTS: Packages = Packages {
    folder: "target/npm-clients",
    manifest: r#"{"private":true,"dependencies":{"@types/node":"20.19.43","jose":"6.2.18","openapi-fetch":"0.17.0","openapi-typescript":"7.13.0","typescript":"5.9.3","ws":"8.23.0"}}"#,
    native: None,
    what: "the tests with clients from npm are",
};

/// What `cargo xtask test --full` has say about `/openapi.json`: two linters, and another generator of clients.
pub(crate) const OPENAPI: Packages = Packages {
    folder: "target/npm-openapi",
    manifest: r#"{"private":true,"dependencies":{"@redocly/cli":"2.77.0","@stoplight/spectral-cli":"6.16.3","orval":"7.13.2","typescript":"5.9.3"}}"#,
    native: None,
    what: "the linters of the OpenAPI document are",
};

/// A framework with its own way to read paths, which the gateway stands before.
pub(crate) const EXPRESS: Packages = Packages {
    folder: "target/npm-express",
    manifest: r#"{"private":true,"dependencies":{"express":"5.3.0"}}"#,
    native: None,
    what: "the test with Express is",
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
