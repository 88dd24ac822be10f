//! Taking over users from elsewhere: what becomes of each, and of one who is there already.

use crate::name::Names;
use crate::time::Timestamp;
use crate::user::User;

/// What to do with a user whose id is there already, with other content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// It stays as it is.
    Keep,
    /// It becomes as the import says, by [`User::replaced_by`].
    Replace {
        /// Whether only active users may sign in, as in [`UserChange::require_active`](crate::UserChange).
        require_active: bool,
    },
}

/// How long a store may be kept busy at once while nobody else can write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Some fiftieth of a second: others write as well.
    Short,
    /// Some half a second: nobody else does.
    Long,
}

/// What became of one user of an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Imported {
    /// Nobody had the id: the user is new.
    Inserted,
    /// The user was there with other content, which was replaced.
    Updated,
    /// The user was there, and has all that the import says.
    Unchanged,
    /// The user is there with other content, which stays ([`Existing::Keep`]).
    Differs,
    /// Not taken: another user has one of the names, as username or as email.
    NameTaken,
    /// Not taken: it would have taken the last administrator away.
    LastAdmin,
}

impl User {
    /// Whether an imported user says nothing that this one does not have.
    ///
    /// When it was last changed does not count, nor does it that this one's tokens were revoked more often.
    #[must_use]
    pub fn has_all_of(&self, imported: &Self) -> bool {
        // Taken apart, so that no member is forgotten.
        let Self {
            id,
            names: Names { username, email },
            password_hash,
            scopes,
            plan,
            is_active,
            vendor,
            allowed_private_components,
            phone_number,
            title,
            metadata,
            created,
            modified: _,
            generation,
            // What this server knows of the address is no content of an import.
            confirmation_pending: _,
            address_vouched: _,
        } = self;
        *generation >= imported.generation
            && *id == imported.id
            // As they are shown: names compare by their folded form.
            && username.as_str() == imported.names.username.as_str()
            && email.as_str() == imported.names.email.as_str()
            && *password_hash == imported.password_hash
            && *scopes == imported.scopes
            && *plan == imported.plan
            && *is_active == imported.is_active
            && *vendor == imported.vendor
            && *allowed_private_components == imported.allowed_private_components
            && *phone_number == imported.phone_number
            && *title == imported.title
            && *metadata == imported.metadata
            && *created == imported.created
    }

    /// This user with an imported one's content. Tokens that were revoked stay so, and a new hash or a
    /// narrower scope revokes those that are good, as in [`User::changed`]. The address stays vouched for, or not;
    /// a user whom the import deactivates cannot confirm it.
    #[must_use]
    pub fn replaced_by(&self, imported: Self, require_active: bool, now: Timestamp) -> Self {
        let revoke = imported.password_hash != self.password_hash
            || !imported.scopes.includes(&self.scopes)
            || require_active && self.is_active && !imported.is_active;
        let generation = self.generation.saturating_add(u32::from(revoke));
        Self {
            id: self.id,
            // Never backwards, even when the clock is.
            modified: now.max(self.modified),
            generation: generation.max(imported.generation),
            confirmation_pending: self.confirmation_pending && !imported.is_active,
            address_vouched: self.address_vouched,
            ..imported
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{PasswordHash, Plan, Scopes, Username};

    fn joe() -> User {
        crate::user::tests::joe()
    }

    #[test]
    fn a_user_has_all_of_itself_however_often_its_tokens_were_revoked_since() {
        let since = User { generation: 9, modified: Timestamp::from_seconds(9_000_000_000), ..joe() };
        assert!(joe().has_all_of(&joe()) && since.has_all_of(&joe()));
        assert!(!joe().has_all_of(&since), "its tokens are to be revoked");
        for other in [
            User { names: Names::new(Username::parse("JOE@acme").ok(), None).unwrap(), ..joe() },
            User { password_hash: PasswordHash::from_phc("$other".to_owned()), ..joe() },
            User { plan: Plan::parse("beta").unwrap(), ..joe() },
            User { created: Timestamp::from_seconds(1), ..joe() },
            User { is_active: !joe().is_active, ..joe() },
        ] {
            assert!(!joe().has_all_of(&other));
        }
    }

    #[test]
    fn what_replaces_a_user_neither_vouches_for_the_address_nor_lets_a_deactivated_user_confirm_it() {
        let now = Timestamp::from_seconds(1_700_000_000);
        let imported =
            |is_active| User { is_active, confirmation_pending: !is_active, address_vouched: true, ..joe() };
        let marks = |old: &User, is_active| {
            let new = old.replaced_by(imported(is_active), false, now);
            (new.confirmation_pending, new.address_vouched)
        };
        let active = joe();
        let deactivated = User { is_active: false, ..joe() };
        let pending = User { confirmation_pending: true, ..deactivated.clone() };
        assert_eq!(marks(&active, false), (false, false));
        assert_eq!(marks(&deactivated, false), (false, false));
        assert_eq!(marks(&pending, false), (true, false));
        assert_eq!(marks(&pending, true), (false, false));
        assert!(marks(&User { address_vouched: true, ..pending }, true).1);
    }

    #[test]
    fn what_replaces_a_user_is_all_there_and_no_revoked_token_becomes_good_again() {
        let now = Timestamp::from_seconds(1_700_000_000);
        let old = User { generation: 5, ..joe() };
        let plan = User { plan: Plan::parse("beta").unwrap(), generation: 2, ..joe() };
        let hash = User { password_hash: PasswordHash::from_phc("$other".to_owned()), ..joe() };
        let narrower = User { scopes: Scopes::of_new_user(), ..joe() };
        let inactive = User { is_active: false, ..joe() };
        assert_eq!(old.replaced_by(inactive.clone(), false, now).generation, 5);
        let revoked = User { generation: 8, ..joe() };
        for (imported, generation) in [(plan, 5), (hash, 6), (narrower, 6), (revoked, 8), (inactive, 6)] {
            let replaced = old.replaced_by(imported.clone(), true, now);
            assert_eq!((replaced.generation, replaced.modified), (generation, now));
            assert!(replaced.has_all_of(&imported));
        }
    }
}
