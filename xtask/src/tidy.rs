//! The rules of the house that no other tool checks: who may use whom, how files look, and that the tests which
//! the documentation names exist.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Result, bail};
use serde_json::Value;

use crate::process::{command, output};

/// Who of ours each crate may use. Tests and examples may use more.
const MAY_USE: &[(&str, &[&str])] = &[
    ("appmixer-apps", &[]),
    ("appmixer-console", &[]),
    ("appmixer-core", &[]),
    ("appmixer-metrics", &[]),
    ("appmixer-forwarded", &[]),
    ("appmixer-gateway", &["appmixer-metrics", "appmixer-path", "appmixer-tls"]),
    ("appmixer-limits", &[]),
    ("appmixer-path", &[]),
    ("appmixer-token", &[]),
    ("appmixer-password", &["appmixer-core"]),
    ("appmixer-store", &["appmixer-core", "appmixer-tls"]),
    ("appmixer-transfer", &["appmixer-core", "appmixer-password"]),
    (
        "appmixer-http",
        &[
            "appmixer-apps",
            "appmixer-console",
            "appmixer-core",
            "appmixer-forwarded",
            "appmixer-gateway",
            "appmixer-limits",
            "appmixer-metrics",
            "appmixer-path",
            "appmixer-token",
        ],
    ),
    ("appmixer-notify", &["appmixer-core", "appmixer-tls"]),
    ("appmixer-testbed", &[]),
    ("appmixer-tls", &[]),
    ("appmixer-server", &["appmixer-program"]),
    (
        "appmixer-program",
        &[
            "appmixer-apps",
            "appmixer-core",
            "appmixer-http",
            "appmixer-metrics",
            "appmixer-notify",
            "appmixer-password",
            "appmixer-store",
            "appmixer-tls",
            "appmixer-token",
            "appmixer-transfer",
        ],
    ),
    ("xtask", &["appmixer-testbed"]),
];

/// What stays out of a crate, whoever else has it.
const MUST_NOT_USE: &[(&str, &[&str])] = &[
    ("appmixer-core", &["hyper", "rusqlite", "tokio", "ring", "http", "jsonwebtoken"]),
    ("appmixer-forwarded", &["hyper", "tokio"]),
    ("appmixer-path", &["hyper", "http", "tokio", "rusqlite"]),
    ("appmixer-gateway", &["rusqlite", "tokio-postgres", "jsonwebtoken"]),
    ("appmixer-limits", &["hyper", "http", "tokio", "rusqlite"]),
    ("appmixer-apps", &["hyper", "http", "rusqlite"]),
    ("appmixer-console", &["hyper", "http", "tokio", "rusqlite"]),
    ("appmixer-metrics", &["hyper", "http", "tokio", "rusqlite"]),
    ("appmixer-http", &["rusqlite", "refinery", "tokio-postgres"]),
    ("appmixer-notify", &["rusqlite", "refinery", "tokio-postgres", "appmixer-http"]),
    ("appmixer-store", &["hyper", "http", "jsonwebtoken"]),
    ("appmixer-password", &["hyper", "http", "rusqlite"]),
    ("appmixer-tls", &["hyper", "http", "rusqlite", "tokio"]),
];

/// A source file that is longer is not read at one sitting.
const MAX_LINES: usize = 500;

// Written apart, so that this file does not find itself.
const UNFINISHED: &[&str] = &[concat!("todo", "!("), concat!("unimpl", "emented!("), concat!("FIX", "ME")];

pub(crate) fn check(root: &Path) -> Result<()> {
    let mut complaints = dependencies()?;
    let mut functions = BTreeSet::new();
    for folder in ["crates", "xtask"] {
        files(&root.join(folder), &mut complaints, &mut functions)?;
    }
    let promises = fs::read_to_string(root.join("docs/security.md"))?;
    let missing = tests_named_in(&promises).filter(|test| !functions.contains(*test));
    complaints
        .extend(missing.map(|test| format!("docs/security.md names {test}, and there is no such test")));
    if complaints.is_empty() {
        return Ok(());
    }
    bail!("tidy:\n  {}", complaints.join("\n  "));
}

/// The normal dependencies of each of our crates, as cargo knows them.
fn dependencies() -> Result<Vec<String>> {
    let metadata: Value =
        serde_json::from_str(&output(&mut command("cargo metadata --no-deps --format-version 1"))?)?;
    let mut used: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut complaints = Vec::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let name = package["name"].as_str().unwrap_or_default().to_owned();
        if package["description"].as_str().is_none_or(str::is_empty) {
            complaints.push(format!("{name} has no description"));
        }
        let normal = package["dependencies"].as_array().into_iter().flatten().filter(|d| d["kind"].is_null());
        used.insert(name, normal.filter_map(|d| d["name"].as_str()).map(str::to_owned).collect());
    }
    for (name, uses) in &used {
        let Some((_, allowed)) = MAY_USE.iter().find(|(crate_name, _)| crate_name == name) else {
            complaints.push(format!("{name} has no entry in xtask's MAY_USE"));
            continue;
        };
        for ours in uses.iter().filter(|dependency| dependency.starts_with("appmixer-")) {
            if !allowed.contains(&ours.as_str()) {
                complaints.push(format!("{name} must not use {ours}"));
            }
        }
        for (_, banned) in MUST_NOT_USE.iter().filter(|(crate_name, _)| crate_name == name) {
            for other in uses.iter().filter(|dependency| banned.contains(&dependency.as_str())) {
                complaints.push(format!("{name} must not use {other}"));
            }
        }
    }
    Ok(complaints)
}

/// What stands in code quotes and is a sentence. Metrics have as many words, and a prefix.
fn tests_named_in(markdown: &str) -> impl Iterator<Item = &str> {
    markdown.split('`').skip(1).step_by(2).filter(|code| {
        code.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
            && code.matches('_').count() >= 3
            && !code.starts_with("appmixer_")
    })
}

fn functions_in(rust: &str) -> impl Iterator<Item = &str> {
    rust.split("fn ").skip(1).filter_map(|rest| rest.split_once('(')).map(|(name, _)| name)
}

fn files(folder: &Path, complaints: &mut Vec<String>, functions: &mut BTreeSet<String>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files(&path, complaints, functions)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path)?;
            functions.extend(functions_in(&text).map(str::to_owned));
            let path = path.display();
            if text.lines().count() > MAX_LINES {
                complaints.push(format!("{path} has more than {MAX_LINES} lines"));
            }
            if !text.starts_with("//!") {
                complaints.push(format!("{path} does not open with what it owns (//!)"));
            }
            for mark in UNFINISHED.iter().filter(|mark| text.contains(**mark)) {
                complaints.push(format!("{path} is unfinished: {mark}"));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_promise_names_a_test_and_a_key_or_a_metric_is_none() {
        let text = "`nobody_gets_more_than_this`, `token.allow_short_secret`, `appmixer_hash_queue_depth`, `min_length`";
        assert_eq!(tests_named_in(text).collect::<Vec<_>>(), ["nobody_gets_more_than_this"]);
        assert_eq!(functions_in("async fn a_b(x: u8) {} fn c<T>() {}").collect::<Vec<_>>(), ["a_b", "c<T>"]);
    }

    #[test]
    fn nobody_uses_whom_it_must_not() {
        assert_eq!(dependencies().unwrap(), Vec::<String>::new());
    }
}
