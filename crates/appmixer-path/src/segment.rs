//! What readers take a segment of a path for.

/// Where the name of a segment ends: at parameters, at a `?` that is decoded, at a stream of Windows.
pub(crate) const CUTS: [char; 3] = [';', '?', ':'];

/// A segment without what some readers take off: parameters, and blanks and dots around it.
pub(crate) fn name(segment: &str) -> &str {
    let name = segment.find(CUTS).map_or(segment, |end| &segment[..end]);
    name.trim_start().trim_end_matches(|c: char| c == '.' || c.is_whitespace())
}

/// Whether readers may take a segment for this text: in another case, with an extension, or without one.
pub(crate) fn may_be(segment: &str, literal: &str) -> bool {
    let name = name(segment);
    let (short, long) = if name.len() < literal.len() { (name, literal) } else { (literal, name) };
    let Some((beginning, rest)) = long.as_bytes().split_at_checked(short.len()) else {
        return false;
    };
    !short.is_empty()
        && beginning.eq_ignore_ascii_case(short.as_bytes())
        && matches!(rest.first(), None | Some(b'.'))
}

/// The segment, and what else readers may take it for; `folded` is what it is similar to.
pub(crate) fn names<'s>(segment: &'s str, folded: Option<&'s str>) -> impl Iterator<Item = &'s str> {
    let others = [Some(segment), folded].into_iter().flatten().flat_map(|text| {
        let name = name(text);
        let last = name.rsplit_once('.').map(|(stem, _)| stem);
        let first = name.split_once('.').map(|(stem, _)| stem).filter(|first| Some(*first) != last);
        [Some(name), last, first]
    });
    let others = others.flatten().filter(move |other| !other.is_empty() && *other != segment);
    std::iter::once(segment).chain(others)
}

/// Whether there is something in it that ASP.NET takes for a session and off the path: a letter in `(S(x))`.
pub(crate) fn has_session(segment: &str) -> bool {
    segment.as_bytes().windows(3).any(|bytes| {
        let [open, letter, again] = bytes else { return false };
        *open == b'(' && letter.is_ascii_alphabetic() && *again == b'('
    })
}
