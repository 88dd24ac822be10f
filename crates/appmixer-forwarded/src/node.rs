//! The entries of the two headers, from right to left, and the addresses in them.

use std::net::{IpAddr, Ipv6Addr};

use http::HeaderValue;
use http::header::GetAll;

/// An entry: the address that it tells, if it tells one.
pub(crate) type Node = Option<IpAddr>;

/// The entries of `X-Forwarded-For`, from the right. Empty ones are no entries (RFC 9110 section 5.6.1.2).
pub(crate) fn x_forwarded_for(values: &GetAll<'_, HeaderValue>) -> impl Iterator<Item = Node> {
    values
        .iter()
        .rev()
        .flat_map(|value| FromRight::new(value.as_bytes(), b','))
        .map(|entry| address(text(entry)?))
}

/// The same of `Forwarded` (RFC 7239 section 4).
pub(crate) fn forwarded(values: &GetAll<'_, HeaderValue>) -> impl Iterator<Item = Node> {
    values.iter().rev().flat_map(|value| FromRight::new(value.as_bytes(), b',')).map(element)
}

/// What `Forwarded` says last of this parameter; none where its last element does not have it.
pub(crate) fn last_parameter<'h>(values: &GetAll<'h, HeaderValue>, wanted: &str) -> Option<&'h str> {
    parameter(last(values)?, wanted)
}

/// The last entry of a header that is a list of tokens.
pub(crate) fn last_entry<'h>(values: &GetAll<'h, HeaderValue>) -> Option<&'h str> {
    text(last(values)?)
}

fn last<'h>(values: &GetAll<'h, HeaderValue>) -> Option<&'h [u8]> {
    values.iter().rev().flat_map(|value| FromRight::new(value.as_bytes(), b',')).next()
}

/// The `for` of a `forwarded-element`.
fn element(bytes: &[u8]) -> Node {
    address(parameter(bytes, "for")?)
}

/// A parameter of a `forwarded-element`. There must be one, and the rest must have its form.
fn parameter<'b>(bytes: &'b [u8], wanted: &str) -> Option<&'b str> {
    let mut found = None;
    for pair in FromRight::new(bytes, b';') {
        let (name, value) = text(pair)?.split_once('=')?;
        let value = value_of(value)?;
        let is_token = !name.is_empty() && name.bytes().all(is_token_byte);
        if !is_token || (name.eq_ignore_ascii_case(wanted) && found.replace(value).is_some()) {
            return None;
        }
    }
    found
}

/// The inside of a value: a token, or a quoted string. Nothing in an address is escaped, so an escape is left as
/// it is, and is no part of an address.
fn value_of(value: &str) -> Option<&str> {
    if let Some(quoted) = value.strip_prefix('"') {
        return quoted.strip_suffix('"');
    }
    (!value.is_empty() && value.bytes().all(is_token_byte)).then_some(value)
}

/// RFC 9110 section 5.6.2.
const fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~')
}

/// A node of RFC 7239 section 6 that is an address, with or without a port; and IPv6 without brackets, as
/// `X-Forwarded-For` has it.
fn address(text: &str) -> Option<IpAddr> {
    let address = if let Some(rest) = text.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        (port.is_empty() || port.strip_prefix(':').is_some_and(is_port)).then_some(())?;
        IpAddr::V6(address.parse::<Ipv6Addr>().ok()?)
    } else if let Ok(address) = text.parse() {
        address
    } else {
        let (address, port) = text.split_once(':')?;
        is_port(port).then_some(())?;
        IpAddr::V4(address.parse().ok()?)
    };
    Some(address.to_canonical())
}

/// A number, or an obfuscated one: of no interest either way.
fn is_port(text: &str) -> bool {
    let obfuscated = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    match text.strip_prefix('_') {
        Some(rest) => !rest.is_empty() && rest.bytes().all(obfuscated),
        None => (1..=5).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit()),
    }
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok().filter(|text| text.is_ascii())
}

/// The parts between separators outside of quoted strings, from the right, without white space around them and
/// without empty ones.
///
/// From the right, because the left is the client's: a quote that it has opened must not swallow what the proxies
/// have added.
struct FromRight<'a> {
    rest: Option<&'a [u8]>,
    separator: u8,
}

impl<'a> FromRight<'a> {
    const fn new(bytes: &'a [u8], separator: u8) -> Self {
        Self { rest: Some(bytes), separator }
    }

    fn next_part(&mut self) -> Option<&'a [u8]> {
        let rest = self.rest?;
        let mut quoted = false;
        for at in (0..rest.len()).rev() {
            match rest[at] {
                // Within quotes, one with an odd number of backslashes before it is a part of the text.
                b'"' if !quoted || backslashes(&rest[..at]).is_multiple_of(2) => quoted = !quoted,
                byte if byte == self.separator && !quoted => {
                    self.rest = Some(&rest[..at]);
                    return Some(&rest[at + 1..]);
                }
                _ => {}
            }
        }
        self.rest = None;
        Some(rest)
    }
}

fn backslashes(bytes: &[u8]) -> usize {
    bytes.iter().rev().take_while(|byte| **byte == b'\\').count()
}

impl<'a> Iterator for FromRight<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        loop {
            let part = self.next_part()?.trim_ascii();
            if !part.is_empty() {
                return Some(part);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> String {
        element(text.as_bytes()).map_or_else(|| "none".to_owned(), |address| address.to_string())
    }

    #[test]
    fn the_forms_of_rfc_7239_are_read() {
        for (text, address) in [
            ("for=192.0.2.43", "192.0.2.43"),
            (r#"For="[2001:db8:cafe::17]:4711""#, "2001:db8:cafe::17"),
            (r#"for="[2001:db8:cafe::17]""#, "2001:db8:cafe::17"),
            ("for=192.0.2.60;proto=http;by=203.0.113.43", "192.0.2.60"),
            (r#"proto=https;host="a,b;c=\"d\\";for="192.0.2.60:8080""#, "192.0.2.60"),
            (r#"for="192.0.2.43:_p0rt""#, "192.0.2.43"),
            ("for=192.0.2.43 ; proto=http", "192.0.2.43"),
            (r#"for="[::ffff:192.0.2.1]""#, "192.0.2.1"),
            (r#"for="2001:db8::1""#, "2001:db8::1"),
        ] {
            assert_eq!(told(text), address, "{text}");
        }
    }

    #[test]
    fn what_hides_the_address_or_has_no_form_tells_none() {
        for text in [
            "for=unknown",
            "for=_hidden",
            r#"for="_gazonk""#,
            "by=192.0.2.1",
            "for=192.0.2.1;for=192.0.2.2",
            "for=192.0.2.1;proto",
            "for=192.0.2.1;=http",
            "for=192.0.2.1;proto=a b",
            "for=",
            "for=\"192.0.2.1",
            "for=192.0.2.1\"",
            "for=[2001:db8::1]",
            "for=2001:db8::1",
            r#"for="[2001:db8::1""#,
            r#"for="[2001:db8::1]x""#,
            r#"for="[192.0.2.1]""#,
            r#"for="fe80::1%eth0""#,
            r#"for="192.0.2.1:""#,
            r#"for="192.0.2.1:123456""#,
            r#"for="192.0.2.\1""#,
            "for=192.0.2.256",
            "192.0.2.1",
            "f\u{f6}r=192.0.2.1",
        ] {
            assert_eq!(told(text), "none", "{text}");
        }
    }

    #[test]
    fn parts_are_found_from_the_right_whatever_stands_to_the_left() {
        let parts = |line: &'static str| -> Vec<_> {
            FromRight::new(line.as_bytes(), b',').map(|part| text(part).unwrap()).collect()
        };
        assert_eq!(parts(r#"a="1,2", b , ,c"#), ["c", "b", r#"a="1,2""#]);
        assert_eq!(parts(r#"a="x\",y", b"#), ["b", r#"a="x\",y""#]);
        assert_eq!(parts(r#"a="unclosed, b="1,2",c"#), ["c", r#"b="1,2""#, r#"a="unclosed"#]);
        assert_eq!(parts(" , ,"), Vec::<&str>::new());
    }
}
