//! The arguments of `backup` and `restore`.

use std::path::PathBuf;

use clap::Args;

use super::Common;

/// What is backed up, and whereto.
#[derive(Args)]
#[command(after_help = "\
Examples:
  appmixer-server backup /backups/appmixer-$(date +%F).sqlite
  appmixer-server backup --with-secrets /safe/appmixer.sqlite")]
pub(crate) struct BackupArgs {
    /// The new file, readable by its owner alone; it is an SQLite database
    pub(crate) file: PathBuf,
    /// Replace the file if it is there
    #[arg(long)]
    pub(crate) force: bool,
    /// Take in token.secret and webhook.secret of the data folder, and the secrets of the system configuration
    /// (passwords and keys), which are left out otherwise; whoever reads the file can then sign tokens
    #[arg(long)]
    pub(crate) with_secrets: bool,
    /// Show the summary as JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) common: Common,
}

/// What is restored, and what becomes of what was there.
#[derive(Args)]
pub(crate) struct RestoreArgs {
    /// What `backup` has written, or any other whole copy of the database
    pub(crate) file: PathBuf,
    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
    /// Do not keep the old database beside the new one
    #[arg(long)]
    pub(crate) discard_old: bool,
    #[command(flatten)]
    pub(crate) common: Common,
}
