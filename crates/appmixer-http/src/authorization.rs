//! Reads the `Authorization` header.

use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::error::ApiError;

/// The bearer token of a request, if there is an `Authorization` header at all.
///
/// # Errors
/// There is one, and it is not exactly one header with the scheme `Bearer` (in any case, RFC 9110 section
/// 11.1) and one token (RFC 6750 section 2.1).
pub(crate) fn bearer(headers: &HeaderMap) -> Result<Option<&str>, ApiError> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(ApiError::invalid_token("More than one Authorization header"));
    }
    let malformed = || ApiError::invalid_token("The Authorization header must be: Bearer TOKEN");
    let text = value.to_str().map_err(|_| malformed())?;
    let (scheme, rest) = text.split_once(' ').ok_or_else(malformed)?;
    let token = rest.trim_matches(' ');
    if !scheme.eq_ignore_ascii_case("Bearer")
        || token.is_empty()
        || token.bytes().any(|b| matches!(b, b' ' | b'\t' | b','))
    {
        return Err(malformed());
    }
    Ok(Some(token))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(values: &[&'static str]) -> HeaderMap {
        values.iter().map(|value| (AUTHORIZATION, HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn the_scheme_is_case_insensitive() {
        for value in ["Bearer abc", "bearer abc", "BEARER  abc "] {
            assert_eq!(bearer(&headers(&[value])).unwrap(), Some("abc"), "{value}");
        }
    }

    #[test]
    fn no_header_is_no_token_and_anything_else_is_an_error() {
        assert_eq!(bearer(&headers(&[])).unwrap(), None);
        for values in [
            &["Bearer a", "Bearer a"][..],
            &["Bearer"],
            &["Bearer "],
            &["Basic abc"],
            &["abc"],
            &[""],
            &["Bearer a b"],
            &["Bearer a, Bearer b"],
        ] {
            assert_eq!(bearer(&headers(values)).unwrap_err().status, 401, "{values:?}");
        }
    }
}
