//! The arguments of `token`.

use clap::Subcommand;

use super::Common;

#[derive(Subcommand)]
pub(crate) enum TokenCommand {
    /// Issue a token for a user, as signing in would
    Issue {
        /// The username, email address or id
        user: String,
        /// How long it is good, as 1h or 30d [default: token.lifetime]
        #[arg(long, value_name = "TIME")]
        lifetime: Option<String>,
        #[command(flatten)]
        common: Common,
    },
    /// Show what stands in a token, checking nothing
    Inspect {
        /// The token [default: the first line of standard input]
        token: Option<String>,
    },
    /// Check a token as the server would
    Verify {
        /// The token [default: the first line of standard input]
        token: Option<String>,
        #[command(flatten)]
        common: Common,
    },
}
