//! The texts of mails that an administrator sets: where the link goes.

const NAME: &str = "link";

/// The text around each place for the link: `{{link}}`, with or without blanks inside the braces.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let whole = rest.take()?;
        let place = whole.match_indices('{').find_map(|(start, _)| {
            let inside = whole[start..].strip_prefix("{{")?;
            let after = inside.trim_start().strip_prefix(NAME)?.trim_start().strip_prefix("}}")?;
            Some((start, after))
        });
        let Some((start, after)) = place else { return Some(whole) };
        rest = Some(after);
        Some(&whole[..start])
    })
}

/// Whether there is a place for the link.
#[must_use]
pub fn has_link(text: &str) -> bool {
    parts(text).nth(1).is_some()
}

/// The text with the link in each of its places.
#[must_use]
pub fn with_link(text: &str, link: &str) -> String {
    parts(text).collect::<Vec<_>>().join(link)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_place_is_filled_with_blanks_or_without() {
        for (text, filled) in [
            ("a {{link}} b", "a L b"),
            ("{{ link }}{{link}}", "LL"),
            ("{{\tlink\n}}", "L"),
            ("{{{link}}}", "{L}"),
            ("{{ {{link}}", "{{ L"),
            ("{{links}} {{ link }", "{{links}} {{ link }"),
            ("{{Link}} {link} {{}}", "{{Link}} {link} {{}}"),
            ("", ""),
        ] {
            assert_eq!(with_link(text, "L"), filled, "{text}");
            assert_eq!(has_link(text), text != filled, "{text}");
        }
        // The link itself is no template.
        assert_eq!(with_link("{{link}}", "{{link}}"), "{{link}}");
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[{} a-l]{0,30}") {
            prop_assert_eq!(has_link(&text), with_link(&text, "@") != text);
        }
    }
}
