//! Passwords, the rules for new ones, and the hashes that are kept of them.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use thiserror::Error;
use zeroize::Zeroizing;

/// The longest password, in bytes of UTF-8 (contract, "Users"). A longer one is refused before hashing.
pub const MAX_PASSWORD_BYTES: usize = 1024;
/// The shortest new password unless configured, in characters: the documentation's own example has six.
pub const DEFAULT_MIN_PASSWORD_CHARS: usize = 6;

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
}

/// What a new password must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordPolicy {
    /// The fewest characters (Unicode code points, as NIST SP 800-63B section 3.1.1.2 counts).
    pub min_chars: usize,
}

impl Default for PasswordPolicy {
    fn default() -> Self {
        Self { min_chars: DEFAULT_MIN_PASSWORD_CHARS }
    }
}

impl PasswordPolicy {
    /// Whether somebody may choose this password.
    ///
    /// # Errors
    /// [`InvalidPassword::TooShort`].
    pub fn check(&self, password: &Password) -> Result<(), InvalidPassword> {
        if password.0.chars().count() < self.min_chars {
            return Err(InvalidPassword::TooShort(self.min_chars));
        }
        Ok(())
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
    /// As many hashes as may wait are waiting already. Try again later.
    #[error("too many passwords are being checked at the moment")]
    Busy,
    /// The stored hash is of a kind that this hasher cannot read.
    #[error("the stored password hash cannot be read")]
    Unreadable,
    /// The hasher has stopped or has no memory.
    #[error("the password hasher failed: {0}")]
    Failed(&'static str),
}

/// Hashes passwords, away from the threads that serve requests.
#[async_trait]
pub trait PasswordHasher: Send + Sync {
    /// Makes the hash to keep for a new password.
    ///
    /// # Errors
    /// [`HashError`].
    async fn hash(&self, password: Password) -> Result<PasswordHash, HashError>;

    /// Compares a password with a kept hash, in constant time for equal parameters.
    ///
    /// # Errors
    /// [`HashError`].
    async fn verify(&self, password: Password, against: PasswordHash) -> Result<Verdict, HashError>;

    /// A hash with today's parameters that no password matches: an unknown user costs one
    /// verification against it, so that time does not tell who exists.
    fn decoy(&self) -> PasswordHash;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(text: &str) -> Password {
        Password::new(text.to_owned()).unwrap()
    }

    #[test]
    fn a_password_has_1_to_1024_bytes() {
        assert_eq!(Password::new(String::new()).err(), Some(InvalidPassword::Empty));
        assert!(Password::new("x".repeat(1024)).is_ok());
        assert_eq!(Password::new("x".repeat(1025)).err(), Some(InvalidPassword::TooLong));
    }

    #[test]
    fn the_policy_counts_characters_not_bytes() {
        let policy = PasswordPolicy::default();
        assert_eq!(policy.check(&password("abc321")), Ok(()));
        assert_eq!(policy.check(&password("abc32")), Err(InvalidPassword::TooShort(6)));
        assert_eq!(policy.check(&password("ééé")), Err(InvalidPassword::TooShort(6)));
    }

    #[test]
    fn debug_does_not_show_a_hash() {
        assert_eq!(format!("{:?}", PasswordHash::from_phc("$argon2id$x".to_owned())), "PasswordHash(..)");
    }
}
