//! The link in a mail: an address of the front end, a suffix that an administrator sets, and a code.

use zeroize::Zeroizing;

/// `<url>/<suffix>?code=<code>` (contract). Queries of both are merged. A code needs no escaping.
///
/// A fragment that begins with `/` or `!` is a route of a single-page application, which reads the code there.
pub(crate) fn link(url: &str, suffix: &str, code: &str) -> Zeroizing<String> {
    let suffix = suffix.trim_start_matches('/');
    if let Some((base, route)) = url.split_once('#') {
        let route = route.trim_end_matches('/');
        return with_code(&format!("{base}#{route}/{suffix}"), code);
    }
    let (base, query) = url.split_once('?').unwrap_or((url, ""));
    let base = base.trim_end_matches('/');
    let (page, fragment) = suffix.find('#').map_or((suffix, ""), |start| suffix.split_at(start));
    let (path, own_query) = page.split_once('?').unwrap_or((page, ""));
    let queries: Vec<_> = [query, own_query].into_iter().filter(|query| !query.is_empty()).collect();
    let query = queries.join("&");
    let mark = if query.is_empty() { "" } else { "?" };
    let page = format!("{base}/{path}{mark}{query}");
    if fragment.starts_with("#/") || fragment.starts_with("#!") {
        return with_code(&format!("{page}{fragment}"), code);
    }
    let mut link = with_code(&page, code);
    link.push_str(fragment);
    link
}

/// Adds the code to the query, or to that of the route in the fragment.
fn with_code(page: &str, code: &str) -> Zeroizing<String> {
    let route = page.split_once('#').map_or(page, |(_, route)| route);
    let mark = if route.contains('?') { '&' } else { '?' };
    Zeroizing::new(format!("{page}{mark}code={code}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_merged_and_slashes_meet_once() {
        for (url, suffix, expected) in [
            ("http://x", "reset", "http://x/reset?code=C"),
            ("http://x/app/", "/reset", "http://x/app/reset?code=C"),
            ("http://x", "reset?lang=en", "http://x/reset?lang=en&code=C"),
            ("http://x/?tenant=1", "reset?lang=en", "http://x/reset?tenant=1&lang=en&code=C"),
            ("http://x/a?tenant=1", "reset", "http://x/a/reset?tenant=1&code=C"),
            ("http://x", "reset#form", "http://x/reset?code=C#form"),
            ("http://x", "reset?lang=en#form", "http://x/reset?lang=en&code=C#form"),
            ("http://x", "#/reset", "http://x/#/reset?code=C"),
            ("http://x", "#!/reset?lang=en", "http://x/#!/reset?lang=en&code=C"),
            ("http://x/?a=1", "#/reset", "http://x/?a=1#/reset?code=C"),
            ("http://x/#/", "reset", "http://x/#/reset?code=C"),
            ("http://x/#/", "reset?lang=en", "http://x/#/reset?lang=en&code=C"),
            ("http://x/?a=1#/app", "/reset", "http://x/?a=1#/app/reset?code=C"),
        ] {
            assert_eq!(*link(url, suffix, "C"), expected, "{url} {suffix}");
        }
    }
}
