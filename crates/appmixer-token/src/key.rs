//! Keys: those that sign, and those that verify. Each has one algorithm.

use std::fmt;

use jsonwebtoken::{DecodingKey, EncodingKey};
use ring::rand::{SecureRandom as _, SystemRandom};
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::algorithm::Algorithm;
use crate::compact::{encode, header};
use crate::public::PublicKey;
use crate::secret::{MIN_SECRET_BYTES, Secret};

/// Why there is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum KeyError {
    /// The system has no random bytes.
    #[error("the system has no random bytes")]
    NoRandom,
    /// The bytes are no private key of the algorithm.
    #[error("not a private key of its algorithm")]
    Unusable,
}

/// A key that signs, and verifies what it has signed. Not shown by `Debug`; wiped from memory when it goes.
#[derive(Clone)]
pub struct SigningKey {
    pub(crate) encoding: EncodingKey,
    /// The header of the tokens that it signs, encoded.
    pub(crate) header: String,
    pub(crate) verifying: VerifyingKey,
    pub(crate) from: u64,
}

impl SigningKey {
    /// A new key.
    ///
    /// # Errors
    /// [`KeyError::NoRandom`].
    pub fn generate(algorithm: Algorithm) -> Result<Self, KeyError> {
        let random = SystemRandom::new();
        let no_random = |_| KeyError::NoRandom;
        match algorithm {
            Algorithm::Hs256 => {
                let mut secret = Zeroizing::new([0; MIN_SECRET_BYTES]);
                random.fill(&mut *secret).map_err(no_random)?;
                Self::from_bytes(algorithm, &*secret)
            }
            Algorithm::EdDsa => {
                let pair = Ed25519KeyPair::generate_pkcs8(&random).map_err(no_random)?;
                Self::from_bytes(algorithm, pair.as_ref())
            }
            Algorithm::Es256 => {
                let pair = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random);
                Self::from_bytes(algorithm, pair.map_err(no_random)?.as_ref())
            }
        }
    }

    /// The key of these bytes: a secret, or a private key in PKCS#8 (RFC 5958).
    ///
    /// # Errors
    /// [`KeyError::Unusable`].
    pub fn from_bytes(algorithm: Algorithm, bytes: &[u8]) -> Result<Self, KeyError> {
        let unusable = |_| KeyError::Unusable;
        let (encoding, public) = match algorithm {
            Algorithm::Hs256 => {
                return Secret::new(bytes).map(Self::from).map_err(|_| KeyError::Unusable);
            }
            Algorithm::EdDsa => {
                let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(bytes).map_err(unusable)?;
                let public = pair.public_key().as_ref().try_into().map(PublicKey::Ed25519);
                (EncodingKey::from_ed_der(bytes), public.ok())
            }
            Algorithm::Es256 => {
                let (kind, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
                let pair = EcdsaKeyPair::from_pkcs8(kind, bytes, &random).map_err(unusable)?;
                (EncodingKey::from_ec_der(bytes), PublicKey::from_uncompressed(pair.public_key().as_ref()))
            }
        };
        let public = public.ok_or(KeyError::Unusable)?;
        let verifying = VerifyingKey::from(public);
        let header = encode(header(algorithm, verifying.kid()));
        Ok(Self { encoding, header, verifying, from: 0 })
    }

    /// The bytes to keep somewhere safe: [`SigningKey::from_bytes`] makes the key of them again.
    #[must_use]
    pub fn private_bytes(&self) -> &[u8] {
        self.encoding.as_bytes()
    }

    /// The same, signing tokens that are issued (`iat`) at this time or later, in seconds since 1970.
    #[must_use]
    pub fn signing_from(self, from: u64) -> Self {
        Self { from, ..self }
    }

    /// The same, verifying nothing at this time or later, in seconds since 1970.
    #[must_use]
    pub fn verifying_until(self, until: u64) -> Self {
        Self { verifying: self.verifying.until(until), ..self }
    }

    /// The algorithm.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.verifying.algorithm
    }

    /// A name to keep it by: what tokens call it, or of a secret a random one. A digest of a secret would let whoever
    /// sees it try secrets.
    ///
    /// # Errors
    /// [`KeyError::NoRandom`].
    pub fn name(&self) -> Result<String, KeyError> {
        if let Some(kid) = self.verifying.kid() {
            return Ok(kid.to_owned());
        }
        let mut bytes = [0; 16];
        SystemRandom::new().fill(&mut bytes).map_err(|_| KeyError::NoRandom)?;
        Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
    }

    /// What verifies its tokens.
    #[must_use]
    pub const fn verifying(&self) -> &VerifyingKey {
        &self.verifying
    }
}

impl From<Secret> for SigningKey {
    fn from(secret: Secret) -> Self {
        let header = encode(header(Algorithm::Hs256, None));
        Self { encoding: secret.encoding.clone(), header, verifying: secret.into(), from: 0 }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("verifying", &self.verifying).finish_non_exhaustive()
    }
}

/// A key that verifies: a secret, or a public key. A secret is not shown by `Debug`.
#[derive(Clone)]
pub struct VerifyingKey {
    algorithm: Algorithm,
    pub(crate) decoding: DecodingKey,
    public: Option<(String, PublicKey)>,
    until: Option<u64>,
}

impl VerifyingKey {
    /// A public key that is known by this name.
    #[must_use]
    pub fn named(kid: String, public: PublicKey) -> Self {
        Self {
            algorithm: public.algorithm(),
            decoding: public.decoding(),
            public: Some((kid, public)),
            until: None,
        }
    }

    /// The same, verifying nothing at this time or later, in seconds since 1970.
    #[must_use]
    pub fn until(self, until: u64) -> Self {
        Self { until: Some(until), ..self }
    }

    /// The algorithm.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The name by which tokens call it. A secret has none.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.public.as_ref().map(|(kid, _)| kid.as_str())
    }

    /// The public key, if it is one.
    #[must_use]
    pub const fn public(&self) -> Option<&PublicKey> {
        match &self.public {
            Some((_, key)) => Some(key),
            None => None,
        }
    }

    /// Whether it still verifies at `now`, in seconds since 1970.
    #[must_use]
    pub fn is_good_at(&self, now: u64) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

impl From<Secret> for VerifyingKey {
    fn from(secret: Secret) -> Self {
        Self { algorithm: Algorithm::Hs256, decoding: secret.decoding, public: None, until: None }
    }
}

impl From<PublicKey> for VerifyingKey {
    /// Known by its thumbprint.
    fn from(public: PublicKey) -> Self {
        Self::named(public.thumbprint(), public)
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyingKey")
            .field("algorithm", &self.algorithm)
            .field("kid", &self.kid())
            .field("until", &self.until)
            .finish_non_exhaustive()
    }
}
