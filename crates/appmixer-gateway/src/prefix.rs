//! The prefixes of paths that lead to upstreams.

use appmixer_path::RequestPath;
use thiserror::Error;

/// The longest prefix, in bytes.
const LONGEST: usize = 200;

/// The beginning of paths, in whole segments: `/flows` is one of `/flows` and `/flows/1`, and none of `/flowsheet`.
///
/// `/` is one of all paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prefix {
    text: String,
    segments: usize,
}

/// The text is no prefix.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "must be / or segments such as /flows or /api/v1, of letters, digits and - . _ ~, without a slash at the end"
)]
pub struct InvalidPrefix;

impl Prefix {
    /// Reads a prefix as an operator writes it.
    ///
    /// # Errors
    /// [`InvalidPrefix`]: it is empty, too long, or could be written in another way.
    pub fn parse(text: &str) -> Result<Self, InvalidPrefix> {
        if text == "/" {
            return Ok(Self { text: String::new(), segments: 0 });
        }
        let segments = text.strip_prefix('/').filter(|_| text.len() <= LONGEST).ok_or(InvalidPrefix)?;
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
        // What ends with a dot is another spelling of what does not.
        let is_segment =
            |segment: &str| !segment.is_empty() && !segment.ends_with('.') && segment.bytes().all(is_plain);
        if !segments.split('/').all(is_segment) {
            return Err(InvalidPrefix);
        }
        Ok(Self { text: text.to_owned(), segments: segments.split('/').count() })
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        if self.text.is_empty() { "/" } else { &self.text }
    }

    /// Its first segment; empty for `/`.
    #[must_use]
    pub fn first_segment(&self) -> &str {
        self.text.split('/').nth(1).unwrap_or_default()
    }

    /// Whether a decoded path lies at it or below, letter by letter.
    pub(crate) fn covers(&self, path: &str) -> bool {
        let rest = path.strip_prefix(&self.text).filter(|_| path.starts_with('/'));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// Whether an upstream may read a path that lies at it or below.
    pub(crate) fn may_cover(&self, path: &RequestPath<'_>) -> bool {
        path.may_start_with(&self.text)
    }

    /// How many segments it has.
    pub(crate) const fn segments(&self) -> usize {
        self.segments
    }

    /// What stays of a path, as it was sent, behind this prefix. It begins with a slash.
    pub(crate) fn behind<'p>(&self, path: &'p str) -> &'p str {
        // By segments, since the letters of the prefix may be encoded in it.
        let rest = path.match_indices('/').nth(self.segments).map(|(at, _)| &path[at..]);
        rest.unwrap_or("/")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn prefix(text: &str) -> Prefix {
        Prefix::parse(text).unwrap()
    }

    #[test]
    fn a_prefix_is_whole_segments_that_can_be_written_in_one_way() {
        for good in ["/", "/flows", "/api/v1.0", "/a-b_c~d", "/.well-known"] {
            assert_eq!(prefix(good).as_str(), good);
        }
        for bad in
            ["", "flows", "/flows/", "//", "/a//b", "/a/../b", "/.", "/a%20b", "/a b", "/é", "/a?b", "/a./b"]
        {
            assert_eq!(Prefix::parse(bad), Err(InvalidPrefix), "{bad}");
        }
        assert_eq!(Prefix::parse(&format!("/{}", "x".repeat(LONGEST))), Err(InvalidPrefix));
        assert_eq!((prefix("/api/v1").first_segment(), prefix("/").first_segment()), ("api", ""));
    }

    #[test]
    fn a_prefix_covers_what_lies_at_it_and_below() {
        for path in ["/flows", "/flows/", "/flows/1"] {
            assert!(prefix("/flows").covers(path) && prefix("/").covers(path), "{path}");
        }
        for path in ["/flowsheet", "/flow", "/", "", "/api/flows", "/FLOWS/1"] {
            assert!(!prefix("/flows").covers(path), "{path}");
        }
        let other = RequestPath::parse("/FLOWS;x/1").unwrap();
        assert!(prefix("/flows").may_cover(&other) && prefix("/").may_cover(&other));
    }

    #[test]
    fn what_is_behind_a_prefix_is_taken_off_by_segments() {
        for (text, path, rest) in [
            ("/flows", "/flows", "/"),
            ("/flows", "/flows/", "/"),
            ("/flows", "/%66lows/1/", "/1/"),
            ("/api/v1", "/api/v1/a%20b", "/a%20b"),
            ("/", "/a/b", "/a/b"),
        ] {
            assert_eq!(prefix(text).behind(path), rest, "{path}");
        }
    }

    proptest! {
        #[test]
        fn no_path_breaks_it(text in "/[a-z]{0,3}(/[a-z]{1,3}){0,2}", path in "(?s).{0,30}") {
            if let Ok(prefix) = Prefix::parse(&text) {
                let _ = prefix.covers(&path);
                prop_assert!(prefix.behind(&path).starts_with('/') || path.is_empty());
            }
        }
    }
}
