//! The console, on the command line.

use clap::Subcommand;

use super::Common;

#[derive(Subcommand)]
pub(crate) enum ConsoleCommand {
    /// Print a link with which a browser makes the first administrator, while there is none; good for 24 hours
    Link {
        #[arg(
            long,
            value_name = "URL",
            help = "Where browsers find the server, as https://auth.example.com [default: where it listens]"
        )]
        at: Option<String>,
        #[command(flatten)]
        common: Common,
    },
}
