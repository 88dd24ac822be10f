//! Taking over many users in one transaction.
//!
//! Mostly all of them are new. They are taken to be that at first ([`all_new`]), which asks nothing and writes
//! each tree in its own order; where it turns out wrong, nothing of it stays, and [`import`] decides for each
//! what is to become of it before anything of it is written.

use appmixer_core::{Beside, Change, Existing, Imported, StoreError, Timestamp, Turn, User, WriteError};
use rusqlite::{Connection, OptionalExtension as _, params_from_iter};

use super::error::JobError;
use super::index::{ALL, Index, taken};
use super::writer::Outcome;
use super::{beside, grams, rows, sql, users};

/// So many users in one transaction are many.
const MANY: usize = 100;

/// The text index is put in order when this part of all users was imported, one in so many.
const WORTH: u64 = 10;

type Read<T> = Result<T, JobError<StoreError>>;

/// What is to become of a user.
enum Fate {
    /// Nothing is to be done.
    Settled(Imported),
    Insert,
    Replace {
        number: i64,
        old: Box<User>,
        new: Box<User>,
    },
}

impl Fate {
    const fn outcome(&self) -> Imported {
        match self {
            Self::Settled(outcome) => *outcome,
            Self::Insert => Imported::Inserted,
            Self::Replace { .. } => Imported::Updated,
        }
    }
}

/// Inserts all of them.
///
/// [`WriteError::NameTaken`]: one of them has an id or a name that is there already.
pub(super) fn all_new(
    db: &Connection,
    users: &[User],
    beside: Beside,
) -> Result<Outcome<Vec<Imported>>, JobError<WriteError>> {
    if users.len() >= MANY {
        grams::unsettle(db)?;
    }
    let mut numbered = Vec::with_capacity(users.len());
    let mut insert = db.prepare_cached(sql::INSERT_USER)?;
    for user in users {
        insert.execute(params_from_iter(rows::params(user)?)).map_err(taken)?;
        numbered.push((db.last_insert_rowid(), user));
    }
    let mut index = Index::new(db);
    index.add_all(&numbered)?;
    index.settle()?;
    beside::keep(db, beside)?;
    Ok((vec![Imported::Inserted; users.len()], None))
}

pub(super) fn import(
    db: &Connection,
    users: &[User],
    existing: Existing,
    now: Timestamp,
    beside: Beside,
) -> Read<Outcome<Vec<Imported>>> {
    let mut outcomes = Vec::with_capacity(users.len());
    let mut index = Index::new(db);
    for user in users {
        let fate = fate(db, &index, user, existing, now)?;
        outcomes.push(fate.outcome());
        match fate {
            Fate::Settled(_) => {}
            Fate::Insert => {
                users::add(db, &mut index, user).map_err(store_only)?;
            }
            Fate::Replace { number, old, new } => {
                users::replace(db, &mut index, number, &old, &new).map_err(store_only)?;
            }
        }
    }
    index.settle().map_err(store_only)?;
    beside::keep(db, beside)?;
    let change = outcomes.contains(&Imported::Updated).then_some(Change::Everything);
    Ok((outcomes, change))
}

/// Puts a piece of the text index in order. Where the imported are few among all, what was written is put in order as it
/// comes: all of it would be written anew for them.
pub(super) fn settle(
    db: &Connection,
    imported: u64,
    first: bool,
    turn: Turn,
) -> Result<bool, JobError<StoreError>> {
    let all: i64 = db.prepare_cached(sql::COUNT_ALL)?.query_one([ALL], |row| row.get(0))?;
    let more = imported >= all.unsigned_abs() / WORTH && grams::settle(db, first, turn)?;
    if !more {
        grams::settled(db)?;
    }
    Ok(more)
}

pub(super) fn check(db: &Connection, users: &[User], existing: Existing) -> Read<Vec<Imported>> {
    let now = Timestamp::from_millis(0);
    let index = Index::new(db);
    users.iter().map(|user| Ok(fate(db, &index, user, existing, now)?.outcome())).collect()
}

fn fate(db: &Connection, index: &Index<'_>, user: &User, existing: Existing, now: Timestamp) -> Read<Fate> {
    let number: Option<i64> =
        db.prepare_cached(sql::USER_NUMBER)?.query_one([user.id.as_bytes()], |row| row.get(0)).optional()?;
    let old = if number.is_some() { users::find_by_id(db, user.id)? } else { None };
    let Some((number, old)) = number.zip(old) else {
        return Ok(if is_taken(db, user, None)? { Fate::Settled(Imported::NameTaken) } else { Fate::Insert });
    };
    if old.has_all_of(user) {
        return Ok(Fate::Settled(Imported::Unchanged));
    }
    let Existing::Replace { require_active } = existing else {
        return Ok(Fate::Settled(Imported::Differs));
    };
    if is_taken(db, user, Some(number))? {
        return Ok(Fate::Settled(Imported::NameTaken));
    }
    let new = old.replaced_by(user.clone(), require_active, now);
    if let Some(needed) = old.other_admin_needed(Some(&new), require_active)
        && !index.has_other_admin(needed)?
    {
        return Ok(Fate::Settled(Imported::LastAdmin));
    }
    Ok(Fate::Replace { number, old: Box::new(old), new: Box::new(new) })
}

/// Whether somebody else has one of the user's names.
fn is_taken(db: &Connection, user: &User, number: Option<i64>) -> Read<bool> {
    let mut owner = db.prepare_cached(sql::NAME_OWNER)?;
    for name in user.names.logins() {
        let owner: Option<i64> = owner.query_one([name.folded()], |row| row.get(0)).optional()?;
        if owner.is_some() && owner != number {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What could refuse a user was asked before: whatever is left is the store's failure.
fn store_only(JobError(error): JobError<WriteError>) -> JobError<StoreError> {
    JobError(match error {
        WriteError::Store(error) => error,
        other => StoreError::Internal(format!("importing a user: {other}")),
    })
}
