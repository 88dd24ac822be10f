//! Fields whose values are lists of tokens (RFC 9110, section 5.6.1).

use http::header::{AUTHORIZATION, CONNECTION, CONTENT_LENGTH, FORWARDED, HOST, VIA};
use http::{HeaderMap, HeaderName, HeaderValue};

/// The tokens of one value.
pub(crate) fn tokens(value: &HeaderValue) -> impl Iterator<Item = &str> {
    value.to_str().unwrap_or_default().split(',').map(str::trim).filter(|token| !token.is_empty())
}

/// Whether a value has a token, which may have parameters, as in `TE`.
pub(crate) fn has_token(value: &HeaderValue, wanted: &str) -> bool {
    tokens(value)
        .any(|token| token.split(';').next().unwrap_or_default().trim_end().eq_ignore_ascii_case(wanted))
}

/// The fields that `Connection` names: they are for the connection as well (section 7.6.1).
pub(crate) fn listed(headers: &HeaderMap) -> Vec<HeaderName> {
    let values = headers.get_all(CONNECTION).iter().flat_map(tokens);
    // The usual options name no field that would be there.
    let others = values.filter(|token| {
        !["keep-alive", "close", "upgrade", "te"].iter().any(|usual| token.eq_ignore_ascii_case(usual))
    });
    let names = others.filter_map(|token| HeaderName::from_bytes(token.as_bytes()).ok());
    // Where a message goes, how long it is and who sends it is never for the connection alone.
    let is_message =
        |name: &HeaderName| matches!(*name, HOST | CONTENT_LENGTH | VIA | FORWARDED | AUTHORIZATION);
    names.filter(|name| !is_message(name)).collect()
}
