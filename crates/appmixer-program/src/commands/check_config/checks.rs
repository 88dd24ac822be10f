//! What the start does with this machine alone: files, folders and addresses.

use std::path::Path;

use appmixer_store::{SqliteStore, examine, is_served};
use tokio::runtime::Builder;

use super::{Findings, system_config};
use crate::config::Config;
use crate::database::{Database, access, file_exists};
use crate::failure::Failure;
use crate::{secret, sockets};

pub(super) fn run(config: &Config, findings: &mut Findings) -> Result<(), Failure> {
    findings.add(config.rules_for_new_passwords());
    findings.add(access("data", &config.data));
    if let Some(Database::Sqlite(path)) = findings.add(config.database()) {
        database(config, &path, findings)?;
    }
    if config.token.secret.is_some() || file_exists(&config.data.join(secret::FILES[0])) {
        findings.add(secret::token_options(config));
    }
    for (key, path) in
        [("delivery.ca_file", &config.delivery.ca_file), ("store.ca_file", &config.store.ca_file)]
    {
        if let Some(path) = path {
            let read = appmixer_tls::client_config(Some(path.as_path()));
            findings.add(read.map_err(|error| Failure::configuration(format!("{key}: {error}"))));
        }
    }
    if let Some(folder) = config.apps.folder.as_deref().filter(|folder| !folder.is_dir()) {
        findings.warnings.push(format!("apps.folder: there is no folder {}", folder.display()));
    }
    // Listeners and upstreams need one.
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let _runtime = runtime.enter();
    findings.add(config.gateway());
    listeners(config, findings);
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

fn listeners(config: &Config, findings: &mut Findings) {
    let served = config.database().is_ok_and(|database| database.file().is_some_and(is_served));
    if served {
        let text = "a server runs on this database: whether its addresses are free was not checked";
        findings.warnings.push(text.to_owned());
    }
    for failure in sockets::check(config, !served) {
        findings.problems.push(failure.to_string());
    }
}
