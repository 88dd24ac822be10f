//! The cookie that has a session's token (RFC 6265).

use std::time::Duration;

use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};

use crate::error::ApiError;

/// The cookie's name where browser and server talk over TLS: browsers take it from nobody without TLS (RFC 6265bis
/// section 4.1.3.1).
const SECURE: &str = "__Secure-appmixer_console";
/// The same elsewhere.
const PLAIN: &str = "appmixer_console";

const fn name(is_secure: bool) -> &'static str {
    if is_secure { SECURE } else { PLAIN }
}

/// The token in the cookie, if there is one. Another server of the same site can set a cookie of the same name; which
/// one is ours cannot be told then, so none is.
///
/// # Errors
/// There is more than one.
pub(crate) fn read(headers: &HeaderMap, is_secure: bool) -> Result<Option<&str>, ApiError> {
    let prefix = name(is_secure).as_bytes();
    // With HTTP/2 there may be a field for each cookie (RFC 9113 section 8.2.3); several fields are
    // as one whose parts are joined by `;`. Bytes, since another cookie may have any.
    let fields = headers.get_all(COOKIE).iter();
    let pairs = fields.flat_map(|field| field.as_bytes().split(|byte| *byte == b';')).map(<[u8]>::trim_ascii);
    let mut values = pairs.filter_map(|pair| pair.strip_prefix(prefix)?.strip_prefix(b"="));
    let value = values.next();
    if values.next().is_some() {
        return Err(ApiError::invalid_token("More than one session cookie"));
    }
    Ok(value.and_then(|value| str::from_utf8(value).ok()).filter(|value| !value.is_empty()))
}

/// What sets the cookie.
pub(crate) fn set(token: &str, lifetime: Duration, is_secure: bool) -> Result<HeaderValue, ApiError> {
    let (name, seconds) = (name(is_secure), lifetime.as_secs());
    let secure = if is_secure { "; Secure" } else { "" };
    let text = format!("{name}={token}; HttpOnly; SameSite=Strict; Path=/console; Max-Age={seconds}{secure}");
    let mut value = HeaderValue::try_from(text).map_err(|error| ApiError::internal(&error))?;
    value.set_sensitive(true);
    Ok(value)
}

/// What takes it away.
pub(crate) fn clear(is_secure: bool) -> Result<HeaderValue, ApiError> {
    set("", Duration::ZERO, is_secure)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cookies(lines: &[&'static str]) -> HeaderMap {
        lines.iter().map(|line| (COOKIE, HeaderValue::from_bytes(line.as_bytes()).unwrap())).collect()
    }

    #[test]
    fn the_cookie_is_found_among_others_by_its_whole_name() {
        for lines in [
            &["appmixer_console=a.b.c"][..],
            &["x=1; appmixer_console=a.b.c; y=2"],
            &["x=1", "appmixer_console=a.b.c"],
            &["x=1;appmixer_console=a.b.c"],
            &["xappmixer_console=z; appmixer_console=a.b.c; __Secure-appmixer_console=q"],
            &["x=\u{e4}; appmixer_console=a.b.c"],
        ] {
            assert_eq!(read(&cookies(lines), false).unwrap(), Some("a.b.c"), "{lines:?}");
        }
        for lines in [&[][..], &["appmixer_console"], &["appmixer_console="], &["APPMIXER_CONSOLE=a"]] {
            assert_eq!(read(&cookies(lines), false).unwrap(), None, "{lines:?}");
        }
        assert_eq!(read(&cookies(&["appmixer_console=a"]), true).unwrap(), None, "set without TLS");
    }

    #[test]
    fn of_two_none_is_taken() {
        for lines in [
            &["appmixer_console=a; appmixer_console=b"][..],
            &["appmixer_console=a", "appmixer_console=a"],
            &["appmixer_console=; appmixer_console=a"],
        ] {
            assert_eq!(read(&cookies(lines), false).unwrap_err().status, 401, "{lines:?}");
        }
    }

    #[test]
    fn no_script_reads_it_no_other_site_sends_it_and_it_ends() {
        let lifetime = Duration::from_mins(1);
        let plain = "appmixer_console=t; HttpOnly; SameSite=Strict; Path=/console; Max-Age=60";
        assert_eq!(set("t", lifetime, false).unwrap(), plain);
        assert_eq!(set("t", lifetime, true).unwrap(), format!("__Secure-{plain}; Secure").as_str());
        let gone = "appmixer_console=; HttpOnly; SameSite=Strict; Path=/console; Max-Age=0";
        assert_eq!(clear(false).unwrap(), gone);
        assert!(set("t\n", lifetime, false).is_err());
    }
}
