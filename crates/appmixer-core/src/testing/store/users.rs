//! The users in memory.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;

use super::{MemoryStore, State};
use crate::audit::Beside;
use crate::id::{Ticket, UserId};
use crate::import::{Existing, Imported, Turn};
use crate::name::{LoginName, Names};
use crate::password::PasswordHash;
use crate::store::{Change, StoreError, TICKET_LIFETIME, Users, WriteError};
use crate::time::Timestamp;
use crate::user::{OtherAdmin, User, UserChange};
use crate::user_query::{Filter, Sort, SortKey, Stretch, UserPage, UserQuery};

#[derive(Default)]
pub(super) struct Everyone {
    users: BTreeMap<UserId, User>,
    /// By their folded form.
    names: HashMap<String, UserId>,
    /// The order in which users came.
    places: HashMap<UserId, u64>,
    last: u64,
    /// Of deleted users.
    tickets: HashMap<Ticket, (UserId, Timestamp)>,
}

impl Everyone {
    pub(super) fn by_id(&self, id: UserId) -> Option<&User> {
        self.users.get(&id)
    }

    pub(super) fn by_login(&self, name: &LoginName) -> Option<&User> {
        self.names.get(name.folded()).and_then(|id| self.by_id(*id))
    }

    fn add(&mut self, user: User) {
        for name in user.names.logins() {
            self.names.insert(name.folded().to_owned(), user.id);
        }
        self.last += 1;
        self.places.insert(user.id, self.last);
        self.users.insert(user.id, user);
    }

    fn replace(&mut self, old: &User, new: User) {
        self.forget_names(&old.names);
        for name in new.names.logins() {
            self.names.insert(name.folded().to_owned(), new.id);
        }
        self.users.insert(new.id, new);
    }

    fn remove(&mut self, user: &User) {
        self.forget_names(&user.names);
        self.places.remove(&user.id);
        self.users.remove(&user.id);
    }

    fn forget_names(&mut self, names: &Names) {
        for name in names.logins() {
            self.names.remove(name.folded());
        }
    }

    /// Whether another user has one of the names.
    fn is_taken(&self, names: &Names, own: UserId) -> bool {
        names.logins().any(|name| self.is_anothers(name.folded(), own))
    }

    /// Refuses names that another user has, in this or in another spelling.
    fn require_free(&self, names: &Names, own: UserId) -> Result<(), WriteError> {
        let spellings = names.spellings();
        let mut others = spellings.iter().flat_map(|spellings| &spellings.others);
        let is_taken = self.is_taken(names, own) || others.any(|name| self.is_anothers(name, own));
        if is_taken { Err(WriteError::NameTaken) } else { Ok(()) }
    }

    fn is_anothers(&self, folded: &str, own: UserId) -> bool {
        self.names.get(folded).is_some_and(|owner| *owner != own)
    }

    fn admins(&self) -> impl Iterator<Item = &User> {
        self.users.values().filter(|user| user.scopes.has_admin())
    }

    /// The user of whom this is asked is an administrator, and is counted.
    fn has_other_admin(&self, own: &User, needed: OtherAdmin) -> bool {
        let mut others = self.admins().filter(|user| user.id != own.id);
        others.any(|user| needed == OtherAdmin::Any || user.is_active)
    }

    fn require_other_admin(&self, own: &User, needed: Option<OtherAdmin>) -> Result<(), WriteError> {
        match needed {
            Some(needed) if !self.has_other_admin(own, needed) => Err(WriteError::LastAdmin),
            _ => Ok(()),
        }
    }

    /// In order.
    fn asked_for(&self, query: &UserQuery, sort: Sort) -> Vec<&User> {
        let place = |user: &User| match sort.key {
            SortKey::Created => format!("{:020}", user.created.millis()),
            SortKey::Username => user.names.username.as_login().folded().to_owned(),
            SortKey::Email => user.names.email.as_login().folded().to_owned(),
        };
        let mut found: Vec<_> = self.users.values().filter(|user| is_asked_for(query, user)).collect();
        found.sort_by_cached_key(|user| (place(user), self.places.get(&user.id)));
        if sort.descending {
            found.reverse();
        }
        found
    }
}

fn is_asked_for(query: &UserQuery, user: &User) -> bool {
    let has = |name: &LoginName| {
        query.pattern.as_ref().is_none_or(|pattern| name.folded().contains(pattern.folded()))
    };
    query.filters.iter().all(|filter| Filter::all_of(user).any(|of_user| of_user == *filter))
        && user.names.logins().any(has)
}

/// What is to become of an imported user.
enum Fate {
    Settled(Imported),
    Insert,
    Replace(Box<User>, Box<User>),
}

impl Fate {
    const fn outcome(&self) -> Imported {
        match self {
            Self::Settled(outcome) => *outcome,
            Self::Insert => Imported::Inserted,
            Self::Replace(..) => Imported::Updated,
        }
    }
}

impl State {
    fn insert(&mut self, user: User, mut beside: Beside) -> Result<(), WriteError> {
        self.everyone.require_free(&user.names, user.id)?;
        if self.everyone.by_id(user.id).is_some() {
            return Err(WriteError::NameTaken);
        }
        let code = beside.confirmation.take().filter(|_| user.confirmation_pending);
        let id = user.id;
        self.everyone.add(user);
        if let Some(code) = code {
            self.keep_confirmation(Some(id), code);
        }
        self.keep(beside);
        Ok(())
    }

    pub(super) fn update(
        &mut self,
        id: UserId,
        change: &UserChange,
        now: Timestamp,
        mut beside: Beside,
    ) -> Result<User, WriteError> {
        let user = self.everyone.by_id(id).cloned().ok_or(WriteError::NotFound)?;
        if change.only_at_generation.is_some_and(|generation| generation != user.generation) {
            return Err(WriteError::Overtaken);
        }
        let changed = user.changed(change, now);
        let needed = user.other_admin_needed(Some(&changed), change.require_active);
        self.everyone.require_other_admin(&user, needed)?;
        if user.names != changed.names {
            self.everyone.require_free(&changed.names, id)?;
        }
        self.replace(&user, changed.clone());
        let needs_code = changed.confirmation_pending && user.ends_confirmation_codes_in(&changed);
        if let Some(code) = beside.confirmation.take().filter(|_| needs_code) {
            self.keep_confirmation(Some(id), code);
        }
        self.keep_of_change(beside, &user, &changed);
        Ok(changed)
    }

    fn replace(&mut self, user: &User, changed: User) {
        if user.ends_reset_codes_in(&changed) {
            self.end_reset_codes(user.id);
        }
        if user.ends_confirmation_codes_in(&changed) {
            self.end_confirmation_codes(user.id);
        }
        self.everyone.replace(user, changed);
    }

    fn fate(&self, user: &User, existing: Existing, now: Timestamp) -> Fate {
        let is_taken = self.everyone.is_taken(&user.names, user.id);
        let Some(old) = self.everyone.by_id(user.id) else {
            return if is_taken { Fate::Settled(Imported::NameTaken) } else { Fate::Insert };
        };
        if old.has_all_of(user) {
            return Fate::Settled(Imported::Unchanged);
        }
        let Existing::Replace { require_active } = existing else {
            return Fate::Settled(Imported::Differs);
        };
        if is_taken {
            return Fate::Settled(Imported::NameTaken);
        }
        let new = old.replaced_by(user.clone(), require_active, now);
        let needed = old.other_admin_needed(Some(&new), require_active);
        if self.everyone.require_other_admin(old, needed).is_err() {
            return Fate::Settled(Imported::LastAdmin);
        }
        Fate::Replace(Box::new(old.clone()), Box::new(new))
    }
}

#[async_trait]
impl Users for MemoryStore {
    async fn find_by_id(&self, id: UserId) -> Result<Option<User>, StoreError> {
        Ok(self.read()?.everyone.by_id(id).cloned())
    }

    async fn find_by_login(&self, name: &LoginName) -> Result<Option<User>, StoreError> {
        Ok(self.read()?.everyone.by_login(name).cloned())
    }

    async fn any_admin(&self) -> Result<bool, StoreError> {
        Ok(self.read()?.everyone.admins().next().is_some())
    }

    async fn list(&self, after: Option<UserId>, limit: u32) -> Result<Vec<User>, StoreError> {
        let state = self.read()?;
        let behind = state.everyone.users.values().filter(|user| after.is_none_or(|after| user.id > after));
        Ok(behind.take(limit as usize).cloned().collect())
    }

    async fn search(&self, query: UserQuery, sort: Sort, stretch: Stretch) -> Result<UserPage, StoreError> {
        let state = self.read()?;
        let found = state.everyone.asked_for(&query, sort);
        let total = found.len() as u64;
        let offset = usize::try_from(stretch.offset).unwrap_or(usize::MAX);
        let users = found.into_iter().skip(offset).take(stretch.limit as usize).cloned().collect();
        Ok(UserPage { users, total })
    }

    async fn count(&self, query: UserQuery) -> Result<u64, StoreError> {
        let state = self.read()?;
        Ok(state.everyone.users.values().filter(|user| is_asked_for(&query, user)).count() as u64)
    }

    async fn insert(&self, user: User, beside: Beside) -> Result<(), WriteError> {
        // No one can have cached a user who is new.
        self.write(|state| state.insert(user, beside).map(|()| ((), None)))
    }

    async fn insert_first_administrator(&self, user: User, beside: Beside) -> Result<bool, WriteError> {
        self.write(|state| {
            if state.everyone.admins().next().is_some() {
                return Ok((false, None));
            }
            state.insert(user, beside).map(|()| (true, None))
        })
    }

    async fn import(
        &self,
        users: Vec<User>,
        existing: Existing,
        now: Timestamp,
        beside: Beside,
    ) -> Result<Vec<Imported>, StoreError> {
        self.write(|state| {
            let mut outcomes = Vec::with_capacity(users.len());
            for user in users {
                let fate = state.fate(&user, existing, now);
                outcomes.push(fate.outcome());
                match fate {
                    Fate::Settled(_) => {}
                    Fate::Insert => state.everyone.add(user),
                    Fate::Replace(old, new) => state.replace(&old, *new),
                }
            }
            state.keep(beside);
            let change = outcomes.contains(&Imported::Updated).then_some(Change::Everything);
            Ok((outcomes, change))
        })
    }

    async fn settle_import(&self, _: u64, _: bool, _: Turn) -> Result<bool, StoreError> {
        Ok(false)
    }

    async fn check_import(&self, users: Vec<User>, existing: Existing) -> Result<Vec<Imported>, StoreError> {
        let state = self.read()?;
        let now = Timestamp::from_millis(0);
        Ok(users.iter().map(|user| state.fate(user, existing, now).outcome()).collect())
    }

    async fn update(
        &self,
        id: UserId,
        change: UserChange,
        now: Timestamp,
        beside: Beside,
    ) -> Result<User, WriteError> {
        self.write(|state| {
            let changed = state.update(id, &change, now, beside)?;
            Ok((changed, Some(Change::User(id))))
        })
    }

    async fn replace_hash(
        &self,
        id: UserId,
        old: PasswordHash,
        new: PasswordHash,
    ) -> Result<bool, StoreError> {
        self.write(|state| {
            let user = state.everyone.users.get_mut(&id).filter(|user| user.password_hash == old);
            let replaced = user.is_some();
            if let Some(user) = user {
                user.password_hash = new;
            }
            Ok((replaced, replaced.then_some(Change::User(id))))
        })
    }

    async fn delete(
        &self,
        id: UserId,
        ticket: Ticket,
        require_active: bool,
        now: Timestamp,
        beside: Beside,
    ) -> Result<(), WriteError> {
        self.write(|state| {
            let user = state.everyone.by_id(id).cloned().ok_or(WriteError::NotFound)?;
            state.everyone.require_other_admin(&user, user.other_admin_needed(None, require_active))?;
            state.end_reset_codes(id);
            state.end_confirmation_codes(id);
            state.everyone.remove(&user);
            state.everyone.tickets.insert(ticket, (id, now));
            state.keep(beside);
            Ok(((), Some(Change::User(id))))
        })
    }

    async fn was_deleted(&self, id: UserId, ticket: Ticket, now: Timestamp) -> Result<bool, StoreError> {
        let state = self.read()?;
        let deleted = state.everyone.tickets.get(&ticket).filter(|(user, _)| *user == id);
        Ok(deleted.is_some_and(|(_, at)| *at > now.before(TICKET_LIFETIME)))
    }
}
