//! Keeps what users are found by in step with the users: names, facets, how many users each facet has, and
//! what moves in the lists of all users.

use std::collections::BTreeMap;

use appmixer_core::{Filter, OtherAdmin, StoreError, User, WriteError};
use ring::digest::{SHA256, digest};
use tokio_postgres::Error;

use super::db::{Db, random};
use super::error::{Stop, conflict};
use super::lists::Moves;
use super::sql::statements;
use crate::kept::facet::kind_and_value;

/// Writers at the same time mostly find a row of their own to count in.
const SLOTS: u64 = 16;

statements! {
    INSERT_NAMES = "INSERT INTO names (folded, user_number, is_username, is_email) \
         SELECT * FROM UNNEST($1::TEXT[], $2::BIGINT[], $3::BOOLEAN[], $4::BOOLEAN[])",
        [TEXT_ARRAY, INT8_ARRAY, BOOL_ARRAY, BOOL_ARRAY];
    DELETE_NAMES = "DELETE FROM names WHERE user_number = $1", [INT8];
    INSERT_FACETS = "INSERT INTO user_facets (facet, created, user_number) \
         SELECT * FROM UNNEST($1::BYTEA[], $2::BIGINT[], $3::BIGINT[])", [BYTEA_ARRAY, INT8_ARRAY, INT8_ARRAY];
    DELETE_FACETS = "DELETE FROM user_facets WHERE facet = ANY ($1) AND created = $2 AND user_number = $3",
        [BYTEA_ARRAY, INT8, INT8];
    COUNT = "INSERT INTO facet_counts AS kept (facet, slot, users) \
         SELECT facet, $3, users FROM UNNEST($1::BYTEA[], $2::BIGINT[]) AS more (facet, users) \
         ON CONFLICT (facet, slot) DO UPDATE SET users = kept.users + excluded.users",
        [BYTEA_ARRAY, INT8_ARRAY, INT2];
    SOME_OF_FACET = "SELECT count(*) FROM (SELECT 1 FROM user_facets WHERE facet = $1 LIMIT 2) AS some_of_it",
        [BYTEA];
    SOME_OF_BOTH = "SELECT count(*) FROM (SELECT 1 FROM user_facets WHERE facet = $1 AND EXISTS ( \
         SELECT 1 FROM user_facets AS other WHERE other.facet = $2 AND other.created = user_facets.created \
         AND other.user_number = user_facets.user_number) LIMIT 2) AS some_of_both", [BYTEA, BYTEA];
    TURN = "SELECT value FROM turns WHERE name = $1 FOR UPDATE", [TEXT];
}

/// A digest of a filter's kind and value.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Facet([u8; 16]);

impl Facet {
    pub(super) fn of(filter: &Filter) -> Self {
        let (kind, value) = kind_and_value(filter);
        Self::named(kind, value)
    }

    /// The one that everybody has.
    pub(super) fn all() -> Self {
        Self::named("all", "")
    }

    fn admins() -> Self {
        Self::named("scope", "admin")
    }

    /// No kind contains the colon.
    fn named(kind: &str, value: &str) -> Self {
        let digest = digest(&SHA256, format!("{kind}:{value}").as_bytes());
        let mut facet = [0; 16];
        facet.copy_from_slice(&digest.as_ref()[..16]);
        Self(facet)
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// How many users more or less each facet has.
#[derive(Default)]
struct Tally(BTreeMap<Facet, i64>);

impl Tally {
    fn count(&mut self, facet: Facet, by: i64) {
        *self.0.entry(facet).or_default() += by;
    }

    /// The rows are locked in one order by everybody.
    async fn record(self, db: Db<'_>) -> Result<(), Error> {
        let changed = self.0.iter().filter(|(_, by)| **by != 0);
        let (facets, users): (Vec<_>, Vec<_>) = changed.map(|(facet, by)| (facet.as_bytes(), *by)).unzip();
        if facets.is_empty() {
            return Ok(());
        }
        let slot = i16::try_from(random() % SLOTS).unwrap_or(0);
        db.run(&COUNT, &[&facets, &users, &slot]).await.map(drop)
    }
}

/// Users were inserted under these numbers.
pub(super) async fn add(db: Db<'_>, users: &[(i64, &User)]) -> Result<(), Stop<WriteError>> {
    let mut moves = Moves::default();
    for &(number, user) in users {
        moves.came(number, user);
    }
    add_with(db, users, moves).await
}

/// The same where the lists are counted later.
#[cfg(feature = "sqlite")]
pub(super) async fn add_without_moves(db: Db<'_>, users: &[(i64, &User)]) -> Result<(), Stop<WriteError>> {
    add_with(db, users, Moves::default()).await
}

async fn add_with(db: Db<'_>, users: &[(i64, &User)], moves: Moves) -> Result<(), Stop<WriteError>> {
    add_names(db, users).await?;
    let mut tally = Tally::default();
    let mut facets: Vec<(Facet, i64, i64)> = Vec::new();
    for &(number, user) in users {
        tally.count(Facet::all(), 1);
        facets.extend(Filter::all_of(user).map(|filter| (Facet::of(&filter), user.created.millis(), number)));
    }
    add_facets(db, facets, &mut tally).await?;
    Ok(settle(db, tally, moves).await?)
}

/// A user is deleted; its names go with it.
pub(super) async fn remove(db: Db<'_>, number: i64, user: &User) -> Result<(), Error> {
    let mut tally = Tally::default();
    tally.count(Facet::all(), -1);
    let facets: Vec<_> = Filter::all_of(user).map(|filter| Facet::of(&filter)).collect();
    remove_facets(db, number, user, &facets, &mut tally).await?;
    let mut moves = Moves::default();
    moves.went(number, user);
    settle(db, tally, moves).await
}

/// A user has changed.
pub(super) async fn change(db: Db<'_>, number: i64, old: &User, new: &User) -> Result<(), Stop<WriteError>> {
    if old.names != new.names {
        db.run(&DELETE_NAMES, &[&number]).await?;
        add_names(db, &[(number, new)]).await?;
    }
    let facets = |user: &User| Filter::all_of(user).map(|filter| Facet::of(&filter)).collect::<Vec<_>>();
    let (before, after) = (facets(old), facets(new));
    // Only an import changes the time of creation; everything is kept by it.
    let is_shifted = old.created != new.created;
    let gone: Vec<_> = before.iter().copied().filter(|facet| is_shifted || !after.contains(facet)).collect();
    let added = after.iter().filter(|facet| is_shifted || !before.contains(facet));
    let added = added.map(|facet| (*facet, new.created.millis(), number)).collect();
    let mut tally = Tally::default();
    remove_facets(db, number, old, &gone, &mut tally).await?;
    add_facets(db, added, &mut tally).await?;
    let mut moves = Moves::default();
    moves.changed(number, old, new);
    Ok(settle(db, tally, moves).await?)
}

/// Writes what is counted. Both are on their way at once, so that the second costs no way of its own.
async fn settle(db: Db<'_>, tally: Tally, moves: Moves) -> Result<(), Error> {
    tokio::try_join!(tally.record(db), moves.record(db)).map(drop)
}

async fn add_names(db: Db<'_>, users: &[(i64, &User)]) -> Result<(), Stop<WriteError>> {
    let mut names = Vec::with_capacity(2 * users.len());
    for &(number, user) in users {
        let (username, email) = (user.names.username.as_login(), user.names.email.as_login());
        names
            .extend(user.names.logins().map(|name| (name.folded(), number, name == username, name == email)));
    }
    // Of two who want the same names, one waits for the other, and not each for each.
    names.sort_unstable();
    let folded: Vec<_> = names.iter().map(|name| name.0).collect();
    let numbers: Vec<_> = names.iter().map(|name| name.1).collect();
    let usernames: Vec<_> = names.iter().map(|name| name.2).collect();
    let emails: Vec<_> = names.iter().map(|name| name.3).collect();
    let inserted = db.run(&INSERT_NAMES, &[&folded, &numbers, &usernames, &emails]).await;
    inserted.map(drop).map_err(|error| match conflict(&error) {
        Some(_) => Stop::Refused(WriteError::NameTaken),
        None => Stop::Database(error),
    })
}

async fn add_facets(db: Db<'_>, mut facets: Vec<(Facet, i64, i64)>, tally: &mut Tally) -> Result<(), Error> {
    if facets.is_empty() {
        return Ok(());
    }
    facets.sort_unstable();
    for (facet, ..) in &facets {
        tally.count(*facet, 1);
    }
    let keys: Vec<_> = facets.iter().map(|facet| facet.0.as_bytes()).collect();
    let created: Vec<_> = facets.iter().map(|facet| facet.1).collect();
    let numbers: Vec<_> = facets.iter().map(|facet| facet.2).collect();
    db.run(&INSERT_FACETS, &[&keys, &created, &numbers]).await.map(drop)
}

async fn remove_facets(
    db: Db<'_>,
    number: i64,
    user: &User,
    facets: &[Facet],
    tally: &mut Tally,
) -> Result<(), Error> {
    if facets.is_empty() {
        return Ok(());
    }
    for facet in facets {
        tally.count(*facet, -1);
    }
    let keys: Vec<_> = facets.iter().map(Facet::as_bytes).collect();
    db.run(&DELETE_FACETS, &[&keys, &user.created.millis(), &number]).await.map(drop)
}

/// What one at a time decides over: nobody else does until this transaction has ended.
pub(super) async fn take_turn(db: Db<'_>, name: &str) -> Result<i64, Stop<StoreError>> {
    let missing = || StoreError::Corrupt(format!("turns, {name}: missing"));
    Ok(db.number(&TURN, &[&name]).await?.ok_or_else(missing)?)
}

pub(super) async fn any_admin(db: Db<'_>) -> Result<bool, Error> {
    Ok(db.number(&SOME_OF_FACET, &[&Facet::admins().as_bytes()]).await? > Some(0))
}

/// Whether there is an administrator besides the one who is about to stop being such a one.
pub(super) async fn has_other_admin(db: Db<'_>, needed: OtherAdmin) -> Result<bool, Error> {
    let admins = Facet::admins();
    let some = match needed {
        OtherAdmin::Any => db.number(&SOME_OF_FACET, &[&admins.as_bytes()]).await?,
        OtherAdmin::Active => {
            let active = Facet::of(&Filter::IsActive(true));
            db.number(&SOME_OF_BOTH, &[&admins.as_bytes(), &active.as_bytes()]).await?
        }
    };
    Ok(some > Some(1))
}

/// Whether another administrator stays. No other one is taken away until this transaction has ended.
pub(super) async fn other_admin_stays(db: Db<'_>, needed: OtherAdmin) -> Result<bool, Stop<StoreError>> {
    take_turn(db, "admins").await?;
    Ok(has_other_admin(db, needed).await?)
}

/// Whether nobody is an administrator. Nobody else becomes the first one meanwhile.
pub(super) async fn no_admin_yet(db: Db<'_>) -> Result<bool, Stop<StoreError>> {
    take_turn(db, "admins").await?;
    Ok(!any_admin(db).await?)
}
