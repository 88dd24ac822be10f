//! New names that are other spellings of names that are taken.

use appmixer_core::{Names, StoreError, WriteError};
use rusqlite::{Connection, OptionalExtension as _};

use super::error::JobError;
use super::sql;

/// Refuses names of which another user has another spelling; `own` is the user whose names change.
pub(super) fn require_free(
    db: &Connection,
    names: &Names,
    own: Option<i64>,
) -> Result<(), JobError<WriteError>> {
    for spelling in names.spellings().iter().flat_map(|spellings| &spellings.others) {
        let owner = owner(db, spelling).map_err(|JobError(error)| WriteError::Store(error))?;
        if owner.is_some() && owner != own {
            return Err(WriteError::NameTaken.into());
        }
    }
    Ok(())
}

fn owner(db: &Connection, folded: &str) -> Result<Option<i64>, JobError<StoreError>> {
    Ok(db.prepare_cached(sql::NAME_OWNER)?.query_one([folded], |row| row.get(0)).optional()?)
}
