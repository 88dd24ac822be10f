//! What a dry run remembers of a file: what an import would find in the database by then.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;

use appmixer_core::{Existing, Imported, User, UserId};
use appmixer_transfer::write_user;

/// Users of the file by id and by name; some 100 bytes each. Names and contents are remembered by their
/// keyed 64-bit hashes: that two of ten million are taken for one has a chance of one in a million.
#[derive(Default)]
pub(super) struct Seen {
    hash: RandomState,
    contents: HashMap<UserId, u64>,
    owners: HashMap<u64, UserId>,
}

impl Seen {
    /// What would become of a user, when the database alone would say this.
    pub(super) fn outcome(&mut self, user: &User, existing: Existing, stored: Imported) -> Imported {
        let names: Vec<_> = user.names.logins().map(|name| self.hash.hash_one(name.folded())).collect();
        if names.iter().any(|name| self.owners.get(name).is_some_and(|owner| *owner != user.id)) {
            return Imported::NameTaken;
        }
        let content = self.content(user);
        let outcome = match self.contents.get(&user.id) {
            Some(before) if *before == content => Imported::Unchanged,
            Some(_) if existing == Existing::Keep => Imported::Differs,
            Some(_) if stored == Imported::Inserted => Imported::Updated,
            _ => stored,
        };
        if matches!(outcome, Imported::Inserted | Imported::Updated) {
            self.contents.insert(user.id, content);
            self.owners.extend(names.into_iter().map(|name| (name, user.id)));
        }
        outcome
    }

    fn content(&self, user: &User) -> u64 {
        let mut line = Vec::new();
        // Writing into memory does not fail.
        let _ = write_user(&mut line, user);
        self.hash.hash_one(&line)
    }
}
