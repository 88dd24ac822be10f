//! The arguments that choose users.

use clap::Args;

use super::suggest;

/// Which users are asked for.
#[derive(Args, Default)]
pub(crate) struct UserFilters {
    /// Only these, as scope:acme1 (scope, plan, vendor, isActive), or pending; again for what must hold as well
    #[arg(long, value_name = "NAME:VALUE")]
    pub(crate) filter: Vec<String>,
    /// Only those whose username or email address contains this, in whatever case
    #[arg(long, value_name = "TEXT")]
    pub(crate) pattern: Option<String>,
}

/// Which of them, and in which order.
#[derive(Args, Default)]
pub(crate) struct UserSelection {
    #[command(flatten)]
    pub(crate) filters: UserFilters,
    /// The order: created, username or email, and :1 or :-1
    #[arg(long, value_name = "NAME:DIRECTION", value_parser = suggest::SORT_KEYS, hide_possible_values = true)]
    pub(crate) sort: Option<String>,
    /// The most users to show [default: all]
    #[arg(long, value_name = "NUMBER")]
    pub(crate) limit: Option<u64>,
    /// How many users to pass over first
    #[arg(long, value_name = "NUMBER")]
    pub(crate) offset: Option<u64>,
}
