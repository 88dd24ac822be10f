//! The arguments of `acl`.

use std::path::PathBuf;

use appmixer_core::{AclType, Deed};
use clap::{Args, Subcommand, ValueEnum};

use super::Common;

/// What rules are about.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum RuleType {
    /// Paths, by their first segment
    Routes,
    /// Components of connectors
    Components,
}

impl From<RuleType> for AclType {
    fn from(kind: RuleType) -> Self {
        match kind {
            RuleType::Routes => Self::Routes,
            RuleType::Components => Self::Components,
        }
    }
}

/// What somebody wants to do.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum TestedAction {
    Read,
    Create,
    Update,
    Delete,
}

impl From<TestedAction> for Deed {
    fn from(action: TestedAction) -> Self {
        match action {
            TestedAction::Read => Self::Read,
            TestedAction::Create => Self::Create,
            TestedAction::Update => Self::Update,
            TestedAction::Delete => Self::Delete,
        }
    }
}

#[derive(Subcommand)]
pub(crate) enum AclCommand {
    /// Show the rules of a type, in their order
    List {
        /// What they are about
        #[arg(value_name = "TYPE")]
        kind: RuleType,
        /// As one JSON array, which `acl set` takes
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        common: Common,
    },
    /// Replace all rules of a type
    Set {
        /// What they are about
        #[arg(value_name = "TYPE")]
        kind: RuleType,
        /// A JSON array of rules, as POST /acl/TYPE takes it; - is standard input
        file: PathBuf,
        #[command(flatten)]
        common: Common,
    },
    /// Put the default rules of a type back
    Reset {
        /// What they are about
        #[arg(value_name = "TYPE")]
        kind: RuleType,
        #[command(flatten)]
        common: Common,
    },
    /// List the rules and the users for whom the upgrade from version 0.1 changes something
    #[command(after_help = "\
Since then a role has one meaning: a scope, a domain or an address. Addresses count only if they are
confirmed, or if an administrator or a command created the user since the upgrade. Rules apply to the
upstream's path too, on a gateway route with strip_prefix or a path in its address.
No rule and no user is changed; a database of an older version is brought up to date first.")]
    Audit {
        /// How many users to name for each change; 0 names all
        #[arg(long, value_name = "NUMBER", default_value_t = 10)]
        users: usize,
        /// One JSON object a line
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        common: Common,
    },
    /// Tell whether a user may do something, and by which rules; status 1 if not
    Test(Question),
}

#[derive(Args)]
pub(crate) struct Question {
    /// What the rules are about
    #[arg(value_name = "TYPE")]
    pub(crate) kind: RuleType,
    /// Who: the username, email address or id
    #[arg(long)]
    pub(crate) user: String,
    /// Does what
    #[arg(long)]
    pub(crate) action: TestedAction,
    /// To what: flows, apps, or a component such as appmixer.google.gmail.SendEmail
    #[arg(long)]
    pub(crate) resource: String,
    /// The component's manifest says that it is private
    #[arg(long)]
    pub(crate) private: bool,
    /// As a JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) common: Common,
}
