//! Why a token is refused.

use thiserror::Error;

/// Why a token is not good. No text of the token is ever part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TokenError {
    /// More than [`MAX_TOKEN_BYTES`](crate::MAX_TOKEN_BYTES).
    #[error("Invalid JWT: too long")]
    TooLong,
    /// Not three parts (RFC 7515 section 7.1), or no base64url without padding with JSON in it in the first two.
    #[error("Invalid JWT: malformed")]
    Malformed,
    /// The header has an algorithm that no key has, another type than `JWT`, an extension, or a key of its own.
    #[error("Invalid JWT: algorithm or type not supported")]
    Unsupported,
    /// No key of the set made the signature, if it is one at all. The npm CLI depends on this very text.
    #[error("Invalid JWT: key or signature is invalid")]
    BadSignature,
    /// Well signed, but a claim is missing, there twice, or of a wrong form.
    #[error("Invalid JWT: invalid claims")]
    InvalidClaims,
    /// `exp` has passed.
    #[error("Invalid JWT: expired")]
    Expired,
    /// `iat` is in the future by more than [`CLOCK_SKEW_SECONDS`](crate::CLOCK_SKEW_SECONDS).
    #[error("Invalid JWT: issued in the future")]
    IssuedInTheFuture,
    /// The claims cannot be written, which does not happen for claims of ordinary texts.
    #[error("the token cannot be issued")]
    Unissuable,
}
