//! Whether a page of our own has caused a request.

use http::header::ORIGIN;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::Console;
use crate::error::ApiError;
use crate::head::Head;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Who has caused a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    /// A page of this origin.
    Own,
    /// Another one, or the address bar.
    Other,
    /// No browser says so.
    Unsaid,
}

/// Goes on unless a browser says that somebody else has caused the request.
pub(crate) fn refuse_others(console: &Console, head: &Head<'_>) -> Result<(), ApiError> {
    if cause(head, console.is_secure(head)) == Cause::Other { Err(refused()) } else { Ok(()) }
}

/// Goes on if a browser says that a page of ours has caused the request.
pub(crate) fn require_own(console: &Console, head: &Head<'_>) -> Result<(), ApiError> {
    if cause(head, console.is_secure(head)) == Cause::Own { Ok(()) } else { Err(refused()) }
}

fn refused() -> ApiError {
    ApiError::forbidden(
        "Only the console's own page may ask for this: Sec-Fetch-Site must be same-origin, or Origin that of the Host",
    )
}

/// `Sec-Fetch-Site` (W3C Fetch Metadata) is the browser's own verdict, which no page can change and no proxy confuses.
/// Browsers send it to `https` and to this machine; elsewhere `Origin` has to do.
fn cause(head: &Head<'_>, is_https: bool) -> Cause {
    let headers = head.headers;
    if headers.contains_key(SEC_FETCH_SITE) {
        let is_own = only(headers, &SEC_FETCH_SITE).is_some_and(|site| site == "same-origin");
        return if is_own { Cause::Own } else { Cause::Other };
    }
    if !headers.contains_key(ORIGIN) {
        return Cause::Unsaid;
    }
    let origin = only(headers, &ORIGIN).and_then(|origin| origin.to_str().ok());
    let is_own = origin.zip(head.host).is_some_and(|(origin, own)| is_of(origin, own, is_https));
    if is_own { Cause::Own } else { Cause::Other }
}

fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}

/// Whether an origin (RFC 6454) is that of this host. Behind a proxy that says nothing, the scheme is not known.
fn is_of(origin: &str, host: &str, is_https: bool) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    let scheme_fits = scheme == "https" || (scheme == "http" && !is_https);
    scheme_fits && authority.eq_ignore_ascii_case(host)
}

#[cfg(test)]
mod tests {
    use appmixer_forwarded::Networks;
    use http::Method;
    use http::header::HOST;

    use super::*;
    use crate::head::Peer;

    fn of(headers: &[(&'static str, &'static str)], over_tls: bool) -> Cause {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        let proxies = Networks::none();
        let head = Head {
            method: &Method::POST,
            path: "/console/session",
            headers: &headers,
            host: headers.get(HOST).and_then(|host| host.to_str().ok()),
            query: "",
            peer: Peer { address: None, over_tls },
            proxies: &proxies,
        };
        cause(&head, over_tls)
    }

    #[test]
    fn the_browsers_own_word_is_what_counts() {
        for (site, expected) in [
            ("same-origin", Cause::Own),
            ("same-site", Cause::Other),
            ("cross-site", Cause::Other),
            ("none", Cause::Other),
            ("", Cause::Other),
            ("Same-Origin", Cause::Other),
        ] {
            assert_eq!(of(&[("sec-fetch-site", site), ("host", "a.b")], false), expected, "{site}");
        }
        // A proxy may have replaced the host.
        let behind =
            [("sec-fetch-site", "same-origin"), ("origin", "https://a.b"), ("host", "127.0.0.1:2200")];
        assert_eq!(of(&behind, false), Cause::Own);
        let twice = [("sec-fetch-site", "same-origin"), ("sec-fetch-site", "same-origin")];
        assert_eq!(of(&twice, false), Cause::Other);
    }

    #[test]
    fn without_it_the_origin_must_be_that_of_the_host() {
        let cause = |origin, over_tls| of(&[("origin", origin), ("host", "a.b:2200")], over_tls);
        assert_eq!(cause("http://a.b:2200", false), Cause::Own);
        assert_eq!(cause("https://A.B:2200", false), Cause::Own);
        assert_eq!(cause("https://a.b:2200", true), Cause::Own);
        for other in [
            "http://a.b",
            "http://evil.a.b:2200",
            "null",
            "a.b:2200",
            "",
            "ftp://a.b:2200",
            "http://a.b:2200/",
        ] {
            assert_eq!(cause(other, false), Cause::Other, "{other}");
        }
        assert_eq!(cause("http://a.b:2200", true), Cause::Other, "a page that anybody may have changed");
        assert_eq!(of(&[("host", "a.b")], false), Cause::Unsaid);
    }
}
