//! Taking over many users in one transaction: as if all were new, and where that turns out wrong, one by one.

use appmixer_core::{Beside, Change, Existing, Imported, StoreError, Timestamp, User, WriteError};

use super::db::{Db, Outcome};
use super::error::{Stop, conflict};
use super::sql::statements;
use super::{beside, index, users};

statements! {
    NAME_OWNERS = "SELECT users.id FROM names JOIN users ON users.number = names.user_number \
         WHERE names.folded = ANY ($1)", [TEXT_ARRAY];
}

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
pub(super) async fn all_new(
    db: Db<'_>,
    users: &[User],
    beside: &Beside,
) -> Result<Outcome<Vec<Imported>>, Stop<WriteError>> {
    users::insert_all(db, users).await.map_err(|stop| match stop {
        Stop::Database(error) if conflict(&error).is_some() => Stop::Refused(WriteError::NameTaken),
        stop => stop,
    })?;
    beside::keep(db, beside).await?;
    Ok((vec![Imported::Inserted; users.len()], None))
}

pub(super) async fn import(
    db: Db<'_>,
    users: &[User],
    existing: Existing,
    now: Timestamp,
    beside: &Beside,
) -> Result<Outcome<Vec<Imported>>, Stop<StoreError>> {
    let mut outcomes = Vec::with_capacity(users.len());
    for user in users {
        let fate = fate(db, user, existing, now, true).await?;
        outcomes.push(fate.outcome());
        let done = match fate {
            Fate::Settled(_) => Ok(()),
            Fate::Insert => users::insert_all(db, std::slice::from_ref(user)).await.map(drop),
            Fate::Replace { number, old, new } => users::replace(db, number, &old, &new).await,
        };
        done.map_err(store_only)?;
    }
    beside::keep(db, beside).await?;
    let change = outcomes.contains(&Imported::Updated).then_some(Change::Everything);
    Ok((outcomes, change))
}

pub(super) async fn check(
    db: Db<'_>,
    users: &[User],
    existing: Existing,
) -> Result<Vec<Imported>, Stop<StoreError>> {
    let mut outcomes = Vec::with_capacity(users.len());
    for user in users {
        outcomes.push(fate(db, user, existing, Timestamp::from_millis(0), false).await?.outcome());
    }
    Ok(outcomes)
}

/// `to_change`: what it says holds until the transaction has ended.
async fn fate(
    db: Db<'_>,
    user: &User,
    existing: Existing,
    now: Timestamp,
    to_change: bool,
) -> Result<Fate, Stop<StoreError>> {
    let found = if to_change {
        users::find_to_change(db, user.id).await?
    } else {
        users::find_by_id(db, user.id).await?.map(|user| (0, user))
    };
    let taken = is_taken(db, user).await?;
    let Some((number, old)) = found else {
        return Ok(if taken { Fate::Settled(Imported::NameTaken) } else { Fate::Insert });
    };
    if old.has_all_of(user) {
        return Ok(Fate::Settled(Imported::Unchanged));
    }
    let Existing::Replace { require_active } = existing else {
        return Ok(Fate::Settled(Imported::Differs));
    };
    if taken {
        return Ok(Fate::Settled(Imported::NameTaken));
    }
    let new = old.replaced_by(user.clone(), require_active, now);
    if let Some(needed) = old.other_admin_needed(Some(&new), require_active) {
        let stays = if to_change {
            index::other_admin_stays(db, needed).await?
        } else {
            index::has_other_admin(db, needed).await?
        };
        if !stays {
            return Ok(Fate::Settled(Imported::LastAdmin));
        }
    }
    Ok(Fate::Replace { number, old: Box::new(old), new: Box::new(new) })
}

/// Whether somebody else has one of the user's names.
async fn is_taken(db: Db<'_>, user: &User) -> Result<bool, Stop<StoreError>> {
    let names: Vec<_> = user.names.logins().map(appmixer_core::LoginName::folded).collect();
    let owners = db.all(&NAME_OWNERS, &[&names]).await?;
    for owner in &owners {
        if super::rows::id(owner, 0)? != *user.id.as_bytes() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What could refuse a user was asked before: somebody else has been quicker, and it is to be asked anew.
fn store_only(stop: Stop<WriteError>) -> Stop<StoreError> {
    match stop {
        Stop::Database(error) if conflict(&error).is_some() => Stop::Again,
        Stop::Database(error) => Stop::Database(error),
        Stop::Refused(WriteError::Store(error)) => Stop::Refused(error),
        Stop::Refused(_) | Stop::Again => Stop::Again,
    }
}
