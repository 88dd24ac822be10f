//! Reads the `Authorization` header, and says in `WWW-Authenticate` what is wrong with it (RFC 6750).

use http::HeaderMap;
use http::header::AUTHORIZATION;
use thiserror::Error;

const SCHEME: &[u8] = b"Bearer ";

/// Why an `Authorization` header tells no token. Its text is no part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum InvalidAuthorization {
    /// Another scheme than `Bearer`, or something else than one token behind it (RFC 6750 section 2.1).
    #[error("The Authorization header must be: Bearer TOKEN")]
    Malformed,
    /// There are several of them.
    #[error("More than one Authorization header")]
    Repeated,
}

/// What `WWW-Authenticate` says (RFC 6750 section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Challenge {
    /// There is no token.
    TokenMissing,
    /// It is not good.
    InvalidToken,
    /// It is good, and does not allow this.
    InsufficientScope,
}

impl Challenge {
    /// The header's value.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TokenMissing => r#"Bearer realm="appmixer""#,
            Self::InvalidToken => r#"Bearer realm="appmixer", error="invalid_token""#,
            Self::InsufficientScope => r#"Bearer realm="appmixer", error="insufficient_scope""#,
        }
    }
}

/// A token as the header has it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BearerToken<'h>(&'h [u8]);

impl<'h> BearerToken<'h> {
    /// As it came: good for asking whether the very same one was seen before.
    #[must_use]
    pub const fn as_bytes(self) -> &'h [u8] {
        self.0
    }

    /// The text of a token that was never seen before. Looking at each byte is left until here: it is a tenth of
    /// what a request with a known token costs.
    ///
    /// # Errors
    /// [`InvalidAuthorization::Malformed`].
    pub fn text(self) -> Result<&'h str, InvalidAuthorization> {
        let is_one = !self.0.is_empty() && self.0.iter().all(|byte| byte.is_ascii_graphic() && *byte != b',');
        let text = is_one.then(|| str::from_utf8(self.0).ok()).flatten();
        text.ok_or(InvalidAuthorization::Malformed)
    }
}

/// The bearer token of a request, if there is an `Authorization` header at all.
///
/// # Errors
/// There is one, and it is not exactly one header with the scheme `Bearer` (in any case, RFC 9110 section
/// 11.1) and something behind it.
pub fn bearer(headers: &HeaderMap) -> Result<Option<BearerToken<'_>>, InvalidAuthorization> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(InvalidAuthorization::Repeated);
    }
    let split = value.as_bytes().split_at_checked(SCHEME.len());
    let (scheme, mut token) = split.ok_or(InvalidAuthorization::Malformed)?;
    if !scheme.eq_ignore_ascii_case(SCHEME) {
        return Err(InvalidAuthorization::Malformed);
    }
    while let [b' ', rest @ ..] | [rest @ .., b' '] = token {
        token = rest;
    }
    Ok(Some(BearerToken(token)))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn token(headers: &HeaderMap) -> Result<Option<&str>, InvalidAuthorization> {
        bearer(headers)?.map(BearerToken::text).transpose()
    }

    fn headers(values: &[&'static str]) -> HeaderMap {
        values.iter().map(|value| (AUTHORIZATION, HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn the_scheme_is_case_insensitive() {
        for value in ["Bearer abc", "bearer abc", "BEARER  abc "] {
            assert_eq!(token(&headers(&[value])).unwrap(), Some("abc"), "{value}");
        }
    }

    #[test]
    fn no_header_is_no_token_and_anything_else_is_an_error() {
        assert_eq!(token(&headers(&[])).unwrap(), None);
        assert_eq!(token(&headers(&["Bearer a", "Bearer a"])), Err(InvalidAuthorization::Repeated));
        for value in [
            "Bearer",
            "Bearer ",
            "Basic abc",
            "abc",
            "",
            "Bearer a b",
            "Bearer a, Bearer b",
            "Bearer a\tb",
            "Bearer  ",
            "Bearerabc",
            "Bearer\tabc",
        ] {
            assert_eq!(token(&headers(&[value])), Err(InvalidAuthorization::Malformed), "{value}");
        }
    }
}
