//! The access log: one line a request, under the target `access`, which nobody pays for who has not asked for it.

use std::net::IpAddr;
use std::time::Duration;

use appmixer_core::UserId;
use http::header::USER_AGENT;
use http::request::Parts;
use hyper::body::Body as _;

use crate::response::Answer;
use crate::trace_context::TraceContext;
use crate::traffic::Destination;

/// The longest texts of a client that are told, in bytes.
const LONGEST_METHOD: usize = 16;
const LONGEST_PATH: usize = 256;
const LONGEST_AGENT: usize = 160;

/// Whether anybody wants it.
pub(crate) fn is_on() -> bool {
    tracing::enabled!(target: "access", tracing::Level::INFO)
}

/// What is told besides what the request itself says.
pub(crate) struct Access<'a> {
    pub(crate) request_id: &'a str,
    pub(crate) trace: &'a TraceContext,
    pub(crate) client: Option<IpAddr>,
    pub(crate) destination: Destination,
    pub(crate) user: Option<UserId>,
    pub(crate) took: Duration,
}

/// Writes the line. Of the path it has what stands before the `?`, since codes and tokens may stand behind it.
pub(crate) fn write(parts: &Parts, answer: &Answer, access: &Access<'_>) {
    let agent = parts.headers.get(USER_AGENT).map(|agent| String::from_utf8_lossy(agent.as_bytes()));
    tracing::info!(
        target: "access",
        request_id = access.request_id,
        trace_id = %access.trace.trace,
        span_id = %access.trace.span,
        parent_id = access.trace.parent.map(tracing::field::display),
        client = access.client.map(tracing::field::display),
        method = cut(parts.method.as_str(), LONGEST_METHOD),
        route = access.destination.name(),
        path = cut(parts.uri.path(), LONGEST_PATH),
        status = answer.status().as_u16(),
        bytes = answer.body().size_hint().exact(),
        micros = u64::try_from(access.took.as_micros()).ok(),
        user = access.user.map(tracing::field::display),
        agent = agent.as_ref().map(|agent| cut(agent, LONGEST_AGENT)),
        "request"
    );
}

/// At most so many bytes, and whole characters.
fn cut(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(cut("abc", 16), "abc");
        assert_eq!(cut("aü", 2), "a");
        assert_eq!(cut("aü", 3), "aü");
        assert_eq!(cut("", 0), "");
    }
}
