//! Chromium without a window, and chromedriver, which does in it what a test says.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use crate::running::Running;
use crate::unprivileged::{command, on_path};

const DRIVER: &str = "chromedriver";
const BROWSER: &str = "chromium";

/// A running chromedriver; browsers are started by its sessions. Dropping it ends it and them.
pub struct Chromium(Running);

impl Chromium {
    /// Starts one; `None` where Debian's packages `chromium` and `chromium-driver` are not installed.
    #[must_use]
    pub fn start() -> Option<Self> {
        let (program, browser) = (on_path(DRIVER)?, on_path(BROWSER)?);
        Some(Self(Running::start(DRIVER, |folder, port| {
            // chromedriver does not take the browser along when it is killed, so the browser has to see to that itself.
            let script = folder.join(BROWSER);
            let line = format!("#!/bin/sh\nexec setpriv --pdeathsig KILL -- {} \"$@\"\n", browser.display());
            fs::write(&script, line).unwrap();
            fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
            let mut run = command(&program);
            run.arg(format!("--port={port}")).env("HOME", folder).env("TMPDIR", folder);
            run
        })))
    }

    /// Where chromedriver takes commands.
    #[must_use]
    pub fn driver(&self) -> String {
        format!("http://{}", self.0.address())
    }

    /// The browser that a session has to name.
    #[must_use]
    pub fn browser(&self) -> PathBuf {
        self.0.folder().join(BROWSER)
    }
}
