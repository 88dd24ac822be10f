//! Sets of keys: those that sign, and those that still verify.

use std::sync::Arc;

use jsonwebtoken::crypto;

use crate::algorithm::Algorithm;
use crate::claims::Claims;
use crate::compact::{Compact, decode, encode};
use crate::error::TokenError;
use crate::jwks::Jwks;
use crate::key::{SigningKey, VerifyingKey};
use crate::provider;
use crate::secret::Secret;

/// How far in the future `iat` may be, in seconds: the clocks of two nodes are never quite the same.
pub const CLOCK_SKEW_SECONDS: u64 = 60;

/// The keys of a server: they issue and verify. Cheap to clone.
#[derive(Clone, Debug)]
pub struct KeySet {
    signing: Arc<[SigningKey]>,
    verifier: Verifier,
}

impl KeySet {
    /// A set that signs with `current`, and verifies what was signed with it or one of the `previous`.
    /// A forged token costs one HMAC for each of them.
    #[must_use]
    pub fn new(current: Secret, previous: impl IntoIterator<Item = Secret>) -> Self {
        Self::of([current.into()], previous.into_iter().map(VerifyingKey::from))
    }

    /// A set of keys of any algorithm. Of `signing`, the first signs whose time has come
    /// ([`SigningKey::signing_from`]), or the last if none's has; all of them verify, and so do the `others`.
    #[must_use]
    pub fn of(
        signing: impl IntoIterator<Item = SigningKey>,
        others: impl IntoIterator<Item = VerifyingKey>,
    ) -> Self {
        let signing: Arc<[SigningKey]> = signing.into_iter().collect();
        let verifying = signing.iter().map(|key| key.verifying.clone());
        let verifier = Verifier::new(verifying.chain(others).collect::<Vec<_>>());
        Self { signing, verifier }
    }

    /// Writes and signs a token.
    ///
    /// # Errors
    /// [`TokenError::Unissuable`].
    pub fn issue(&self, claims: &Claims) -> Result<String, TokenError> {
        let ready = self.signing.iter().find(|key| key.from <= claims.iat);
        let key = ready.or(self.signing.last()).ok_or(TokenError::Unissuable)?;
        let payload = serde_json::to_vec(claims).map_err(|_| TokenError::Unissuable)?;
        let message = format!("{}.{}", key.header, encode(payload));
        let signature = crypto::sign(message.as_bytes(), &key.encoding, key.algorithm().of_library())
            .map_err(|_| TokenError::Unissuable)?;
        Ok(format!("{message}.{signature}"))
    }

    /// Reads a token as [`Verifier::verify`] does.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn verify(&self, token: &str, now: u64) -> Result<Claims, TokenError> {
        self.verifier.verify(token, now)
    }

    /// The public keys that verify at `now`, in seconds since 1970, for other services.
    #[must_use]
    pub fn jwks(&self, now: u64) -> Jwks {
        self.verifier.0.iter().filter(|key| key.is_good_at(now)).cloned().collect()
    }
}

/// The keys of a service that verifies. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Verifier(Arc<[VerifyingKey]>);

impl Verifier {
    /// A set of these keys.
    #[must_use]
    pub fn new(keys: impl Into<Arc<[VerifyingKey]>>) -> Self {
        provider::install();
        Self(keys.into())
    }

    /// Reads a token that is good at `now`, in seconds since 1970.
    ///
    /// Whether its user still exists and has not revoked it is for the caller to find out.
    ///
    /// # Errors
    /// [`TokenError`]. Nothing of the payload is looked at before the signature is found to be good.
    pub fn verify(&self, token: &str, now: u64) -> Result<Claims, TokenError> {
        let token = Compact::parse(token)?;
        let header = token.header()?;
        let algorithm = Algorithm::named(&header.alg)?;
        // A key is asked for its own algorithm alone, so the header's must be that of a key (RFC 8725 section 3.1).
        if !self.0.iter().any(|key| key.algorithm() == algorithm) {
            return Err(TokenError::Unsupported);
        }
        if !self.candidates(algorithm, header.kid.as_deref(), now).any(|key| has_signed(key, &token)) {
            return Err(TokenError::BadSignature);
        }
        let claims: Claims = decode(token.payload).ok_or(TokenError::InvalidClaims)?;
        if claims.iat > now.saturating_add(CLOCK_SKEW_SECONDS) {
            return Err(TokenError::IssuedInTheFuture);
        }
        if claims.exp <= now {
            return Err(TokenError::Expired);
        }
        Ok(claims)
    }

    /// Secrets have no names. A public key signs under its own, so that a token costs one verification.
    fn candidates(
        &self,
        algorithm: Algorithm,
        kid: Option<&str>,
        now: u64,
    ) -> impl Iterator<Item = &VerifyingKey> {
        self.0.iter().filter(move |key| {
            key.algorithm() == algorithm
                && key.is_good_at(now)
                && key.kid().is_none_or(|name| kid == Some(name))
        })
    }
}

fn has_signed(key: &VerifyingKey, token: &Compact<'_>) -> bool {
    let algorithm = key.algorithm().of_library();
    // An error means that the signature is no base64url: it does not verify either.
    crypto::verify(token.signature, token.message.as_bytes(), &key.decoding, algorithm).unwrap_or(false)
}
