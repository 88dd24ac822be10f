//! What a client may make of a request that is forwarded: who it is, the way it came, and the path that the rules see.
//!
//! An input is `METHOD TARGET FLAGS`, then a header a line. The flags are letters: `t` for a trusted proxy, `s` for TLS,
//! `2` for HTTP/2, `u` for a Unix socket, `k` for a route that keeps `Authorization` back, `o` for one that forwards overrides.

#![no_main]

#[allow(dead_code, reason = "only the server uses all of it")]
#[path = "../../crates/appmixer-http/src/asked.rs"]
mod asked;
#[path = "../../crates/appmixer-http/src/original.rs"]
mod original;
#[allow(dead_code, reason = "only the gateway uses all of it")]
#[path = "../../crates/appmixer-gateway/src/prefix.rs"]
mod prefix;

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use appmixer_gateway::{
    Address, From, Gateway, Route, RouteOptions, may_override_method, overrides_method,
};
use appmixer_path::RequestPath;
use asked::{Asked, Deeds};
use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, COOKIE, EXPECT, FORWARDED, HOST, TE, TRAILER, VIA,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, Version};
use libfuzzer_sys::fuzz_target;
use original::original;
use percent_encoding::percent_decode_str;
use prefix::Prefix;

const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));
const HOST_ASKED: &str = "api.example";
const PREFIXES: [&str; 4] = ["/", "/flows", "/flows/files", "/Public"];

/// For the connection, or between neighbours, and never for whoever is behind.
const HOPS: [&str; 8] = [
    "keep-alive",
    "proxy-connection",
    "transfer-encoding",
    "upgrade",
    "proxy-authenticate",
    "proxy-authorization",
    "content-length",
    "expect",
];

/// By which proxies that authenticate users name the user.
const IDENTITY: [&str; 10] = [
    "x-user-",
    "x-remote-",
    "remote-",
    "x-webauth-",
    "x-authenticated-",
    "x-auth-request-",
    "x-forwarded-user",
    "x-forwarded-email",
    "x-forwarded-groups",
    "x-forwarded-preferred-username",
];

/// By which proxies say from where a request came.
const WAY: [&str; 7] = [
    "x-forwarded-",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "true-client-ip",
    "client-ip",
    "cf-connecting-ip",
];

/// What would reach an upstream next to the real one in another spelling.
const SPELLED_WITH_HYPHENS: [&str; 7] = [
    "x-request-id",
    "content-length",
    "transfer-encoding",
    "keep-alive",
    "proxy-authorization",
    "proxy-authenticate",
    "proxy-connection",
];

struct Input<'i> {
    method: Method,
    target: &'i str,
    flags: &'i str,
    headers: HeaderMap,
}

impl<'i> Input<'i> {
    fn read(bytes: &'i [u8]) -> Option<Self> {
        let mut lines = bytes.split(|byte| *byte == b'\n');
        let mut first = std::str::from_utf8(lines.next()?).ok()?.split(' ');
        let (method, target) = (first.next()?.parse().ok()?, first.next()?);
        let flags = first.next().unwrap_or_default();
        let mut headers = HeaderMap::new();
        for line in lines.take(64) {
            let colon = line.iter().position(|byte| *byte == b':')?;
            let name = HeaderName::from_bytes(&line[..colon]).ok()?;
            headers.append(name, HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?);
        }
        Some(Self { method, target, flags, headers })
    }

    fn has(&self, flag: char) -> bool {
        self.flags.contains(flag)
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Some(input) = Input::read(bytes) else { return };
    headers_tell_the_truth(&input);
    what_the_rules_see_is_what_the_upstream_sees(&input);
    what_a_client_adds_changes_no_verdict(&input);
});

fn gateway(input: &Input<'_>) -> Gateway {
    let route = |prefix: &str| RouteOptions {
        prefix: appmixer_gateway::Prefix::parse(prefix).expect("it is one"),
        to: vec![Address::parse("http://127.0.0.1:9").expect("it is one")],
        is_open: false,
        strip_prefix: false,
        preserve_host: false,
        pass_authorization: !input.has('k'),
        forward_overrides: input.has('o'),
        connect_timeout: Duration::from_secs(1),
        head_timeout: Duration::from_secs(1),
        idle_timeout: Duration::from_secs(1),
        health: None,
        max_request: None,
        max_answer: None,
    };
    Gateway::new(PREFIXES.map(route).into(), None)
}

/// As services see it that make variables of headers.
fn folded(name: &HeaderName) -> String {
    name.as_str().replace(|c: char| !c.is_ascii_alphanumeric(), "-")
}

fn texts<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Vec<&'h str> {
    headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect()
}

fn headers_tell_the_truth(input: &Input<'_>) {
    let gateway = gateway(input);
    let route: &Route = gateway.find("/flows").expect("there is one").route;
    let is_trusted = input.has('t');
    let from = From {
        peer: (!input.has('u')).then_some(PEER),
        is_trusted,
        is_secure: input.has('s'),
        host: Some(HOST_ASKED),
    };
    let version = if input.has('2') { Version::HTTP_2 } else { Version::HTTP_11 };
    let sent = &input.headers;
    let made = gateway.headers(route, sent, version, &from).expect("it has not been here yet");

    let listed: Vec<_> = texts(sent, &CONNECTION)
        .iter()
        .flat_map(|list| list.split(','))
        .filter_map(|token| HeaderName::from_bytes(token.trim().as_bytes()).ok())
        .collect();
    let begins = |name: &str, all: &[&str]| all.iter().any(|beginning| name.starts_with(beginning));
    let is_way = |name: &str| begins(name, &WAY);
    let is_identity = |name: &str| begins(name, &IDENTITY) || name == "proxy";
    let targets = ["x-original-", "x-rewrite-", "x-envoy-original-", "x-script-name", "x-waws-unencoded-url"];
    let is_override = |name: &HeaderName| may_override_method(name) || begins(&folded(name), &targets);
    for name in made.keys() {
        let alike = folded(name);
        assert!(!is_identity(&alike), "{name} says who asks");
        assert!(input.has('o') || !is_override(name), "{name} replaces what was checked");
        assert!(!HOPS.contains(&name.as_str()) && *name != HOST, "{name} is for the connection");
        let is_own = ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"].contains(&name.as_str());
        if is_way(&alike) && !is_own {
            assert!(is_trusted && alike == name.as_str(), "{name} is nobody's word");
        }
        let is_written = is_own || [VIA, FORWARDED, CONNECTION, TE, AUTHORIZATION].contains(name);
        assert!(is_written || !listed.contains(name), "{name} was listed in Connection");
    }
    assert!(
        texts(&made, &CONNECTION).iter().all(|value| *value == "te")
            && made.get_all(CONNECTION).iter().count() <= 1
    );
    assert!(texts(&made, &TE).iter().all(|value| *value == "trailers"));
    assert_eq!(made.contains_key(TE), made.contains_key(CONNECTION));

    let scheme = if from.is_secure { "https" } else { "http" };
    let told = |name: &'static str| texts(&made, &HeaderName::from_static(name));
    if is_trusted {
        let last = told("x-forwarded-for").concat();
        assert!(from.peer.is_none() || last.ends_with(&PEER.to_string()), "{last}");
    } else {
        let peer = from.peer.map(|peer| peer.to_string());
        assert_eq!(told("x-forwarded-for"), peer.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(told("x-forwarded-proto"), [scheme]);
        assert_eq!(told("x-forwarded-host"), [HOST_ASKED]);
        assert_eq!(texts(&made, &FORWARDED)[0].matches("for=").count(), 1);
    }
    let forwarded = texts(&made, &FORWARDED);
    assert!(
        forwarded.len() == 1 && forwarded[0].ends_with(&format!(";host=\"{HOST_ASKED}\";proto={scheme}"))
    );

    // What is for whoever is behind arrives as it was sent, and in its order.
    for name in sent.keys() {
        let alike = folded(name);
        let is_dropped = is_identity(&alike)
            || (is_override(name) && !input.has('o'))
            || is_way(&alike)
            || HOPS.contains(&name.as_str())
            || [HOST, CONTENT_LENGTH, EXPECT, VIA, FORWARDED, CONNECTION, TE, TRAILER].contains(name)
            || (alike != name.as_str() && SPELLED_WITH_HYPHENS.contains(&alike.as_str()))
            // Several fields become one.
            || (*name == COOKIE && input.has('2'))
            || (listed.contains(name) && *name != AUTHORIZATION)
            || (*name == AUTHORIZATION && input.has('k'));
        let expected: Vec<_> = if is_dropped { Vec::new() } else { sent.get_all(name).iter().collect() };
        if !is_dropped || *name == AUTHORIZATION {
            assert_eq!(made.get_all(name).iter().collect::<Vec<_>>(), expected, "{name}");
        }
    }
    let again = gateway.headers(route, &made, version, &from);
    assert!(again.is_err(), "what has been here is known");
}

/// The first segment as a service might read it, which decodes so often and resolves dots.
fn first_segment(path: &str, decodings: usize) -> String {
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
    segments.into_iter().next().unwrap_or_default()
}

fn what_the_rules_see_is_what_the_upstream_sees(input: &Input<'_>) {
    let Ok(uri) = input.target.parse::<Uri>() else { return };
    let Ok(asked) = Asked::of(Deeds::of_method(input.method.as_str()), uri.path()) else { return };
    for decodings in 1..4 {
        let first = first_segment(uri.path(), decodings);
        assert!(asked.resources().any(|name| name == first), "{first}, decoded {decodings} times");
    }
    let gateway = gateway(input);
    let Some(found) = gateway.find(uri.path()) else { return };
    let path = found.path.expect("it was read");
    let prefix = Prefix::parse(found.route.name()).expect("a route has one");
    let behind = prefix.behind(uri.path());
    assert!(behind.starts_with('/') && !behind.starts_with("//"));
    assert!(prefix.covers(path.decoded()) && prefix.may_cover(&path));
    if found.route.name() == "/" {
        assert_eq!(behind, uri.path());
        return;
    }
    assert_eq!(prefix.first_segment(), path.segment(0), "the rules and the route see another service");
    // With the prefix taken off and put back, it is the same path.
    let whole = path.decoded();
    let rest = percent_decode_str(behind).decode_utf8().expect("a part of what was read");
    let together = format!("{}{rest}", prefix.as_str());
    assert!(whole == together || format!("{whole}/") == together, "{whole} and {together}");
    assert_eq!(RequestPath::parse(uri.path()).as_ref(), Ok(&path));
}

/// The headers by which proxies tell what is asked.
const TOLD_BY: [&[&str]; 3] = [
    &["x-original-method", "x-original-uri"],
    &["x-original-method", "x-original-url"],
    &["x-forwarded-method", "x-forwarded-uri"],
];

fn what_a_client_adds_changes_no_verdict(input: &Input<'_>) {
    let (method, headers) = (&input.method, &input.headers);
    if !input.target.is_empty() {
        let told = original(method, input.target, headers).ok().flatten();
        let deeds = Deeds::of_method(method.as_str()).with_overrides(headers);
        assert_eq!(told, Asked::of(deeds, input.target).ok(), "headers count beside the path");
    }
    let all = original(method, "", headers);
    for names in TOLD_BY {
        // What the proxy itself has set, of which there is one.
        // A client's words for another method count in any case.
        let is_its = |name: &HeaderName| names.contains(&name.as_str()) || overrides_method(name);
        let own: HeaderMap =
            headers.iter().filter(|(name, _)| is_its(name)).map(|(n, v)| (n.clone(), v.clone())).collect();
        if names.iter().any(|name| own.get_all(*name).iter().count() != 1) {
            continue;
        }
        if let Ok(verdict) = &all {
            assert_eq!(original(method, "", &own).as_ref(), Ok(verdict), "{names:?} was overruled");
        }
    }
}
