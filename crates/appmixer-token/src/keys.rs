//! Sets of keys: one that signs, and those that still verify.

use std::sync::Arc;

use jsonwebtoken::{Algorithm, crypto};

use crate::claims::Claims;
use crate::compact::{Compact, HEADER, decode, encode};
use crate::error::TokenError;
use crate::provider;
use crate::secret::Secret;

/// How far in the future `iat` may be, in seconds: the clocks of two nodes are never quite the same.
pub const CLOCK_SKEW_SECONDS: u64 = 60;

/// The keys of a server, or of a service that verifies its tokens. Cheap to clone.
#[derive(Clone, Debug)]
pub struct KeySet(Arc<Keys>);

#[derive(Debug)]
struct Keys {
    current: Secret,
    previous: Vec<Secret>,
}

impl KeySet {
    /// A set that signs with `current`, and verifies what was signed with it or one of the `previous`.
    /// A forged token costs one HMAC for each of them.
    #[must_use]
    pub fn new(current: Secret, previous: impl IntoIterator<Item = Secret>) -> Self {
        provider::install();
        Self(Arc::new(Keys { current, previous: previous.into_iter().collect() }))
    }

    /// Writes and signs a token.
    ///
    /// # Errors
    /// [`TokenError::Unissuable`].
    pub fn issue(&self, claims: &Claims) -> Result<String, TokenError> {
        let payload = serde_json::to_vec(claims).map_err(|_| TokenError::Unissuable)?;
        let message = format!("{}.{}", encode(HEADER), encode(payload));
        let signature = crypto::sign(message.as_bytes(), &self.0.current.encoding, Algorithm::HS256)
            .map_err(|_| TokenError::Unissuable)?;
        Ok(format!("{message}.{signature}"))
    }

    /// Reads a token that is good at `now`, in seconds since 1970.
    ///
    /// Whether its user still exists and has not revoked it is for the caller to find out.
    ///
    /// # Errors
    /// [`TokenError`]. Nothing of the payload is looked at before the signature is found to be good.
    pub fn verify(&self, token: &str, now: u64) -> Result<Claims, TokenError> {
        let token = Compact::parse(token)?;
        token.check_header()?;
        if !self.have_signed(&token) {
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

    fn have_signed(&self, token: &Compact<'_>) -> bool {
        std::iter::once(&self.0.current).chain(&self.0.previous).any(|secret| {
            // An error means that the signature is no base64url: it does not verify either.
            crypto::verify(token.signature, token.message.as_bytes(), &secret.decoding, Algorithm::HS256)
                .unwrap_or(false)
        })
    }
}
