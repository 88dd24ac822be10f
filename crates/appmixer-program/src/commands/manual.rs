//! `completions` and `man`: from the definitions of the commands.

mod fish;
mod page;

use std::fs;
use std::io;
use std::path::Path;

use clap::{Command, CommandFactory as _, ValueHint};
use clap_complete::{Shell, generate};
use clap_mangen::Man;

use crate::cli::{Cli, NAME};
use crate::failure::Failure;
use crate::output;

/// The date that manual pages need: that of the last release.
const DATE: &str = "2026-12-01";

pub(crate) fn completions(shell: Shell) -> Result<(), Failure> {
    let mut command = with_hints(Cli::command());
    // `generate` panics if writing fails, which it cannot in memory.
    let mut script = Vec::new();
    if shell == Shell::Bash {
        // The generator writes a hyphen in a program's name in two ways, so that no command but the first would
        // be completed: it gets a name without one, and the name comes in where it registers the function.
        let name = NAME.replace('-', "_");
        generate(shell, &mut command, &name, &mut script);
        let script = String::from_utf8_lossy(&script).replace(&format!(" {name}\n"), &format!(" {NAME}\n"));
        return output::write(script.as_bytes());
    }
    generate(shell, &mut command, NAME, &mut script);
    if shell == Shell::Fish {
        script.extend_from_slice(fish::positionals(&command).as_bytes());
    }
    output::write(&script)
}

/// Marks values that are no files, so that no shell offers files for them.
fn with_hints(command: Command) -> Command {
    let command = command.mut_args(|argument| match argument.get_value_hint() {
        ValueHint::Unknown if argument.get_action().takes_values() => argument.value_hint(ValueHint::Other),
        _ => argument,
    });
    command.mut_subcommands(with_hints)
}

/// The page of the program to standard output, or one of each command into a folder.
pub(crate) fn man(folder: Option<&Path>) -> Result<(), Failure> {
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    match folder {
        Some(folder) => {
            let unusable = |error| Failure::refused(format!("{}: {error}", folder.display()));
            fs::create_dir_all(folder).map_err(unusable)?;
            pages(&command, folder)
        }
        None => output::write(page(&command)?.as_bytes()),
    }
}

fn pages(command: &Command, folder: &Path) -> Result<(), Failure> {
    let path = folder.join(format!("{}.1", full_name(command)));
    fs::write(&path, page(command)?)
        .map_err(|error| Failure::refused(format!("{}: {error}", path.display())))?;
    command.get_subcommands().try_for_each(|inner| pages(inner, folder))
}

fn page(command: &Command) -> io::Result<String> {
    let mut text = Vec::new();
    let page = Man::new(command.clone())
        .title(full_name(command).to_uppercase())
        .date(DATE)
        .source(format!("{NAME} {}", env!("CARGO_PKG_VERSION")))
        .manual("Appmixer Server Manual");
    page.render(&mut text)?;
    Ok(page::tidy(&String::from_utf8_lossy(&text)))
}

/// As in `appmixer-server-user-add`.
fn full_name(command: &Command) -> &str {
    command.get_display_name().unwrap_or_else(|| command.get_name())
}
