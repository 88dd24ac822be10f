//! What the domain asks of a database.
//!
//! A write's `Ok` means that it is on disk, together with what was to be kept beside it ([`Beside`]); a write that
//! is not made leaves neither. "Not there" is an answer (`Option`), not an error.

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;
use thiserror::Error;

use crate::acl::{AclType, RuleSet};
use crate::audit::Beside;
use crate::audit_log::AuditLog;
use crate::config::{ConfigEntry, ConfigKey};
use crate::confirm::ConfirmationCodes;
use crate::id::{Ticket, UserId};
use crate::import::{Existing, Imported, Turn};
use crate::name::LoginName;
use crate::outbox::{Outbox, ResetCodes};
use crate::password::PasswordHash;
use crate::signing_key::SigningKeys;
use crate::time::Timestamp;
use crate::user::{User, UserChange};
use crate::user_query::{Sort, Stretch, UserPage, UserQuery};

/// How long after a deletion its ticket answers (contract, "Users").
pub const TICKET_LIFETIME: Duration = Duration::from_hours(24);

/// What went wrong inside a store. The text is for the operator's log and never holds a stored value.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StoreError {
    /// It cannot be reached, is stopping, or has too much to do. Later it may work.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// There is no room, or no permission, to write.
    #[error("the store cannot write: {0}")]
    ReadOnly(String),
    /// What it holds is damaged or from a version that this one does not know.
    #[error("the store is damaged: {0}")]
    Corrupt(String),
    /// There are as many entries as there may be.
    #[error("at most {0} entries are possible")]
    TooMany(usize),
    /// A defect of ours.
    #[error("the store failed: {0}")]
    Internal(String),
}

/// Why a change to the users was not made.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum WriteError {
    /// No user has the id.
    #[error("there is no such user")]
    NotFound,
    /// Another user has one of the names, as username or as email.
    #[error("the name is taken")]
    NameTaken,
    /// The user's tokens were revoked since the change was asked for ([`UserChange::only_at_generation`]).
    #[error("the user has changed meanwhile")]
    Overtaken,
    /// Nobody would be left to administer.
    #[error("the last administrator stays")]
    LastAdmin,
    /// The store itself failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The users.
#[async_trait]
pub trait Users: Send + Sync {
    /// The user with this id.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn find_by_id(&self, id: UserId) -> Result<Option<User>, StoreError>;

    /// The user whose username or email this is.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn find_by_login(&self, name: &LoginName) -> Result<Option<User>, StoreError>;

    /// Whether somebody has the scope `admin`.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn any_admin(&self) -> Result<bool, StoreError>;

    /// Up to `limit` users in the order of their ids, from the one behind `after`.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn list(&self, after: Option<UserId>, limit: u32) -> Result<Vec<User>, StoreError>;

    /// A stretch of the users who are asked for. Stays quick however many there are, where the question allows it:
    /// without filters and pattern at any offset, with one filter or a pattern on the first pages.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn search(&self, query: UserQuery, sort: Sort, stretch: Stretch) -> Result<UserPage, StoreError>;

    /// How many users a question asks for.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn count(&self, query: UserQuery) -> Result<u64, StoreError>;

    /// Keeps a new user.
    ///
    /// # Errors
    /// [`WriteError::NameTaken`], [`WriteError::Store`].
    async fn insert(&self, user: User, beside: Beside) -> Result<(), WriteError>;

    /// Keeps a new user, who is an administrator, while there is no other one; answers whether it did. Of many at
    /// once, one does.
    ///
    /// # Errors
    /// As [`Users::insert`].
    async fn insert_first_administrator(&self, user: User, beside: Beside) -> Result<bool, WriteError>;

    /// Takes over many users, one after the other, and answers what became of each, in their order. What is
    /// wrong with one does not keep the others out. All that the answer says is on disk, and so is what is to
    /// be kept beside it, once, whatever became of them.
    ///
    /// Nobody else can write meanwhile: a tenth of a second's users at once is enough.
    ///
    /// # Errors
    /// [`StoreError`]: then none of them was taken.
    async fn import(
        &self,
        users: Vec<User>,
        existing: Existing,
        now: Timestamp,
        beside: Beside,
    ) -> Result<Vec<Imported>, StoreError>;

    /// Puts in order what users are found by, after so many were imported: the `first` piece of it, or another one.
    /// Answers whether there is more to do. Users are found without it as well, if more slowly.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn settle_import(&self, imported: u64, first: bool, turn: Turn) -> Result<bool, StoreError>;

    /// What [`Users::import`] would say, each user looked at alone: of two that want the same name, both are
    /// new. Writes nothing.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn check_import(&self, users: Vec<User>, existing: Existing) -> Result<Vec<Imported>, StoreError>;

    /// Changes a user by [`User::changed`] and answers with the outcome.
    ///
    /// # Errors
    /// [`WriteError`].
    async fn update(
        &self,
        id: UserId,
        change: UserChange,
        now: Timestamp,
        beside: Beside,
    ) -> Result<User, WriteError>;

    /// Replaces a hash by one of the same password, if it still is the one that the user has. Revokes nothing.
    /// Answers whether it did.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn replace_hash(
        &self,
        id: UserId,
        old: PasswordHash,
        new: PasswordHash,
    ) -> Result<bool, StoreError>;

    /// Deletes a user with all that belongs to it, in one step, and keeps the ticket for
    /// [`TICKET_LIFETIME`]. `require_active`: whether only active users may sign in, so that the last
    /// administrator who is active must stay.
    ///
    /// # Errors
    /// [`WriteError::NotFound`], [`WriteError::LastAdmin`], [`WriteError::Store`].
    async fn delete(
        &self,
        id: UserId,
        ticket: Ticket,
        require_active: bool,
        now: Timestamp,
        beside: Beside,
    ) -> Result<(), WriteError>;

    /// Whether the ticket is one for the deletion of this user, and not yet too old.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn was_deleted(&self, id: UserId, ticket: Ticket, now: Timestamp) -> Result<bool, StoreError>;
}

/// The system configuration's entries.
#[async_trait]
pub trait Settings: Send + Sync {
    /// All entries, in the order of their keys.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn entries(&self) -> Result<Vec<ConfigEntry>, StoreError>;

    /// Creates or replaces an entry.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn set(&self, entry: ConfigEntry, beside: Beside) -> Result<(), StoreError>;

    /// Creates an entry unless there is one whose value is not null; returns the one that there is.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn set_if_absent(&self, entry: ConfigEntry) -> Result<ConfigEntry, StoreError>;

    /// Removes an entry; answers whether there was one.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn remove(&self, key: ConfigKey, beside: Beside) -> Result<bool, StoreError>;
}

/// The access rules.
#[async_trait]
pub trait AccessRules: Send + Sync {
    /// The rules of a type; `None` while nobody has replaced the defaults.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn access_rules(&self, kind: AclType) -> Result<Option<RuleSet>, StoreError>;

    /// Keeps these in the place of all rules of their type.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn replace_access_rules(&self, rules: RuleSet, beside: Beside) -> Result<(), StoreError>;
}

/// A database that holds everything.
#[async_trait]
pub trait Store:
    Users + Settings + AccessRules + AuditLog + ResetCodes + ConfirmationCodes + Outbox + SigningKeys
{
    /// Asks the database for an answer, to see whether it can give any.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn ping(&self) -> Result<(), StoreError>;

    /// Writes what was noted and nobody waits for. To be called once, at the end.
    async fn close(&self) {}

    /// The servers that share this database; none where only one can have it.
    fn neighbours(&self) -> Option<&dyn Neighbours> {
        None
    }
}

/// What servers that share a database tell each other beside it: news, which help for an hour and are no loss then.
#[async_trait]
pub trait Neighbours: Send + Sync {
    /// Tells all others, also those that start within the next [`NEWS_KEPT`].
    ///
    /// # Errors
    /// [`StoreError`].
    async fn tell(&self, news: Vec<u8>) -> Result<(), StoreError>;

    /// Some of what others have told since the last time, in order; the first time, of what was told within
    /// [`NEWS_KEPT`]. When it is nothing, there is no more for now.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn hear(&self) -> Result<Vec<News>, StoreError>;
}

/// How long news are kept for those that start later.
pub const NEWS_KEPT: Duration = Duration::from_hours(1);

/// What another server has told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// How long ago.
    pub age: Duration,
    /// What.
    pub message: Vec<u8>,
}

/// What has changed in a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// This user was changed or deleted.
    User(UserId),
    /// An entry of the system configuration, the access rules, or the keys that sign tokens.
    Config,
    /// Another process wrote something: whatever is remembered may be old.
    Everything,
}

/// Forgets what is remembered of something that has changed.
///
/// A store calls it after the change is on disk and before the one who asked for it gets the answer, so
/// that no later request sees the old state.
pub trait ChangeListener: Send + Sync {
    /// Called once for each change. Must be quick, since it holds up the store's writer.
    fn changed(&self, change: Change);
}

/// For whoever remembers nothing, and so has nothing to forget.
impl ChangeListener for () {
    fn changed(&self, _: Change) {}
}
