//! How resources of routes compare where the case of letters makes no difference.

use std::iter::once;

use unicode_normalization::char::canonical_combining_class;
use unicode_normalization::{IsNormalized, UnicodeNormalization as _, is_nfc_quick};

use super::work;

/// A resource's bytes in a form that is the same for every spelling: composed (NFC), then in lower case by way of upper case,
/// so that `ẞ`, `ß` and `SS` are one.
///
/// Folds as it is read, so that a comparison pays only for the part that it reaches, and allocates nothing. Only the
/// first `max_chars` characters are read: a character and the marks that compose with it are always folded together,
/// however many marks a client sends.
pub(super) fn fold(text: &str, max_chars: usize) -> impl Iterator<Item = u8> + '_ {
    // Folding can leave a sequence that composes again.
    text.chars().take(max_chars).inspect(|_| work::step()).nfc().flat_map(fold_char).nfc().flat_map(bytes)
}

/// The first byte of the folded form, if it can be told without composing anything: that costs more than most decisions.
pub(super) fn first_byte(text: &str) -> Option<u8> {
    // It composes with nothing before it, so that nothing behind it reaches the character before it.
    let is_plain = |c: char| canonical_combining_class(c) == 0 && is_nfc_quick(once(c)) == IsNormalized::Yes;
    let mut chars = text.chars();
    let first = chars.next().filter(|c| is_plain(*c))?;
    if !chars.next().is_none_or(is_plain) {
        return None;
    }
    let mut lower = first.to_lowercase();
    let mut upper = lower.next().filter(|_| lower.len() == 0)?.to_uppercase();
    let folded = upper.next()?.to_lowercase().next()?;
    // A mark would compose with it.
    upper.next().is_none_or(|c| c.is_ascii()).then(|| bytes(folded).next())?
}

fn fold_char(c: char) -> impl Iterator<Item = char> {
    c.to_lowercase().flat_map(char::to_uppercase).flat_map(char::to_lowercase)
}

fn bytes(c: char) -> impl Iterator<Item = u8> {
    let mut buffer = [0; 4];
    let length = c.encode_utf8(&mut buffer).len();
    buffer.into_iter().take(length)
}

/// The folded form as a whole.
pub(super) fn folded(text: &str) -> Box<[u8]> {
    fold(text, usize::MAX).collect()
}

/// Whether the folded form of a text that begins so has the same beginning.
pub(super) fn is_folded(beginning: &[u8]) -> bool {
    beginning.iter().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts_that_are_equal_as_names_are_equal_as_resources() {
        // Behind them are ideographs, which have no case.
        for c in ('\0'..='\u{1ffff}').filter(|c| c.is_alphabetic()) {
            let text = String::from(c);
            assert!(first_byte(&text).is_none_or(|byte| folded(&text)[0] == byte), "{c:?}");
            let name = crate::name::fold(&text);
            if name != text {
                assert_eq!(folded(&name), folded(&text), "{c:?}");
            }
        }
        for (one, other) in [
            ("STRASSE", "straße"),
            ("STRAẞE", "straße"),
            ("Kelvin", "\u{212a}elvin"),
            ("ſ", "S"),
            ("ΣΊΣΥΦΟΣ", "Σίσυφος"),
            ("cafe\u{301}", "CAFÉ"),
            ("İ", "i\u{307}"),
            ("ﬁle", "FILE"),
        ] {
            assert_eq!(folded(one), folded(other), "{one} {other}");
        }
    }

    proptest! {
        #[test]
        fn names_that_are_equal_are_equal_as_resources(text in "\\PC{0,12}") {
            prop_assert_eq!(folded(&crate::name::fold(&text)), folded(&text));
        }

        #[test]
        fn marks_make_no_difference_to_that(text in "([aAjJhHtTwWyYiIßẞİıǰẖẗẘẙΐΰΑαᾳᾼῼΩΙι][\u{300}-\u{308}\u{30a}\u{30c}\u{323}\u{331}\u{342}\u{345}]{0,3}){0,4}") {
            prop_assert_eq!(folded(&crate::name::fold(&text)), folded(&text));
            prop_assert!(first_byte(&text).is_none_or(|byte| folded(&text)[0] == byte));
        }

        #[test]
        fn the_first_byte_is_that_of_the_folded_form(text in "\\PC{0,4}") {
            prop_assert!(first_byte(&text).is_none_or(|byte| folded(&text)[0] == byte));
        }

        #[test]
        fn the_folded_form_of_ascii_is_its_lower_case(text in "[ -~]{0,20}") {
            prop_assert_eq!(folded(&text).to_vec(), text.to_ascii_lowercase().into_bytes());
            prop_assert!(!is_folded(text.as_bytes()) || *folded(&text) == *text.as_bytes());
        }
    }
}
