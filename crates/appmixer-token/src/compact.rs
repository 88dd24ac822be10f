//! The compact form of a token (RFC 7515 section 7.1): header, payload and signature, joined by dots.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::algorithm::Algorithm;
use crate::error::TokenError;

/// The longest token that is looked at, in bytes. The longest that we issue, with 32 scopes of 64 bytes,
/// has about 3,000.
pub const MAX_TOKEN_BYTES: usize = 8192;

/// The header of a token. Of HS256 byte for byte the contract's ("The token"): a secret has no name.
pub(crate) fn header(algorithm: Algorithm, kid: Option<&str>) -> String {
    match kid {
        None => format!(r#"{{"alg":"{algorithm}","typ":"JWT"}}"#),
        // A thumbprint: base64url, with nothing to escape.
        Some(kid) => format!(r#"{{"alg":"{algorithm}","typ":"JWT","kid":"{kid}"}}"#),
    }
}

/// A token taken apart, nothing of it checked.
pub(crate) struct Compact<'t> {
    pub(crate) header: &'t str,
    pub(crate) payload: &'t str,
    pub(crate) signature: &'t str,
    /// What is signed: header, dot, payload.
    pub(crate) message: &'t str,
}

/// What of a header counts.
#[derive(Deserialize)]
pub(crate) struct Header {
    pub(crate) alg: String,
    typ: Option<String>,
    /// Which key has signed. It finds a key that is there already, and is used for nothing else.
    pub(crate) kid: Option<String>,
    crit: Option<IgnoredAny>,
    /// Keys, or places to fetch keys from: whoever sends these expects something that we never do (RFC 8725
    /// section 3.10).
    jwk: Option<IgnoredAny>,
    jku: Option<IgnoredAny>,
    x5u: Option<IgnoredAny>,
    x5c: Option<IgnoredAny>,
}

impl<'t> Compact<'t> {
    pub(crate) fn parse(token: &'t str) -> Result<Self, TokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::TooLong);
        }
        let (message, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
        let (header, payload) = message.split_once('.').ok_or(TokenError::Malformed)?;
        if payload.contains('.') {
            return Err(TokenError::Malformed);
        }
        Ok(Self { header, payload, signature, message })
    }

    /// The header. An extension that must be understood is not understood (RFC 7515 section 4.1.11).
    pub(crate) fn header(&self) -> Result<Header, TokenError> {
        let header: Header = decode(self.header).ok_or(TokenError::Malformed)?;
        let typ_is_jwt = header.typ.as_ref().is_none_or(|typ| typ.eq_ignore_ascii_case("JWT"));
        let brings = [&header.crit, &header.jwk, &header.jku, &header.x5u, &header.x5c];
        if typ_is_jwt && brings.iter().all(|member| member.is_none()) {
            Ok(header)
        } else {
            Err(TokenError::Unsupported)
        }
    }
}

/// The JSON in a part. A member that is read and stands there twice is an error (RFC 7519 section 4).
pub(crate) fn decode<T: DeserializeOwned>(part: &str) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

pub(crate) fn encode(json: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(json)
}
