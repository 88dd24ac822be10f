//! The codes for forgotten passwords.

use appmixer_core::{
    Beside, CodeDigest, LoginName, MAX_RESET_CODES, NewCode, PasswordHash, ResetCodes, StoreError, Timestamp,
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
    OWNER_OF_NAME = "SELECT users.number, users.id, users.generation FROM names \
         JOIN users ON users.number = names.user WHERE names.folded = ?1";
    INSERT = "INSERT INTO reset_codes (digest, user, generation, expires) VALUES (?1, ?2, ?3, ?4)";
    FORGET_EXPIRED = "DELETE FROM reset_codes WHERE expires <= ?1";
    FORGET_OLDER = "DELETE FROM reset_codes WHERE digest IN (SELECT digest FROM reset_codes \
         WHERE user IS ?1 ORDER BY expires DESC LIMIT -1 OFFSET ?2)";
    END = "DELETE FROM reset_codes WHERE user = ?1";
    FIND = concat!(
        "SELECT ", columns!(), " FROM reset_codes JOIN users ON users.number = reset_codes.user \
         WHERE reset_codes.digest = ?1 AND reset_codes.expires > ?2 \
         AND reset_codes.generation = users.generation"
    );
}

#[async_trait]
impl ResetCodes for SqliteStore {
    async fn keep_reset_code(
        &self,
        name: LoginName,
        code: NewCode,
        beside: Beside,
    ) -> Result<(), StoreError> {
        self.writer.run(move |db| keep(db, &name, &code, beside)).await
    }

    async fn find_by_reset_code(&self, code: CodeDigest, now: Timestamp) -> Result<Option<User>, StoreError> {
        self.readers.run(move |db| find(db, code, now)).await
    }

    async fn redeem_reset_code(
        &self,
        code: CodeDigest,
        new: PasswordHash,
        now: Timestamp,
        beside: Beside,
    ) -> Result<User, WriteError> {
        self.writer.run(move |db| redeem(db, code, new, now, beside)).await
    }
}

/// Does the same for nobody as for somebody. What is kept for nobody is no user's, so no one can redeem it, and
/// its messages go the way of all others as far as it can be seen from here: they wait, are taken, and only then
/// turn out to be pointless. To take them back at once would be told by the writes that then do not follow.
fn keep(
    db: &Connection,
    name: &LoginName,
    code: &NewCode,
    mut beside: Beside,
) -> Result<Outcome<()>, JobError<StoreError>> {
    db.prepare_cached(FORGET_EXPIRED)?.execute([code.created.millis()])?;
    let owner = db
        .prepare_cached(OWNER_OF_NAME)?
        .query_one([name.folded()], |row| {
            Ok((row.get::<_, i64>(0)?, UserId::from_bytes(row.get(1)?), row.get::<_, u32>(2)?))
        })
        .optional()?;
    let number = owner.map(|(number, ..)| number);
    let generation = owner.map_or(0, |(.., generation)| generation);
    let params = params![code.digest.as_bytes(), number, generation, code.expires.millis()];
    db.prepare_cached(INSERT)?.execute(params)?;
    for message in &code.messages {
        outbox::insert(db, message, Carried::Reset(code.digest))?;
    }
    db.prepare_cached(FORGET_OLDER)?.execute(params![number, MAX_RESET_CODES])?;
    if let Some(entry) = &mut beside.audit {
        entry.user = owner.map(|(_, id, _)| id);
    }
    beside::keep(db, beside)?;
    Ok(((), None))
}

/// Ends all codes of a user.
pub(super) fn end(db: &Connection, user: i64) -> rusqlite::Result<()> {
    db.prepare_cached(END)?.execute([user]).map(drop)
}

fn find(db: &Connection, code: CodeDigest, now: Timestamp) -> Result<Option<User>, JobError<StoreError>> {
    users::find(db, FIND, params![code.as_bytes(), now.millis()])
}

fn redeem(
    db: &Connection,
    code: CodeDigest,
    new: PasswordHash,
    now: Timestamp,
    beside: Beside,
) -> Written<User> {
    let user = find(db, code, now).map_err(|JobError(error)| WriteError::Store(error))?;
    let user = user.ok_or(WriteError::NotFound)?;
    // The generation moves on, and with it go all codes of the user, this one too.
    let change = UserChange { password_hash: Some(new), confirm_address: true, ..UserChange::default() };
    users::update(db, user.id, &change, now, beside)
}
