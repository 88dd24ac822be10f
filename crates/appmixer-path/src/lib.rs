//! Decides what an upstream may read in the path of a request.
//!
//! Servers and frameworks read a path in different ways: they decode it once or twice, take off parameters behind `;`,
//! ignore trailing dots or the case of letters, resolve `..`, or take `/admin.json` for `/admin`. Whoever decides by a path
//! that another program answers has to allow for all of that:
//!
//! ```
//! use appmixer_path::{AmbiguousPath, RequestPath};
//!
//! // An upstream may take all of these for paths below /pub/admin.
//! for path in ["/pub/admin/2", "/pub/Admin;x=1/2", "/pub/admin.json", "/pub/admin.%20/2"] {
//!     assert!(RequestPath::parse(path)?.may_start_with("/pub/admin"));
//! }
//! assert!(!RequestPath::parse("/pub/administration")?.may_start_with("/pub/admin"));
//!
//! // It cannot even be told which segments these have.
//! for ambiguous in ["/pub/..;/admin", "/pub%2fadmin", "/pub//admin", "/pub/%252e%252e/admin"] {
//!     assert_eq!(RequestPath::parse(ambiguous), Err(AmbiguousPath));
//! }
//! # Ok::<(), AmbiguousPath>(())
//! ```
//!
//! # What it promises
//!
//! - A path that is parsed has the same segments for every reader of the table below, but for parameters at its end.
//! - If one of them reads the segments of a protected prefix at the beginning of a path, then
//!   [`RequestPath::may_start_with`] says so, or the path is an [`AmbiguousPath`].
//! - A path of unreserved characters is decided by one scan, without allocation.
//!
//! # What readers do
//!
//! | reader | documented reading |
//! |---|---|
//! | Tomcat | parameters (`;x`) are taken off each segment, then `%xx` is decoded once, then `//`, `.` and `..` are resolved; `\` may be `/` |
//! | Jetty | the same; an encoded `/`, `.` or an empty segment with a parameter is "ambiguous" and may be allowed |
//! | Spring | parameters are taken off, blanks around a segment trimmed; `/admin/` and `/admin.json` are `/admin` with suffix patterns |
//! | Express | the case of letters and a slash at the end make no difference |
//! | Rails | `(.:format)`: `/admin.json` is `/admin`; a `?` that is decoded is none |
//! | IIS | decodes once or twice, `%uXXXX` too; `\` is `/`; case, trailing dots and blanks are ignored; `:` begins a stream (`admin::$INDEX_ALLOCATION`); `(S(x))` is a session and taken off; other alphabets become ASCII ("best fit") |
//! | nginx | decodes once, resolves `//`, `.` and `..` |
//! | Apache | the same; `?` that is decoded begins a query in rewrite rules; `/admin` is `/admin.php` with `MultiViews` |
//! | PHP | what is behind a script's name is no part of it (`/admin.php/x`) |
//!
//! # What it does not do
//!
//! - Short names of Windows (`ADMINI~1`) and what an operator has configured at the upstream: rewrite rules, aliases.
//! - Queries.

mod fold;
mod segment;

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use thiserror::Error;

/// Readers would not agree on which segments a path has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("The path can be read in more than one way")]
pub struct AmbiguousPath;

/// A path whose segments are the same for every reader, though each may read a segment differently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestPath<'p> {
    decoded: Cow<'p, str>,
    /// With similar letters of ASCII in the place of others, for readers that do so; none if all of it is ASCII.
    folded: Option<String>,
}

impl<'p> RequestPath<'p> {
    /// Reads a path as a client has sent it, without a query.
    ///
    /// # Errors
    /// [`AmbiguousPath`] for what does not begin with a slash or does not decode to UTF-8, for an empty segment other than
    /// the last, for one that is nothing but dots, blanks or parameters, and for a `%`, `/`, `\`, `#` or control character
    /// that is there when the path is decoded. Also for a path whose characters beyond ASCII stand for more than 2048
    /// others by compatibility decomposition, since reading it would take too long.
    pub fn parse(path: &'p str) -> Result<Self, AmbiguousPath> {
        if is_plain(path) {
            return Ok(Self { decoded: Cow::Borrowed(path), folded: None });
        }
        // `%` alone, or before something that is no number, stays there, as what is encoded twice does.
        let decoded = percent_decode_str(path).decode_utf8().map_err(|_| AmbiguousPath)?;
        if decoded.bytes().any(|byte| byte.is_ascii_control() || matches!(byte, b'%' | b'#')) {
            return Err(AmbiguousPath);
        }
        let slashes = |text: &str| text.bytes().filter(|byte| *byte == b'/').count();
        let expected = slashes(path);
        let is_clear = |text: &str| {
            text.starts_with('/') && slashes(text) == expected && !text.contains('\\') && is_clear(text)
        };
        if !is_clear(&decoded) {
            return Err(AmbiguousPath);
        }
        let folded = fold::to_ascii(&decoded).map_err(|fold::TooMany| AmbiguousPath)?;
        if folded.as_deref().is_none_or(is_clear) { Ok(Self { decoded, folded }) } else { Err(AmbiguousPath) }
    }

    /// The path, decoded once.
    #[must_use]
    pub fn decoded(&self) -> &str {
        &self.decoded
    }

    /// The segment at a place, decoded; empty where there is none.
    #[must_use]
    pub fn segment(&self, place: usize) -> &str {
        segments(&self.decoded).nth(place).unwrap_or_default()
    }

    /// The texts that readers may take the segment at a place for: itself, and what is left of it without parameters,
    /// trailing dots and blanks, and extensions. A few at most.
    pub fn names(&self, place: usize) -> impl Iterator<Item = &str> {
        let folded = self.folded.as_deref().and_then(|folded| segments(folded).nth(place));
        segment::names(self.segment(place), folded)
    }

    /// The segment at a place as all readers know it that ignore parameters and the case of letters.
    #[must_use]
    pub fn name(&self, place: usize) -> &str {
        segment::name(segments(self.similar()).nth(place).unwrap_or_default())
    }

    /// Whether a reader may find these segments, such as `/flows/files`, at its beginning.
    #[must_use]
    pub fn may_start_with(&self, prefix: &str) -> bool {
        let mut here = segments(self.similar());
        let mut wanted = segments(prefix).filter(|literal| !literal.is_empty());
        wanted.all(|literal| here.next().is_some_and(|segment| segment::may_be(segment, literal)))
    }

    /// Whether it is another spelling of a path of this pattern, in which `{name}` stands for any segment and `{*name}`
    /// for whatever follows. An extension makes it another path here.
    #[must_use]
    pub fn is_spelling_of(&self, pattern: &str) -> bool {
        let mut here = segments(self.similar());
        for literal in segments(pattern) {
            if literal.starts_with("{*") {
                return true;
            }
            let name = here.next().map(segment::name);
            let is_same = name.is_some_and(|name| {
                if literal.starts_with('{') { !name.is_empty() } else { name.eq_ignore_ascii_case(literal) }
            });
            if !is_same {
                return false;
            }
        }
        // A slash at the end, and parameters behind it, make no difference.
        here.next().is_none_or(|rest| segment::name(rest).is_empty())
    }

    fn similar(&self) -> &str {
        self.folded.as_deref().unwrap_or(&self.decoded)
    }
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.strip_prefix('/').unwrap_or_default().split('/')
}

/// Whether a path has nothing but unreserved characters (RFC 3986) and slashes, and neither an empty segment nor one that
/// begins or ends with a dot.
fn is_plain(path: &str) -> bool {
    let mut before = None;
    for byte in path.bytes() {
        let is_plain = match byte {
            b'/' => !matches!(before, Some(b'/' | b'.')),
            b'.' => before != Some(b'/'),
            b'-' | b'_' | b'~' => true,
            _ => byte.is_ascii_alphanumeric(),
        };
        // The first byte must be a slash.
        if !is_plain || (before.is_none() && byte != b'/') {
            return false;
        }
        before = Some(byte);
    }
    !matches!(before, None | Some(b'.'))
}

/// Whether every segment has a name, but for the last, and none is a session of ASP.NET.
fn is_clear(path: &str) -> bool {
    let mut segments = segments(path).peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        let is_end = is_last && (segment.is_empty() || segment.starts_with(segment::CUTS));
        if segment::name(segment).is_empty() && !is_end || segment::has_session(segment) {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn path(text: &str) -> RequestPath<'_> {
        RequestPath::parse(text).unwrap_or_else(|_| panic!("{text} is ambiguous"))
    }

    #[test]
    fn a_path_that_readers_split_differently_is_ambiguous() {
        for text in [
            "",
            "*",
            "flows",
            "http://x/flows",
            "?x",
            "//",
            "//flows",
            "/a//b",
            "/a/b//",
            "/.",
            "/..",
            "/./a",
            "/../a",
            "/a/./b",
            "/a/../b",
            "/a/..",
            "/a/.",
            "/%2e%2e/a",
            "/a/%2E",
            "/a/.%2e/b",
            "/%2fa",
            "/a%2Fb",
            "/a/b%2f",
            "/a%5cb",
            "/a\\b",
            "/a/..\\b",
            "/a%00",
            "/a/%0a",
            "/%2566lows",
            "/a/%25",
            "/%",
            "/a/%zz",
            "/a%4",
            "/%ff",
            "/a/%c3%28",
            "/%c0%ae/a",
            "/a/%e0%80%af",
            "/a#/b",
            "/a%23",
            "/a\u{7f}",
            "/a/%09/b",
            // Parameters, blanks, streams and sessions that are all there is.
            "/a/..;/b",
            "/a/..;x=y/b",
            "/a/.;/b",
            "/a/;/b",
            "/a/;x/b",
            "/a/%3f/b",
            "/a/..%3fx",
            "/a/%20/b",
            "/a/%20",
            "/a/..%20/b",
            "/a/%20..",
            "/a/.../b",
            "/a/.%20./b",
            "/a/..:x/b",
            "/a/:x/b",
            "/a/%u002e%u002e/b",
            "/a/(S(x))/b",
            "/a/(f(x))b",
            "/a/x(A(b)",
            // What is similar to a dot or a slash.
            "/a/．．/b",
            "/a/‥/b",
            "/a／b",
            "/a/%ef%bc%8fb",
            "/a＼b",
            "/a∕b",
            "/a/．．；x/b",
            "/a/\u{a0}/b",
        ] {
            assert_eq!(RequestPath::parse(text), Err(AmbiguousPath), "{text}");
        }
    }

    #[test]
    fn paths_that_services_use_are_decoded_and_stay_as_they_are() {
        for (text, decoded) in [
            ("/", "/"),
            ("/flows", "/flows"),
            ("/flows/", "/flows/"),
            ("/%66lows/1", "/flows/1"),
            ("/caf%C3%A9/x", "/café/x"),
            ("/a.b/..c/d..", "/a.b/..c/d.."),
            ("/.well-known/x", "/.well-known/x"),
            ("/files/a;v=1/b", "/files/a;v=1/b"),
            ("/app/;jsessionid=1", "/app/;jsessionid=1"),
            ("/a%20b/c%3Fd", "/a b/c?d"),
            ("/v1/x:verb", "/v1/x:verb"),
            ("/Products(1)/a(b)", "/Products(1)/a(b)"),
            ("/½/％/q？/ＡＢ", "/½/％/q？/ＡＢ"),
        ] {
            assert_eq!(path(text).decoded(), decoded);
        }
        assert_eq!((path("/a/b%20c").segment(1), path("/a").segment(1)), ("b c", ""));
    }

    #[test]
    fn what_readers_take_for_a_prefix_may_start_with_it() {
        for text in [
            "/pub/admin",
            "/pub/admin/",
            "/pub/admin/1",
            "/%70ub/adm%69n",
            "/PUB/Admin/x",
            "/pub/admin;x/1",
            "/pub;x=y/admin",
            "/pub/admin./1",
            "/pub/admin%20",
            "/pub/admin.%20.",
            "/pub/%20admin/1",
            "/pub/admin%3fx/1",
            "/pub/admin::$DATA",
            "/pub/admin:$i30:$INDEX_ALLOCATION/1",
            "/pub/admin.json",
            "/pub/admin.json;x",
            "/pub/ａｄｍｉｎ/1",
            "/pub/ádmin",
            "/pub/admın",
            "/pub/admin\u{a0}",
            "/pub/\u{2028}admin%c2%85",
            "/pub/admin；x",
            "/pub/admin？x",
        ] {
            assert!(path(text).may_start_with("/pub/admin"), "{text}");
            assert!(path(text).may_start_with("/pub") && path(text).may_start_with("/"), "{text}");
        }
        for text in
            ["/pub", "/", "/pub/administration", "/pub/admin-x", "/pub/xadmin", "/admin/pub", "/pub/x/admin"]
        {
            assert!(!path(text).may_start_with("/pub/admin"), "{text}");
        }
        assert!(path("/a/x").may_start_with("/a/x.php") && !path("/a/x.1").may_start_with("/a/x.0"));
        assert!(path("/a/K").may_start_with("/a/k"));
    }

    #[test]
    fn a_spelling_of_a_pattern_differs_in_nothing_but_letters_and_parameters() {
        for (text, pattern) in [
            ("/User", "/user"),
            ("/user/", "/user"),
            ("/user/;x", "/user"),
            ("/us%65r.", "/user"),
            ("/users;x/1", "/users/{userId}"),
            ("/users/1/Delete-Status/2/", "/users/{userId}/delete-status/{ticket}"),
            ("/auth/Verify/a/b", "/auth/verify/{*target}"),
            ("/;x", "/"),
        ] {
            assert!(path(text).is_spelling_of(pattern), "{text}");
        }
        for (text, pattern) in [
            ("/user.json", "/user"),
            ("/users", "/user"),
            ("/users/", "/users/{userId}"),
            ("/users/1/x", "/users/{userId}"),
            ("/user", "/user/auth"),
            ("/.env", "/"),
            ("/x", "/"),
        ] {
            assert!(!path(text).is_spelling_of(pattern), "{text}");
        }
    }

    #[test]
    fn a_segment_has_a_name_for_each_way_to_read_it() {
        for (text, names) in [
            ("/flows", &["flows"][..]),
            ("/flows;x", &["flows;x", "flows"]),
            ("/flows.%20", &["flows. ", "flows"]),
            ("/a.b.c", &["a.b.c", "a.b", "a"]),
            ("/a.b;c", &["a.b;c", "a.b", "a"]),
            ("/.well-known", &[".well-known"]),
            ("/ｆlows.x", &["ｆlows.x", "ｆlows", "FLOWS.X", "FLOWS"]),
            ("/", &[""]),
        ] {
            assert_eq!(path(text).names(0).collect::<Vec<_>>(), names, "{text}");
        }
        assert_eq!(path("/a").names(1).collect::<Vec<_>>(), [""]);
    }

    #[test]
    fn a_path_that_takes_too_long_to_read_is_ambiguous() {
        for text in ["ß", "\u{fdfa}", "a\u{301}", "%C3%9F", "管"] {
            assert_eq!(
                RequestPath::parse(&format!("/pub/{}", text.repeat(5000))),
                Err(AmbiguousPath),
                "{text}"
            );
        }
        // What is shortened by folding needs no short segment.
        let marks = "\u{301}".repeat(2000);
        assert!(path(&format!("/pub/a{marks}dmin")).may_start_with("/pub/admin"));
        assert!(path(&format!("/pub/admin;{}", "é".repeat(1000))).may_start_with("/pub/admin"));
    }

    proptest! {
        #[test]
        fn a_plain_path_is_what_it_is_without_the_short_way(text in "/?([a-c.]|[/~_%;-]|%2e|é){0,12}") {
            if is_plain(&text) {
                let whole = percent_decode_str(&text).decode_utf8().unwrap();
                prop_assert!(is_clear(&whole) && whole == text);
            }
        }

        #[test]
        fn nothing_panics(text in "(?s)/?.{0,40}", prefix in "(?s)/?.{0,10}") {
            if let Ok(path) = RequestPath::parse(&text) {
                let _ = (path.may_start_with(&prefix), path.is_spelling_of(&prefix), path.names(1).count());
                prop_assert!(path.may_start_with("/") && path.decoded().starts_with('/'));
            }
        }
    }
}
