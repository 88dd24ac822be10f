//! Programs of others that tests start for themselves. What somebody else runs is never used.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::process::{install_packages, may_install};

/// What is run, and the package of Debian that has it.
const PROGRAMS: [(&str, &str); 7] = [
    ("initdb", "postgresql"),
    ("pgbouncer", "pgbouncer"),
    ("haproxy", "haproxy"),
    ("nginx", "nginx-light"),
    ("caddy", "caddy"),
    ("chromium", "chromium"),
    ("chromedriver", "chromium-driver"),
];

/// How the packages of the browser begin.
const BROWSER: &str = "chromium";

/// Where Debian's tools read whether an installation makes a database of its own, which is not wanted here.
const CLUSTERS: &str = "/etc/postgresql-common/createcluster.conf";
const NO_CLUSTER: &str = "create_main_cluster = false\n";

/// Finds them, or installs Debian's packages where that is allowed.
///
/// # Errors
/// One is not there, and it is said what to install.
pub(crate) fn install() -> Result<()> {
    let missing = missing();
    if missing.is_empty() {
        return Ok(());
    }
    let packages = missing.iter().map(|(_, package)| *package).collect::<Vec<_>>().join(" ");
    if !may_install() {
        // A browser is much to ask of whoever has no Debian; CI has one.
        let is_needed = |(_, package): &(&str, &str)| !package.starts_with(BROWSER);
        if std::env::var_os("CI").is_none() && !missing.iter().any(is_needed) {
            eprintln!("{packages} are not here: the tests of the console's pages are skipped");
            return Ok(());
        }
        bail!("tests start programs that are not here; on Debian: apt-get install {packages}");
    }
    eprintln!("installing {packages}, for tests alone");
    if packages.contains("postgresql") && !Path::new(CLUSTERS).exists() {
        fs::create_dir_all("/etc/postgresql-common")?;
        fs::write(CLUSTERS, NO_CLUSTER)?;
    }
    install_packages(&packages)?;
    match self::missing().first() {
        None => Ok(()),
        Some((program, package)) => bail!("the package {package} has brought no {program}"),
    }
}

fn missing() -> Vec<(&'static str, &'static str)> {
    PROGRAMS.into_iter().filter(|(program, _)| find(program).is_none()).collect()
}

/// Where a program is.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    folders().map(|folder| folder.join(program)).find(|path| path.exists())
}

/// The path, and where Debian puts what is no command for everybody.
fn folders() -> impl Iterator<Item = PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path: Vec<_> = std::env::split_paths(OsStr::new(&path)).collect();
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let postgres = versions.map(|version| version.path().join("bin"));
    path.into_iter().chain([PathBuf::from("/usr/sbin")]).chain(postgres)
}
