//! What a token says.

use serde::{Deserialize, Serialize};

/// The claims of an Appmixer access token, in the order in which they are written.
///
/// Other claims in a token that is well signed are ignored: Appmixer's own engine adds some.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The user's id.
    pub id: String,
    /// What the token allows.
    pub scope: Vec<String>,
    /// When it was issued: a `NumericDate`, seconds since 1970 (RFC 7519 section 4.1.6).
    pub iat: u64,
    /// From when on it is no longer good: a `NumericDate` (RFC 7519 section 4.1.4).
    pub exp: u64,
    /// The user's token generation; absent until the user's tokens are revoked for the first time.
    #[serde(rename = "gen", default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<u32>,
}
