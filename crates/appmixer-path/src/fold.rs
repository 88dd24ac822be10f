//! The letters of ASCII that readers may put in the place of others.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// A text in the letters that it is similar to, all of them upper case; none if it is ASCII already.
///
/// Windows has tables ("best fit") for text that leaves Unicode. They go no further than compatible characters (fullwidth
/// letters), letters without their marks, and some that look like a slash.
pub(crate) fn to_ascii(text: &str) -> Option<String> {
    if text.is_ascii() {
        return None;
    }
    let slashes = text.chars().map(|c| match c {
        '\u{2044}' | '\u{2215}' => '/',
        '\u{2216}' => '\\',
        other => other,
    });
    Some(slashes.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_uppercase).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_become_those_that_they_are_similar_to() {
        for (text, folded) in [
            ("ａｄｍｉｎ", Some("ADMIN")),
            ("ádmın", Some("ADMIN")),
            ("ſtoreK", Some("STOREK")),
            ("größe", Some("GROSSE")),
            ("．．／", Some("../")),
            ("½", Some("1\u{2044}2")),
            ("管理", Some("管理")),
            ("Admin", None),
        ] {
            assert_eq!(to_ascii(text).as_deref(), folded, "{text}");
        }
    }
}
