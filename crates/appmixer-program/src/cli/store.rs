//! The database as a whole, on the command line.

use clap::{Args, Subcommand};

use super::Common;

#[derive(Subcommand)]
pub(crate) enum StoreCommand {
    /// Copy everything from one database into another, as from SQLite to PostgreSQL or back
    Copy(CopyArgs),
    /// Bring the database's schema up to date, and end; a start does the same
    Migrate {
        #[command(flatten)]
        common: Common,
    },
}

/// What is copied, and whereto.
#[derive(Args)]
#[command(after_help = "\
A database is sqlite:PATH or postgres://USER:PASSWORD@HOST:5432/DATABASE. What processes are called anybody on the
machine can see: write a URL with a password into a file (@FILE), or into the environment (env:NAME).

Nobody may use either database meanwhile; the source is only read. A copy that was interrupted goes on with the same
command. Signing keys are copied as they are sealed: the target needs the same token.secret.

Examples:
  appmixer-server store copy --to @/etc/appmixer/store.url
  appmixer-server store copy --from env:POSTGRES_URL --to sqlite:/var/lib/appmixer-server/appmixer.sqlite")]
pub(crate) struct CopyArgs {
    /// The database to copy [default: the configured one]
    #[arg(long, value_name = "DATABASE")]
    pub(crate) from: Option<String>,
    /// The new database
    #[arg(long, value_name = "DATABASE")]
    pub(crate) to: String,
    /// Show the summary as JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) common: Common,
}
