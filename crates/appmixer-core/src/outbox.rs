//! What the domain asks of a database about forgotten passwords, and about messages that wait for delivery.

use async_trait::async_trait;

use crate::audit::Beside;
use crate::message::{Channel, Message, MessageId, Payload};
use crate::name::LoginName;
use crate::password::PasswordHash;
use crate::reset_code::CodeDigest;
use crate::store::{StoreError, WriteError};
use crate::time::Timestamp;
use crate::user::User;

/// A code to store, with the messages that carry it.
#[derive(Clone, Debug)]
pub struct NewCode {
    /// What is kept of the code.
    pub digest: CodeDigest,
    /// When it was made.
    pub created: Timestamp,
    /// From when on it is not good any more.
    pub expires: Timestamp,
    /// They go wherever the code goes: with it they end.
    pub messages: Vec<Message>,
}

/// The codes for forgotten passwords.
#[async_trait]
pub trait ResetCodes: Send + Sync {
    /// Keeps a code for the user of this name, with its messages; at most
    /// [`MAX_RESET_CODES`](crate::MAX_RESET_CODES) of them, the newest. If nobody has the name, the same is written,
    /// now and later, so that time does not tell; but nobody can redeem it.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn keep_reset_code(&self, name: LoginName, code: NewCode, beside: Beside)
    -> Result<(), StoreError>;

    /// The user whose code this is, while it is good.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn find_by_reset_code(&self, code: CodeDigest, now: Timestamp) -> Result<Option<User>, StoreError>;

    /// Uses the code up, in one step with giving its user the new password; all other codes of the user and
    /// all tokens end with that, and a pending user becomes active: the code was sent to the address.
    ///
    /// # Errors
    /// [`WriteError::NotFound`]: the code is not good, or not any more. [`WriteError::Store`].
    async fn redeem_reset_code(
        &self,
        code: CodeDigest,
        new: PasswordHash,
        now: Timestamp,
        beside: Beside,
    ) -> Result<User, WriteError>;
}

/// A message that somebody has taken to deliver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// The message.
    pub message: Message,
    /// How often it was taken, this time included. Whoever settles it must name it, so that one who was too
    /// slow does not undo what another one did.
    pub attempt: u32,
}

/// What becomes of a message after an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// It is delivered, or given up: it goes.
    Done,
    /// It is to be tried again.
    Again {
        /// When.
        at: Timestamp,
        /// What went wrong, without secrets or personal data.
        error: String,
    },
}

/// A message that waits, for operators: without what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Its number.
    pub id: MessageId,
    /// Where it goes.
    pub channel: Channel,
    /// When it was written.
    pub created: Timestamp,
    /// When it is given up.
    pub expires: Timestamp,
    /// When it is tried next.
    pub due: Timestamp,
    /// How often it was tried.
    pub attempts: u32,
    /// What went wrong last.
    pub error: Option<String>,
}

/// The messages that wait. They are written beside the changes that cause them ([`Beside`]), at most
/// [`MAX_WAITING`](crate::MAX_WAITING) for each channel.
#[async_trait]
pub trait Outbox: Send + Sync {
    /// Takes up to `limit` messages that are due, the oldest first. Until `until` nobody else gets them; if
    /// they are not settled by then, they are due again.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn claim(
        &self,
        channel: Channel,
        limit: u32,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<Claimed>, StoreError>;

    /// Says what becomes of a message that was taken. Nothing happens if it has been taken anew since.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn settle(&self, id: MessageId, attempt: u32, outcome: Settlement) -> Result<(), StoreError>;

    /// When the next message of the channel is due.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn next_due(&self, channel: Channel) -> Result<Option<Timestamp>, StoreError>;

    /// Up to `limit` messages in the order of their ids, from the one behind `after`.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn waiting(&self, after: Option<MessageId>, limit: u32) -> Result<Vec<Waiting>, StoreError>;

    /// How many messages of the channel wait.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn count_waiting(&self, channel: Channel) -> Result<u64, StoreError>;

    /// Waits until there may be new messages since the call that answered `seen` (0 before the first).
    async fn arrived(&self, seen: u64) -> u64;
}

impl Claimed {
    /// A message as a store kept it.
    #[must_use]
    pub fn new(
        id: MessageId,
        channel: Channel,
        payload: String,
        times: [Timestamp; 2],
        attempt: u32,
    ) -> Self {
        let [created, expires] = times;
        let payload = Payload::from_json(payload);
        Self { message: Message { id, channel, payload, created, expires }, attempt }
    }
}
