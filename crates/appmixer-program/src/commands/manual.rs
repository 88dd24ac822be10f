//! `completions` and `man`: from the definitions of the commands.

use std::fs;
use std::io;
use std::path::Path;

use clap::{Command, CommandFactory as _};
use clap_complete::{Shell, generate};
use clap_mangen::Man;

use crate::cli::{Cli, NAME};
use crate::failure::Failure;
use crate::output;

pub(crate) fn completions(shell: Shell) -> Result<(), Failure> {
    // `generate` panics where writing fails, which it cannot in memory.
    let mut text = Vec::new();
    generate(shell, &mut Cli::command(), NAME, &mut text);
    output::write(&text)
}

/// The page of the program to standard output, or one of each command into a folder.
pub(crate) fn man(folder: Option<&Path>) -> Result<(), Failure> {
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    match folder {
        Some(folder) => pages(&command, folder),
        None => output::write(&page(&command)?),
    }
}

fn pages(command: &Command, folder: &Path) -> Result<(), Failure> {
    let path = folder.join(format!("{}.1", full_name(command)));
    fs::write(&path, page(command)?)
        .map_err(|error| Failure::refused(format!("{}: {error}", path.display())))?;
    command.get_subcommands().try_for_each(|inner| pages(inner, folder))
}

fn page(command: &Command) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    let title = full_name(command).to_uppercase();
    Man::new(command.clone()).title(title).manual("Appmixer Server Manual").render(&mut text)?;
    Ok(text)
}

/// As in `appmixer-server-user-add`.
fn full_name(command: &Command) -> &str {
    command.get_display_name().unwrap_or_else(|| command.get_name())
}
