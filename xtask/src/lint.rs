//! Everything that can be checked without running the program.

use anyhow::Result;

use crate::process::{self, command, is_there, root};
use crate::{deploy, tidy};

const LIBRARIES: &[&str] = &[
    "appmixer-apps",
    "appmixer-console",
    "appmixer-core",
    "appmixer-forwarded",
    "appmixer-gateway",
    "appmixer-limits",
    "appmixer-path",
    "appmixer-token",
    "appmixer-password",
    "appmixer-store",
    "appmixer-http",
    "appmixer-metrics",
    "appmixer-notify",
    "appmixer-tls",
];

pub(crate) fn run() -> Result<()> {
    run_all()?;
    eprintln!("\nlint: all is well");
    Ok(())
}

fn run_all() -> Result<()> {
    process::run(&mut command("cargo fmt --all --check"))?;
    tidy::check(&root())?;
    deploy::check()?;
    process::run(&mut command(
        "cargo clippy --workspace --all-targets --features appmixer-server/full-tests -- -D warnings",
    ))?;
    // Each library stands alone, and so without what the others switch on.
    for library in LIBRARIES {
        process::run(&mut command(&format!("cargo check -p {library}")))?;
        process::run(&mut command(&format!("cargo check -p {library} --no-default-features")))?;
    }
    process::run(&mut command("cargo check -p appmixer-store --no-default-features --features postgres"))?;
    for feature in ["authorization", "guard", "tower", "hyper", "fetch", "fetch,guard"] {
        process::run(&mut command(&format!("cargo check -p appmixer-token --features {feature}")))?;
    }
    let mut doc = command("cargo doc --workspace --no-deps --document-private-items");
    process::run(doc.env("RUSTDOCFLAGS", "-D warnings"))?;
    deny()
}

/// Licences, bans and sources. Advisories too where their database can be fetched.
fn deny() -> Result<()> {
    let bin = root().join("target/tools/bin/cargo-deny");
    let deny = if is_there("cargo-deny") {
        "cargo-deny".to_owned()
    } else {
        if !bin.exists() {
            eprintln!("cargo-deny is not installed; building it once, into target/tools (some minutes)");
            process::run(&mut command("cargo install cargo-deny --debug --locked --root target/tools"))?;
        }
        bin.display().to_string()
    };
    process::run(&mut command(&format!(
        "{deny} --log-level error check --hide-inclusion-graph licenses bans sources"
    )))?;
    if std::process::Command::new("git")
        .args(["ls-remote", "--exit-code", "-q", "https://github.com/RustSec/advisory-db", "HEAD"])
        .env("GIT_TERMINAL_PROMPT", "0")
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
    {
        process::run(&mut command(&format!("{deny} check advisories")))
    } else {
        eprintln!("the advisory database cannot be reached from here: advisories were not checked");
        Ok(())
    }
}
