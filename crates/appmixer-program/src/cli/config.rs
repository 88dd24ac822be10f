//! The arguments of `config`.

use clap::Subcommand;

use super::{Common, suggest};

#[derive(Subcommand)]
pub(crate) enum ConfigCommand {
    /// Show all entries
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        common: Common,
    },
    /// Show an entry's value, as JSON
    Get {
        /// The key
        #[arg(value_parser = suggest::CONFIG_KEYS, hide_possible_values = true)]
        key: String,
        #[command(flatten)]
        common: Common,
    },
    /// Create or replace an entry
    Set {
        /// The key
        #[arg(value_parser = suggest::CONFIG_KEYS, hide_possible_values = true)]
        key: String,
        /// The value: JSON, or else a text; secrets are asked for instead
        value: Option<String>,
        /// Read the value from the first line of standard input, as a text
        #[arg(long, conflicts_with = "value")]
        stdin: bool,
        /// Store a key that this server does not know, although it resembles a known one
        #[arg(long)]
        own: bool,
        #[command(flatten)]
        common: Common,
    },
    /// Remove an entry: its default is back
    Unset {
        /// The key
        #[arg(value_parser = suggest::CONFIG_KEYS, hide_possible_values = true)]
        key: String,
        #[command(flatten)]
        common: Common,
    },
}
