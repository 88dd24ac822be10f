//! `Cookie` on its way out of HTTP/2.

use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};

/// Joins all `Cookie` fields into one.
///
/// HTTP/2 clients send a field for each cookie (RFC 9113, section 8.2.3). An HTTP/1.1 upstream may
/// read the first field alone, or join several with a comma.
pub(crate) fn join(headers: &mut HeaderMap) {
    let mut fields = headers.get_all(COOKIE).iter();
    let (Some(first), Some(second)) = (fields.next(), fields.next()) else {
        return;
    };
    let mut joined = first.as_bytes().to_vec();
    for field in std::iter::once(second).chain(fields) {
        joined.extend_from_slice(b"; ");
        joined.extend_from_slice(field.as_bytes());
    }
    headers.remove(COOKIE);
    // Valid values with visible characters between them are a valid value.
    if let Ok(mut value) = HeaderValue::try_from(joined) {
        value.set_sensitive(true);
        headers.insert(COOKIE, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(fields: &[&'static [u8]]) -> Vec<Vec<u8>> {
        let value = |field: &&'static [u8]| (COOKIE, HeaderValue::from_bytes(field).unwrap());
        let mut headers: HeaderMap = fields.iter().map(value).collect();
        join(&mut headers);
        headers.get_all(COOKIE).iter().map(|value| value.as_bytes().to_vec()).collect()
    }

    #[test]
    fn several_fields_become_one_in_their_order() {
        assert_eq!(joined(&[]), Vec::<Vec<u8>>::new());
        assert_eq!(joined(&[b"a=b; c=d"]), [b"a=b; c=d"]);
        assert_eq!(joined(&[b"a=b", b"c=d; e=f", b"a=\"g\""]), [b"a=b; c=d; e=f; a=\"g\""]);
        assert_eq!(joined(&[b"a=\xc3\xa4", b"b=\xff"]), [b"a=\xc3\xa4; b=\xff"], "bytes stay as they are");
    }
}
