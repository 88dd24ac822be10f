//! New names that are other spellings of names that are taken.

use appmixer_core::{Names, UserId, WriteError};

use super::db::Db;
use super::error::Stop;
use super::rows;
use super::sql::statements;

statements! {
    // The unique index cannot see that two spellings are one name: of two transactions that want them, one waits.
    LOCK = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", [TEXT];
    OWNERS = "SELECT users.id FROM names JOIN users ON users.number = names.user_number \
         WHERE names.folded = ANY ($1)", [TEXT_ARRAY];
}

/// Refuses names of which another user has another spelling; `own` is the user who has the names.
pub(super) async fn require_free(db: Db<'_>, names: &Names, own: UserId) -> Result<(), Stop<WriteError>> {
    for spellings in names.spellings() {
        db.run(&LOCK, &[&spellings.canonical]).await?;
        for owner in db.all(&OWNERS, &[&spellings.others]).await? {
            if rows::id(&owner, 0)? != *own.as_bytes() {
                return Err(WriteError::NameTaken.into());
            }
        }
    }
    Ok(())
}
