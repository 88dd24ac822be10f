//! The algorithms that sign tokens.

use std::fmt;

use crate::error::TokenError;

/// A signature algorithm (RFC 7518 section 3.1, RFC 8037 section 3.1). It belongs to a key, and a token never
/// chooses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// HMAC with SHA-256: whoever verifies has the secret, and can sign as well.
    Hs256,
    /// `EdDSA` with Ed25519: whoever verifies has a public key.
    EdDsa,
    /// ECDSA with P-256 and SHA-256: whoever verifies has a public key.
    Es256,
}

impl Algorithm {
    /// Every algorithm.
    pub const ALL: [Self; 3] = [Self::Hs256, Self::EdDsa, Self::Es256];

    /// Its name in a token's header: `HS256`, `EdDSA`, `ES256`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
        }
    }

    /// The algorithm of this name, which is case-sensitive (RFC 7515 section 4.1.1).
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == name)
    }

    /// Whether what verifies can be shown to everybody.
    #[must_use]
    pub const fn is_asymmetric(self) -> bool {
        !matches!(self, Self::Hs256)
    }

    pub(crate) fn named(name: &str) -> Result<Self, TokenError> {
        Self::parse(name).ok_or(TokenError::Unsupported)
    }

    pub(crate) const fn of_library(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::Hs256 => jsonwebtoken::Algorithm::HS256,
            Self::EdDsa => jsonwebtoken::Algorithm::EdDSA,
            Self::Es256 => jsonwebtoken::Algorithm::ES256,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
