//! Reads what a proxy says that its client asks, where the proxy asks first whether the client may.

use appmixer_path::AmbiguousPath;
use http::{HeaderMap, Method};
use thiserror::Error;

use crate::asked::{Asked, Deeds};

/// A proxy that does not say clearly what is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum UnclearOriginal {
    /// What it says can be read in more than one way.
    #[error(transparent)]
    Path(#[from] AmbiguousPath),
    /// A method without a path, or a path without a method.
    #[error("The proxy must say both: the original method and the original path")]
    Half,
    /// A header that is there twice or is not UTF-8, or two that say different things: one may be the client's own.
    #[error("The headers about the original request contradict each other")]
    Contradiction,
}

/// What the proxy's client asks; `None` where the proxy does not say it.
///
/// `behind` is what stands behind the path of this server's own route. What a proxy puts there is the client's target as
/// it is, the request's method is the client's, and headers are not looked at.
///
/// Otherwise it is told by headers: `X-Original-Method` with `X-Original-URI` (as nginx is told to send them) or with
/// `X-Original-URL` (as Kubernetes' ingress of nginx does), `X-Forwarded-Method` with `X-Forwarded-Uri` (Traefik, Caddy).
/// A proxy sets those that it knows, and may pass on others that its client has made up: so all that are there must say
/// the same. So must `X-Rewrite-URL`, which frameworks take for the path.
///
/// A method that headers give in the place of the request's must be allowed besides it.
pub(crate) fn original<'r>(
    method: &'r Method,
    behind: &'r str,
    headers: &'r HeaderMap,
) -> Result<Option<Asked<'r>>, UnclearOriginal> {
    if !behind.is_empty() {
        return Ok(Some(Asked::of(deeds(method.as_str(), headers), behind)?));
    }
    let header = |name| the_one(headers, name);
    let url = header("x-original-url")?.map(without_authority).transpose()?;
    let deeds = |method| deeds(method, headers);
    let original = pair(header("x-original-method")?.map(deeds), agreed(header("x-original-uri")?, url)?)?;
    let forwarded = pair(header("x-forwarded-method")?.map(deeds), header("x-forwarded-uri")?)?;
    let asked = agreed(original, forwarded)?;
    if let (Some(asked), Some(url)) = (&asked, header("x-rewrite-url")?) {
        let target = if url.starts_with('/') { url } else { without_authority(url)? };
        agreed(Some(asked), Some(&Asked::of(asked.deeds(), target)?))?;
    }
    Ok(asked)
}

fn deeds(method: &str, headers: &HeaderMap) -> Deeds {
    Deeds::of_method(method).with_overrides(headers)
}

/// Both halves, or neither.
fn pair(deeds: Option<Deeds>, target: Option<&str>) -> Result<Option<Asked<'_>>, UnclearOriginal> {
    match (deeds, target) {
        (None, None) => Ok(None),
        (Some(deeds), Some(target)) => Ok(Some(Asked::of(deeds, target)?)),
        _ => Err(UnclearOriginal::Half),
    }
}

/// Whatever is there, if all of it is the same.
fn agreed<T: PartialEq>(one: Option<T>, other: Option<T>) -> Result<Option<T>, UnclearOriginal> {
    match (one, other) {
        (Some(one), Some(other)) if one != other => Err(UnclearOriginal::Contradiction),
        (one, other) => Ok(one.or(other)),
    }
}

fn the_one<'r>(headers: &'r HeaderMap, name: &'static str) -> Result<Option<&'r str>, UnclearOriginal> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let text = str::from_utf8(value.as_bytes()).ok().filter(|_| values.next().is_none());
    text.map(Some).ok_or(UnclearOriginal::Contradiction)
}

/// The target within a URL: without scheme and authority.
fn without_authority(url: &str) -> Result<&str, AmbiguousPath> {
    let (_, behind) = url.split_once("://").ok_or(AmbiguousPath)?;
    behind.find('/').map(|slash| &behind[slash..]).ok_or(AmbiguousPath)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn asked(method: &str, target: &'static str) -> Asked<'static> {
        Asked::of(Deeds::of_method(method), target).unwrap()
    }

    fn read(headers: &[(&'static str, &'static str)]) -> Result<Option<Asked<'static>>, UnclearOriginal> {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)))
            .collect();
        // The texts live as long as the program, and the map does not.
        let headers = Box::leak(Box::new(headers));
        original(&Method::GET, "", headers)
    }

    #[test]
    fn each_proxys_own_headers_are_read() {
        let flows = asked("DELETE", "/flows/1");
        for headers in [
            &[("x-original-method", "DELETE"), ("x-original-uri", "/flows/1?a=b")][..],
            &[("x-original-method", "DELETE"), ("x-original-url", "https://api.acme.com:8443/flows/1?a=b")],
            &[("x-forwarded-method", "DELETE"), ("x-forwarded-uri", "/flows/1?a=b")],
        ] {
            assert_eq!(read(headers), Ok(Some(flows.clone())), "{headers:?}");
        }
        assert_eq!(read(&[]), Ok(None));
    }

    #[test]
    fn what_stands_behind_the_route_counts_whatever_headers_say() {
        let forged = HeaderMap::from_iter([
            ("x-original-method".parse().unwrap(), HeaderValue::from_static("GET")),
            ("x-original-uri".parse().unwrap(), HeaderValue::from_static("/public")),
        ]);
        assert_eq!(original(&Method::DELETE, "/flows/1", &forged), Ok(Some(asked("DELETE", "/flows/1"))));
        assert_eq!(original(&Method::GET, "//flows", &forged), Err(AmbiguousPath.into()));
    }

    #[test]
    fn a_client_that_adds_headers_of_another_proxy_changes_nothing_but_to_be_refused() {
        let nginx = [("x-original-method", "DELETE"), ("x-original-uri", "/flows/1")];
        for forged in [
            &[("x-forwarded-method", "GET"), ("x-forwarded-uri", "/flows/1")][..],
            &[("x-forwarded-method", "DELETE"), ("x-forwarded-uri", "/public")],
            &[("x-original-url", "http://x/public")],
            &[("x-original-uri", "/flows/1")],
            &[("x-original-method", "DELETE")],
        ] {
            let headers = [&nginx, forged].concat();
            assert_eq!(read(&headers), Err(UnclearOriginal::Contradiction), "{forged:?}");
        }
        for half in [nginx[0], nginx[1], ("x-original-url", "http://x/a"), ("x-forwarded-method", "GET")] {
            assert_eq!(read(&[half]), Err(UnclearOriginal::Half), "{half:?}");
            let half = [half, ("x-forwarded-uri", "/flows/1")];
            assert_eq!(read(&half).is_ok(), half[0].0 == "x-forwarded-method", "{half:?}");
        }
        let same = [("x-forwarded-method", "DELETE"), ("x-forwarded-uri", "/flows/2")];
        assert_eq!(read(&[&nginx[..], &same].concat()), Ok(Some(asked("DELETE", "/flows/1"))));
    }

    #[test]
    fn headers_that_override_the_method_or_the_path_can_only_take_away() {
        let nginx = [("x-original-method", "POST"), ("x-original-uri", "/flows/1")];
        let read = |header| read(&[&nginx[..], &[header]].concat());
        let all = Deeds::of_method("PROPFIND");
        assert_eq!(read(("x-http-method-override", "purge")), Ok(Asked::of(all, "/flows/1").ok()));
        for url in ["/flows/2", "http://x/flows/1"] {
            assert_eq!(read(("x-rewrite-url", url)), Ok(Some(asked("POST", "/flows/1"))), "{url}");
        }
        assert_eq!(read(("x-rewrite-url", "/stores")), Err(UnclearOriginal::Contradiction));
        assert_eq!(read(("x-rewrite-url", "stores")), Err(AmbiguousPath.into()));
    }

    #[test]
    fn a_url_without_a_path_is_none() {
        for url in ["", "/flows", "http://x", "x/flows"] {
            let headers = [("x-original-method", "GET"), ("x-original-url", url)];
            assert_eq!(read(&headers), Err(AmbiguousPath.into()), "{url}");
        }
    }
}
