//! The codes that confirm an address.

use appmixer_core::{
    Beside, CodeDigest, ConfirmationCodes, LoginName, MAX_CONFIRMATION_CODES, NewCode, StoreError, Timestamp,
    User, UserChange, UserId, WriteError,
};
use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::error::JobError;
use super::sql::{columns, statements};
use super::users::{self, Written};
use super::writer::Outcome;
use super::{SqliteStore, beside, outbox};
use crate::kept::carried::Carried;

statements! {
    PENDING_OWNER_OF_NAME = "SELECT users.number, users.id FROM names JOIN users ON users.number = names.user \
         WHERE names.folded = ?1 AND users.confirmation_pending";
    INSERT = "INSERT INTO confirmation_codes (digest, user, created, expires) VALUES (?1, ?2, ?3, ?4)";
    FORGET_EXPIRED = "DELETE FROM confirmation_codes WHERE digest IN (SELECT digest FROM confirmation_codes \
         WHERE expires <= ?1 ORDER BY expires LIMIT 500)";
    FORGET_OLDER = "DELETE FROM confirmation_codes WHERE digest IN (SELECT digest FROM confirmation_codes \
         WHERE user IS ?1 ORDER BY expires DESC LIMIT -1 OFFSET ?2)";
    END = "DELETE FROM confirmation_codes WHERE user = ?1";
    FIND = concat!(
        "SELECT ", columns!(), " FROM confirmation_codes JOIN users ON users.number = confirmation_codes.user \
         WHERE confirmation_codes.digest = ?1 AND confirmation_codes.expires > ?2 AND users.confirmation_pending"
    );
}

#[async_trait]
impl ConfirmationCodes for SqliteStore {
    async fn store_confirmation_code(
        &self,
        name: LoginName,
        code: NewCode,
        beside: Beside,
    ) -> Result<(), StoreError> {
        self.writer.run(move |db| store(db, &name, &code, beside)).await
    }

    async fn find_by_confirmation_code(
        &self,
        code: CodeDigest,
        now: Timestamp,
    ) -> Result<Option<User>, StoreError> {
        self.readers.run(move |db| find(db, code, now)).await
    }

    async fn redeem_confirmation_code(
        &self,
        code: CodeDigest,
        now: Timestamp,
        beside: Beside,
    ) -> Result<User, WriteError> {
        self.writer.run(move |db| redeem(db, code, now, beside)).await
    }
}

/// Writes the same whether or not a pending user has the name, as for a forgotten password.
fn store(
    db: &Connection,
    name: &LoginName,
    code: &NewCode,
    mut beside: Beside,
) -> Result<Outcome<()>, JobError<StoreError>> {
    let owner = db
        .prepare_cached(PENDING_OWNER_OF_NAME)?
        .query_one([name.folded()], |row| Ok((row.get::<_, i64>(0)?, UserId::from_bytes(row.get(1)?))))
        .optional()?;
    insert(db, owner.map(|(number, _)| number), code)?;
    if let Some(entry) = &mut beside.audit {
        entry.user = owner.map(|(_, id)| id);
    }
    beside::keep(db, beside)?;
    Ok(((), None))
}

/// Stores a code of a user, or of no one, with its messages.
pub(super) fn insert(db: &Connection, user: Option<i64>, code: &NewCode) -> Result<(), JobError<StoreError>> {
    db.prepare_cached(FORGET_EXPIRED)?.execute([code.created.millis()])?;
    let params = params![code.digest.as_bytes(), user, code.created.millis(), code.expires.millis()];
    db.prepare_cached(INSERT)?.execute(params)?;
    for message in &code.messages {
        outbox::insert(db, message, Carried::Confirmation(code.digest))?;
    }
    db.prepare_cached(FORGET_OLDER)?.execute(params![user, MAX_CONFIRMATION_CODES])?;
    Ok(())
}

/// Ends all codes of a user.
pub(super) fn end(db: &Connection, user: i64) -> rusqlite::Result<()> {
    db.prepare_cached(END)?.execute([user]).map(drop)
}

fn find(db: &Connection, code: CodeDigest, now: Timestamp) -> Result<Option<User>, JobError<StoreError>> {
    users::find(db, FIND, params![code.as_bytes(), now.millis()])
}

fn redeem(db: &Connection, code: CodeDigest, now: Timestamp, beside: Beside) -> Written<User> {
    let user = find(db, code, now).map_err(|JobError(error)| WriteError::Store(error))?;
    let user = user.ok_or(WriteError::NotFound)?;
    // The user is not pending any more, which ends all codes of the user, this one too.
    let change = UserChange { confirm_address: true, ..UserChange::default() };
    users::update(db, user.id, &change, now, beside)
}
