//! The user, and how a change turns one into the next.

use std::fmt;

use crate::id::UserId;
use crate::name::Names;
use crate::password::PasswordHash;
use crate::profile::{Metadata, Plan, Text, Vendor};
use crate::scope::Scopes;
use crate::time::Timestamp;

/// The highest token generation that an import may set.
///
/// A user whose generation is the highest number there is could be revoked no more. From here on there are two thousand
/// million revocations left.
pub const MAX_IMPORTED_GENERATION: u32 = u32::MAX / 2;

/// Everything that is stored of a user (contract, "Users").
#[derive(Clone, PartialEq)]
pub struct User {
    /// The id, for good.
    pub id: UserId,
    /// The names that sign in.
    pub names: Names,
    /// The hash of the password.
    pub password_hash: PasswordHash,
    /// What the user may do.
    pub scopes: Scopes,
    /// The plan.
    pub plan: Plan,
    /// Whether the address is confirmed.
    pub is_active: bool,
    /// The vendors, if any.
    pub vendor: Vendor,
    /// Components that the user sees although they are private.
    pub allowed_private_components: Vec<Text>,
    /// The phone number, if given.
    pub phone_number: Option<Text>,
    /// The title, if given.
    pub title: Option<Text>,
    /// What clients keep with the user.
    pub metadata: Metadata,
    /// When the user was made.
    pub created: Timestamp,
    /// When the user was last changed.
    pub modified: Timestamp,
    /// The token generation: how often the user's tokens were revoked. A token of another generation is not good.
    pub generation: u32,
    /// Whether the user may still confirm the address. An administrator's deactivation clears it.
    pub confirmation_pending: bool,
    /// Whether an administrator or a command created the user, and so vouches for the address.
    pub address_vouched: bool,
}

/// Only what is neither secret nor personal.
impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User")
            .field("id", &self.id)
            .field("scopes", &self.scopes)
            .field("generation", &self.generation)
            .finish_non_exhaustive()
    }
}

/// A change to a user: what is `Some` replaces what was.
#[derive(Clone, Debug, Default)]
pub struct UserChange {
    /// The new username.
    pub username: Option<crate::name::Username>,
    /// The new email address.
    pub email: Option<crate::name::Email>,
    /// The hash of a new password; revokes the user's tokens.
    pub password_hash: Option<PasswordHash>,
    /// The new scopes; revokes the user's tokens when one that was there is missing.
    pub scopes: Option<Scopes>,
    /// The new plan.
    pub plan: Option<Plan>,
    /// Whether the address is confirmed.
    pub is_active: Option<bool>,
    /// The new vendors.
    pub vendor: Option<Vendor>,
    /// The new privately allowed components.
    pub allowed_private_components: Option<Vec<Text>>,
    /// The new metadata; replaces the old as a whole.
    pub metadata: Option<Metadata>,
    /// Revokes the user's tokens whatever else changes.
    pub revoke_tokens: bool,
    /// Activates a pending user, who has proved to receive what is sent to the address.
    pub confirm_address: bool,
    /// Whether only active users may sign in. Then a deactivation revokes the user's tokens, and the last
    /// administrator who is active must stay so.
    pub require_active: bool,
    /// Makes the change only while this is the user's token generation: whoever proved something about the
    /// user may have been overtaken.
    pub only_at_generation: Option<u32>,
}

impl UserChange {
    /// Whether the change leaves everything as it was.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.username.is_none()
            && self.email.is_none()
            && self.password_hash.is_none()
            && self.scopes.is_none()
            && self.plan.is_none()
            && self.is_active.is_none()
            && self.vendor.is_none()
            && self.allowed_private_components.is_none()
            && self.metadata.is_none()
            && !self.revoke_tokens
            && !self.confirm_address
    }
}

/// Which other administrator must exist for a change to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OtherAdmin {
    /// Any one.
    Any,
    /// One who is active.
    Active,
}

impl User {
    /// The user after a change. Stores call it inside the transaction that writes the outcome, so that
    /// two changes at once both count.
    #[must_use]
    pub fn changed(&self, change: &UserChange, now: Timestamp) -> Self {
        fn replace<T: Clone>(new: Option<&T>, old: &T) -> T {
            new.unwrap_or(old).clone()
        }
        let scopes = replace(change.scopes.as_ref(), &self.scopes);
        let is_active = change.is_active.unwrap_or_else(|| {
            self.is_active && !self.gets_another_address(change)
                || self.confirmation_pending && change.confirm_address
        });
        let revoke = change.revoke_tokens
            || change.password_hash.is_some()
            || !scopes.includes(&self.scopes)
            || change.require_active && self.is_active && !is_active;
        Self {
            id: self.id,
            names: Names {
                username: replace(change.username.as_ref(), &self.names.username),
                email: replace(change.email.as_ref(), &self.names.email),
            },
            password_hash: replace(change.password_hash.as_ref(), &self.password_hash),
            scopes,
            plan: replace(change.plan.as_ref(), &self.plan),
            is_active,
            vendor: replace(change.vendor.as_ref(), &self.vendor),
            allowed_private_components: replace(
                change.allowed_private_components.as_ref(),
                &self.allowed_private_components,
            ),
            phone_number: self.phone_number.clone(),
            title: self.title.clone(),
            metadata: replace(change.metadata.as_ref(), &self.metadata),
            created: self.created,
            // Never backwards, even when the clock is.
            modified: now.max(self.modified),
            generation: self.generation.saturating_add(u32::from(revoke)),
            confirmation_pending: !is_active
                // An active user becomes pending with another address, and not if somebody deactivates it.
                && if self.is_active { change.is_active.is_none() } else { self.confirmation_pending },
            address_vouched: self.address_vouched,
        }
    }

    /// Whether the change gives the user another address, beyond the case of ASCII letters.
    fn gets_another_address(&self, change: &UserChange) -> bool {
        let old = self.names.email.as_str();
        change.email.as_ref().is_some_and(|new| !new.as_str().eq_ignore_ascii_case(old))
    }

    /// Whether the email address may count in access rules: it is confirmed, or an administrator or a command
    /// created the user.
    #[must_use]
    pub const fn address_is_trusted(&self) -> bool {
        self.is_active || self.address_vouched
    }

    /// The names of the members in which the other, a later state of this user, differs.
    #[must_use]
    pub fn members_that_differ(&self, other: &Self) -> Vec<&'static str> {
        let members = [
            ("username", self.names.username.as_str() != other.names.username.as_str()),
            ("email", self.names.email.as_str() != other.names.email.as_str()),
            ("password", self.password_hash != other.password_hash),
            ("scope", self.scopes != other.scopes),
            ("plan", self.plan != other.plan),
            ("isActive", self.is_active != other.is_active),
            ("vendor", self.vendor != other.vendor),
            ("allowedPrivateComponents", self.allowed_private_components != other.allowed_private_components),
            ("phoneNumber", self.phone_number != other.phone_number),
            ("title", self.title != other.title),
            ("metadata", self.metadata != other.metadata),
        ];
        members.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
    }

    /// Whether the change from this user to the other ends the codes for a forgotten password: a revocation,
    /// or another name, however little it differs.
    #[must_use]
    pub fn ends_reset_codes_in(&self, changed: &Self) -> bool {
        self.generation != changed.generation
            || self.names.username.as_str() != changed.names.username.as_str()
            || self.names.email.as_str() != changed.names.email.as_str()
    }

    /// Whether the change from this user to the other ends the codes that confirm the address: whatever ends the
    /// others, and if there is nothing to confirm any more.
    #[must_use]
    pub fn ends_confirmation_codes_in(&self, changed: &Self) -> bool {
        self.ends_reset_codes_in(changed) || !changed.confirmation_pending
    }

    /// Which other administrator must exist for this user to become the other one, or to be deleted (contract,
    /// "The last admin"). Stores ask it inside the transaction.
    ///
    /// `require_active`: whether only active users may sign in. An administrator whose address has changed counts
    /// as one who may not, whatever the operator requires.
    #[must_use]
    pub fn other_admin_needed(&self, changed: Option<&Self>, require_active: bool) -> Option<OtherAdmin> {
        if !self.scopes.has_admin() {
            return None;
        }
        let (stays_admin, stays_active, is_moved) = changed.map_or((false, false, false), |changed| {
            (changed.scopes.has_admin(), changed.is_active, changed.confirmation_pending)
        });
        if self.is_active && !(stays_admin && stays_active) {
            Some(if require_active || is_moved { OtherAdmin::Active } else { OtherAdmin::Any })
        } else {
            (!stays_admin).then_some(OtherAdmin::Any)
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::name::{Email, Username};

    pub(crate) fn joe() -> User {
        User {
            id: UserId::from_bytes([7; 12]),
            names: Names::new(Username::parse("joe@acme").ok(), None).unwrap(),
            password_hash: PasswordHash::from_phc("$argon2id$secret".to_owned()),
            scopes: Scopes::parse(["user", "admin"]).unwrap(),
            plan: Plan::free(),
            is_active: true,
            vendor: Vendor::NONE,
            allowed_private_components: Vec::new(),
            phone_number: None,
            title: None,
            metadata: Metadata::default(),
            created: Timestamp::from_seconds(10),
            modified: Timestamp::from_seconds(20),
            generation: 0,
            confirmation_pending: false,
            address_vouched: false,
        }
    }

    fn after(change: &UserChange) -> User {
        joe().changed(change, Timestamp::from_seconds(30))
    }

    #[test]
    fn an_empty_change_touches_only_the_time() {
        assert!(UserChange::default().is_empty());
        assert_eq!(after(&UserChange::default()), User { modified: Timestamp::from_seconds(30), ..joe() });
    }

    #[test]
    fn a_new_password_and_a_narrower_scope_revoke_and_a_wider_one_does_not() {
        let scopes = |list: &[&str]| UserChange { scopes: Scopes::parse(list).ok(), ..UserChange::default() };
        assert_eq!(after(&scopes(&["user", "admin", "tester"])).generation, 0);
        assert_eq!(after(&scopes(&["admin", "user"])).generation, 0);
        assert_eq!(after(&scopes(&["admin", "tester"])).generation, 1);
        let password = Some(PasswordHash::from_phc("$new".to_owned()));
        assert_eq!(after(&UserChange { password_hash: password, ..UserChange::default() }).generation, 1);
        assert_eq!(after(&UserChange { revoke_tokens: true, ..UserChange::default() }).generation, 1);
        let email = Some(Email::parse("j@x").unwrap());
        assert_eq!(after(&UserChange { email, ..UserChange::default() }).generation, 0);
    }

    #[test]
    fn losing_the_scope_the_activation_or_the_address_needs_another_administrator() {
        let needed = |user: &User, change: &UserChange, require_active| {
            user.other_admin_needed(Some(&user.changed(change, user.modified)), require_active)
        };
        let demoted = UserChange { scopes: Scopes::parse(["user"]).ok(), ..UserChange::default() };
        let locked = UserChange { is_active: Some(false), ..UserChange::default() };
        let moved = UserChange { email: Email::parse("j@x").ok(), ..UserChange::default() };
        let (any, active) = (Some(OtherAdmin::Any), Some(OtherAdmin::Active));
        let inactive = User { is_active: false, ..joe() };
        for (change, by_default, required, of_inactive) in [
            (&UserChange::default(), None, None, None),
            (&demoted, any, active, any),
            (&locked, any, active, None),
            (&moved, active, active, None),
        ] {
            assert_eq!(needed(&joe(), change, false), by_default, "{change:?}");
            assert_eq!(needed(&joe(), change, true), required, "{change:?}");
            assert_eq!(needed(&inactive, change, true), of_inactive, "{change:?}");
        }
        assert_eq!(joe().other_admin_needed(None, false), any);
        assert_eq!(joe().other_admin_needed(None, true), active);
        assert_eq!(inactive.other_admin_needed(None, true), any);
        let user = User { scopes: Scopes::of_new_user(), ..joe() };
        assert_eq!(user.other_admin_needed(None, true), None);
    }

    #[test]
    fn another_address_is_unconfirmed_until_a_code_arrives_or_an_administrator_says_so() {
        let state = |user: &User| (user.is_active, user.confirmation_pending, user.generation);
        let change = |user: &User, change: UserChange| user.changed(&change, user.modified);
        let email = |text: &str| UserChange { email: Email::parse(text).ok(), ..UserChange::default() };
        assert_eq!(state(&change(&joe(), email("JOE@acme"))), (true, false, 0));
        let moved = change(&joe(), email("joe@x"));
        assert_eq!(state(&moved), (false, true, 0));
        let required = change(&joe(), UserChange { require_active: true, ..email("joe@x") });
        assert_eq!(state(&required), (false, true, 1), "no token becomes good again with the activation");
        for (is_active, pending) in [(true, false), (false, false)] {
            let told = change(&joe(), UserChange { is_active: Some(is_active), ..email("joe@x") });
            assert_eq!(state(&told), (is_active, pending, 0));
        }
        let confirm = || UserChange { confirm_address: true, ..UserChange::default() };
        assert_eq!(state(&change(&moved, confirm())), (true, false, 0));
        // Who was deactivated does not come back by a code, nor by another address.
        let deactivated = User { is_active: false, ..joe() };
        assert_eq!(state(&change(&deactivated, confirm())), (false, false, 0));
        assert_eq!(state(&change(&deactivated, email("joe@x"))), (false, false, 0));
    }

    #[test]
    fn a_deactivation_that_is_repeated_changes_nothing() {
        let deactivate = UserChange { is_active: Some(false), require_active: true, ..UserChange::default() };
        let change = |user: &User| user.changed(&deactivate, user.modified);
        assert_eq!(change(&joe()).generation, 1);
        let pending = User { is_active: false, confirmation_pending: true, ..joe() };
        assert_eq!(change(&pending), pending);
        assert!(!pending.ends_confirmation_codes_in(&pending) && joe().ends_confirmation_codes_in(&joe()));
    }

    #[test]
    fn an_address_is_trusted_if_it_is_confirmed_or_vouched_for() {
        let trusted = |is_active, address_vouched| {
            let user = User { is_active, address_vouched, ..joe() };
            let deactivated = UserChange { is_active: Some(false), ..UserChange::default() };
            let after = user.changed(&deactivated, Timestamp::from_seconds(30));
            assert!(!after.confirmation_pending);
            (user.address_is_trusted(), after.address_is_trusted())
        };
        assert_eq!(trusted(false, false), (false, false));
        assert_eq!(trusted(true, false), (true, false));
        assert_eq!(trusted(false, true), (true, true));
    }

    #[test]
    fn the_change_time_never_goes_back() {
        assert_eq!(
            joe().changed(&UserChange::default(), Timestamp::from_seconds(1)).modified,
            joe().modified
        );
    }

    #[test]
    fn debug_shows_neither_names_nor_hash() {
        let text = format!("{:?}", joe());
        assert!(!text.contains("joe") && !text.contains("secret"), "{text}");
    }
}
