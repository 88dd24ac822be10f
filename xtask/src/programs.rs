//! Programs of others that tests start for themselves. What somebody else runs is never used.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::process::{install_packages, may_install};

/// A program, and the package of Debian that has it.
type Program = (&'static str, &'static str);

/// The programs that `cargo xtask test` runs.
const PROGRAMS: &[Program] = &[
    ("initdb", "postgresql"),
    ("pgbouncer", "pgbouncer"),
    ("haproxy", "haproxy"),
    ("nginx", "nginx-light"),
    ("caddy", "caddy"),
    ("chromium", "chromium"),
    ("chromedriver", "chromium-driver"),
    ("mandoc", "mandoc"),
];

/// The programs that only `cargo xtask test --full` runs.
const FULL_PROGRAMS: &[Program] = &[
    ("apache2", "apache2"),
    ("fish", "fish"),
    ("php", "libapache2-mod-php"),
    ("promtool", "prometheus"),
    ("zsh", "zsh"),
];

/// How the packages of the browser begin.
const BROWSER: &str = "chromium";

/// Where Debian's tools read whether an installation makes a database of its own, which is not wanted here.
const CLUSTERS: &str = "/etc/postgresql-common/createcluster.conf";
const NO_CLUSTER: &str = "create_main_cluster = false\n";

/// Finds the programs of `cargo xtask test`, or installs their packages.
///
/// # Errors
/// A program is missing and cannot be installed; the message names its package.
pub(crate) fn install() -> Result<()> {
    let missing = missing(PROGRAMS);
    // Only the tests of the console's pages need a browser, and they are skipped without one. CI has one.
    let is_browser = |(_, package): &Program| package.starts_with(BROWSER);
    if !may_install() && std::env::var_os("CI").is_none() && missing.iter().all(is_browser) {
        for (program, _) in &missing {
            eprintln!("{program} is not installed: the tests of the console's pages are skipped");
        }
        return Ok(());
    }
    install_all(&missing)
}

/// Finds the programs of `cargo xtask test --full`, or installs their packages.
///
/// # Errors
/// A program is missing and cannot be installed; the message names its package.
pub(crate) fn install_full() -> Result<()> {
    install_all(&missing(FULL_PROGRAMS))
}

fn install_all(missing: &[Program]) -> Result<()> {
    if missing.is_empty() {
        return Ok(());
    }
    let packages = missing.iter().map(|(_, package)| *package).collect::<Vec<_>>().join(" ");
    if !may_install() {
        bail!("tests start programs that are not installed; on Debian: apt-get install {packages}");
    }
    eprintln!("installing {packages}, which only tests use");
    if packages.contains("postgresql") && !Path::new(CLUSTERS).exists() {
        fs::create_dir_all("/etc/postgresql-common")?;
        fs::write(CLUSTERS, NO_CLUSTER)?;
    }
    install_packages(&packages)?;
    match self::missing(missing).first() {
        None => Ok(()),
        Some((program, package)) => bail!("the package {package} did not install {program}"),
    }
}

fn missing(programs: &[Program]) -> Vec<Program> {
    programs.iter().copied().filter(|(program, _)| find(program).is_none()).collect()
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
