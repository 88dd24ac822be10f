//! Messages to the world outside: what goes into the outbox, and which doors an administrator has opened.

use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::config::ConfigEntry;
use crate::id::{IdGenerator, UserId};
use crate::reset_code::ResetCode;
use crate::time::Timestamp;
use crate::user::User;

/// How long the delivery of an event is tried.
pub const EVENT_LIFETIME: Duration = Duration::from_hours(24);

/// The most messages that wait for one receiver; more are not kept.
pub const MAX_WAITING: u32 = 10_000;

/// Where a message goes. Each has one receiver, so that a slow one holds up nobody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Channel {
    /// The mail server, with the code for a forgotten password.
    ResetMail,
    /// `WEBHOOK_USER_FORGOT_PASSWORD`, with the same.
    ResetWebhook,
    /// `WEBHOOK_USER_CREATED`.
    CreatedWebhook,
    /// `WEBHOOK_USER_DELETED`.
    DeletedWebhook,
    /// The mail server, with the code that confirms an address.
    ConfirmMail,
    /// `WEBHOOK_USER_CONFIRM`, with the same code.
    ConfirmWebhook,
}

impl Channel {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::ResetMail,
        Self::ResetWebhook,
        Self::CreatedWebhook,
        Self::DeletedWebhook,
        Self::ConfirmMail,
        Self::ConfirmWebhook,
    ];

    /// The channel of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.as_str() == name)
    }

    /// Its name, which is kept and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ResetMail => "forgot-password-mail",
            Self::ResetWebhook => "forgot-password-webhook",
            Self::CreatedWebhook => "user-created-webhook",
            Self::DeletedWebhook => "user-deleted-webhook",
            Self::ConfirmMail => "confirm-mail",
            Self::ConfirmWebhook => "confirm-webhook",
        }
    }

    /// The key of the system configuration that opens it.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::ResetMail | Self::ConfirmMail => "MAIL_SMTP_HOST",
            Self::ResetWebhook => "WEBHOOK_USER_FORGOT_PASSWORD",
            Self::CreatedWebhook => "WEBHOOK_USER_CREATED",
            Self::DeletedWebhook => "WEBHOOK_USER_DELETED",
            Self::ConfirmWebhook => "WEBHOOK_USER_CONFIRM",
        }
    }
}

/// The channels that lead somewhere: those whose key is set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpenChannels(u8);

impl OpenChannels {
    /// Those that the entries open.
    #[must_use]
    pub fn of(entries: &[ConfigEntry]) -> Self {
        let is_set =
            |key| entries.iter().any(|entry| entry.key().as_str() == key && !entry.value().is_null());
        Channel::ALL.into_iter().filter(|channel| is_set(channel.key())).collect()
    }

    /// Whether this one is among them.
    #[must_use]
    pub const fn has(self, channel: Channel) -> bool {
        self.0 & (1 << channel as u8) != 0
    }
}

impl FromIterator<Channel> for OpenChannels {
    fn from_iter<I: IntoIterator<Item = Channel>>(channels: I) -> Self {
        Self(channels.into_iter().fold(0, |bits, channel| bits | 1 << channel as u8))
    }
}

/// A message's number, for good: a receiver that gets it twice can tell by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(UserId);

impl MessageId {
    /// The message of this id, which must be new.
    #[must_use]
    pub const fn new(id: UserId) -> Self {
        Self(id)
    }

    /// Its bytes, as a store keeps them.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 12] {
        self.0.as_bytes()
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a message says, as JSON. It may hold a code, so it is not shown by `Debug` and wipes itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Payload(Zeroizing<String>);

impl Payload {
    /// Takes the JSON.
    #[must_use]
    pub fn from_json(json: String) -> Self {
        Self(Zeroizing::new(json))
    }

    /// The JSON.
    #[must_use]
    pub fn as_json(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Payload(..)")
    }
}

/// Something to deliver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its number.
    pub id: MessageId,
    /// Where it goes.
    pub channel: Channel,
    /// What it says. Of a code, the code alone: whose it is, and the address, are looked up
    /// when it is delivered.
    pub payload: Payload,
    /// When it was written.
    pub created: Timestamp,
    /// From when on it is of no use.
    pub expires: Timestamp,
}

impl Message {
    /// A message that carries a code.
    pub(crate) fn with_code(
        ids: &IdGenerator,
        channel: Channel,
        code: &ResetCode,
        now: Timestamp,
        expires: Timestamp,
    ) -> Self {
        let payload = Payload::from_json(json!({ "code": code.as_str() }).to_string());
        Self { id: MessageId(ids.next(now)), channel, payload, created: now, expires }
    }

    /// That a user was made, if somebody wants to know.
    pub(crate) fn user_created(
        ids: &IdGenerator,
        open: OpenChannels,
        user: &User,
        now: Timestamp,
    ) -> Option<Self> {
        let told = json!({
            "userId": user.id,
            "username": user.names.username.as_str(),
            "email": user.names.email.as_str(),
            "isActive": user.is_active,
            "scope": user.scopes,
            "plan": user.plan,
            "vendor": user.vendor,
            "created": user.created,
        });
        Self::event(ids, open, Channel::CreatedWebhook, &told, now)
    }

    /// That a user was deleted, if somebody wants to know.
    pub(crate) fn user_deleted(
        ids: &IdGenerator,
        open: OpenChannels,
        user: &User,
        now: Timestamp,
    ) -> Option<Self> {
        let told = json!({
            "userId": user.id,
            "username": user.names.username.as_str(),
            "email": user.names.email.as_str(),
            "deleted": now,
        });
        Self::event(ids, open, Channel::DeletedWebhook, &told, now)
    }

    fn event(
        ids: &IdGenerator,
        open: OpenChannels,
        channel: Channel,
        told: &Value,
        now: Timestamp,
    ) -> Option<Self> {
        open.has(channel).then(|| Self {
            id: MessageId(ids.next(now)),
            channel,
            payload: Payload::from_json(told.to_string()),
            created: now,
            expires: now.after(EVENT_LIFETIME),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ConfigKey;

    #[test]
    fn channels_are_told_by_names_that_differ_and_opened_by_their_key_alone() {
        for channel in Channel::ALL {
            assert_eq!(Channel::parse(channel.as_str()), Some(channel));
            let entry = |value| ConfigEntry::from_store(ConfigKey::parse(channel.key()).unwrap(), value);
            let open = OpenChannels::of(&[entry(json!("http://x"))]);
            assert!(Channel::ALL.into_iter().all(|other| open.has(other) == (other.key() == channel.key())));
            assert_eq!(OpenChannels::of(&[entry(Value::Null)]), OpenChannels::default());
        }
        assert_eq!(Channel::parse("pigeon"), None);
    }

    #[test]
    fn debug_does_not_show_what_a_message_says() {
        let ids = IdGenerator::new([0; 8]);
        let code = ResetCode::from_random(&[7; 32]);
        let now = Timestamp::from_seconds(1);
        let message = Message::with_code(&ids, Channel::ResetMail, &code, now, now);
        assert!(message.payload.as_json().contains(code.as_str()));
        assert!(!format!("{message:?}").contains(code.as_str()));
    }
}
