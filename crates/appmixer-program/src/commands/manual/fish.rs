//! What fish completes besides options: clap's generator leaves out the values of positional arguments.

use std::fmt::Write as _;

use clap::Command;

use crate::cli::NAME;

/// Lines for each positional argument that has known values.
pub(super) fn positionals(program: &Command) -> String {
    let mut lines = String::new();
    for command in program.get_subcommands() {
        add(&mut lines, command, &format!("__fish_{}_using_subcommand {}", function(), command.get_name()));
        for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help") {
            let (outer, inner_name) = (command.get_name(), inner.get_name());
            let condition = format!(
                "__fish_{}_using_subcommand {outer}; and __fish_seen_subcommand_from {inner_name}",
                function()
            );
            add(&mut lines, inner, &condition);
        }
    }
    lines
}

fn function() -> String {
    NAME.replace('-', "_")
}

fn add(lines: &mut String, command: &Command, condition: &str) {
    for argument in command.get_positionals() {
        let values = argument.get_possible_values();
        let names: Vec<_> = values.iter().map(clap::builder::PossibleValue::get_name).collect();
        if !names.is_empty() {
            // Writing into memory does not fail.
            let _ = writeln!(lines, "complete -c {NAME} -n \"{condition}\" -f -a \"{}\"", names.join(" "));
        }
    }
}
