//! The tests: those of every day, and with `--full` also those that are slow or need many foreign programs.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::process::command;
use crate::{deploy, npm, programs, python};

/// Which tests run.
#[derive(Debug, Default)]
pub(crate) struct Run {
    /// Only tests whose name contains this.
    pub(crate) filter: Option<String>,
    /// Also the tests behind the feature `full-tests`.
    pub(crate) full: bool,
    /// Only the tests that need no other program.
    pub(crate) quick: bool,
}

/// The tests of crates that need no other program. All others are in `NEED_PROGRAMS`.
const QUICK: &[&str] = &[
    "accounts",
    "algorithms",
    "api",
    "client",
    "folder",
    "guard",
    "memory",
    "networks",
    "pending",
    "pool",
    "readers",
    "remote",
    "rfc8725",
    "shared",
    "sqlite",
];

/// The tests of crates that start other programs, or the server itself.
#[cfg(test)]
const NEED_PROGRAMS: &[&str] = &["full", "integration", "postgres"];

/// Unit tests that start PostgreSQL.
const UNITS_WITH_POSTGRES: [&str; 2] = ["postgres::schema::", "copy::tables::"];

/// The feature that has `crates/appmixer-server/tests/full` built.
pub(crate) const FULL_TESTS: &str = "appmixer-server/full-tests";

pub(crate) fn run(run: &Run) -> Result<()> {
    if run.quick {
        return quick(run.filter.as_deref());
    }
    programs::install()?;
    let (cli, axe, clients) = (npm::CLI.install()?, npm::AXE.install()?, npm::CLIENTS.install()?);
    let python = python::TESTS.install()?;
    // Libraries, binaries, integration tests, examples, documentation: all of them, whatever fails.
    let mut cargo = command("cargo test --workspace --no-fail-fast");
    if run.full {
        programs::install_full()?;
        deploy::check_policies()?;
        if let Some(folder) = npm::OPENAPI.install()? {
            cargo.env("APPMIXER_TEST_NPM_OPENAPI", folder);
        }
        if let Some(bin) = python::FULL.install()? {
            cargo.env("APPMIXER_TEST_PYTHON_FULL", bin.join("python"));
        }
        cargo.args(["--features", FULL_TESTS]);
        if let Some(folder) = npm::EXPRESS.install()? {
            cargo.env("APPMIXER_TEST_EXPRESS", folder);
        }
    }
    if let Some(folder) = &cli {
        cargo.env("APPMIXER_TEST_NPM_DIR", folder);
    }
    if let Some(folder) = &axe {
        cargo.env("APPMIXER_TEST_AXE", folder.join("node_modules/axe-core/axe.min.js"));
    }
    if let Some(folder) = &clients {
        cargo.env("APPMIXER_TEST_NPM_CLIENTS", folder);
    }
    if let Some(bin) = &python {
        cargo.env("APPMIXER_TEST_PYTHON", bin.join("python"));
    }
    count_outcomes(cargo.args(&run.filter))
}

fn quick(filter: Option<&str>) -> Result<()> {
    let mut cargo = command("cargo test --workspace --no-fail-fast --lib --bins");
    cargo.args(QUICK.iter().flat_map(|test| ["--test", test])).args(filter).arg("--");
    count_outcomes(cargo.args(UNITS_WITH_POSTGRES.iter().flat_map(|test| ["--skip", test])))
}

/// Runs cargo, and adds up what each test program says.
fn count_outcomes(cargo: &mut Command) -> Result<()> {
    let mut child = cargo.stdout(Stdio::piped()).spawn().context("cannot run cargo")?;
    let output = child.stdout.take().context("cargo has no output")?;
    let (mut passed, mut failed) = (0, 0);
    for line in BufReader::new(output).lines() {
        let line = line?;
        writeln!(std::io::stdout(), "{line}")?;
        if let Some(counts) = line.strip_prefix("test result: ") {
            passed += count(counts, "passed");
            failed += count(counts, "failed");
        }
    }
    let status = child.wait()?;
    println!("\n{passed} passed, {failed} failed");
    if !status.success() || failed > 0 {
        bail!("not all tests passed");
    }
    Ok(())
}

/// The number before a word, as in `ok. 3 passed; 0 failed; …`.
fn count(text: &str, word: &str) -> usize {
    let before = text.split(word).next().unwrap_or_default().trim_end();
    before.rsplit(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;

    use super::*;
    use crate::process::root;

    #[test]
    fn each_test_of_a_crate_is_quick_or_needs_programs() {
        let mut known: Vec<_> = QUICK.iter().chain(NEED_PROGRAMS).map(|name| (*name).to_owned()).collect();
        known.sort();
        let mut found = BTreeSet::new();
        for krate in fs::read_dir(root().join("crates")).unwrap() {
            for entry in fs::read_dir(krate.unwrap().path().join("tests")).into_iter().flatten() {
                let path = entry.unwrap().path();
                if path.extension().is_some_and(|extension| extension == "rs")
                    || path.join("main.rs").exists()
                {
                    found.insert(path.file_stem().unwrap().to_string_lossy().into_owned());
                }
            }
        }
        assert_eq!(found.into_iter().collect::<Vec<_>>(), known);
    }

    #[test]
    fn counts_are_read_from_cargos_line() {
        let line = "FAILED. 12 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.04s";
        assert_eq!((count(line, "passed"), count(line, "failed")), (12, 3));
    }
}
