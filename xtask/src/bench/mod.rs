//! Measures against the figures that the design holds us to. Everything that can be a ratio is one, of two
//! measurements taken in turns within the same run, because machines are noisy.

mod apart;
mod apps;
pub(crate) mod bare;
mod client;
mod decisions;
mod fairness;
mod load;
mod proxied;
mod rows;
mod scale;
mod statistics;

use std::fmt::Write as _;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;

use crate::process::{command, is_there, output, root, run as run_process};
use crate::programs;

/// One measured figure.
struct Row {
    what: String,
    against: String,
    measured: String,
    goal: &'static str,
    met: bool,
}

/// What the measurements share.
struct Bench {
    duration: Duration,
    folder: TempDir,
    server: PathBuf,
}

/// Servers that share a database need one.
const SECRET: &str = "the-secret-of-all-that-is-measured";

const START: &str = "<!-- measured: cargo xtask bench --write -->";
const SCALE_START: &str = "<!-- measured: cargo xtask scale --write -->";
const END: &str = "<!-- end of what was measured -->";

pub(crate) fn run(write: bool, only: Option<&str>, seconds: u64) -> Result<()> {
    let bench = prepare(seconds)?;
    let mut table = Table::new();
    for (name, measure) in rows::ALL.iter().filter(|(name, _)| only.is_none_or(|only| name.contains(only))) {
        table.add(name, || measure(&bench))?;
    }
    let text = format!("`cargo xtask bench --seconds {seconds}` on {}\n\n{}", machine()?, table.text);
    table.tell(&text);
    if write {
        write_into(&root().join("docs/benchmarks.md"), START, &text)?;
    }
    Ok(())
}

/// So many users against few, in SQLite and in PostgreSQL.
pub(crate) fn scale(write: bool, users: u64) -> Result<()> {
    programs::install()?;
    let mut text = format!("`cargo xtask scale --users {users}` on {}", machine()?);
    let (mut sqlite, mut postgres) = (Table::new(), Table::new());
    // Each in a folder of its own, so that the second has the room that the first took.
    sqlite.add("SQLite", || scale::compare(&prepare(1)?, scale::Place::Sqlite, users))?;
    write!(text, "\n\nSQLite:\n\n{}", sqlite.text)?;
    postgres.add("PostgreSQL", || scale::measure_postgres(&prepare(1)?, users))?;
    write!(text, "\nPostgreSQL:\n\n{}", postgres.text)?;
    postgres.all_met &= sqlite.all_met;
    postgres.tell(&text);
    if write {
        write_into(&root().join("docs/scaling.md"), SCALE_START, &text)?;
    }
    Ok(())
}

fn prepare(seconds: u64) -> Result<Bench> {
    if !is_there("wrk") {
        install_wrk()?;
    }
    run_process(&mut command("cargo build --release -p appmixer-server -p xtask"))?;
    run_process(&mut command("cargo build --release -p appmixer-password --example rate"))?;
    let folder = tempfile::tempdir_in(root().join("target"))?;
    let duration = Duration::from_secs(seconds.max(1));
    Ok(Bench { duration, folder, server: root().join("target/release/appmixer-server") })
}

/// Rows as a table of Markdown.
struct Table {
    text: String,
    all_met: bool,
}

impl Table {
    fn new() -> Self {
        Self {
            text: "| what | against | measured | goal | |\n|---|---|---|---|---|\n".to_owned(),
            all_met: true,
        }
    }

    fn add(&mut self, name: &str, measure: impl FnOnce() -> Result<Vec<Row>>) -> Result<()> {
        eprintln!("… {name}");
        for row in measure().with_context(|| format!("measuring {name}"))? {
            let verdict = match row.goal {
                "–" => "",
                _ if row.met => "met",
                _ => "**missed**",
            };
            self.all_met &= row.met;
            writeln!(
                self.text,
                "| {} | {} | {} | {} | {verdict} |",
                row.what, row.against, row.measured, row.goal
            )?;
        }
        Ok(())
    }

    fn tell(&self, text: &str) {
        println!("{text}");
        if !self.all_met {
            eprintln!("some figures were missed; a second run tells noise from fact");
        }
    }
}

fn install_wrk() -> Result<()> {
    eprintln!("wrk is not installed; asking apt for it");
    run_process(&mut command("apt-get update -qq"))
        .and_then(|()| run_process(&mut command("apt-get install -y -qq wrk")))
        .context("wrk makes the load; install it, as with: apt-get install wrk")
}

fn machine() -> Result<String> {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or(": unknown");
    let model = model.trim_start_matches([' ', '\t', ':']);
    let cores = std::thread::available_parallelism()?;
    let kernel = output(&mut command("uname -sr"))?;
    let rustc = output(&mut command("rustc --version"))?;
    let date = output(&mut command("date -u +%Y-%m-%d"))?;
    Ok(format!(
        "{}, {cores} cores of {model}, {}, {}. Server, load and what they are compared with share the cores.",
        date.trim(),
        kernel.trim(),
        rustc.trim()
    ))
}

fn write_into(path: &Path, begin: &str, text: &str) -> Result<()> {
    let document = fs::read_to_string(path)?;
    let (Some(start), Some(end)) = (document.find(begin), document.find(END)) else {
        bail!("{} has no place for what was measured: {begin} … {END}", path.display());
    };
    let before = &document[..start + begin.len()];
    fs::write(path, format!("{before}\n\n{text}\n{}", &document[end..]))?;
    Ok(())
}

impl Bench {
    /// A server on a free port, with a data folder of its own.
    fn serve(&self, data: &str) -> Result<Running> {
        self.serve_with(data, &[])
    }

    /// The same with these variables.
    fn serve_with(&self, data: &str, settings: &[(&str, &Path)]) -> Result<Running> {
        let address = free_address()?;
        let data = self.folder.path().join(data);
        fs::create_dir_all(&data)?;
        let mut server = Command::new(&self.server);
        server.args(["serve", "--listen", &address, "--data"]).arg(&data);
        server.env("APPMIXER_LOG__LEVEL", "error").env("APPMIXER_TOKEN__SECRET", SECRET);
        // All load comes from one address.
        server.env("APPMIXER_LIMITS__ENABLED", "false");
        server.envs(settings.iter().copied()).current_dir(self.folder.path());
        Running::start(server, address)
    }

    /// The baseline, which answers these bytes.
    fn bare(&self, answer: &[u8]) -> Result<Running> {
        let address = free_address()?;
        let path = self.folder.path().join("answer");
        fs::write(&path, answer)?;
        let mut server = Command::new(root().join("target/release/xtask"));
        server.arg("bare").arg(&address).arg(&path);
        Running::start(server, address)
    }
}

fn free_address() -> Result<String> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}

/// A server that ends with its owner.
struct Running {
    child: std::process::Child,
    address: String,
}

impl Running {
    fn start(mut command: Command, address: String) -> Result<Self> {
        let running = Self { child: command.spawn()?, address };
        client::wait_for_answer(&running.address)?;
        Ok(running)
    }

    /// Its resident memory, in KiB.
    fn resident_kib(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        Ok(line.trim().trim_end_matches(" kB").parse()?)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
