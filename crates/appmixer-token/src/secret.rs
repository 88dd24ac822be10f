//! Signing secrets.

use std::fmt;

use jsonwebtoken::{DecodingKey, EncodingKey};
use ring::hkdf::{HKDF_SHA256, KeyType, Salt};
use thiserror::Error;

/// The shortest secret: as long as the hash's output (RFC 7518 section 3.2), in bytes.
pub const MIN_SECRET_BYTES: usize = 32;

/// A secret that signs and verifies. Not shown by `Debug`; wiped from memory when it goes.
#[derive(Clone)]
pub struct Secret {
    pub(crate) encoding: EncodingKey,
    pub(crate) decoding: DecodingKey,
}

/// Separates keys that are derived for purposes of others from all that this crate derives and signs.
const SALT: &[u8] = b"appmixer-token: keys for other purposes";

/// How long such a key is, in bytes.
const DERIVED_BYTES: usize = 16;

struct Derived;

impl KeyType for Derived {
    fn len(&self) -> usize {
        DERIVED_BYTES
    }
}

/// The secret has too few bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the secret has {length} bytes and needs at least {needed} (RFC 7518 section 3.2)")]
pub struct ShortSecret {
    length: usize,
    needed: usize,
}

impl Secret {
    /// Takes a secret's bytes; of a text, its UTF-8.
    ///
    /// # Errors
    /// [`ShortSecret`] for fewer than [`MIN_SECRET_BYTES`].
    pub fn new(bytes: &[u8]) -> Result<Self, ShortSecret> {
        Self::at_least(MIN_SECRET_BYTES, bytes)
    }

    /// Takes a secret of any length but zero: for those that were in use elsewhere and cannot change yet.
    ///
    /// # Errors
    /// [`ShortSecret`] for no bytes at all.
    pub fn short_allowed(bytes: &[u8]) -> Result<Self, ShortSecret> {
        Self::at_least(1, bytes)
    }

    /// A key for another purpose, which tells nothing of the secret (HKDF-SHA256, RFC 5869): the same for the same
    /// purpose. None if the system cannot, which is no matter of input.
    #[must_use]
    pub fn derive(&self, purpose: &str) -> Option<[u8; DERIVED_BYTES]> {
        let key = Salt::new(HKDF_SHA256, SALT).extract(self.encoding.as_bytes());
        let mut derived = [0; DERIVED_BYTES];
        key.expand(&[purpose.as_bytes()], Derived).and_then(|key| key.fill(&mut derived)).ok()?;
        Some(derived)
    }

    fn at_least(needed: usize, bytes: &[u8]) -> Result<Self, ShortSecret> {
        if bytes.len() < needed {
            return Err(ShortSecret { length: bytes.len(), needed });
        }
        Ok(Self { encoding: EncodingKey::from_secret(bytes), decoding: DecodingKey::from_secret(bytes) })
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_secret_is_refused_unless_allowed() {
        assert!(Secret::new(&[7; 31]).is_err());
        assert!(Secret::new(&[7; 32]).is_ok());
        assert!(Secret::short_allowed(&[7]).is_ok());
        assert!(Secret::short_allowed(&[]).is_err());
    }

    #[test]
    fn a_derived_key_is_the_same_for_the_same_secret_and_purpose_alone() {
        let (one, other) = (Secret::new(&[1; 32]).unwrap(), Secret::new(&[2; 32]).unwrap());
        let key = one.derive("limits");
        assert!(key.is_some_and(|key| key != [0; DERIVED_BYTES]));
        assert_eq!(key, one.derive("limits"));
        assert_ne!(key, one.derive("others"));
        assert_ne!(key, other.derive("limits"));
    }

    #[test]
    fn debug_does_not_show_a_secret() {
        assert_eq!(format!("{:?}", Secret::new(&[b'x'; 32]).unwrap()), "Secret(..)");
    }
}
