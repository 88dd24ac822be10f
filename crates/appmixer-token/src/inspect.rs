//! Looks into a token without checking anything.

use serde_json::Value;

use crate::compact::{Compact, decode};
use crate::error::TokenError;

/// What stands in a token.
#[derive(Clone, Debug, PartialEq)]
pub struct Inspected {
    /// The header.
    pub header: Value,
    /// The payload.
    pub payload: Value,
}

/// Reads a token's header and payload. It proves nothing: anybody can write such a token.
///
/// # Errors
/// [`TokenError::TooLong`], [`TokenError::Malformed`].
pub fn inspect(token: &str) -> Result<Inspected, TokenError> {
    let token = Compact::parse(token)?;
    let part = |part| decode(part).ok_or(TokenError::Malformed);
    Ok(Inspected { header: part(token.header)?, payload: part(token.payload)? })
}
