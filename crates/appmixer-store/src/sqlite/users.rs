//! The users.

use std::sync::Arc;

use appmixer_core::{
    Beside, Change, Existing, Imported, LoginName, OtherAdmin, PasswordHash, Sort, StoreError, Stretch,
    TICKET_LIFETIME, Ticket, Timestamp, Turn, User, UserChange, UserId, UserPage, UserQuery, Users,
    WriteError,
};
use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension as _, params, params_from_iter};

use super::error::JobError;
use super::index::Index;
use super::writer::Outcome;
use super::{SqliteStore, beside, confirmation_codes, import, reset_codes, rows, search, spellings, sql};

#[async_trait]
impl Users for SqliteStore {
    async fn find_by_id(&self, id: UserId) -> Result<Option<User>, StoreError> {
        self.readers.run(move |db| find_by_id(db, id)).await
    }

    async fn find_by_login(&self, name: &LoginName) -> Result<Option<User>, StoreError> {
        let name = name.clone();
        self.readers.run(move |db| find(db, sql::FIND_BY_LOGIN, [name.folded()])).await
    }

    async fn any_admin(&self) -> Result<bool, StoreError> {
        self.readers.run(|db| Ok::<_, JobError<StoreError>>(Index::new(db).admins()? > 0)).await
    }

    async fn list(&self, after: Option<UserId>, limit: u32) -> Result<Vec<User>, StoreError> {
        self.readers
            .run(move |db| -> Result<_, JobError<StoreError>> {
                let mut statement = db.prepare_cached(sql::LIST)?;
                // Every id comes after the empty one.
                let after = after.map_or_else(Vec::new, |id| id.as_bytes().to_vec());
                let mut found = statement.query(params![after, limit])?;
                let mut users = Vec::new();
                while let Some(row) = found.next()? {
                    users.push(rows::user(row)?);
                }
                Ok(users)
            })
            .await
    }

    async fn search(&self, query: UserQuery, sort: Sort, stretch: Stretch) -> Result<UserPage, StoreError> {
        self.searcher.run(move |db| search::page(db, &query, sort, stretch)).await
    }

    async fn count(&self, query: UserQuery) -> Result<u64, StoreError> {
        self.searcher.run(move |db| search::count(db, &query)).await
    }

    async fn insert(&self, user: User, beside: Beside) -> Result<(), WriteError> {
        self.writer.run(move |db| insert(db, &user, beside)).await
    }

    async fn insert_first_administrator(&self, user: User, beside: Beside) -> Result<bool, WriteError> {
        self.writer
            .run(move |db| -> Written<bool> {
                if Index::new(db).admins()? > 0 {
                    return Ok((false, None));
                }
                insert(db, &user, beside).map(|((), change)| (true, change))
            })
            .await
    }

    async fn import(
        &self,
        users: Vec<User>,
        existing: Existing,
        now: Timestamp,
        beside: Beside,
    ) -> Result<Vec<Imported>, StoreError> {
        let users = Arc::new(users);
        let (all, kept) = (Arc::clone(&users), beside.clone());
        match self.writer.run(move |db| import::all_new(db, &all, kept)).await {
            Ok(outcomes) => Ok(outcomes),
            Err(WriteError::Store(error)) => Err(error),
            Err(_) => self.writer.run(move |db| import::import(db, &users, existing, now, beside)).await,
        }
    }

    async fn settle_import(&self, imported: u64, first: bool, turn: Turn) -> Result<bool, StoreError> {
        self.writer.run(move |db| Ok((import::settle(db, imported, first, turn)?, None))).await
    }

    async fn check_import(&self, users: Vec<User>, existing: Existing) -> Result<Vec<Imported>, StoreError> {
        self.readers.run(move |db| import::check(db, &users, existing)).await
    }

    async fn update(
        &self,
        id: UserId,
        change: UserChange,
        now: Timestamp,
        beside: Beside,
    ) -> Result<User, WriteError> {
        self.writer.run(move |db| update(db, id, &change, now, beside)).await
    }

    async fn replace_hash(
        &self,
        id: UserId,
        old: PasswordHash,
        new: PasswordHash,
    ) -> Result<bool, StoreError> {
        self.writer
            .run(move |db| -> Result<Outcome<bool>, JobError<StoreError>> {
                let params = params![id.as_bytes(), old.as_phc(), new.as_phc()];
                let replaced = db.prepare_cached(sql::REPLACE_HASH)?.execute(params)? > 0;
                Ok((replaced, replaced.then_some(Change::User(id))))
            })
            .await
    }

    async fn delete(
        &self,
        id: UserId,
        ticket: Ticket,
        require_active: bool,
        now: Timestamp,
        beside: Beside,
    ) -> Result<(), WriteError> {
        self.writer.run(move |db| delete(db, id, ticket, require_active, now, beside)).await
    }

    async fn was_deleted(&self, id: UserId, ticket: Ticket, now: Timestamp) -> Result<bool, StoreError> {
        self.readers
            .run(move |db| {
                let params = params![ticket.as_bytes(), id.as_bytes(), now.before(TICKET_LIFETIME).millis()];
                db.prepare_cached(sql::FIND_TICKET)?.exists(params)
            })
            .await
    }
}

pub(super) type Written<T> = Result<Outcome<T>, JobError<WriteError>>;

pub(super) fn find_by_id(db: &Connection, id: UserId) -> Result<Option<User>, JobError<StoreError>> {
    find(db, sql::FIND_BY_ID, [id.as_bytes()])
}

pub(super) fn find(
    db: &Connection,
    sql: &str,
    params: impl rusqlite::Params,
) -> Result<Option<User>, JobError<StoreError>> {
    let mut statement = db.prepare_cached(sql)?;
    let mut found = statement.query(params)?;
    Ok(found.next()?.map(rows::user).transpose()?)
}

fn insert(db: &Connection, user: &User, beside: Beside) -> Written<()> {
    spellings::require_free(db, &user.names, None)?;
    let mut index = Index::new(db);
    let number = add(db, &mut index, user)?;
    index.settle()?;
    if let Some(code) = beside.confirmation.as_ref().filter(|_| user.confirmation_pending) {
        confirmation_codes::insert(db, Some(number), code)
            .map_err(|JobError(error)| WriteError::Store(error))?;
    }
    beside::keep(db, beside)?;
    // Nobody can remember anything of a user who has just been made.
    Ok(((), None))
}

/// Writes a new user; answers with its number.
pub(super) fn add(db: &Connection, index: &mut Index<'_>, user: &User) -> Result<i64, JobError<WriteError>> {
    db.prepare_cached(sql::INSERT_USER)?.execute(params_from_iter(rows::params(user)?))?;
    let number = db.last_insert_rowid();
    index.add(number, user)?;
    Ok(number)
}

pub(super) fn update(
    db: &Connection,
    id: UserId,
    change: &UserChange,
    now: Timestamp,
    beside: Beside,
) -> Written<User> {
    let (number, user) = existing(db, id)?;
    if change.only_at_generation.is_some_and(|generation| generation != user.generation) {
        return Err(WriteError::Overtaken.into());
    }
    let changed = user.changed(change, now);
    let needed = user.other_admin_needed(Some(&changed), change.require_active);
    require_other_admin(&Index::new(db), needed)?;
    if user.names != changed.names {
        spellings::require_free(db, &changed.names, Some(number))?;
    }
    let mut index = Index::new(db);
    replace(db, &mut index, number, &user, &changed)?;
    index.settle()?;
    let needs_code = changed.confirmation_pending && user.ends_confirmation_codes_in(&changed);
    if let Some(code) = beside.confirmation.as_ref().filter(|_| needs_code) {
        confirmation_codes::insert(db, Some(number), code)
            .map_err(|JobError(error)| WriteError::Store(error))?;
    }
    beside::keep_of_change(db, beside, &user, &changed)?;
    Ok((changed, Some(Change::User(id))))
}

/// Writes what a user has become.
pub(super) fn replace(
    db: &Connection,
    index: &mut Index<'_>,
    number: i64,
    user: &User,
    changed: &User,
) -> Result<(), JobError<WriteError>> {
    db.prepare_cached(sql::UPDATE_USER)?.execute(params_from_iter(rows::params(changed)?))?;
    if user.ends_reset_codes_in(changed) {
        reset_codes::end(db, number)?;
    }
    if user.ends_confirmation_codes_in(changed) {
        confirmation_codes::end(db, number)?;
    }
    index.change(number, user, changed)
}

fn delete(
    db: &Connection,
    id: UserId,
    ticket: Ticket,
    require_active: bool,
    now: Timestamp,
    beside: Beside,
) -> Written<()> {
    let (number, user) = existing(db, id)?;
    require_other_admin(&Index::new(db), user.other_admin_needed(None, require_active))?;
    let mut index = Index::new(db);
    index.remove(number, &user)?;
    index.settle()?;
    db.prepare_cached(sql::DELETE_USER)?.execute([number])?;
    db.prepare_cached(sql::FORGET_TICKETS)?.execute([now.before(TICKET_LIFETIME).millis()])?;
    let params = params![ticket.as_bytes(), id.as_bytes(), now.millis()];
    db.prepare_cached(sql::INSERT_TICKET)?.execute(params)?;
    beside::keep(db, beside)?;
    Ok(((), Some(Change::User(id))))
}

fn existing(db: &Connection, id: UserId) -> Result<(i64, User), JobError<WriteError>> {
    let number =
        db.prepare_cached(sql::USER_NUMBER)?.query_one([id.as_bytes()], |row| row.get(0)).optional()?;
    let user = find_by_id(db, id).map_err(|JobError(error)| WriteError::Store(error))?;
    number.zip(user).ok_or(JobError(WriteError::NotFound))
}

/// An administrator stops being one, or being active.
fn require_other_admin(index: &Index<'_>, needed: Option<OtherAdmin>) -> Result<(), JobError<WriteError>> {
    match needed {
        Some(needed) if !index.has_other_admin(needed)? => Err(WriteError::LastAdmin.into()),
        _ => Ok(()),
    }
}
