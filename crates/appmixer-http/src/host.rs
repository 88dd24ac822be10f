//! Which host a request is for: read once, and the same for every reader of it.

use std::net::Ipv6Addr;

use http::Version;
use http::header::HOST;
use http::request::Parts;
use http::uri::Authority;

use crate::error::ApiError;

/// The longest host, in bytes: what DNS can hold (RFC 3986, section 3.2.2).
const MAX_HOST: usize = 255;

/// The host and port that a request is for; none where HTTP/1.0 names none.
///
/// With HTTP/2 that is `:authority` or `Host` (RFC 9113, section 8.3.1), with HTTP/1.1 the host of
/// an absolute target or `Host` (RFC 9112, section 3.2). What is written twice, or is no host,
/// could be read in another way by a proxy or by an upstream, so it is refused wherever it stands.
///
/// # Errors
/// 400.
pub(crate) fn of(parts: &Parts) -> Result<Option<&str>, ApiError> {
    let mut fields = parts.headers.get_all(HOST).iter();
    let field = fields.next();
    if fields.next().is_some() || (field.is_none() && parts.version == Version::HTTP_11) {
        return Err(missing());
    }
    let field = field.map(|field| field.to_str().map_err(|_| invalid()).and_then(parse)).transpose()?;
    let authority = parts.uri.authority().map(Authority::as_str);
    if authority.is_some_and(|authority| authority.contains('@')) {
        return Err(ApiError::bad_request("The request target must not name a user"));
    }
    let authority = authority.map(parse).transpose()?;
    if parts.version == Version::HTTP_2 {
        match (authority, field) {
            (None, None) => {
                return Err(ApiError::bad_request("Either :authority or a Host header is required"));
            }
            (Some(authority), Some(field)) if !authority.eq_ignore_ascii_case(field) => {
                return Err(ApiError::bad_request(":authority and the Host header must be the same"));
            }
            _ => {}
        }
    }
    Ok(authority.or(field))
}

pub(crate) fn missing() -> ApiError {
    ApiError::bad_request("Exactly one Host header is required")
}

pub(crate) fn invalid() -> ApiError {
    ApiError::bad_request(
        "The host must be a name, an IPv4 address or an IPv6 address in brackets, with or without a port",
    )
}

fn parse(text: &str) -> Result<&str, ApiError> {
    if is_valid(text) { Ok(text) } else { Err(invalid()) }
}

/// Whether a text is `uri-host [ ":" port ]` (RFC 9110, section 7.2) with a host that is not empty.
pub(crate) fn is_valid(text: &str) -> bool {
    if let Some((address, port)) = text.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
        return address.parse::<Ipv6Addr>().is_ok() && is_port(port);
    }
    let (name, port) = text.find(':').map_or((text, ""), |colon| text.split_at(colon));
    is_name(name) && is_port(port)
}

/// Nothing, or a colon and a number, which may be missing.
fn is_port(text: &str) -> bool {
    let Some(digits) = text.strip_prefix(':') else {
        return text.is_empty();
    };
    digits.is_empty() || digits.bytes().all(|byte| byte.is_ascii_digit()) && digits.parse::<u16>().is_ok()
}

/// Whether a text is a registered name or an IPv4 address (RFC 3986, section 3.2.2).
///
/// Of the characters that the grammar allows, `,` and `;` are refused: they separate in
/// `X-Forwarded-Host` and `Forwarded`. Percent-encoded may be what is not ASCII.
fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let is_good = match byte {
            b'%' => {
                let mut digit = || bytes.next().and_then(|digit| char::from(digit).to_digit(16));
                matches!((digit(), digit()), (Some(8..), Some(_)))
            }
            b'-' | b'.' | b'_' | b'~' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b'=' => true,
            _ => byte.is_ascii_alphanumeric(),
        };
        if !is_good {
            return false;
        }
    }
    (1..=MAX_HOST).contains(&text.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_host_is_a_name_or_an_address_with_a_port_or_without() {
        for good in [
            "localhost",
            "LOCALHOST:2200",
            "a.example",
            "a.example.",
            "a.example:",
            "a_b.example:65535",
            "a.example:0080",
            "xn--bcher-kva.example",
            "b%C3%BCcher.example",
            "127.0.0.1:2200",
            "[::1]",
            "[2001:DB8::1]:443",
            "[::ffff:192.0.2.1]",
        ] {
            assert!(is_valid(good), "{good}");
        }
        for bad in [
            "",
            ":",
            ":80",
            "a b",
            " a",
            "a,b",
            "a;b",
            "a\"; evil<x>, b",
            "u@a",
            "u:p@a",
            "http://a",
            "a/b",
            "a\\b",
            "a?b",
            "a#b",
            "a|b",
            "a^b",
            "{a}",
            "`a`",
            "a\t",
            "a\u{7f}",
            "bücher",
            "a:b",
            "a:-1",
            "a:+1",
            "a:65536",
            "a:99999999999999999999",
            "a:1:2",
            "a: 1",
            "::1",
            "[::1",
            "::1]",
            "[]",
            "[g::]",
            "[::1]a",
            "[::1]:a",
            "[::1%25eth0]",
            "[v1.x]",
            "[127.0.0.1]",
            "a[::1]",
            "a%",
            "a%4",
            "a%zz",
            "a%2fb",
            "a%00",
        ] {
            assert!(!is_valid(bad), "{bad}");
        }
        assert!(is_valid(&"a".repeat(255)) && !is_valid(&"a".repeat(256)));
    }

    proptest! {
        #[test]
        fn what_is_valid_needs_no_escapes_where_hosts_are_written(text in "[a-c%:\\[\\]0-9.,;@\"<> /\\\\é]{0,8}") {
            if is_valid(&text) {
                prop_assert!(!text.contains([',', ';', '"', '\\', '/', '@', '<', '>', ' ', 'é']), "{}", text);
            }
        }
    }
}
