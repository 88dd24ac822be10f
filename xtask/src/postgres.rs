//! The programs of PostgreSQL, which tests start for themselves. What somebody else runs is never used.

use std::fs;
use std::path::Path;

use anyhow::{Result, bail};

use crate::process::{install_packages, is_there, may_install};

/// Where Debian's tools read whether an installation makes a database of its own, which is not wanted here.
const CLUSTERS: &str = "/etc/postgresql-common/createcluster.conf";
const NO_CLUSTER: &str = "create_main_cluster = false\n";

/// Finds them, or installs Debian's package where that is allowed.
///
/// # Errors
/// They are not there, and it is said what to install.
pub(crate) fn install() -> Result<()> {
    if found() {
        return Ok(());
    }
    if !may_install() {
        bail!(
            "tests start PostgreSQL, which is not here: install it (Debian: apt-get install postgresql), or put initdb on the path"
        );
    }
    eprintln!("installing Debian's package postgresql, for tests alone");
    if !Path::new(CLUSTERS).exists() {
        fs::create_dir_all("/etc/postgresql-common")?;
        fs::write(CLUSTERS, NO_CLUSTER)?;
    }
    install_packages("postgresql")?;
    if found() { Ok(()) } else { bail!("the package postgresql has no initdb in /usr/lib/postgresql") }
}

fn found() -> bool {
    let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    debian.map(|version| version.path().join("bin/initdb")).any(|initdb| initdb.exists())
        || is_there("initdb") && is_there("psql")
}
