//! Keeps what users are found by in step with the users: names, the text of names, facets, and the blocks of the
//! lists.
//!
//! Rows are written at once. Numbers (how many users a facet has, how many entries a block) are added up in
//! [`Tally`] and written by [`Index::settle`], so that a thousand users in one transaction cost each number one
//! statement. It must be called in the same transaction, or all is lost with it.

use std::collections::BTreeMap;

use appmixer_core::{Filter, LoginName, OtherAdmin, User, WriteError};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::blocks::{self, Entry, List};
use super::error::{JobError, is_conflict};
use super::{grams, sql};
use crate::kept::facet::kind_and_value;

/// The facet that everybody has.
pub(super) const ALL: i64 = 1;

type Kept<T> = Result<T, JobError<WriteError>>;

/// What has become more or less.
#[derive(Default)]
struct Tally {
    facets: BTreeMap<i64, i64>,
    lists: [Vec<(Entry, i64)>; 3],
}

pub(super) struct Index<'db> {
    db: &'db Connection,
    tally: Tally,
    /// Facets that were looked up.
    facets: BTreeMap<&'static str, BTreeMap<String, i64>>,
}

impl<'db> Index<'db> {
    pub(super) fn new(db: &'db Connection) -> Self {
        Self { db, tally: Tally::default(), facets: BTreeMap::new() }
    }

    /// A user was inserted under this number.
    pub(super) fn add(&mut self, number: i64, user: &User) -> Kept<()> {
        self.add_names(number, user)?;
        self.count(number, user, 1);
        for filter in Filter::all_of(user) {
            self.add_facet(number, user, &filter)?;
        }
        Ok(())
    }

    /// Many users were inserted. As [`Index::add`] for each, but every tree is gone through in its own order, so that
    /// each page of it is come to once.
    pub(super) fn add_all(&mut self, users: &[(i64, &User)]) -> Kept<()> {
        let mut names = Vec::with_capacity(2 * users.len());
        let mut facets = Vec::with_capacity(4 * users.len());
        let mut insert_text = self.db.prepare_cached(sql::INSERT_TEXT)?;
        for &(number, user) in users {
            let (username, email) = (user.names.username.as_login(), user.names.email.as_login());
            let which = |name: &LoginName| (name == username, name == email);
            names.extend(user.names.logins().map(|name| (name.folded(), number, which(name))));
            insert_text.execute(params![number, text(user)])?;
            for filter in Filter::all_of(user) {
                facets.push((self.facet(&filter)?, user.created.millis(), number));
            }
            self.count(number, user, 1);
        }
        names.sort_unstable();
        let mut statement = self.db.prepare_cached(sql::INSERT_NAME)?;
        for (folded, number, (is_username, is_email)) in names {
            let inserted = statement.execute(params![folded, number, is_username, is_email]);
            inserted.map_err(taken)?;
        }
        facets.sort_unstable();
        let mut statement = self.db.prepare_cached(sql::INSERT_FACET_OF_USER)?;
        for (facet, created, number) in facets {
            statement.execute([facet, created, number])?;
            *self.tally.facets.entry(facet).or_default() += 1;
        }
        Ok(())
    }

    /// A user is deleted.
    pub(super) fn remove(&mut self, number: i64, user: &User) -> Kept<()> {
        self.remove_names(number, user)?;
        self.count(number, user, -1);
        for filter in Filter::all_of(user) {
            self.remove_facet(number, user, &filter)?;
        }
        Ok(())
    }

    /// A user has changed.
    pub(super) fn change(&mut self, number: i64, old: &User, new: &User) -> Kept<()> {
        if old.created != new.created {
            // Only an import changes that; everything is kept by it.
            self.remove(number, old)?;
            return self.add(number, new);
        }
        if old.names != new.names {
            self.remove_names(number, old)?;
            self.count_names(old, -1);
            self.add_names(number, new)?;
            self.count_names(new, 1);
        }
        let (before, after): (Vec<_>, Vec<_>) =
            (Filter::all_of(old).collect(), Filter::all_of(new).collect());
        for gone in before.iter().filter(|filter| !after.contains(filter)) {
            self.remove_facet(number, old, gone)?;
        }
        for added in after.iter().filter(|filter| !before.contains(filter)) {
            self.add_facet(number, new, added)?;
        }
        Ok(())
    }

    fn count(&mut self, number: i64, user: &User, by: i64) {
        *self.tally.facets.entry(ALL).or_default() += by;
        let created = Entry::Created(user.created.millis(), number);
        self.tally.lists[List::Created as usize].push((created, by));
        self.count_names(user, by);
    }

    fn count_names(&mut self, user: &User, by: i64) {
        let names =
            [(List::Username, user.names.username.as_login()), (List::Email, user.names.email.as_login())];
        for (list, name) in names {
            self.tally.lists[list as usize].push((Entry::Name(name.folded().to_owned()), by));
        }
    }

    fn add_names(&self, number: i64, user: &User) -> Kept<()> {
        let (username, email) = (user.names.username.as_login(), user.names.email.as_login());
        let mut statement = self.db.prepare_cached(sql::INSERT_NAME)?;
        for name in user.names.logins() {
            let params = params![name.folded(), number, name == username, name == email];
            statement.execute(params).map_err(taken)?;
        }
        self.db.prepare_cached(sql::INSERT_TEXT)?.execute(params![number, text(user)])?;
        Ok(())
    }

    fn remove_names(&self, number: i64, user: &User) -> Kept<()> {
        self.db.prepare_cached(sql::DELETE_TEXT)?.execute(params![number, text(user)])?;
        self.db.prepare_cached(sql::DELETE_NAMES)?.execute([number])?;
        Ok(())
    }

    fn add_facet(&mut self, number: i64, user: &User, filter: &Filter) -> Kept<()> {
        let facet = self.facet(filter)?;
        let params = params![facet, user.created.millis(), number];
        self.db.prepare_cached(sql::INSERT_FACET_OF_USER)?.execute(params)?;
        *self.tally.facets.entry(facet).or_default() += 1;
        Ok(())
    }

    fn remove_facet(&mut self, number: i64, user: &User, filter: &Filter) -> Kept<()> {
        let facet = self.facet(filter)?;
        let params = params![facet, user.created.millis(), number];
        self.db.prepare_cached(sql::DELETE_FACET_OF_USER)?.execute(params)?;
        *self.tally.facets.entry(facet).or_default() -= 1;
        Ok(())
    }

    /// The facet's id; it is made if need be.
    fn facet(&mut self, filter: &Filter) -> Kept<i64> {
        let (kind, value) = kind_and_value(filter);
        let known = self.facets.entry(kind).or_default();
        if let Some(id) = known.get(value) {
            return Ok(*id);
        }
        let mut find = self.db.prepare_cached(sql::FIND_FACET)?;
        let kept = find.query_one(params![kind, value], |row| row.get(0)).optional()?;
        let id = if let Some(id) = kept {
            id
        } else {
            self.db.prepare_cached(sql::INSERT_FACET)?.execute(params![kind, value])?;
            self.db.last_insert_rowid()
        };
        known.insert(value.to_owned(), id);
        Ok(id)
    }

    /// How many have the scope `admin`, with what was not settled yet.
    pub(super) fn admins(&self) -> rusqlite::Result<i64> {
        let found = self
            .db
            .prepare_cached(sql::FIND_FACET)?
            .query_one(["scope", "admin"], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let (facet, users): (i64, i64) = found.unwrap_or((0, 0));
        Ok(users + self.tally.facets.get(&facet).copied().unwrap_or(0))
    }

    /// Whether there is an administrator besides the one who is about to stop being such a one.
    pub(super) fn has_other_admin(&self, needed: OtherAdmin) -> rusqlite::Result<bool> {
        match needed {
            OtherAdmin::Any => Ok(self.admins()? > 1),
            OtherAdmin::Active => {
                let mut statement = self.db.prepare_cached(sql::TWO_ACTIVE_ADMINS)?;
                let mut found = statement.query([])?;
                Ok(found.next()?.is_some() && found.next()?.is_some())
            }
        }
    }

    /// Writes the numbers.
    pub(super) fn settle(self) -> Kept<()> {
        for (facet, by) in self.tally.facets.into_iter().filter(|(_, by)| *by != 0) {
            self.db.prepare_cached(sql::COUNT_FACET)?.execute([facet, by])?;
            if by < 0 {
                self.db.prepare_cached(sql::DELETE_EMPTY_FACET)?.execute([facet])?;
            }
        }
        for (list, entries) in List::ALL.into_iter().zip(self.tally.lists) {
            blocks::count(self.db, list, entries)?;
        }
        Ok(())
    }
}

/// What there may be only once is there already.
pub(super) fn taken(error: rusqlite::Error) -> JobError<WriteError> {
    if is_conflict(&error) { WriteError::NameTaken.into() } else { error.into() }
}

/// The user's names as the text index has them, and has to be told when they go: it does not keep them.
fn text(user: &User) -> String {
    let mut text = String::new();
    for name in user.names.logins() {
        grams::add(name.folded(), &mut text);
    }
    text
}
