//! The arguments of `audit` and `outbox`.

use clap::{Args, Subcommand};

use super::{Common, suggest};

/// Which entries of the audit log are shown: those for which all holds.
#[derive(Args)]
pub(crate) struct AuditFilters {
    /// From this time on, as 2026-01-31T08:15:30Z
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<String>,
    /// Before this time
    #[arg(long, value_name = "TIME")]
    pub(crate) to: Option<String>,
    /// By a user or about one: the username, email address or id
    #[arg(long)]
    pub(crate) user: Option<String>,
    /// A kind, as sign-in-failed; once for each
    #[arg(long, value_parser = suggest::AUDIT_KINDS, hide_possible_values = true)]
    pub(crate) kind: Vec<String>,
}

#[derive(Subcommand)]
pub(crate) enum OutboxCommand {
    /// Show what waits: number, channel, attempts, next attempt, last error
    List {
        /// One JSON object a line
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        common: Common,
    },
}

#[derive(Subcommand)]
pub(crate) enum AuditCommand {
    /// Show entries, newest first: time, kind, actor, address, user, details
    List {
        #[command(flatten)]
        filters: AuditFilters,
        /// The most entries to show
        #[arg(long, value_name = "NUMBER", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
        /// One JSON object a line
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        common: Common,
    },
}
