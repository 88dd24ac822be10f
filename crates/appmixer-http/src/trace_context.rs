//! W3C Trace Context (<https://www.w3.org/TR/trace-context/>): which trace a request belongs to.
//!
//! A good `traceparent` is taken over; anything else begins a trace of its own, as the standard wants it (section
//! 4.3). `tracestate` is for those who send traces on, and none is sent on from here.

use std::cell::Cell;
use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher;

use http::{HeaderMap, HeaderName};

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

thread_local! {
    static IDS: (RandomState, Cell<u64>) = (RandomState::new(), Cell::new(0));
}

/// The trace of a request, and the request's own place in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TraceContext {
    pub(crate) trace: TraceId,
    /// What caused the request, if it said so.
    pub(crate) parent: Option<SpanId>,
    pub(crate) span: SpanId,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TraceId(u128);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SpanId(u64);

impl TraceContext {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut values = headers.get_all(TRACEPARENT).iter();
        // Of several it cannot be known which one is meant.
        let one = values.next().filter(|_| values.next().is_none());
        let (trace, parent) = match one.and_then(|value| parse(value.as_bytes())) {
            Some((trace, parent)) => (trace, Some(parent)),
            None => (TraceId(u128::from(random()) << 64 | u128::from(random())), None),
        };
        Self { trace, parent, span: SpanId(random()) }
    }
}

/// `version-trace-parent-flags` (section 3.2.2), all in lower-case hexadecimal.
fn parse(text: &[u8]) -> Option<(TraceId, SpanId)> {
    let (known, rest) = text.split_at_checked(55)?;
    let [version, trace, parent, flags] = [&known[..2], &known[3..35], &known[36..52], &known[53..]];
    let version = hex(version)?;
    let is_whole = match version {
        0 => rest.is_empty(),
        // Later versions may have more behind another dash; 255 is forbidden.
        1..255 => rest.is_empty() || rest[0] == b'-',
        _ => false,
    };
    let dashes = [known[2], known[35], known[52]] == *b"---";
    let (trace, parent, _) = (hex(trace)?, u64::try_from(hex(parent)?).ok()?, hex(flags)?);
    (is_whole && dashes && trace != 0 && parent != 0).then_some((TraceId(trace), SpanId(parent)))
}

/// Capital digits are forbidden, and so is a sign.
fn hex(digits: &[u8]) -> Option<u128> {
    let lower = digits.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
    u128::from_str_radix(str::from_utf8(digits).ok().filter(|_| lower)?, 16).ok()
}

/// Never 0, which the standard forbids; not secret.
fn random() -> u64 {
    IDS.with(|(seed, next)| {
        next.set(next.get().wrapping_add(1));
        seed.hash_one(next.get()).max(1)
    })
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn of(values: &[&str]) -> TraceContext {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(TRACEPARENT, HeaderValue::from_str(value).unwrap());
        }
        TraceContext::of(&headers)
    }

    #[test]
    fn a_good_traceparent_is_taken_over() {
        for good in [GOOD.to_owned(), GOOD.replacen("00", "cc", 1), GOOD.replacen("00", "01", 1) + "-more"] {
            let context = of(&[&good]);
            assert_eq!(context.trace.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
            assert_eq!(context.parent.unwrap().to_string(), "00f067aa0ba902b7");
            assert_ne!(context.span, context.parent.unwrap());
        }
    }

    #[test]
    fn anything_else_begins_a_trace_of_its_own() {
        let zero_trace = "00-00000000000000000000000000000000-00f067aa0ba902b7-01";
        let zero_parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01";
        for bad in [
            "",
            zero_trace,
            zero_parent,
            &GOOD.to_uppercase(),
            &GOOD.replacen("00", "ff", 1),
            &GOOD.replace('-', "_"),
            &GOOD[..54],
            &format!("{GOOD}-more"),
            &format!("{GOOD}0"),
            &GOOD.replacen("00", "01", 1).replace("-01", "-01x"),
            &GOOD.replacen("4b", "+b", 1),
        ] {
            let context = of(&[bad]);
            assert_eq!(context.parent, None, "{bad}");
            assert_ne!(context.trace.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736", "{bad}");
        }
        assert_eq!(of(&[GOOD, GOOD]).parent, None);
        assert_ne!(of(&[]).trace, of(&[]).trace);
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_read_again(trace in 1_u128.., parent in 1_u64.., flags: u8) {
            let text = format!("00-{}-{}-{flags:02x}", TraceId(trace), SpanId(parent));
            prop_assert_eq!(parse(text.as_bytes()), Some((TraceId(trace), SpanId(parent))));
        }

        #[test]
        fn no_bytes_break_it(bytes: Vec<u8>) {
            let _ = parse(&bytes);
        }

        #[test]
        fn what_is_read_is_what_was_written(text in "[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}") {
            if let Some((trace, parent)) = parse(text.as_bytes()) {
                prop_assert_eq!(format!("{trace}-{parent}"), &text[3..52]);
            }
        }
    }
}
