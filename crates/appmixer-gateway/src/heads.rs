//! What becomes of a message's headers on their way through (RFC 9110 section 7.6).

use std::fmt::Write as _;
use std::net::IpAddr;

use http::header::{
    CONNECTION, CONTENT_LENGTH, EXPECT, FORWARDED, HOST, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE,
    TRANSFER_ENCODING, UPGRADE, VIA,
};
use http::{HeaderMap, HeaderName, HeaderValue, Version};

use crate::client_headers::is_withheld;
use crate::cookies;
use crate::lists::{has_token, listed};
use crate::trailers::{self, Direction};

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
pub(crate) const X_FORWARDED_PREFIX: HeaderName = HeaderName::from_static("x-forwarded-prefix");

/// The longest list of one header that is added to, in bytes.
const LONGEST_CHAIN: usize = 4096;

/// Where a request has come from.
#[derive(Clone, Copy, Debug)]
pub struct From<'a> {
    /// The address at the other end of the connection; none at a Unix socket.
    pub peer: Option<IpAddr>,
    /// Whether that is a proxy whose `X-Forwarded-*` and `Forwarded` are believed.
    pub is_trusted: bool,
    /// Whether the connection is encrypted.
    pub is_secure: bool,
    /// The host that was asked for, as `Host` or `:authority` has it.
    pub host: Option<&'a str>,
}

/// What an operator has set about the headers of a route.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Forwarding {
    pub(crate) authorization: bool,
    /// Headers that frameworks take in the place of the method or the path.
    pub(crate) overrides: bool,
}

/// The request has come through here before.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Loop;

/// The headers for the upstream, but for what is the upstream's own (`Host`), the upgrade's, and who asks.
pub(crate) fn for_upstream(
    sent: &HeaderMap,
    version: Version,
    from: &From<'_>,
    pseudonym: &str,
    forwarding: Forwarding,
) -> Result<HeaderMap, Loop> {
    let listed = listed(sent);
    // Room for what is added below, so that it need not grow.
    let mut headers = HeaderMap::with_capacity(sent.len() + 8);
    for (name, value) in sent {
        let kept = is_forwarded(name, from.is_trusted, forwarding.overrides)
            && !listed.contains(name)
            && (forwarding.authorization || *name != http::header::AUTHORIZATION);
        if kept {
            headers.append(name.clone(), value.clone());
        }
    }
    cookies::join(&mut headers);
    trailers::announce(&mut headers, Direction::ToUpstream, &listed);
    if sent.get_all(TE).iter().any(|value| has_token(value, "trailers")) {
        // Section 10.1.4: whoever sends TE lists it.
        headers.insert(TE, HeaderValue::from_static("trailers"));
        headers.insert(CONNECTION, HeaderValue::from_static("te"));
    }
    add_via(sent, version, pseudonym, &mut headers)?;
    add_forwarded(sent, from, &mut headers);
    Ok(headers)
}

/// Removes from a response what was meant for the connection to the upstream, and returns what
/// `Connection` names.
pub(crate) fn for_client(headers: &mut HeaderMap, has_body: bool) -> Vec<HeaderName> {
    let listed = listed(headers);
    for name in &listed {
        headers.remove(name);
    }
    for name in [CONNECTION, KEEP_ALIVE, PROXY_AUTHENTICATE, PROXY_CONNECTION, TE, TRANSFER_ENCODING, UPGRADE]
    {
        headers.remove(name);
    }
    // The length that hyper has read, it writes. Without a body it tells of the one that GET would have.
    if has_body || headers.get_all(CONTENT_LENGTH).iter().count() > 1 {
        headers.remove(CONTENT_LENGTH);
    }
    trailers::announce(headers, Direction::ToClient, &listed);
    listed
}

/// Whether a request wants to go on with WebSocket (RFC 6455 section 4.1). Nothing else is switched to: behind `h2c` would
/// be requests that nobody has looked at.
pub(crate) fn wants_websocket(headers: &HeaderMap) -> bool {
    headers.get_all(CONNECTION).iter().any(|value| has_token(value, "upgrade")) && is_websocket(headers)
}

/// Whether `Upgrade` is WebSocket and nothing else.
pub(crate) fn is_websocket(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(UPGRADE).iter();
    values.next().is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
        && values.next().is_none()
}

/// Says on either side that it goes on with WebSocket.
pub(crate) fn upgrade(headers: &mut HeaderMap) {
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
}

/// Whether a client's field may reach the upstream, unless `Connection` names it.
pub(crate) fn is_forwarded(name: &HeaderName, is_trusted: bool, overrides: bool) -> bool {
    !is_of_the_connection(name)
        && !matches!(*name, HOST | CONTENT_LENGTH | EXPECT | VIA | FORWARDED | PROXY_AUTHORIZATION)
        && !is_withheld(name, is_trusted, overrides)
}

pub(crate) fn is_of_the_connection(name: &HeaderName) -> bool {
    matches!(*name, CONNECTION | TE | TRANSFER_ENCODING | UPGRADE | PROXY_AUTHENTICATE)
        || *name == KEEP_ALIVE
        || *name == PROXY_CONNECTION
}

/// Section 7.6.3.
fn add_via(sent: &HeaderMap, version: Version, pseudonym: &str, headers: &mut HeaderMap) -> Result<(), Loop> {
    let mut via = chain(sent, &VIA);
    if via.split(',').any(|entry| entry.split_ascii_whitespace().nth(1) == Some(pseudonym)) {
        return Err(Loop);
    }
    let protocol = match version {
        Version::HTTP_2 => "2.0",
        Version::HTTP_10 => "1.0",
        _ => "1.1",
    };
    if !via.is_empty() {
        via.push_str(", ");
    }
    let _ = write!(via, "{protocol} {pseudonym}");
    insert(headers, VIA, via);
    Ok(())
}

/// `X-Forwarded-*`, and the same as `Forwarded` (RFC 7239).
fn add_forwarded(sent: &HeaderMap, from: &From<'_>, headers: &mut HeaderMap) {
    let peer = from.peer.map(|address| address.to_canonical());
    let told = |name: &HeaderName| if from.is_trusted { chain(sent, name) } else { String::new() };
    let scheme = if from.is_secure { "https" } else { "http" };
    if let Some(peer) = peer {
        let mut addresses = told(&X_FORWARDED_FOR);
        let comma = if addresses.is_empty() { "" } else { ", " };
        let _ = write!(addresses, "{comma}{peer}");
        insert(headers, X_FORWARDED_FOR, addresses);
    } else {
        insert(headers, X_FORWARDED_FOR, told(&X_FORWARDED_FOR));
    }
    // What the client has asked for is what the first proxy was asked for.
    let first = |name: &HeaderName| sent.get(name).filter(|value| from.is_trusted && !value.is_empty());
    match first(&X_FORWARDED_PROTO) {
        Some(scheme) => headers.insert(X_FORWARDED_PROTO, scheme.clone()),
        None => headers.insert(X_FORWARDED_PROTO, HeaderValue::from_static(scheme)),
    };
    match (first(&X_FORWARDED_HOST), from.host.and_then(|host| HeaderValue::from_str(host).ok())) {
        (Some(host), _) => drop(headers.insert(X_FORWARDED_HOST, host.clone())),
        (None, Some(host)) => drop(headers.insert(X_FORWARDED_HOST, host)),
        (None, None) => {}
    }
    let mut forwarded = told(&FORWARDED);
    if !forwarded.is_empty() {
        forwarded.push_str(", ");
    }
    let _ = match peer {
        Some(IpAddr::V4(peer)) => write!(forwarded, "for={peer}"),
        Some(IpAddr::V6(peer)) => write!(forwarded, "for=\"[{peer}]\""),
        None => write!(forwarded, "for=unknown"),
    };
    if let Some(host) = from.host.filter(|host| is_quotable(host)) {
        let _ = write!(forwarded, ";host=\"{host}\"");
    }
    let _ = write!(forwarded, ";proto={scheme}");
    insert(headers, FORWARDED, forwarded);
}

/// Whether it needs no escapes within quotes. A host needs none.
fn is_quotable(host: &str) -> bool {
    host.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\'))
}

/// The values of a list in one text, whose end is what the nearest have added.
fn chain(headers: &HeaderMap, name: &HeaderName) -> String {
    let mut chain = String::new();
    for value in headers.get_all(name).iter().filter_map(|value| value.to_str().ok()) {
        let comma = if chain.is_empty() || value.is_empty() { "" } else { ", " };
        let _ = write!(chain, "{comma}{value}");
    }
    if chain.len() <= LONGEST_CHAIN {
        return chain;
    }
    // Nobody has come through so many.
    let cut = chain.len() - LONGEST_CHAIN;
    chain[cut..].split_once(',').map_or_else(String::new, |(_, rest)| rest.trim().to_owned())
}

fn insert(headers: &mut HeaderMap, name: HeaderName, text: String) {
    if !text.is_empty()
        && let Ok(value) = HeaderValue::try_from(text)
    {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ME: &str = "appmixer-1";
    const ALL: Forwarding = Forwarding { authorization: true, overrides: false };

    fn map(headers: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        headers.iter().map(pair).collect()
    }

    fn from(is_trusted: bool) -> From<'static> {
        From { peer: "192.0.2.7".parse().ok(), is_trusted, is_secure: true, host: Some("a.b:443") }
    }

    fn sent(headers: &[(&'static str, &'static str)], is_trusted: bool) -> HeaderMap {
        for_upstream(&map(headers), Version::HTTP_11, &from(is_trusted), ME, ALL).unwrap()
    }

    #[test]
    fn what_is_for_the_connection_ends_with_it() {
        let headers = sent(
            &[
                ("connection", "keep-alive, X-Hop"),
                ("connection", "close, x-other"),
                ("keep-alive", "5"),
                ("proxy-connection", "x"),
                ("proxy-authorization", "Basic x"),
                ("te", "gzip"),
                ("transfer-encoding", "chunked"),
                ("content-length", "5"),
                ("expect", "100-continue"),
                ("upgrade", "h2c"),
                ("host", "a.b"),
                ("x-hop", "1"),
                ("x-other", "1"),
                ("x-kept", "1"),
                ("trailer", "x-sum"),
            ],
            false,
        );
        let mut names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        let added =
            ["forwarded", "trailer", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"];
        assert_eq!(names, [&added[..], &["x-kept"]].concat());
    }

    #[test]
    fn a_client_cannot_have_headers_of_the_message_taken_off() {
        let headers = sent(
            &[
                ("connection", "authorization, via, x-forwarded-for"),
                ("authorization", "Bearer x"),
                ("via", "1.1 y"),
            ],
            false,
        );
        assert_eq!(headers["authorization"], "Bearer x");
        assert_eq!(headers["via"], "1.1 y, 1.1 appmixer-1");
        assert_eq!(headers["x-forwarded-for"], "192.0.2.7");
    }

    #[test]
    fn trailers_are_announced_to_the_upstream_as_the_client_has_announced_them() {
        let headers = sent(&[("te", "deflate;q=0.5, Trailers"), ("connection", "te")], false);
        assert_eq!(
            (&headers["te"], &headers["connection"]),
            (&"trailers".parse().unwrap(), &"te".parse().unwrap())
        );
    }

    #[test]
    fn nobody_says_of_himself_who_he_is() {
        let headers = sent(
            &[
                ("x-user-id", "1"),
                ("x-user-anything", "1"),
                ("x_user_id", "1"),
                ("x-user_name", "1"),
                ("x_forwarded_for", "1"),
                ("x-forwarded-user", "1"),
                ("x-real-ip", "1"),
                ("x-userland", "1"),
            ],
            false,
        );
        let mut names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        let added = ["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"];
        assert_eq!(names, [&added[..], &["x-userland"]].concat());
        let through_a_proxy =
            [("x-real-ip", "1"), ("x-user-id", "1"), ("x_real_ip", "1"), ("x-forwarded-client_cert", "1")];
        let headers = sent(&through_a_proxy, true);
        assert_eq!((headers.contains_key("x-real-ip"), headers.len()), (true, 6));
    }

    #[test]
    fn where_a_request_comes_from_is_added_for_those_who_are_believed_and_set_for_others() {
        let told = [
            ("x-forwarded-for", "198.51.100.1"),
            ("x-forwarded-for", "10.0.0.1"),
            ("x-forwarded-host", "shop.example"),
            ("x-forwarded-proto", "http"),
            ("forwarded", "for=198.51.100.1"),
        ];
        let headers = sent(&told, true);
        assert_eq!(headers["x-forwarded-for"], "198.51.100.1, 10.0.0.1, 192.0.2.7");
        assert_eq!(headers["x-forwarded-host"], "shop.example");
        assert_eq!(headers["x-forwarded-proto"], "http");
        assert_eq!(headers["forwarded"], "for=198.51.100.1, for=192.0.2.7;host=\"a.b:443\";proto=https");
        let headers = sent(&told, false);
        assert_eq!(headers["x-forwarded-for"], "192.0.2.7");
        assert_eq!(headers["x-forwarded-host"], "a.b:443");
        assert_eq!(headers["x-forwarded-proto"], "https");
        assert_eq!(headers["forwarded"], "for=192.0.2.7;host=\"a.b:443\";proto=https");
    }

    #[test]
    fn addresses_of_all_kinds_are_told_in_their_form() {
        for (peer, forwarded) in [
            (Some("2001:db8::1"), "for=\"[2001:db8::1]\";proto=http"),
            (Some("::ffff:192.0.2.1"), "for=192.0.2.1;proto=http"),
            (None, "for=unknown;proto=http"),
        ] {
            let peer = peer.map(|peer| peer.parse().unwrap());
            let from = From { peer, is_trusted: false, is_secure: false, host: None };
            let headers = for_upstream(&HeaderMap::new(), Version::HTTP_2, &from, ME, ALL).unwrap();
            assert_eq!(headers["forwarded"], forwarded);
            assert_eq!(headers["via"], "2.0 appmixer-1");
            assert_eq!(headers.contains_key("x-forwarded-for"), peer.is_some());
        }
    }

    #[test]
    fn a_request_that_was_here_before_is_a_loop() {
        let was_here = map(&[("via", "1.1 x, 1.1 appmixer-1 (comment), 1.1 y")]);
        assert_eq!(for_upstream(&was_here, Version::HTTP_11, &from(false), ME, ALL), Err(Loop));
        let other = map(&[("via", "1.1 appmixer-12, 1.1 x")]);
        assert!(for_upstream(&other, Version::HTTP_11, &from(false), ME, ALL).is_ok());
    }

    #[test]
    fn a_chain_without_end_is_cut_where_the_nearest_are_not() {
        let mut headers = HeaderMap::new();
        for each in 0..1000 {
            headers.append(X_FORWARDED_FOR, HeaderValue::try_from(format!("10.0.0.{each}")).unwrap());
        }
        let cut = chain(&headers, &X_FORWARDED_FOR);
        assert!(
            cut.len() <= LONGEST_CHAIN && cut.ends_with("10.0.0.999") && cut.starts_with("10.0.0."),
            "{cut}"
        );
    }

    #[test]
    fn an_answer_loses_what_was_for_the_connection_to_the_upstream() {
        let mut headers = map(&[
            ("connection", "close, x-hop"),
            ("x-hop", "1"),
            ("keep-alive", "timeout=5"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "h2c"),
            ("content-length", "3"),
            ("set-cookie", "a=b"),
            ("set-cookie", "c=d"),
        ]);
        for_client(&mut headers, true);
        assert_eq!(headers.len(), 2);
        assert_eq!(headers.get_all("set-cookie").iter().count(), 2);
        let mut head = map(&[("content-length", "3")]);
        for_client(&mut head, false);
        assert_eq!(head["content-length"], "3");
    }

    #[test]
    fn websocket_is_the_only_thing_that_is_switched_to() {
        assert!(wants_websocket(&map(&[("connection", "keep-alive, Upgrade"), ("upgrade", "WebSocket")])));
        for headers in [
            &[("connection", "upgrade"), ("upgrade", "h2c")][..],
            &[("connection", "upgrade"), ("upgrade", "websocket, h2c")],
            &[("connection", "upgrade"), ("upgrade", "websocket"), ("upgrade", "h2c")],
            &[("upgrade", "websocket")],
            &[("connection", "upgrade")],
        ] {
            assert!(!wants_websocket(&map(headers)), "{headers:?}");
        }
    }
}
