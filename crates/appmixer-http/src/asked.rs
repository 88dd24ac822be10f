//! What is asked of a guarded service, as the rules about routes see it: a resource, and what is done to it.

use std::borrow::Cow;

use appmixer_core::Deed;
use percent_encoding::percent_decode_str;
use thiserror::Error;

/// What a method does that the rules have no word for, as `PROPFIND`: it may be anything.
const ANYTHING: &[Deed] = &[Deed::Read, Deed::Create, Deed::Update, Deed::Delete];

/// A method and a path that can be read in one way only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked<'p> {
    resource: Cow<'p, str>,
    deeds: &'static [Deed],
}

/// The path could be one thing to whoever decides by it, and another one to whoever answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("The path can be read in more than one way")]
pub(crate) struct UnclearPath;

impl<'p> Asked<'p> {
    /// Reads a request's method and target: a path, and perhaps a query.
    ///
    /// The resource is the first segment, decoded once; that of `/` is empty. What servers and proxies are known to
    /// read differently is refused wherever it stands: empty segments but for the last, `.` and `..`, a slash, a
    /// backslash, a control character or a percent sign behind a percent sign, a backslash, and what does not decode to
    /// UTF-8. In the first segment a `;` is too, behind which some see parameters.
    ///
    /// # Errors
    /// [`UnclearPath`]; also for what does not begin with a slash.
    pub(crate) fn of(method: &str, target: &'p str) -> Result<Self, UnclearPath> {
        let path = target.split_once('?').map_or(target, |(path, _)| path);
        let segments = path.strip_prefix('/').ok_or(UnclearPath)?;
        let (first, rest) =
            segments.split_once('/').map_or((segments, None), |(one, rest)| (one, Some(rest)));
        if rest.is_some() && first.is_empty() || first.contains(';') {
            return Err(UnclearPath);
        }
        let resource = decode(first)?;
        if resource.contains(';') {
            return Err(UnclearPath);
        }
        let mut others = rest.unwrap_or_default();
        while let Some((segment, behind)) = others.split_once('/') {
            if segment.is_empty() {
                return Err(UnclearPath);
            }
            decode(segment)?;
            others = behind;
        }
        decode(others)?;
        Ok(Self { resource, deeds: deeds_of(method) })
    }

    /// The path's first segment, decoded.
    pub(crate) fn resource(&self) -> &str {
        &self.resource
    }

    /// All that must be allowed.
    pub(crate) const fn deeds(&self) -> &'static [Deed] {
        self.deeds
    }
}

/// `OPTIONS` changes nothing (RFC 9110 section 9.3.7).
fn deeds_of(method: &str) -> &'static [Deed] {
    match Deed::of_method(method) {
        Some(Deed::Read) => &[Deed::Read],
        Some(Deed::Create) => &[Deed::Create],
        Some(Deed::Update) => &[Deed::Update],
        Some(Deed::Delete) => &[Deed::Delete],
        None if method == "OPTIONS" => &[Deed::Read],
        None => ANYTHING,
    }
}

/// A segment as a service reads it; nothing is copied where nothing is encoded.
fn decode(segment: &str) -> Result<Cow<'_, str>, UnclearPath> {
    // `%` alone, or before something that is no number, is taken as it is by some, and refused by others.
    let text = percent_decode_str(segment).decode_utf8().map_err(|_| UnclearPath)?;
    let unclear = |byte: u8| byte.is_ascii_control() || matches!(byte, b'%' | b'/' | b'\\' | b'#');
    if matches!(&*text, "." | "..") || text.bytes().any(unclear) {
        return Err(UnclearPath);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn resource(target: &str) -> Option<String> {
        Asked::of("GET", target).ok().map(|asked| asked.resource().to_owned())
    }

    #[test]
    fn the_resource_is_the_first_segment_as_the_service_reads_it() {
        for (target, expected) in [
            ("/", ""),
            ("/?x=/a", ""),
            ("/flows", "flows"),
            ("/flows/", "flows"),
            ("/flows?a=//..%2f", "flows"),
            ("/flows/1/start", "flows"),
            ("/%66lows/1", "flows"),
            ("/caf%C3%A9/x", "café"),
            ("/a.b/..c/d..", "a.b"),
            ("/files/a;v=1", "files"),
            ("/a%20b", "a b"),
        ] {
            assert_eq!(resource(target).as_deref(), Some(expected), "{target}");
        }
    }

    #[test]
    fn a_path_that_can_be_read_in_two_ways_is_refused() {
        for target in [
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
            "/flows;x",
            "/flows%3bx/a",
            "/a#/b",
            "/a%23",
            "/a\u{7f}",
        ] {
            assert_eq!(resource(target), None, "{target}");
        }
    }

    #[test]
    fn a_method_without_a_word_in_the_rules_needs_all_of_them() {
        let deeds = |method| Asked::of(method, "/").unwrap().deeds();
        assert_eq!(deeds("HEAD"), [Deed::Read]);
        assert_eq!(deeds("OPTIONS"), [Deed::Read]);
        assert_eq!(deeds("PATCH"), [Deed::Update]);
        for method in ["PROPFIND", "get", "", "TRACE"] {
            assert_eq!(deeds(method), ANYTHING, "{method}");
        }
    }

    /// What a service might do with a path: decode it as often as it likes, and resolve dots, in any order.
    fn resolved(path: &str, decodings: usize) -> Vec<String> {
        let mut text = path.to_owned();
        for _ in 0..decodings {
            text = String::from_utf8_lossy(&percent_decode_str(&text).collect::<Vec<_>>()).into_owned();
        }
        let mut segments = Vec::new();
        for segment in text.replace('\\', "/").split('/') {
            match segment {
                "" | "." => {}
                ".." => drop(segments.pop()),
                other => segments.push(other.to_owned()),
            }
        }
        segments
    }

    proptest! {
        #[test]
        fn what_is_taken_has_one_first_segment_however_it_is_read(
            target in "/([a-c]|[./%;\\\\#]|%2[ef5]|%5c|%61|é|%c3%a9){0,12}",
        ) {
            if let Some(resource) = resource(&target) {
                for decodings in 1..4 {
                    let first = resolved(&target, decodings).into_iter().next().unwrap_or_default();
                    prop_assert_eq!(&first, &resource, "{} decoded {} times", target, decodings);
                }
            }
        }

        #[test]
        fn ordinary_paths_are_taken(path in "(/[A-Za-z0-9_~!$&'()*+,=:@-][A-Za-z0-9._~-]{0,8}){1,5}/?") {
            let first = path.split('/').nth(1).unwrap();
            prop_assert_eq!(resource(&path), Some(first.to_owned()));
        }

        #[test]
        fn nothing_panics(method in ".{0,9}", target in "(?s).{0,40}") {
            let _ = Asked::of(&method, &target);
        }
    }
}
