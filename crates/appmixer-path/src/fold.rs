//! The letters of ASCII that readers may put in the place of others.

use unicode_normalization::char::{decompose_compatible, is_combining_mark};

/// The most characters that those of a path beyond ASCII are decomposed to. The compatibility decomposition of one
/// character has up to 18 (U+FDFA). Ordinary letters have one to three, so that some 1000 of them are below the bound.
pub(crate) const MAX_DECOMPOSED: usize = 2048;

/// A text has characters beyond ASCII that stand for more than [`MAX_DECOMPOSED`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooMany;

/// A text in the letters that it is similar to, all of them upper case; none if it is ASCII already.
///
/// Windows has tables ("best fit") for text that leaves Unicode. They go no further than compatible characters (fullwidth
/// letters), letters without their marks, and some that look like a slash.
///
/// # Errors
/// [`TooMany`]. No bound for each segment would do: a long one may be a short one with many combining marks.
pub(crate) fn to_ascii(text: &str) -> Result<Option<String>, TooMany> {
    if text.is_ascii() { Ok(None) } else { fold(text, &mut 0).map(Some) }
}

/// Adds to `decomposed` how many characters those beyond ASCII are decomposed to.
fn fold(text: &str, decomposed: &mut usize) -> Result<String, TooMany> {
    let mut folded = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\u{2044}' | '\u{2215}' => folded.push('/'),
            '\u{2216}' => folded.push('\\'),
            ascii if ascii.is_ascii() => folded.push(ascii.to_ascii_uppercase()),
            // The marks are left out, so that their order makes no difference.
            other => decompose_compatible(other, |part| {
                *decomposed += 1;
                if !is_combining_mark(part) {
                    folded.extend(part.to_uppercase());
                }
            }),
        }
        if *decomposed > MAX_DECOMPOSED {
            return Err(TooMany);
        }
    }
    Ok(folded)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use unicode_normalization::UnicodeNormalization as _;

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
            assert_eq!(to_ascii(text).unwrap().as_deref(), folded, "{text}");
        }
    }

    #[test]
    fn the_work_has_a_bound_whatever_the_length_of_a_path() {
        for part in ["ß", "\u{fdfa}", "\u{301}", "각", "/ﬃ", "x\u{a0}"] {
            for count in [MAX_DECOMPOSED + 1, 100_000] {
                let mut decomposed = 0;
                assert_eq!(fold(&part.repeat(count), &mut decomposed), Err(TooMany), "{part}");
                assert!(decomposed < MAX_DECOMPOSED + 20, "{part}: {decomposed}");
            }
        }
        // ASCII costs nothing, and ordinary paths are far from the bound.
        assert!(to_ascii(&format!("/é{}", "x".repeat(100_000))).is_ok());
        assert!(to_ascii(&"/café/Größe/管理/각하".repeat(100)).is_ok());
        assert!(to_ascii(&"é".repeat(MAX_DECOMPOSED / 2)).is_ok());
    }

    proptest! {
        #[test]
        fn it_is_the_compatibility_decomposition_without_marks(text in "(.|[ａ-ｚá-ž\u{300}-\u{36f}각-힣㍘㎏ﷺ]){0,30}") {
            let slashes = text.chars().map(|c| match c {
                '\u{2044}' | '\u{2215}' => '/',
                '\u{2216}' => '\\',
                other => other,
            });
            let all: String =
                slashes.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_uppercase).collect();
            if let Some(folded) = to_ascii(&text).unwrap() {
                prop_assert_eq!(folded, all);
            }
        }
    }
}
