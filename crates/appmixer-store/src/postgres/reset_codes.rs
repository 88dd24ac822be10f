//! The codes for forgotten passwords.

use appmixer_core::{
    Beside, CodeDigest, LoginName, MAX_RESET_CODES, NewCode, PasswordHash, ResetCodes, StoreError, Timestamp,
    User, UserChange, UserId, WriteError,
};
use async_trait::async_trait;

use super::db::{Db, Outcome, Params};
use super::error::Stop;
use super::rows::{self, columns};
use super::sql::statements;
use super::users;
use super::{PostgresStore, beside, outbox};
use crate::kept::carried::Carried;

statements! {
    OWNER_OF_NAME = "SELECT users.number, users.id, users.generation FROM names \
         JOIN users ON users.number = names.user_number WHERE names.folded = $1", [TEXT];
    INSERT = "INSERT INTO reset_codes (digest, user_number, generation, expires) VALUES ($1, $2, $3, $4)",
        [BYTEA, INT8, INT8, INT8];
    FORGET_EXPIRED = "DELETE FROM reset_codes WHERE digest IN (SELECT digest FROM reset_codes \
         WHERE expires <= $1 ORDER BY expires LIMIT 100 FOR UPDATE SKIP LOCKED)", [INT8];
    FORGET_OLDER = "DELETE FROM reset_codes WHERE digest IN (SELECT digest FROM reset_codes \
         WHERE user_number IS NOT DISTINCT FROM $1 ORDER BY expires DESC OFFSET $2)", [INT8, INT8];
    FIND = concat!(
        "SELECT ", columns!(), " FROM reset_codes JOIN users ON users.number = reset_codes.user_number \
         WHERE reset_codes.digest = $1 AND reset_codes.expires > $2 \
         AND reset_codes.generation = users.generation"
    ), [BYTEA, INT8];
    USE_UP = "DELETE FROM reset_codes WHERE digest = $1", [BYTEA];
}

#[async_trait]
impl ResetCodes for PostgresStore {
    async fn keep_reset_code(
        &self,
        name: LoginName,
        code: NewCode,
        beside: Beside,
    ) -> Result<(), StoreError> {
        self.db.write(|db| Box::pin(keep(db, &name, &code, &beside))).await
    }

    async fn find_by_reset_code(&self, code: CodeDigest, now: Timestamp) -> Result<Option<User>, StoreError> {
        self.db.read(|db| Box::pin(find(db, code, now))).await
    }

    async fn redeem_reset_code(
        &self,
        code: CodeDigest,
        new: PasswordHash,
        now: Timestamp,
        beside: Beside,
    ) -> Result<User, WriteError> {
        self.db.write(|db| Box::pin(redeem(db, code, &new, now, &beside))).await
    }
}

/// Does the same for nobody as for somebody. What is kept for nobody is no user's, so no one can redeem it, and its
/// messages go the way of all others as far as it can be seen from here.
async fn keep(
    db: Db<'_>,
    name: &LoginName,
    code: &NewCode,
    beside: &Beside,
) -> Result<Outcome<()>, Stop<StoreError>> {
    db.run(&FORGET_EXPIRED, &[&code.created.millis()]).await?;
    let (mut number, mut owner, mut generation) = (None::<i64>, None, 0_i64);
    if let Some(row) = db.optional(&OWNER_OF_NAME, &[&name.folded()]).await? {
        (number, owner) = (row.try_get(0)?, Some(UserId::from_bytes(rows::id(&row, 1)?)));
        generation = row.try_get(2)?;
    }
    let params: Params<'_> = &[&&code.digest.as_bytes()[..], &number, &generation, &code.expires.millis()];
    db.run(&INSERT, params).await?;
    outbox::insert(db, &code.messages, Carried::Reset(code.digest)).await?;
    db.run(&FORGET_OLDER, &[&number, &i64::from(MAX_RESET_CODES)]).await?;
    let mut beside = beside.clone();
    if let Some(entry) = &mut beside.audit {
        entry.user = owner;
    }
    beside::keep(db, &beside).await?;
    Ok(((), None))
}

async fn find(db: Db<'_>, code: CodeDigest, now: Timestamp) -> Result<Option<User>, Stop<StoreError>> {
    let found = db.optional(&FIND, &[&&code.as_bytes()[..], &now.millis()]).await?;
    found.as_ref().map(rows::user).transpose()
}

async fn redeem(
    db: Db<'_>,
    code: CodeDigest,
    new: &PasswordHash,
    now: Timestamp,
    beside: &Beside,
) -> Result<Outcome<User>, Stop<WriteError>> {
    let user = find(db, code, now).await?.ok_or(WriteError::NotFound)?;
    // Of several who use it at once, one deletes it.
    if db.run(&USE_UP, &[&&code.as_bytes()[..]]).await? == 0 {
        return Err(WriteError::NotFound.into());
    }
    // The generation moves on, and with it go all codes of the user.
    let change = UserChange {
        password_hash: Some(new.clone()),
        confirm_address: true,
        only_at_generation: Some(user.generation),
        ..UserChange::default()
    };
    users::update(db, user.id, &change, now, beside).await.map_err(|stop| match stop {
        // Its tokens, and its codes with them, were ended meanwhile.
        Stop::Refused(WriteError::Overtaken) => Stop::Refused(WriteError::NotFound),
        stop => stop,
    })
}
