//! Which transfer codings a request may have (RFC 9112, section 6.1).

use http::header::TRANSFER_ENCODING;
use http::{HeaderMap, HeaderName, StatusCode};

use crate::error::ApiError;

/// Refuses every coding but a single `chunked`.
///
/// hyper removes the `chunked` at the end. It leaves the other codings on the body, where neither a
/// route nor an upstream would expect them.
///
/// # Errors
/// 501 for another coding, 400 for a second `chunked` or for what is no coding.
pub(crate) fn check(headers: &HeaderMap) -> Result<(), ApiError> {
    let values = headers.get_all(TRANSFER_ENCODING).iter();
    let (mut chunked, mut is_unknown) = (0, false);
    for coding in values.flat_map(|value| value.as_bytes().split(|byte| *byte == b',')) {
        let name = coding.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
        if name.eq_ignore_ascii_case(b"chunked") {
            chunked += 1;
        } else {
            is_unknown = true;
        }
        // A coding is a token, and so is the name of a header.
        if chunked > 1 || HeaderName::from_bytes(name).is_err() {
            return Err(ApiError::bad_request("Transfer-Encoding must be chunked, once"));
        }
    }
    if is_unknown {
        return Err(not_implemented());
    }
    Ok(())
}

pub(crate) fn not_implemented() -> ApiError {
    ApiError::new(StatusCode::NOT_IMPLEMENTED, "No transfer coding but chunked is implemented")
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn status(values: &[&'static str]) -> u16 {
        let field = |value: &&'static str| (TRANSFER_ENCODING, HeaderValue::from_static(value));
        check(&values.iter().map(field).collect()).err().map_or(200, |error| error.status.as_u16())
    }

    #[test]
    fn chunked_is_the_only_coding_and_stands_once() {
        for good in [&[][..], &["chunked"], &[" Chunked "]] {
            assert_eq!(status(good), 200, "{good:?}");
        }
        for unknown in [
            &["gzip, chunked"][..],
            &["gzip", "chunked"],
            &["gzip;q=1,deflate,chunked"],
            &["identity, chunked"],
            &["xchunked, chunked"],
        ] {
            assert_eq!(status(unknown), 501, "{unknown:?}");
        }
        for bad in [
            &["chunked, chunked"][..],
            &["chunked", "chunked"],
            &["chunked, gzip, chunked"],
            &["chunked;q=1, chunked"],
            &[", chunked"],
            &["gzip,, chunked"],
            &["\"gzip\", chunked"],
            &["chunked chunked, chunked"],
        ] {
            assert_eq!(status(bad), 400, "{bad:?}");
        }
    }
}
