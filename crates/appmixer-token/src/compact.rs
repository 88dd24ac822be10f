//! The compact form of a token (RFC 7515 section 7.1): header, payload and signature, joined by dots.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::error::TokenError;

/// The longest token that is looked at, in bytes. The longest that we issue, with 32 scopes of 64 bytes,
/// has about 3,000.
pub const MAX_TOKEN_BYTES: usize = 8192;

/// The header of every token, byte for byte (contract, "The token").
pub(crate) const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

/// A token taken apart, nothing of it checked.
pub(crate) struct Compact<'t> {
    pub(crate) header: &'t str,
    pub(crate) payload: &'t str,
    pub(crate) signature: &'t str,
    /// What is signed: header, dot, payload.
    pub(crate) message: &'t str,
}

/// What of a header counts. Keys, or places to fetch keys from, are not read at all (RFC 8725 section 3.10).
#[derive(Deserialize)]
struct Header {
    alg: String,
    typ: Option<String>,
    crit: Option<IgnoredAny>,
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

    /// Refuses everything but HS256: the server fixes the algorithm, not the token (RFC 8725 section 3.1).
    /// An extension that must be understood is not understood (RFC 7515 section 4.1.11).
    pub(crate) fn check_header(&self) -> Result<(), TokenError> {
        let header: Header = decode(self.header).ok_or(TokenError::Malformed)?;
        let typ_is_jwt = header.typ.is_none_or(|typ| typ.eq_ignore_ascii_case("JWT"));
        if header.alg == "HS256" && typ_is_jwt && header.crit.is_none() {
            Ok(())
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
