//! Fuzzing with libFuzzer: builds the targets of `fuzz/` and runs them over their corpora.
//!
//! What cargo-fuzz would do with `--sanitizer none` needs nothing of a nightly compiler: our own code is safe Rust, and
//! what is looked for are panics, overflows, failed assertions, hangs and memory without bound.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::thread;

use anyhow::{Context as _, Result, bail, ensure};

use crate::process::{self, command, output, root};

/// What tells libFuzzer which code an input has reached, and what it was compared with.
const FLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing";

/// So long each target is tried where it is only to be seen that nothing has broken.
const SMOKE_SECONDS: u64 = 8;

/// An input that takes longer is a finding, and so is memory beyond this, in MiB.
const LONGEST_SECONDS: u32 = 10;
const MOST_MIB: u32 = 1024;

/// How a run is to be.
pub(crate) struct Run {
    pub(crate) target: Option<String>,
    pub(crate) seconds: u64,
    pub(crate) smoke: bool,
}

impl Run {
    /// Every target, for some seconds.
    pub(crate) const fn smoke() -> Self {
        Self { target: None, seconds: SMOKE_SECONDS, smoke: true }
    }
}

pub(crate) fn run(run: &Run) -> Result<()> {
    let targets = targets()?;
    let chosen: Vec<_> = match &run.target {
        Some(name) => targets.iter().filter(|target| *target == name).cloned().collect(),
        None => targets.clone(),
    };
    ensure!(!chosen.is_empty(), "there is no such target; there are: {}", targets.join(", "));
    let host = host()?;
    let mut build = command("cargo build --release --manifest-path fuzz/Cargo.toml --target-dir target/fuzz");
    // With a target named, build scripts and macros are built without the flags.
    build.args(["--target", &host]).env("RUSTFLAGS", FLAGS).env_remove("CARGO_ENCODED_RUSTFLAGS");
    process::run(&mut build)?;
    let seconds = if run.smoke { SMOKE_SECONDS } else { run.seconds };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let mut failed = Vec::new();
    for together in chosen.chunks(cores) {
        let runs: Vec<_> = together.iter().map(|target| (target, start(&host, target, seconds))).collect();
        for (target, run) in runs {
            if let Err(error) =
                run.and_then(|run| run.join().unwrap_or_else(|_| bail!("the reader panicked")))
            {
                eprintln!("{target}: {error:#}");
                failed.push(target.as_str());
            }
        }
    }
    ensure!(failed.is_empty(), "found something: {}", failed.join(", "));
    eprintln!("\nfuzz: nothing was found");
    Ok(())
}

/// The names of the folder's files.
fn targets() -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(root().join("fuzz/targets"))? {
        let path = entry?.path();
        names.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
    }
    names.sort();
    Ok(names)
}

fn host() -> Result<String> {
    let version = output(&mut command("rustc -vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("rustc does not say what it is for")
}

/// Starts a target. What it learns stays in `target/fuzz`, and what it finds too; the corpus is only read.
fn start(host: &str, target: &str, seconds: u64) -> Result<thread::JoinHandle<Result<()>>> {
    let folder = root().join("target/fuzz");
    let (learned, found) = (folder.join("corpus").join(target), folder.join("found").join(target));
    fs::create_dir_all(&learned)?;
    fs::create_dir_all(&found)?;
    let mut fuzzer = command(&folder.join(host).join("release").join(target).to_string_lossy());
    fuzzer
        .args([format!("-max_total_time={seconds}"), format!("-timeout={LONGEST_SECONDS}")])
        .args([format!("-rss_limit_mb={MOST_MIB}"), format!("-artifact_prefix={}/", found.display())])
        .args(["-max_len=4096", "-print_final_stats=1"])
        .args([learned, root().join("fuzz/corpus").join(target)])
        .stderr(Stdio::piped());
    let mut child = fuzzer.spawn().with_context(|| format!("cannot run {target}"))?;
    let lines = child.stderr.take().context("it has no output")?;
    let name = target.to_owned();
    Ok(thread::spawn(move || {
        let mut last = Vec::new();
        for line in BufReader::new(lines).lines().map_while(Result::ok) {
            if let Some(number) = line.strip_prefix("stat::number_of_executed_units: ") {
                eprintln!("{name}: {} inputs in {seconds} s", number.trim());
            }
            // Progress is of no use to a reader; what comes at the end of a crash is.
            if !line.starts_with('#') {
                last.push(line);
            }
        }
        let status = child.wait()?;
        ensure!(status.success(), "{status}\n{}", last[last.len().saturating_sub(40)..].join("\n"));
        Ok(())
    }))
}
