//! The link in a mail: an address of the front end, a suffix that an administrator sets, and a code.

use zeroize::Zeroizing;

/// `<url>/<suffix>?code=<code>` (contract). Queries of both are merged; a `code` in them is left out. A code needs no
/// escaping.
///
/// A fragment that begins with `/` or `!` is a route of a single-page application, which reads the code there.
pub(crate) fn link(url: &str, suffix: &str, code: &str) -> Zeroizing<String> {
    let suffix = suffix.trim_start_matches('/');
    if let Some((base, route)) = url.split_once('#') {
        let (page, query) = split_query(base);
        let page = with_query(page, &[query], None);
        return Zeroizing::new(format!("{}#{}", *page, *joined(route, suffix, Some(code))));
    }
    let (page, fragment) = suffix.find('#').map_or((suffix, ""), |start| suffix.split_at(start));
    if fragment.starts_with("#/") || fragment.starts_with("#!") {
        let (route, query) = split_query(fragment);
        let route = with_query(route, &[query], Some(code));
        return Zeroizing::new(format!("{}{}", *joined(url, page, None), *route));
    }
    let mut link = joined(url, page, Some(code));
    link.push_str(fragment);
    link
}

/// The path of the suffix behind that of the base, and the queries of both behind the path.
fn joined(base: &str, suffix: &str, code: Option<&str>) -> Zeroizing<String> {
    let (base, query) = split_query(base);
    let (path, own_query) = split_query(suffix);
    with_query(&format!("{}/{path}", base.trim_end_matches('/')), &[query, own_query], code)
}

fn split_query(text: &str) -> (&str, &str) {
    text.split_once('?').unwrap_or((text, ""))
}

/// A path with the parameters of these queries, and with the code as the only parameter of this name.
fn with_query(path: &str, queries: &[&str], code: Option<&str>) -> Zeroizing<String> {
    let mut text = Zeroizing::new(path.to_owned());
    let parameters = queries.iter().flat_map(|query| query.split('&'));
    let others = parameters.filter(|parameter| {
        !parameter.is_empty() && parameter.split('=').next().is_none_or(|name| name != "code")
    });
    let mut mark = '?';
    for parts in others.map(|parameter| ["", parameter]).chain(code.map(|code| ["code=", code])) {
        text.push(mark);
        for part in parts {
            text.push_str(part);
        }
        mark = '&';
    }
    text
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
            ("http://x/#/a?b=1", "r", "http://x/#/a/r?b=1&code=C"),
            ("http://x/#/a?b=1", "r?c=2", "http://x/#/a/r?b=1&c=2&code=C"),
            ("http://x", "reset?code=evil", "http://x/reset?code=C"),
            ("http://x?code=evil&a", "reset?codes=1&code", "http://x/reset?a&codes=1&code=C"),
            ("http://x/?code=evil#/a?code=evil", "r", "http://x/#/a/r?code=C"),
            ("http://x?code=evil", "#/r?code=evil", "http://x/#/r?code=C"),
            ("http://x/?a=1#/app", "/reset", "http://x/?a=1#/app/reset?code=C"),
        ] {
            assert_eq!(*link(url, suffix, "C"), expected, "{url} {suffix}");
        }
    }
}
