//! The keys that sign tokens, as they are kept: which signs when, and how one takes the place of another.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use thiserror::Error;

use crate::audit::{AuditDetails, AuditEntry, AuditKind, Beside};
use crate::context::Context;
use crate::origin::Origin;
use crate::store::StoreError;
use crate::time::Timestamp;

/// The most keys that are kept at a time: each that has not ended may be asked about each token.
pub const MAX_SIGNING_KEYS: usize = 16;

/// How much longer than its tokens a replaced key verifies: the clocks of two nodes are never quite the same.
pub const KEY_END_MARGIN: Duration = Duration::from_mins(1);

/// The name of the secrets that no store keeps: those of the server's own configuration.
pub const OWN_SECRETS: &str = "configuration";

/// The text is no key's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("must be a key's id, of letters, digits, - and _")]
pub struct InvalidKeyId;

/// A key's name, which is public: what tokens call `kid`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeyId(Box<str>);

impl KeyId {
    /// Reads a name: 1 to 64 characters of base64url.
    ///
    /// # Errors
    /// [`InvalidKeyId`].
    pub fn parse(text: &str) -> Result<Self, InvalidKeyId> {
        let good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if text.is_empty() || text.len() > 64 || !text.bytes().all(good) {
            return Err(InvalidKeyId);
        }
        Ok(Self(text.into()))
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A key as it is kept. `Debug` does not show the sealed part.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyRecord {
    /// Its name.
    pub id: KeyId,
    /// Its algorithm, by the name that tokens have for it.
    pub algorithm: String,
    /// Its private part, sealed. Of [`OWN_SECRETS`], which are kept elsewhere, something sealed under them, by which
    /// others can be told apart; empty until a server has started.
    pub sealed: Vec<u8>,
    /// When it was made.
    pub created: Timestamp,
    /// From when on it may sign.
    pub activates: Timestamp,
    /// From when on it verifies nothing. `None` for the newest, which nothing has replaced.
    pub ends: Option<Timestamp>,
    /// The longest lifetime of a token that it may have signed, in whole seconds. It is recorded before the first
    /// token of that lifetime is signed, and never shortened.
    pub lifetime: Duration,
}

impl KeyRecord {
    /// Whether it stands for the configuration's secrets.
    #[must_use]
    pub fn is_own(&self) -> bool {
        self.id.as_str() == OWN_SECRETS
    }

    /// Whether it verifies nothing any more.
    #[must_use]
    pub fn has_ended(&self, now: Timestamp) -> bool {
        self.ends.is_some_and(|end| end <= now)
    }
}

impl fmt::Debug for KeyRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRecord")
            .field("id", &self.id)
            .field("algorithm", &self.algorithm)
            .field("activates", &self.activates)
            .field("ends", &self.ends)
            .field("lifetime", &self.lifetime)
            .finish_non_exhaustive()
    }
}

/// Which of the keys, oldest first, signs at this time: the newest that may.
#[must_use]
pub fn signs_at(keys: &[KeyRecord], now: Timestamp) -> Option<usize> {
    keys.iter().rposition(|key| key.activates <= now)
}

/// When a key is added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddKey {
    /// In any case.
    Always,
    /// If there is none but [`OWN_SECRETS`]: of several servers that start at once, one makes the first.
    IfFirst,
}

/// What became of a key that was to be retired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retired {
    /// It is gone.
    Done,
    /// There is no such key.
    NotFound,
    /// It signs: another one has to take its place first.
    Signs,
}

/// The keys, oldest first. [`OWN_SECRETS`] are always among them, and the newest has no end.
#[async_trait]
pub trait SigningKeys: Send + Sync {
    /// All of them.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn signing_keys(&self) -> Result<Vec<KeyRecord>, StoreError>;

    /// Adds a key behind all others. Each key that may sign until then ends when the last token that it may have
    /// signed has expired ([`KeyRecord::lifetime`]), and not before `others_end` or an end that it already had.
    /// Returns the latest of these ends; `None` if the key was not added.
    ///
    /// # Errors
    /// [`StoreError::TooMany`] for more than [`MAX_SIGNING_KEYS`], and others.
    async fn add_signing_key(
        &self,
        key: KeyRecord,
        others_end: Timestamp,
        when: AddKey,
        beside: Beside,
    ) -> Result<Option<Timestamp>, StoreError>;

    /// Records that these keys may sign tokens of this lifetime. A key that was replaced in the meantime gets a later
    /// end if it needs one.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn record_lifetime(&self, ids: Vec<KeyId>, lifetime: Duration) -> Result<(), StoreError>;

    /// Ends a key at once; [`OWN_SECRETS`] stay, with `now` as their end. If it was the newest, the newest of those
    /// that remain has no end any more. One that signs is retired only if it `may_sign`, which is for a key that
    /// cannot be opened, and never if it is [`OWN_SECRETS`].
    ///
    /// # Errors
    /// [`StoreError`].
    async fn retire_signing_key(
        &self,
        id: KeyId,
        may_sign: bool,
        now: Timestamp,
        beside: Beside,
    ) -> Result<Retired, StoreError>;

    /// Replaces a sealed part by one of the same key, if it still is the one that was read. Answers whether it did.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn reseal_signing_key(&self, id: KeyId, old: Vec<u8>, new: Vec<u8>) -> Result<bool, StoreError>;

    /// Forgets keys that have ended; answers how many. [`OWN_SECRETS`] stay: that they have ended is to be known.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn forget_ended_keys(&self, now: Timestamp) -> Result<u32, StoreError>;
}

/// Adds a key, with its entry in the audit log, as [`SigningKeys::add_signing_key`] does.
///
/// # Errors
/// [`StoreError`].
pub async fn add_key(
    ctx: &Context,
    origin: &Origin,
    key: KeyRecord,
    others_end: Timestamp,
    when: AddKey,
) -> Result<Option<Timestamp>, StoreError> {
    let entry = AuditEntry::new(key.created, AuditKind::KeyRotated, origin);
    let entry = entry.with(AuditDetails::signing_key(&key.id));
    ctx.store.add_signing_key(key, others_end, when, ctx.beside(entry)).await
}

/// Retires a key, with its entry in the audit log.
///
/// # Errors
/// [`StoreError`].
pub async fn retire_key(
    ctx: &Context,
    origin: &Origin,
    id: KeyId,
    may_sign: bool,
) -> Result<Retired, StoreError> {
    let now = ctx.clock.now();
    let entry = AuditEntry::new(now, AuditKind::KeyRetired, origin).with(AuditDetails::signing_key(&id));
    ctx.store.retire_signing_key(id, may_sign, now, ctx.beside(entry)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_signs_whose_time_has_come() {
        let key = |activates| KeyRecord {
            id: KeyId::parse("a").unwrap(),
            algorithm: "HS256".to_owned(),
            sealed: vec![1],
            created: Timestamp::from_millis(0),
            activates: Timestamp::from_millis(activates),
            ends: None,
            lifetime: Duration::ZERO,
        };
        // The last was made in an emergency, while the one before it still waited.
        let keys = [key(0), key(500), key(100)];
        let at = |millis| signs_at(&keys, Timestamp::from_millis(millis));
        assert_eq!((at(0), at(99), at(100), at(600)), (Some(0), Some(0), Some(2), Some(2)));
        assert_eq!(signs_at(&keys[1..], Timestamp::from_millis(99)), None);
        assert_eq!(signs_at(&keys[..2], Timestamp::from_millis(500)), Some(1));
    }

    #[test]
    fn names_are_base64url_and_bounded() {
        for good in ["a", OWN_SECRETS, "-_9", &"k".repeat(64)] {
            assert_eq!(KeyId::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "a b", "é", "a.b", &"k".repeat(65)] {
            assert_eq!(KeyId::parse(bad), Err(InvalidKeyId), "{bad}");
        }
    }

    #[test]
    fn debug_does_not_show_what_is_sealed() {
        let key = KeyRecord {
            id: KeyId::parse("a").unwrap(),
            algorithm: "HS256".to_owned(),
            sealed: vec![231; 4],
            created: Timestamp::from_millis(0),
            activates: Timestamp::from_millis(0),
            ends: None,
            lifetime: Duration::ZERO,
        };
        assert!(!format!("{key:?}").contains("231"));
    }
}
