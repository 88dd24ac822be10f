//! The arguments of `mail`.

use clap::Subcommand;

use super::Common;

#[derive(Subcommand)]
pub(crate) enum MailCommand {
    /// Send a mail with the present settings, and show what the mail server answers
    #[command(after_help = "\
Status 0: the mail server took the mail. Status 1: it did not, and the answer says why.")]
    Test {
        /// Where to send it
        address: String,
        #[command(flatten)]
        common: Common,
    },
}
