//! Domains in their ASCII form (A-labels, RFC 5890), in which mail servers and HTTP servers know them.

use std::borrow::Cow;

use idna::AsciiDenyList;

/// A domain with A-labels: `bücher.example` as `xn--bcher-kva.example`. A domain in ASCII stays as it is.
///
/// `None`: it has no such form.
///
/// ```
/// use appmixer_core::ascii_domain;
///
/// assert_eq!(ascii_domain("bücher.example").as_deref(), Some("xn--bcher-kva.example"));
/// assert_eq!(ascii_domain("Acme_1").as_deref(), Some("Acme_1"));
/// assert_eq!(ascii_domain("a／b.example"), None);
/// ```
#[must_use]
pub fn ascii_domain(domain: &str) -> Option<Cow<'_, str>> {
    if domain.is_ascii() {
        return Some(Cow::Borrowed(domain));
    }
    idna::domain_to_ascii_cow(domain.as_bytes(), AsciiDenyList::URL).ok()
}

/// A URL with an ASCII host. What follows the host has to be ASCII already.
///
/// `None`: it is not a URL with an authority, or its host has no ASCII form.
///
/// ```
/// use appmixer_core::ascii_url;
///
/// let url = ascii_url("https://bücher.example:8443/a?b");
/// assert_eq!(url.as_deref(), Some("https://xn--bcher-kva.example:8443/a?b"));
/// assert_eq!(ascii_url("https://x/ü"), None);
/// ```
#[must_use]
pub fn ascii_url(text: &str) -> Option<Cow<'_, str>> {
    if text.is_ascii() {
        return Some(Cow::Borrowed(text));
    }
    let (scheme, rest) = text.split_once("://")?;
    let (authority, tail) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let (host, port) = authority.split_at(authority.find(':').unwrap_or(authority.len()));
    let is_ascii = scheme.is_ascii() && port.is_ascii() && tail.is_ascii();
    let host = ascii_domain(host).filter(|_| is_ascii)?;
    Some(Cow::Owned(format!("{scheme}://{host}{port}{tail}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_become_ascii_and_nothing_else_does() {
        for (text, expected) in [
            ("http://x/", Some("http://x/")),
            ("http://BÜCHER.example", Some("http://xn--bcher-kva.example")),
            ("http://例え.テスト:80?x", Some("http://xn--r8jz45g.xn--zckzah:80?x")),
            ("http://bücher.example/ü", None),
            ("http://bücher.example:8ü", None),
            ("http://bü cher.example", None),
            ("bücher.example", None),
            ("http://me@bücher.example", None),
            ("http://a\u{ff0f}b/", None),
        ] {
            assert_eq!(ascii_url(text).as_deref(), expected, "{text}");
        }
    }
}
