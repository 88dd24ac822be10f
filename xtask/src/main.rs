//! The tasks of this workspace. `cargo xtask` alone lists them; everything that CI runs, runs from here.

#![allow(clippy::cast_precision_loss, reason = "figures for people need no 52 bits")]
#![allow(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a tool for a terminal, which may stop if nothing reads"
)]

mod bench;
mod deploy;
mod dist;
mod fuzz;
mod lint;
mod npm;
mod process;
mod programs;
mod python;
mod readme;
mod seed;
mod test;
mod tidy;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(bin_name = "cargo xtask", about = "The tasks of this workspace", arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Run the tests: units, documentation, examples, the binary, and one foreign client of each kind
    Test {
        /// Only tests whose name contains this
        filter: Option<String>,
        /// Also the tests that are slow or need many foreign programs; installs those programs
        #[arg(long)]
        full: bool,
        /// Only the tests that need no other program: units and the API in process; installs nothing
        #[arg(long, conflicts_with = "full")]
        quick: bool,
    },
    /// Check format, lints, documentation, features, dependencies and the rules of the house
    Lint,
    /// Run the README's commands and compare the answers
    Readme,
    /// What CI runs: lint, readme, test, fuzz --smoke
    Ci,
    /// Measure against the figures of the design; prints docs/benchmarks.md's table
    Bench {
        /// Put the outcome into docs/benchmarks.md
        #[arg(long)]
        write: bool,
        /// Measure only what has this in its name, as in "GET /user under"
        #[arg(long, value_name = "TEXT", conflicts_with = "write")]
        only: Option<String>,
        /// Seconds for each measurement
        #[arg(long, default_value_t = 5)]
        seconds: u64,
    },
    /// Fuzz what reads input from outside; what is found is in target/fuzz/found
    Fuzz {
        /// Only this one of fuzz/targets
        target: Option<String>,
        /// Seconds for each target
        #[arg(long, default_value_t = 60)]
        seconds: u64,
        /// Some seconds each, as CI does
        #[arg(long, conflicts_with = "seconds")]
        smoke: bool,
    },
    /// Check deploy/ by the programs that it is for; a part of lint
    Deploy,
    /// Make target/dist: the stripped binary, its checksum, the licences of what is in it
    Dist,
    /// Write made-up users, the same each time, for `appmixer-server user import`
    Seed {
        /// How many
        #[arg(long, default_value_t = 10_000)]
        users: u64,
        /// How their password, abc321, is hashed
        #[arg(long, value_enum, default_value = "argon2")]
        hash: seed::Hash,
        /// The file; - for standard output
        file: std::path::PathBuf,
    },
    /// Measure what very many users cost, in SQLite and in PostgreSQL; prints docs/scaling.md's tables
    Scale {
        /// Put the outcome into docs/scaling.md
        #[arg(long)]
        write: bool,
        /// How many users, against 10,000; ten millions take some 15 GB in target, and an hour
        #[arg(long, default_value_t = 10_000_000)]
        users: u64,
    },
    /// A bare hyper server that answers fixed bytes: what `bench` compares with
    #[command(hide = true)]
    Bare {
        /// The address to listen on
        address: std::net::SocketAddr,
        /// A file with the answer's head and body
        answer: std::path::PathBuf,
    },
}

fn main() -> ExitCode {
    // The error alone: where in here it was noticed helps nobody.
    match run(Cli::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nxtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<()> {
    match task {
        Task::Test { filter, full, quick } => test::run(&test::Run { filter, full, quick }),
        Task::Lint => lint::run(),
        Task::Readme => readme::run(),
        Task::Ci => {
            lint::run()?;
            readme::run()?;
            test::run(&test::Run::default())?;
            fuzz::run(&fuzz::Run::smoke())
        }
        Task::Bench { write, only, seconds } => bench::run(write, only.as_deref(), seconds),
        Task::Deploy => deploy::check(),
        Task::Dist => dist::run(),
        Task::Fuzz { target, seconds, smoke } => fuzz::run(&fuzz::Run { target, seconds, smoke }),
        Task::Seed { users, hash, file } => seed::run(users, &file, hash),
        Task::Scale { write, users } => bench::scale(write, users),
        Task::Bare { address, answer } => bench::bare::serve(address, &answer),
    }
}
