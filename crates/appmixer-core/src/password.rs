//! Passwords, and the hashes that are kept of them.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use thiserror::Error;
use zeroize::Zeroizing;

/// The longest password, in bytes of UTF-8 (contract, "Users"). A longer one is refused before hashing.
pub const MAX_PASSWORD_BYTES: usize = 1024;

/// A password in the clear, as somebody typed it: never empty, at most [`MAX_PASSWORD_BYTES`].
///
/// It has no `Debug`, no `Display` and no `Serialize`, and its memory is wiped when the last clone goes.
/// It is hashed byte for byte as it came, as Appmixer does, so that hashes brought along stay good.
#[derive(Clone)]
pub struct Password(Arc<Zeroizing<String>>);

/// Why a text is no password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum InvalidPassword {
    /// No characters at all.
    #[error("must not be empty")]
    Empty,
    /// More than [`MAX_PASSWORD_BYTES`].
    #[error("must be at most {MAX_PASSWORD_BYTES} bytes long")]
    TooLong,
    /// Fewer characters than the policy asks for; only for new passwords.
    #[error("must have at least {0} characters")]
    TooShort(usize),
    /// On the operator's list; only for new passwords.
    #[error("must not be a password that is known to be common: choose another")]
    Refused,
    /// Too few guesses find it; only for new passwords.
    #[error("must be harder to guess: make it longer, of words that do not belong together")]
    TooWeak,
}

impl Password {
    /// Takes a password.
    ///
    /// # Errors
    /// [`InvalidPassword`] when it is empty or too long.
    pub fn new(text: String) -> Result<Self, InvalidPassword> {
        let text = Zeroizing::new(text);
        match text.len() {
            0 => Err(InvalidPassword::Empty),
            1..=MAX_PASSWORD_BYTES => Ok(Self(Arc::new(text))),
            _ => Err(InvalidPassword::TooLong),
        }
    }

    /// The bytes to hash.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// The text, for the policy to judge.
    pub(crate) fn text(&self) -> &str {
        &self.0
    }
}

/// A password's hash in the PHC string format, as the store keeps it. Not shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(Box<str>);

impl PasswordHash {
    /// Takes a hash as a hasher made it or a store kept it.
    #[must_use]
    pub fn from_phc(phc: String) -> Self {
        Self(phc.into())
    }

    /// The PHC string.
    #[must_use]
    pub fn as_phc(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(..)")
    }
}

/// What comparing a password with a hash says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The password is the one that was hashed.
    pub matches: bool,
    /// The hash was made with other parameters than new ones are: make a new one while the password is at hand.
    pub outdated: bool,
}

/// Why no hash came back.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum HashError {
    /// The queue is full, or it was and gave the place to a client with fewer hashes waiting. Try again later.
    #[error("too many passwords are being checked at the moment")]
    Busy,
    /// The stored hash is of a kind that this hasher cannot read.
    #[error("the stored password hash cannot be read")]
    Unreadable,
    /// The hasher has stopped or has no memory.
    #[error("the password hasher failed: {0}")]
    Failed(&'static str),
}

/// The passwords that wait for being hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashQueue {
    /// How many do.
    pub waiting: u64,
    /// How many may wait; with one more, one is refused with [`HashError::Busy`].
    pub capacity: u64,
}

/// The client and the account that a hash is computed for.
///
/// The queue takes turns between networks and, within a network, between accounts. Both numbers are opaque here.
/// The caller derives them with a secret key, so that no client can choose to share a number with another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct QueueKey {
    /// The network of the client.
    pub network: u64,
    /// The account.
    pub account: u64,
}

impl QueueKey {
    /// The key of a command, whose process hashes for no one else.
    pub const COMMAND: Self = Self { network: 0, account: 0 };
}

/// Hashes passwords, away from the threads that serve requests.
#[async_trait]
pub trait PasswordHasher: Send + Sync {
    /// Makes the hash to keep for a new password.
    ///
    /// # Errors
    /// [`HashError`].
    async fn hash(&self, password: Password, key: QueueKey) -> Result<PasswordHash, HashError>;

    /// Compares a password with a kept hash, in constant time for equal parameters.
    ///
    /// # Errors
    /// [`HashError`].
    async fn verify(
        &self,
        password: Password,
        against: PasswordHash,
        key: QueueKey,
    ) -> Result<Verdict, HashError>;

    /// What waits at the moment.
    fn queue(&self) -> HashQueue;

    /// A hash with today's parameters that no password matches: an unknown user costs one
    /// verification against it, so that time does not tell who exists.
    fn decoy(&self) -> PasswordHash;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_has_1_to_1024_bytes() {
        assert_eq!(Password::new(String::new()).err(), Some(InvalidPassword::Empty));
        assert!(Password::new("x".repeat(1024)).is_ok());
        assert_eq!(Password::new("x".repeat(1025)).err(), Some(InvalidPassword::TooLong));
    }

    #[test]
    fn debug_does_not_show_a_hash() {
        assert_eq!(format!("{:?}", PasswordHash::from_phc("$argon2id$x".to_owned())), "PasswordHash(..)");
    }
}
