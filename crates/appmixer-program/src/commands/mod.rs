//! One file a command.

pub(crate) mod acl;
mod acl_audit;
pub(crate) mod audit;
pub(crate) mod backup;
pub(crate) mod check_config;
pub(crate) mod config;
pub(crate) mod console;
mod draft;
mod export;
pub(crate) mod health;
mod import;
pub(crate) mod key;
mod lists;
pub(crate) mod mail;
pub(crate) mod manual;
pub(crate) mod outbox;
mod own_files;
mod progress;
pub(crate) mod restore;
pub(crate) mod serve;
mod stop;
pub(crate) mod store;
mod table;
pub(crate) mod token;
pub(crate) mod user;

use appmixer_core::{Context, Origin, Rules};
use appmixer_store::Role;
use tokio::runtime::Builder;

use crate::cli::Common;
use crate::config::{Config, load};
use crate::database::IfMissing;
use crate::failure::Failure;
use crate::{logging, workbench};

/// Runs a command on the database, beside the server if one runs.
fn beside<T>(
    common: &Common,
    work: impl AsyncFnOnce(&Config, &Context) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let how = (Role::Beside, IfMissing::Refuse);
    beside_with(
        common,
        how,
        |config| Ok((config.rules(), ())),
        async |config, ctx, ()| work(config, ctx).await,
    )
}

/// Runs a command that writes a lot, and may create the database. `prepare` runs before the database is opened.
fn in_bulk_beside<P, T>(
    common: &Common,
    prepare: impl FnOnce(&Config) -> Result<P, Failure>,
    work: impl AsyncFnOnce(&Config, &Context, P) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let how = (Role::Bulk, IfMissing::Create);
    beside_with(common, how, |config| Ok((config.rules(), prepare(config)?)), work)
}

/// Runs a command that sets a password.
fn choosing_beside<T>(
    common: &Common,
    if_missing: IfMissing,
    work: impl AsyncFnOnce(&Config, &Context) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let rules = |config: &Config| Ok((config.rules_for_new_passwords()?, ()));
    beside_with(common, (Role::Beside, if_missing), rules, async |config, ctx, ()| work(config, ctx).await)
}

/// Runs a command on the database. `prepare` runs before the database is opened.
fn beside_with<P, T>(
    common: &Common,
    how: (Role, IfMissing),
    prepare: impl FnOnce(&Config) -> Result<(Rules, P), Failure>,
    work: impl AsyncFnOnce(&Config, &Context, P) -> Result<T, Failure>,
) -> Result<T, Failure> {
    logging::start_for_command();
    let (config, _) = load(common.config.as_deref(), &common.overrides(None))?;
    let (rules, prepared) = prepare(&config)?;
    Builder::new_current_thread().enable_all().build()?.block_on(async {
        let ctx = workbench::open_beside(&config, how, rules).await?;
        let outcome = work(&config, &ctx, prepared).await;
        ctx.store.close().await;
        outcome
    })
}

/// Whoever runs this command.
pub(crate) fn operator() -> Origin {
    Origin::command_line(rustix::process::getuid().as_raw())
}
