//! What is asked of a guarded service, as the rules about routes see it: a resource, and what is done to it.

use std::fmt;

use appmixer_core::Deed;
use appmixer_gateway::{Route, may_override_method, overrides_method};
use appmixer_path::{AmbiguousPath, RequestPath};
use http::{HeaderMap, HeaderName};

/// A set of [`Deed`]s, by their places in [`Deed::ALL`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Deeds([bool; Deed::ALL.len()]);

impl Deeds {
    /// What a request with this method does. For a method that the rules have no word for, such as `PROPFIND`, that may
    /// be anything.
    pub(crate) fn of_method(method: &str) -> Self {
        // `OPTIONS` changes nothing (RFC 9110 section 9.3.7).
        let known = Deed::of_method(method).or((method == "OPTIONS").then_some(Deed::Read));
        Self(Deed::ALL.map(|deed| known.is_none_or(|known| known == deed)))
    }

    /// Adds what a framework does that takes a method of these headers in the place of the request's.
    pub(crate) fn with_overrides(self, headers: &HeaderMap) -> Self {
        self.with_methods(headers, overrides_method)
    }

    /// Adds what an upstream does that gets these headers. It may also take the method of a header by which proxies name
    /// the original request.
    pub(crate) fn with_forwarded_overrides(self, headers: &HeaderMap) -> Self {
        self.with_methods(headers, may_override_method)
    }

    fn with_methods(self, headers: &HeaderMap, is_method: impl Fn(&HeaderName) -> bool) -> Self {
        let values = headers.iter().filter(|(name, _)| is_method(name)).map(|(_, value)| value);
        values.fold(self, |Self(deeds), value| {
            let method = value.to_str().unwrap_or("?").trim().to_ascii_uppercase();
            if method.is_empty() {
                return Self(deeds);
            }
            let Self(others) = Self::of_method(&method);
            Self(std::array::from_fn(|place| deeds[place] || others[place]))
        })
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = Deed> {
        Deed::ALL.into_iter().zip(self.0).filter_map(|(deed, is_in)| is_in.then_some(deed))
    }
}

/// What is done, and by which resources, as far as the rules about routes are concerned.
#[derive(Clone)]
pub(crate) struct Asked<'p> {
    path: RequestPath<'p>,
    /// Where it is forwarded to, perhaps as another path.
    route: Option<&'p Route>,
    deeds: Deeds,
}

impl<'p> Asked<'p> {
    /// Reads a target: a path, and perhaps a query.
    ///
    /// # Errors
    /// [`AmbiguousPath`].
    pub(crate) fn of(deeds: Deeds, target: &'p str) -> Result<Self, AmbiguousPath> {
        let path = target.split_once('?').map_or(target, |(path, _)| path);
        Self::new(deeds, RequestPath::parse(path)?, None)
    }

    /// The same for a path that is forwarded by this route.
    ///
    /// # Errors
    /// [`AmbiguousPath`].
    pub(crate) fn by_route(
        deeds: Deeds,
        path: RequestPath<'p>,
        route: &'p Route,
    ) -> Result<Self, AmbiguousPath> {
        Self::new(deeds, path, Some(route))
    }

    fn new(deeds: Deeds, path: RequestPath<'p>, route: Option<&'p Route>) -> Result<Self, AmbiguousPath> {
        // Rules are about the first segment: no service has to have parameters there.
        if path.segment(0).contains(';') { Err(AmbiguousPath) } else { Ok(Self { path, route, deeds }) }
    }

    /// The path's first segment, decoded, and whatever a service may take for the first segment of it, or of the path that
    /// it is forwarded as. None of them may be denied.
    pub(crate) fn resources(&self) -> impl Iterator<Item = &str> {
        let forwarded = self.route.into_iter().flat_map(|route| route.upstream_names(&self.path));
        self.path.names(0).chain(forwarded)
    }

    /// All that must be allowed.
    pub(crate) const fn deeds(&self) -> Deeds {
        self.deeds
    }
}

impl fmt::Debug for Asked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {:?}", self.path, self.deeds)
    }
}

/// The same to the rules about routes.
impl PartialEq for Asked<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.deeds == other.deeds && self.resources().eq(other.resources())
    }
}

#[cfg(test)]
mod tests {
    use appmixer_testbed::{READERS, spelling};
    use proptest::prelude::*;

    use super::*;

    fn resource(target: &str) -> Option<String> {
        Asked::of(Deeds::of_method("GET"), target).ok().map(|asked| asked.path.segment(0).to_owned())
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
            "/a/..;/b",
            "/a#/b",
            "/a%23",
            "/a\u{7f}",
        ] {
            assert_eq!(resource(target), None, "{target}");
        }
    }

    #[test]
    fn a_resource_that_a_service_may_take_for_another_one_is_both() {
        let resources = |target| {
            let asked = Asked::of(Deeds::of_method("GET"), target).unwrap();
            asked.resources().map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(resources("/stores/a.b;c"), ["stores"]);
        assert_eq!(resources("/stores.%20/1"), ["stores. ", "stores"]);
        assert_eq!(resources("/stores%3fx"), ["stores?x", "stores"]);
        assert_eq!(resources("/stores.json"), ["stores.json", "stores"]);
    }

    #[test]
    fn a_method_without_a_word_in_the_rules_needs_all_of_them() {
        let deeds = |method| Deeds::of_method(method).iter().collect::<Vec<_>>();
        assert_eq!(deeds("HEAD"), [Deed::Read]);
        assert_eq!(deeds("OPTIONS"), [Deed::Read]);
        assert_eq!(deeds("PATCH"), [Deed::Update]);
        for method in ["PROPFIND", "get", "", "TRACE"] {
            assert_eq!(deeds(method), Deed::ALL, "{method}");
        }
    }

    #[test]
    fn a_method_in_a_header_is_needed_besides_that_of_the_request() {
        let deeds = |headers: &[(&'static str, &'static str)]| {
            let pair = |(name, value): &(&'static str, &'static str)| {
                (name.parse().unwrap(), http::HeaderValue::from_static(value))
            };
            let headers: HeaderMap = headers.iter().map(pair).collect();
            Deeds::of_method("POST").with_overrides(&headers).iter().collect::<Vec<_>>()
        };
        for (headers, expected) in [
            (&[][..], &[Deed::Create][..]),
            (&[("x-http-method-override", "DELETE")], &[Deed::Create, Deed::Delete]),
            (&[("x_http_method", " put ")], &[Deed::Create, Deed::Update]),
            (&[("x-method-override", "GET"), ("x-http-method", "patch")], &Deed::ALL[..3]),
            (&[("x-http-method-override", "")], &[Deed::Create]),
            (&[("x-http-method-override", "GET, DELETE")], &Deed::ALL),
            (&[("x-http-method-override", "PROPFIND")], &Deed::ALL),
            (&[("x-http-methods", "DELETE")], &[Deed::Create]),
            // Proxies that ask say by it what is asked.
            (&[("x-original-method", "DELETE")], &[Deed::Create]),
        ] {
            assert_eq!(deeds(headers), expected, "{headers:?}");
        }
        for name in ["x-original-method", "x-forwarded-method", "x_original_method", "x-http-method"] {
            let headers = HeaderMap::from_iter([(name.parse().unwrap(), "DELETE".parse().unwrap())]);
            let deeds = Deeds::of_method("POST").with_forwarded_overrides(&headers);
            assert_eq!(deeds.iter().collect::<Vec<_>>(), [Deed::Create, Deed::Delete], "{name}");
        }
    }

    proptest! {
        #[test]
        fn what_is_taken_is_denied_under_whatever_first_segment_a_service_reads(
            target in "/([a-c]|[./%;\\\\#]|%2[ef5]|%5c|%61|é|%c3%a9){0,12}",
        ) {
            if let Ok(asked) = Asked::of(Deeds::of_method("GET"), &target) {
                for reader in &READERS {
                    for path in reader.read(&target) {
                        let first = path.split('/').nth(1).unwrap_or_default();
                        let is_known = asked.resources().any(|name| name.to_lowercase() == first.to_lowercase());
                        // No rule can name what is still encoded.
                        let is_unnamed = reader.by_extension || first.contains('%');
                        prop_assert!(is_known || is_unnamed, "{} reads {path} in {target}", reader.name);
                    }
                }
            }
        }

        #[test]
        fn no_spelling_that_a_service_reads_as_a_resource_gets_by_its_rules(
            below in "(/[a-z0-9]{1,3}){0,2}",
            choices in proptest::collection::vec(any::<u8>(), 0..12),
        ) {
            let target = format!("{}{below}", spelling("/stores", &choices));
            if let Ok(asked) = Asked::of(Deeds::of_method("GET"), &target) {
                let is_known = asked.resources().any(|name| name.eq_ignore_ascii_case("stores"));
                for reader in READERS.iter().filter(|reader| reader.finds("/stores", &target)) {
                    prop_assert!(is_known, "{} reads {target} as /stores", reader.name);
                }
            }
        }

        #[test]
        fn ordinary_paths_are_taken(path in "(/[A-Za-z0-9_~!$&'()*+,=@-][A-Za-z0-9._~-]{0,8}){1,5}/?") {
            let first = path.split('/').nth(1).unwrap();
            prop_assert_eq!(resource(&path), Some(first.to_owned()));
        }

        #[test]
        fn nothing_panics(method in ".{0,9}", target in "(?s).{0,40}") {
            let _ = Asked::of(Deeds::of_method(&method), &target);
        }
    }
}
