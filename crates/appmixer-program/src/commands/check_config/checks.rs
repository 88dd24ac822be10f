//! What the start does with this machine alone: files, folders and addresses.

use std::path::Path;

use appmixer_store::{SqliteStore, examine, is_served};
use tokio::runtime::Builder;

use super::{Findings, system_config};
use crate::commands::health::Place;
use crate::config::Config;
use crate::database::{Database, access, file_exists};
use crate::failure::Failure;
use crate::secret;
use crate::sockets::{self, Checked};

pub(super) fn run(config: &Config, findings: &mut Findings) -> Result<(), Failure> {
    findings.add(config.rules_for_new_passwords());
    findings.add(access("data", &config.data));
    if config.data.is_file() {
        findings.problems.push(format!("data: {} is not a folder", config.data.display()));
    }
    match findings.add(config.database()) {
        Some(Database::Sqlite(path)) => database(config, &path, findings)?,
        Some(Database::Postgres(options)) => {
            findings.add(options.check().map_err(Failure::from));
        }
        None => {}
    }
    if config.token.secret.is_some() || file_exists(&config.data.join(secret::FILES[0])) {
        findings.add(secret::token_options(config));
    }
    findings.problems.extend(config.unusable_ca_files().iter().map(ToString::to_string));
    if let Some(folder) = config.apps.folder.as_deref().filter(|folder| !folder.is_dir()) {
        findings.warnings.push(format!("apps.folder: there is no folder {}", folder.display()));
    }
    // Listeners and upstreams need one.
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let busy = {
        let _runtime = runtime.enter();
        findings.add(config.gateway());
        listeners(config, findings)
    };
    for (place, failure) in busy {
        if runtime.block_on(place.is_alive()) {
            findings.warnings.push(format!("a server runs on this address: {failure}"));
        } else {
            findings.problems.push(failure.to_string());
        }
    }
    Ok(())
}

fn database(config: &Config, path: &Path, findings: &mut Findings) -> Result<(), Failure> {
    findings.add(access("store", path));
    // What is no database, damaged at its beginning, or of a newer version; an empty file is none yet.
    if path.metadata().is_ok_and(|metadata| metadata.len() > 0) {
        let found = examine(path, false).map_err(|error| Failure::configuration(error.to_string()));
        if findings.add(found).is_some_and(|found| found.schema == SqliteStore::newest_schema()) {
            let runtime = Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(system_config::check(config, findings));
        }
    } else {
        system_config::check_new(config, findings);
    }
    Ok(())
}

/// Checks the listeners. Returns those whose address is in use.
fn listeners(config: &Config, findings: &mut Findings) -> Vec<(Place, Failure)> {
    let served = config.database().is_ok_and(|database| database.file().is_some_and(is_served));
    if served {
        let text = "a server runs on this database: whether its addresses are free was not checked";
        findings.warnings.push(text.to_owned());
    }
    let Checked { failures, busy } = sockets::check(config, !served);
    findings.problems.extend(failures.iter().map(ToString::to_string));
    busy
}
