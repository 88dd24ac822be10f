//! The unmodified Appmixer CLI from npm, which a test talks to the server with.

use std::fs;
use std::path::PathBuf;

use anyhow::Result;

use crate::process::{command, is_there, root, run};

/// `showdown` is named there by a Git address; any released version will do, since the CLI's server calls
/// do not use it.
const PACKAGE: &str =
    r#"{"private":true,"dependencies":{"appmixer":"2.2.0"},"overrides":{"showdown":"2.1.0"}}"#;

/// The folder of the installed package; `None` where npm is not at hand.
pub(crate) fn install() -> Result<Option<PathBuf>> {
    let folder = root().join("target/npm-appmixer");
    let stamp = folder.join("installed");
    if fs::read_to_string(&stamp).is_ok_and(|text| text == PACKAGE) {
        return Ok(Some(folder));
    }
    if !is_there("npm") {
        eprintln!("npm is not at hand: the test with the Appmixer CLI is skipped");
        return Ok(None);
    }
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("package.json"), PACKAGE)?;
    let quiet = "--no-audit --no-fund --loglevel=error";
    run(command(&format!("npm install --ignore-scripts {quiet}")).current_dir(&folder))?;
    // The one dependency with a native part; needs python3, make and g++.
    run(command(&format!("npm rebuild farmhash {quiet}")).current_dir(&folder))?;
    fs::write(stamp, PACKAGE)?;
    Ok(Some(folder))
}
