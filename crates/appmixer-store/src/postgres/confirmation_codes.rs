//! The codes that confirm an address.

use appmixer_core::{
    Beside, CodeDigest, ConfirmationCodes, LoginName, MAX_CONFIRMATION_CODES, NewCode, StoreError, Timestamp,
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
    PENDING_OWNER_OF_NAME = "SELECT users.number, users.id FROM names \
         JOIN users ON users.number = names.user_number \
         WHERE names.folded = $1 AND users.confirmation_pending", [TEXT];
    INSERT = "INSERT INTO confirmation_codes (digest, user_number, created, expires) VALUES ($1, $2, $3, $4)",
        [BYTEA, INT8, INT8, INT8];
    FORGET_EXPIRED = "DELETE FROM confirmation_codes WHERE digest IN (SELECT digest FROM confirmation_codes \
         WHERE expires <= $1 ORDER BY expires LIMIT 500 FOR UPDATE SKIP LOCKED)", [INT8];
    FORGET_OLDER = "DELETE FROM confirmation_codes WHERE digest IN (SELECT digest FROM confirmation_codes \
         WHERE user_number IS NOT DISTINCT FROM $1 ORDER BY expires DESC OFFSET $2)", [INT8, INT8];
    END = "DELETE FROM confirmation_codes WHERE user_number = $1", [INT8];
    FIND = concat!(
        "SELECT ", columns!(), " FROM confirmation_codes \
         JOIN users ON users.number = confirmation_codes.user_number \
         WHERE confirmation_codes.digest = $1 AND confirmation_codes.expires > $2 \
         AND users.confirmation_pending"
    ), [BYTEA, INT8];
    USE_UP = "DELETE FROM confirmation_codes WHERE digest = $1", [BYTEA];
}

#[async_trait]
impl ConfirmationCodes for PostgresStore {
    async fn store_confirmation_code(
        &self,
        name: LoginName,
        code: NewCode,
        beside: Beside,
    ) -> Result<(), StoreError> {
        self.db.write(|db| Box::pin(store(db, &name, &code, &beside))).await
    }

    async fn find_by_confirmation_code(
        &self,
        code: CodeDigest,
        now: Timestamp,
    ) -> Result<Option<User>, StoreError> {
        self.db.read(|db| Box::pin(find(db, code, now))).await
    }

    async fn redeem_confirmation_code(
        &self,
        code: CodeDigest,
        now: Timestamp,
        beside: Beside,
    ) -> Result<User, WriteError> {
        self.db.write(|db| Box::pin(redeem(db, code, now, &beside))).await
    }
}

/// Writes the same whether or not a pending user has the name, as for a forgotten password.
async fn store(
    db: Db<'_>,
    name: &LoginName,
    code: &NewCode,
    beside: &Beside,
) -> Result<Outcome<()>, Stop<StoreError>> {
    let (mut number, mut owner) = (None::<i64>, None);
    if let Some(row) = db.optional(&PENDING_OWNER_OF_NAME, &[&name.folded()]).await? {
        (number, owner) = (row.try_get(0)?, Some(UserId::from_bytes(rows::id(&row, 1)?)));
    }
    insert(db, number, code).await?;
    let mut beside = beside.clone();
    if let Some(entry) = &mut beside.audit {
        entry.user = owner;
    }
    beside::keep(db, &beside).await?;
    Ok(((), None))
}

/// Stores a code of a user, or of no one, with its messages.
pub(super) async fn insert(db: Db<'_>, user: Option<i64>, code: &NewCode) -> Result<(), Stop<StoreError>> {
    db.run(&FORGET_EXPIRED, &[&code.created.millis()]).await?;
    let params: Params<'_> =
        &[&&code.digest.as_bytes()[..], &user, &code.created.millis(), &code.expires.millis()];
    db.run(&INSERT, params).await?;
    outbox::insert(db, &code.messages, Carried::Confirmation(code.digest)).await?;
    db.run(&FORGET_OLDER, &[&user, &i64::from(MAX_CONFIRMATION_CODES)]).await?;
    Ok(())
}

/// Ends all codes of a user.
pub(super) async fn end(db: Db<'_>, user: i64) -> Result<(), tokio_postgres::Error> {
    db.run(&END, &[&user]).await.map(drop)
}

async fn find(db: Db<'_>, code: CodeDigest, now: Timestamp) -> Result<Option<User>, Stop<StoreError>> {
    let found = db.optional(&FIND, &[&&code.as_bytes()[..], &now.millis()]).await?;
    found.as_ref().map(rows::user).transpose()
}

async fn redeem(
    db: Db<'_>,
    code: CodeDigest,
    now: Timestamp,
    beside: &Beside,
) -> Result<Outcome<User>, Stop<WriteError>> {
    let user = find(db, code, now).await?.ok_or(WriteError::NotFound)?;
    // Whatever ends the code locks the user first, and so does this.
    users::find_to_change(db, user.id).await?.ok_or(WriteError::NotFound)?;
    if db.run(&USE_UP, &[&&code.as_bytes()[..]]).await? == 0 {
        return Err(WriteError::NotFound.into());
    }
    let change = UserChange { confirm_address: true, ..UserChange::default() };
    users::update(db, user.id, &change, now, beside).await
}
