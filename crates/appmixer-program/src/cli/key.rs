//! The keys that sign tokens, on the command line.

use clap::Subcommand;

use super::{Common, suggest};

#[derive(Subcommand)]
pub(crate) enum KeyCommand {
    /// Show which keys sign and verify tokens, and until when; never a secret
    List {
        /// One JSON object a line
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        common: Common,
    },
    /// Make a key that takes over; what signed before goes on verifying until its tokens have expired
    #[command(after_help = "\
Examples:
  appmixer-server key rotate                      as token.algorithm says
  appmixer-server key rotate --algorithm eddsa    other services verify by /.well-known/jwks.json
  appmixer-server key rotate --activate-in 0      sign with it at once, as after a theft")]
    Rotate {
        #[arg(
            long,
            value_parser = suggest::ALGORITHMS,
            hide_possible_values = true,
            help = "HS256, EdDSA or ES256 [default: token.algorithm]"
        )]
        algorithm: Option<String>,
        /// How long the new key is published before it signs, as 30m or 0 [default: 10m, with HS256 0]
        #[arg(long, value_name = "TIME")]
        activate_in: Option<String>,
        /// How long what signed before goes on verifying once it signs no more [default: token.lifetime]
        #[arg(long, value_name = "TIME")]
        overlap: Option<String>,
        /// Show the new key as JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        common: Common,
    },
    /// End a key at once: whoever has a token by it has to sign in again
    Retire {
        /// The id, as `key list` shows it
        #[arg(allow_hyphen_values = true)]
        key: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        common: Common,
    },
}
