//! Reads the `Authorization` header.

use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::error::ApiError;

const SCHEME: &[u8] = b"Bearer ";

/// A token as the header has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BearerToken<'h>(&'h [u8]);

impl<'h> BearerToken<'h> {
    /// As it came: good for asking whether the very same one was seen before.
    pub(crate) const fn as_bytes(self) -> &'h [u8] {
        self.0
    }

    /// The text of a token that was never seen before. Looking at each byte is left until here: it is a tenth of
    /// what a request with a known token costs.
    ///
    /// # Errors
    /// It is no token (RFC 6750 section 2.1).
    pub(crate) fn text(self) -> Result<&'h str, ApiError> {
        let is_one = !self.0.is_empty() && self.0.iter().all(|byte| byte.is_ascii_graphic() && *byte != b',');
        let text = is_one.then(|| str::from_utf8(self.0).ok()).flatten();
        text.ok_or_else(malformed)
    }
}

fn malformed() -> ApiError {
    ApiError::invalid_token("The Authorization header must be: Bearer TOKEN")
}

/// The bearer token of a request, if there is an `Authorization` header at all.
///
/// # Errors
/// There is one, and it is not exactly one header with the scheme `Bearer` (in any case, RFC 9110 section
/// 11.1) and something behind it.
pub(crate) fn bearer(headers: &HeaderMap) -> Result<Option<BearerToken<'_>>, ApiError> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(ApiError::invalid_token("More than one Authorization header"));
    }
    let (scheme, mut token) = value.as_bytes().split_at_checked(SCHEME.len()).ok_or_else(malformed)?;
    if !scheme.eq_ignore_ascii_case(SCHEME) {
        return Err(malformed());
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

    fn token(headers: &HeaderMap) -> Result<Option<&str>, ApiError> {
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
        for values in [
            &["Bearer a", "Bearer a"][..],
            &["Bearer"],
            &["Bearer "],
            &["Basic abc"],
            &["abc"],
            &[""],
            &["Bearer a b"],
            &["Bearer a, Bearer b"],
            &["Bearer a\tb"],
            &["Bearer  "],
            &["Bearerabc"],
            &["Bearer\tabc"],
        ] {
            assert_eq!(token(&headers(values)).unwrap_err().status, 401, "{values:?}");
        }
    }
}
