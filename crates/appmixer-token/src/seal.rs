//! Private keys for keeping where others may read them, as in a database's backup: sealed under the server's secret.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, Salt};
use ring::rand::{SecureRandom as _, SystemRandom};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::algorithm::Algorithm;
use crate::key::{KeyError, SigningKey};
use crate::secret::Secret;

/// The first byte of what is sealed: the form, should there ever be another one.
const FORM: u8 = 1;
/// Separates this use of the secret from every other.
const SALT: &[u8] = b"appmixer-token: sealed signing keys";

/// Why a key was not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum OpenError {
    /// Sealed under another secret, for another name or algorithm, or changed since.
    #[error("it was sealed under another secret, or is damaged")]
    Refused,
    /// It was opened, and there is no such key in it.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// Seals and opens private keys with AES-256-GCM under keys that HKDF-SHA256 (RFC 5869) derives from secrets.
pub struct Sealer(Vec<LessSafeKey>);

/// A key that was opened.
#[derive(Debug)]
pub struct Opened {
    /// The key.
    pub key: SigningKey,
    /// Whether a previous secret has opened it: then it should be sealed anew, before that secret goes.
    pub is_old: bool,
}

impl Sealer {
    /// Seals under `current`, and opens what was sealed under it or one of the `previous`.
    #[must_use]
    pub fn new(current: &Secret, previous: &[Secret]) -> Self {
        Self(std::iter::once(current).chain(previous).filter_map(derive).collect())
    }

    /// The key's private part, sealed for this name.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn seal(&self, kid: &str, key: &SigningKey) -> Result<Vec<u8>, KeyError> {
        let sealing = self.0.first().ok_or(KeyError::Unusable)?;
        // 96 random bits: a server seals some keys a year, and may seal 2^32 under one secret.
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).map_err(|_| KeyError::NoRandom)?;
        let mut sealed = Zeroizing::new(key.private_bytes().to_vec());
        let aad = Aad::from(name(kid, key.algorithm()));
        let nonce_of_key = Nonce::assume_unique_for_key(nonce);
        let tag = sealing.seal_in_place_separate_tag(nonce_of_key, aad, &mut sealed);
        let tag = tag.map_err(|_| KeyError::Unusable)?;
        Ok([&[FORM], nonce.as_slice(), &sealed, tag.as_ref()].concat())
    }

    /// The key that was sealed for this name and algorithm.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(&self, kid: &str, algorithm: Algorithm, sealed: &[u8]) -> Result<Opened, OpenError> {
        let rest = sealed.strip_prefix(&[FORM]).ok_or(OpenError::Refused)?;
        let (nonce, rest) = rest.split_first_chunk::<NONCE_LEN>().ok_or(OpenError::Refused)?;
        for (number, opening) in self.0.iter().enumerate() {
            let mut bytes = Zeroizing::new(rest.to_vec());
            let aad = Aad::from(name(kid, algorithm));
            let nonce = Nonce::assume_unique_for_key(*nonce);
            if let Ok(bytes) = opening.open_in_place(nonce, aad, &mut bytes) {
                let key = SigningKey::from_bytes(algorithm, bytes)?;
                return Ok(Opened { key, is_old: number > 0 });
            }
        }
        Err(OpenError::Refused)
    }
}

fn derive(secret: &Secret) -> Option<LessSafeKey> {
    let key = Salt::new(HKDF_SHA256, SALT).extract(secret.encoding.as_bytes());
    let key = key.expand(&[b"AES-256-GCM"], &AES_256_GCM).ok().map(UnboundKey::from);
    key.map(LessSafeKey::new)
}

/// What a sealed key is bound to. No name has a zero byte.
fn name(kid: &str, algorithm: Algorithm) -> Vec<u8> {
    [kid.as_bytes(), &[0], algorithm.as_str().as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn secret(byte: u8) -> Secret {
        Secret::new(&[byte; 32]).unwrap()
    }

    fn sealed(algorithm: Algorithm) -> (SigningKey, Vec<u8>) {
        let key = SigningKey::generate(algorithm).unwrap();
        let sealed = Sealer::new(&secret(1), &[]).seal("kid", &key).unwrap();
        (key, sealed)
    }

    #[test]
    fn a_key_is_opened_under_its_secret_name_and_algorithm_and_no_other() {
        for algorithm in Algorithm::ALL {
            let (key, sealed) = sealed(algorithm);
            let opened = Sealer::new(&secret(1), &[]).open("kid", algorithm, &sealed).unwrap();
            assert_eq!(opened.key.private_bytes(), key.private_bytes());
            assert!(!opened.is_old);
            let later = Sealer::new(&secret(2), &[secret(1)]).open("kid", algorithm, &sealed).unwrap();
            assert!(later.is_old);

            let refused = Some(OpenError::Refused);
            assert_eq!(Sealer::new(&secret(2), &[]).open("kid", algorithm, &sealed).err(), refused);
            assert_eq!(Sealer::new(&secret(1), &[]).open("other", algorithm, &sealed).err(), refused);
            for other in Algorithm::ALL.into_iter().filter(|other| *other != algorithm) {
                assert_eq!(Sealer::new(&secret(1), &[]).open("kid", other, &sealed).err(), refused);
            }
        }
    }

    #[test]
    fn what_is_sealed_shows_nothing_and_differs_each_time() {
        let (key, one) = sealed(Algorithm::Hs256);
        let other = Sealer::new(&secret(1), &[]).seal("kid", &key).unwrap();
        assert_ne!(one, other);
        assert!(!one.windows(8).any(|window| key.private_bytes().windows(8).any(|bytes| bytes == window)));
    }

    proptest! {
        #[test]
        fn a_sealed_key_with_a_changed_bit_is_refused(at: prop::sample::Index, bit in 0..8u8, cut: prop::sample::Index) {
            let (_, sealed) = sealed(Algorithm::EdDsa);
            let sealer = Sealer::new(&secret(1), &[]);
            let mut changed = sealed.clone();
            changed[at.index(sealed.len())] ^= 1 << bit;
            prop_assert_eq!(sealer.open("kid", Algorithm::EdDsa, &changed).err(), Some(OpenError::Refused));
            let shorter = &sealed[..cut.index(sealed.len())];
            prop_assert_eq!(sealer.open("kid", Algorithm::EdDsa, shorter).err(), Some(OpenError::Refused));
        }
    }
}
