//! What `appmixer-server` does: a self-hosted authentication server for products that embed Appmixer.
//!
//! This crate only wires: configuration, logging, signals, and the commands over the other crates. It is apart from the
//! executable because the compiler is told by package what to build for speed and what for size.

mod cli;
mod commands;
mod config;
mod database;
mod failure;
mod inactive_users;
mod logging;
mod management;
mod observe;
mod output;
mod process;
mod prompt;
mod refused;
mod retention;
mod secret;
mod signing;
mod similar;
mod sockets;
mod supervisor;
mod workbench;

use std::process::ExitCode;

use crate::cli::{Cli, Command};
use crate::failure::Failure;
use crate::output::errln;

/// Does what the command line says.
#[must_use]
pub fn run() -> ExitCode {
    // Before the first secret is read.
    process::hide_memory();
    let outcome = Cli::read().map_err(|error| usage(&error)).and_then(dispatch);
    match outcome.and_then(|()| output::finish()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if !failure.is_told() {
                errln!("appmixer-server: {failure}");
            }
            failure.exit_code()
        }
    }
}

/// Prints what clap has to say: help and the version to standard output, and errors to standard error.
fn usage(error: &clap::Error) -> Failure {
    match error.print() {
        _ if error.use_stderr() => Failure::usage(),
        Ok(()) => Failure::reader_gone(),
        Err(error) => output::failure(&error),
    }
}

fn dispatch(cli: Cli) -> Result<(), Failure> {
    match cli.command {
        None => commands::serve::run(&cli.serve),
        Some(Command::Serve(args)) => commands::serve::run(&args),
        Some(Command::User(command)) => commands::user::run(command),
        Some(Command::Config(command)) => commands::config::run(command),
        Some(Command::Console(command)) => commands::console::run(command),
        Some(Command::Key(command)) => commands::key::run(command),
        Some(Command::Token(command)) => commands::token::run(command),
        Some(Command::Mail(command)) => commands::mail::run(command),
        Some(Command::Outbox(command)) => commands::outbox::run(command),
        Some(Command::Audit(command)) => commands::audit::run(command),
        Some(Command::Acl(command)) => commands::acl::run(command),
        Some(Command::Backup(args)) => commands::backup::run(&args),
        Some(Command::Restore(args)) => commands::restore::run(&args),
        Some(Command::Store(command)) => commands::store::run(&command),
        Some(Command::CheckConfig { json, connect, common }) => {
            commands::check_config::run(json, connect, &common)
        }
        Some(Command::Health(args)) => commands::health::run(args.listen.as_ref(), &args.common),
        Some(Command::Completions { shell }) => commands::manual::completions(shell),
        Some(Command::Man { folder }) => commands::manual::man(folder.as_deref()),
    }
}
