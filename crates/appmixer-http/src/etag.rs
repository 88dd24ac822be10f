//! Entity tags, and whether a client has what it asks for already (RFC 9110 sections 8.8.3 and 13.1.2).

use http::header::IF_NONE_MATCH;
use http::{HeaderMap, HeaderValue};
use siphasher::sip128::SipHasher13;

/// A strong tag of these bytes: the same on every server and after every restart.
pub(crate) fn of(bytes: &[u8]) -> HeaderValue {
    let tag = format!("\"{:032x}\"", SipHasher13::new().hash(bytes).as_u128());
    // Quotes and hexadecimal digits: a header can have them.
    HeaderValue::from_str(&tag).unwrap_or_else(|_| HeaderValue::from_static("\"\""))
}

/// Whether `If-None-Match` names the tag. What cannot be read names nothing.
pub(crate) fn is_known(headers: &HeaderMap, tag: &HeaderValue) -> bool {
    headers.get_all(IF_NONE_MATCH).iter().any(|value| names(value.as_bytes(), tag.as_bytes()))
}

/// Whether a list of tags, or `*`, has the tag. Weak ones compare as strong ones do.
fn names(list: &[u8], tag: &[u8]) -> bool {
    let mut rest = list.trim_ascii();
    if rest == b"*" {
        return true;
    }
    loop {
        rest = rest.trim_ascii_start();
        if let Some(after) = rest.strip_prefix(b",") {
            rest = after;
            continue;
        }
        let opaque = rest.strip_prefix(b"W/").unwrap_or(rest);
        // A comma may stand inside a tag, so the list cannot be split at them.
        let Some(end) =
            opaque.strip_prefix(b"\"").and_then(|inner| inner.iter().position(|byte| *byte == b'"'))
        else {
            return false;
        };
        let (there, after) = opaque.split_at(end + 2);
        if there == tag {
            return true;
        }
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tags_are_strong_and_tell_bytes_apart() {
        let tag = of(b"a");
        assert_eq!(tag, of(b"a"));
        assert_ne!(tag, of(b"b"));
        assert!(tag.to_str().unwrap().starts_with('"') && tag.len() == 34);
    }

    #[test]
    fn a_list_names_a_tag_as_the_table_says() {
        for (list, named) in [
            (r#""a""#, true),
            (r#"W/"a""#, true),
            (r#" "b" , "a" "#, true),
            (r#""b","a""#, true),
            (r#",, "a",,"#, true),
            (r#""b,\"", "a""#, false),
            (r#""b,c", W/"d","a""#, true),
            ("*", true),
            (" * ", true),
            (r#""b""#, false),
            (r#""aa""#, false),
            ("a", false),
            (r#"w/"a""#, false),
            (r#""a"#, false),
            (r#"*, "a""#, false),
            ("", false),
            (r#"b "a""#, false),
        ] {
            assert_eq!(names(list.as_bytes(), br#""a""#), named, "{list}");
        }
    }

    #[test]
    fn the_header_may_be_there_twice() {
        let mut headers = HeaderMap::new();
        headers.append(IF_NONE_MATCH, HeaderValue::from_static(r#""b""#));
        assert!(!is_known(&headers, &HeaderValue::from_static(r#""a""#)));
        headers.append(IF_NONE_MATCH, HeaderValue::from_static(r#""a""#));
        assert!(is_known(&headers, &HeaderValue::from_static(r#""a""#)));
    }

    proptest! {
        #[test]
        fn no_list_panics_or_hangs(list in r#"[W/", *a]{0,40}"#) {
            names(list.as_bytes(), br#""a""#);
        }

        #[test]
        fn a_tag_is_found_wherever_it_stands(before in prop::collection::vec("[b-z,]{0,5}", 0..5)) {
            let list = format!("\"{}\", ", before.join("\", \""));
            let last = format!("{list}\"a\"");
            prop_assert!(names(last.as_bytes(), br#""a""#));
            prop_assert!(!names(list.as_bytes(), br#""a""#));
        }
    }
}
