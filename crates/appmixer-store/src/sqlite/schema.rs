//! Brings the schema up to date.

use std::fs::File;
use std::path::Path;

use rusqlite::{Connection, OptionalExtension as _};

use super::open::OpenError;
use super::sql;

mod embedded {
    refinery::embed_migrations!("migrations/sqlite");
}

pub(super) fn migrate(connection: &mut Connection, path: &Path) -> Result<(), OpenError> {
    let known = newest_known();
    if version(connection).map_err(|error| OpenError::of(path, &error))? == known {
        return Ok(());
    }
    // A server and a command that start together take turns. The lock goes with the file handle.
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let turn = File::open(folder).and_then(|folder| folder.lock().map(|()| folder));
    let _turn = turn.map_err(|error| OpenError::Unusable { path: folder.to_owned(), error })?;

    let found = version(connection).map_err(|error| OpenError::of(path, &error))?;
    if found > known {
        return Err(OpenError::NewerSchema { path: path.to_owned(), found, known });
    }
    let outcome = embedded::migrations::runner().run(connection);
    outcome.map(drop).map_err(|error| OpenError::Sqlite { path: path.to_owned(), reason: error.to_string() })
}

fn newest_known() -> i64 {
    let migrations = embedded::migrations::runner();
    migrations.get_migrations().iter().map(|migration| i64::from(migration.version())).max().unwrap_or(0)
}

/// The version that the file has; 0 for a new one.
fn version(connection: &Connection) -> rusqlite::Result<i64> {
    let has_history: Option<i64> = connection.query_row(sql::HAS_HISTORY, [], |row| row.get(0)).optional()?;
    if has_history.is_none() {
        return Ok(0);
    }
    connection
        .query_row("SELECT coalesce(max(version), 0) FROM refinery_schema_history", [], |row| row.get(0))
}
