//! What is handed out: the binary, what shells and `man` read of it, the licences of everything in it, and checksums.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};
use ring::digest::{SHA256, digest};
use serde_json::Value;

use crate::process::{self, command, output, root};

const BINARY: &str = "appmixer-server";

pub(crate) fn run() -> Result<()> {
    process::run(&mut command("cargo build --release -p appmixer-server"))?;
    let dist = root().join("target/dist");
    fs::create_dir_all(&dist)?;
    // The release profile strips it already.
    fs::copy(root().join("target/release").join(BINARY), dist.join(BINARY))?;
    let licences = licences()?;
    fs::write(dist.join("THIRD-PARTY.md"), licences)?;
    let mut names = vec![BINARY.to_owned(), "THIRD-PARTY.md".to_owned()];
    names.extend(from_definitions(&dist)?);
    let mut sums = String::new();
    for name in &names {
        let sum = digest(&SHA256, &fs::read(dist.join(name))?);
        let sum: String = sum.as_ref().iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        });
        writeln!(sums, "{sum}  {name}")?;
    }
    fs::write(dist.join("SHA256SUMS"), sums)?;
    process::run(command("sha256sum -c SHA256SUMS").current_dir(&dist))?;
    let size = fs::metadata(dist.join(BINARY))?.len();
    println!("{}: {:.1} MiB", dist.join(BINARY).display(), size as f64 / 1_048_576.0);
    Ok(())
}

/// The manual pages and the shells' completions, which the binary makes; their names.
fn from_definitions(dist: &Path) -> Result<Vec<String>> {
    let binary = dist.join(BINARY);
    let (pages, completions) = (dist.join("man/man1"), dist.join("completions"));
    for folder in [&pages, &completions] {
        // What a command that is no more has left behind should not be handed out.
        let _ = fs::remove_dir_all(folder);
        fs::create_dir_all(folder)?;
    }
    process::run(Command::new(&binary).arg("man").arg(&pages))?;
    for (shell, file) in
        [("bash", "appmixer-server.bash"), ("zsh", "_appmixer-server"), ("fish", "appmixer-server.fish")]
    {
        fs::write(completions.join(file), output(Command::new(&binary).args(["completions", shell]))?)?;
    }
    let mut names = Vec::new();
    for folder in ["man/man1", "completions"] {
        for entry in fs::read_dir(dist.join(folder))? {
            names.push(format!("{folder}/{}", entry?.file_name().to_string_lossy()));
        }
    }
    names.sort();
    Ok(names)
}

/// Every package that is linked into the binary: its licence, and the licence's text as it ships.
fn licences() -> Result<String> {
    let tree = output(&mut command("cargo tree -p appmixer-server -e normal --prefix none --format {p}"))?;
    let linked: BTreeSet<(&str, &str)> = tree
        .lines()
        .filter_map(|line| {
            let mut words = line.split(' ');
            Some((words.next()?, words.next()?.strip_prefix('v')?))
        })
        .collect();
    let metadata: Value = serde_json::from_str(&output(&mut command("cargo metadata --format-version 1"))?)?;
    let mut text = String::from("# What is in appmixer-server, and under which licences\n");
    for package in metadata["packages"].as_array().context("cargo metadata lists no packages")? {
        let field = |name: &str| package[name].as_str().unwrap_or_default();
        let is_ours = package["source"].is_null();
        if is_ours || !linked.contains(&(field("name"), field("version"))) {
            continue;
        }
        writeln!(text, "\n## {} {}\n\n{}", field("name"), field("version"), field("license"))?;
        if let Some(folder) = Path::new(field("manifest_path")).parent() {
            for licence in licence_files(folder)? {
                writeln!(text, "\n```text\n{}\n```", licence.trim())?;
            }
        }
    }
    Ok(text)
}

fn licence_files(folder: &Path) -> Result<Vec<String>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_uppercase();
        let is_licence =
            ["LICENSE", "LICENCE", "COPYING", "NOTICE"].iter().any(|start| name.starts_with(start));
        if is_licence && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files.iter().map(|path| fs::read_to_string(path).unwrap_or_default()).collect())
}
