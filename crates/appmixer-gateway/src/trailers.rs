//! Trailer fields (RFC 9110, section 6.5): filtered by the rule for headers, and by what no trailer
//! may be.
//!
//! Recipients may merge trailers into headers, so a trailer must not say what a header could not.

use bytes::Bytes;
use http::header::{
    AGE, AUTHORIZATION, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, COOKIE,
    DATE, EXPIRES, HOST, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, LOCATION,
    MAX_FORWARDS, PRAGMA, RANGE, RETRY_AFTER, SET_COOKIE, TRAILER, VARY, WARNING, WWW_AUTHENTICATE,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use hyper::body::Frame;

use crate::heads;
use crate::lists::tokens;

/// Which way a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    ToUpstream,
    ToClient,
}

impl Direction {
    fn allows(self, name: &HeaderName) -> bool {
        let is_forwarded = match self {
            // Proxies add to headers; a trailer is the client's own, also behind a trusted proxy.
            Self::ToUpstream => heads::is_forwarded(name, false, false),
            Self::ToClient => !heads::is_of_the_connection(name),
        };
        is_forwarded && !is_for_heads_alone(name)
    }
}

/// Framing, routing, request modifiers, credentials, response controls and content processing
/// (RFC 9110, section 6.5.1), and what the server itself sets.
fn is_for_heads_alone(name: &HeaderName) -> bool {
    matches!(
        *name,
        CONTENT_LENGTH
            | TRAILER
            | HOST
            | CACHE_CONTROL
            | PRAGMA
            | MAX_FORWARDS
            | RANGE
            | IF_MATCH
            | IF_NONE_MATCH
            | IF_MODIFIED_SINCE
            | IF_UNMODIFIED_SINCE
            | IF_RANGE
            | AUTHORIZATION
            | COOKIE
            | SET_COOKIE
            | WWW_AUTHENTICATE
            | AGE
            | DATE
            | EXPIRES
            | LOCATION
            | RETRY_AFTER
            | VARY
            | WARNING
            | CONTENT_ENCODING
            | CONTENT_TYPE
            | CONTENT_RANGE
    ) || name == "x-request-id"
}

/// Reduces the list in `Trailer` to the fields that may follow; `hop` lists those that `Connection`
/// names.
pub(crate) fn announce(headers: &mut HeaderMap, direction: Direction, hop: &[HeaderName]) {
    if !headers.contains_key(TRAILER) {
        return;
    }
    let mut list = String::new();
    for token in headers.get_all(TRAILER).iter().flat_map(tokens) {
        let name = HeaderName::from_bytes(token.as_bytes()).ok();
        if let Some(name) = name.filter(|name| direction.allows(name) && !hop.contains(name)) {
            let comma = if list.is_empty() { "" } else { ", " };
            list.push_str(comma);
            list.push_str(name.as_str());
        }
    }
    headers.remove(TRAILER);
    // A list of names is a valid value.
    if let Ok(list) = HeaderValue::try_from(list)
        && !list.is_empty()
    {
        headers.insert(TRAILER, list);
    }
}

/// The frame with the trailers that may pass; none if it held nothing else.
pub(crate) fn filter(frame: Frame<Bytes>, direction: Direction, hop: &[HeaderName]) -> Option<Frame<Bytes>> {
    let mut trailers = match frame.into_trailers() {
        Ok(trailers) => trailers,
        Err(data) => return Some(data),
    };
    let allows = |name: &&HeaderName| direction.allows(name) && !hop.contains(name);
    let refused: Vec<_> = trailers.keys().filter(|name| !allows(name)).cloned().collect();
    for name in refused {
        trailers.remove(name);
    }
    (!trailers.is_empty()).then(|| Frame::trailers(trailers))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn announced(lists: &[&'static str], direction: Direction) -> Vec<String> {
        let value = |list: &&'static str| (TRAILER, HeaderValue::from_static(list));
        let mut headers: HeaderMap = lists.iter().map(value).collect();
        announce(&mut headers, direction, &[HeaderName::from_static("x-hop")]);
        headers.get_all(TRAILER).iter().map(|list| list.to_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn only_fields_that_may_follow_are_announced() {
        use Direction::{ToClient, ToUpstream};
        let lists =
            ["X-Sum, X-User-Id,,X_User_Name", "X-Hop, Content-Length, grpc-status, bad name, X-Real-IP"];
        assert_eq!(announced(&lists, ToUpstream), ["x-sum, grpc-status"]);
        assert_eq!(
            announced(&lists, ToClient),
            ["x-sum, x-user-id, x_user_name, grpc-status, x-real-ip"],
            "what a service says of users is its own matter"
        );
        assert_eq!(announced(&["X-User-Id"], ToUpstream), [""; 0]);
        assert_eq!(announced(&[], ToUpstream), [""; 0]);
    }

    #[test]
    fn trailers_pass_by_the_rule_for_headers() {
        let pass = |name: &'static str, direction| {
            let trailers = HeaderMap::from_iter([
                (HeaderName::from_static(name), HeaderValue::from_static("1")),
                (HeaderName::from_static(name), HeaderValue::from_static("2")),
            ]);
            filter(Frame::trailers(trailers), direction, &[HeaderName::from_static("x-hop")]).is_some()
        };
        for name in ["x-sum", "grpc-status", "server-timing", "etag", "digest"] {
            assert!(pass(name, Direction::ToUpstream) && pass(name, Direction::ToClient), "{name}");
        }
        for name in ["connection", "keep-alive", "te", "upgrade", "transfer-encoding", "content-length"] {
            assert!(!pass(name, Direction::ToUpstream) && !pass(name, Direction::ToClient), "{name}");
        }
        for name in ["host", "authorization", "cookie", "set-cookie", "trailer", "x-request-id", "x-hop"] {
            assert!(!pass(name, Direction::ToUpstream) && !pass(name, Direction::ToClient), "{name}");
        }
        for name in ["x-user-id", "x_user_id", "x-forwarded-for", "x-real-ip", "forwarded", "via", "expect"] {
            assert!(!pass(name, Direction::ToUpstream), "{name}");
        }
        assert!(filter(Frame::data(Bytes::from_static(b"x")), Direction::ToUpstream, &[]).is_some());
    }

    #[test]
    fn of_several_trailers_those_that_may_pass_are_left() {
        let trailers = HeaderMap::from_iter([
            (HeaderName::from_static("x-sum"), HeaderValue::from_static("1")),
            (HeaderName::from_static("x-user-id"), HeaderValue::from_static("root")),
        ]);
        let frame = filter(Frame::trailers(trailers), Direction::ToUpstream, &[]).unwrap();
        let left = frame.into_trailers().unwrap();
        assert_eq!((left.len(), &left["x-sum"]), (1, &HeaderValue::from_static("1")));
    }
}
