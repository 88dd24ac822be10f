//! `store`: the database as a whole.

mod copy;
mod place;

use appmixer_store::{PostgresStore, SqliteStore};
use tokio::runtime::Builder;

use super::stop::Stop;
use crate::cli::{Common, StoreCommand};
use crate::config::load;
use crate::database::Database;
use crate::failure::Failure;
use crate::logging;
use crate::output::outln;

pub(crate) fn run(command: &StoreCommand) -> Result<(), Failure> {
    match command {
        StoreCommand::Copy(args) => copy::run(args),
        StoreCommand::Migrate { common } => migrate(common),
    }
}

fn migrate(common: &Common) -> Result<(), Failure> {
    logging::start_for_command();
    let (config, _) = load(common.config.as_deref(), &common.overrides(None))?;
    let database = config.database()?;
    let (before, now) = match &database {
        Database::Sqlite(path) => SqliteStore::migrate(path)?,
        Database::Postgres(options) => {
            Builder::new_current_thread().enable_all().build()?.block_on(async {
                let mut stop = Stop::new()?;
                tokio::select! {
                    biased;
                    () = stop.told() => Err(Failure::refused("interrupted; the same command goes on")),
                    migrated = PostgresStore::migrate(options) => Ok(migrated?),
                }
            })?
        }
    };
    if before == 0 {
        database.report_creation();
    }
    if before == now {
        outln!("schema version {now}, as it was");
    } else {
        outln!("schema version {before} became {now}");
    }
    Ok(())
}
