//! Request ids: taken from the client when sane, else made.

use std::cell::Cell;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use http::{HeaderMap, HeaderName, HeaderValue};

pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const MAX_LENGTH: usize = 128;

thread_local! {
    /// What makes a thread's ids. Each thread counts for itself: a count that all share would travel from core to
    /// core with every request.
    static IDS: (RandomState, Cell<u64>) = (RandomState::new(), Cell::new(0));
}

/// The request's own id if it can be logged as it is, else a new one.
pub(crate) fn of(headers: &HeaderMap) -> HeaderValue {
    match headers.get(X_REQUEST_ID) {
        Some(id) if is_sane(id.as_bytes()) => id.clone(),
        _ => make(),
    }
}

/// An id that does not repeat within a thread, and hardly ever between two or two processes.
fn make() -> HeaderValue {
    let mut rest = IDS.with(|(seed, next)| {
        next.set(next.get().wrapping_add(1));
        seed.hash_one(next.get())
    });
    let mut digits = [0; 16];
    for digit in &mut digits {
        *digit = b"0123456789abcdef"[(rest & 15) as usize];
        rest >>= 4;
    }
    // Hexadecimal digits are always a valid header value.
    HeaderValue::from_bytes(&digits).unwrap_or_else(|_| HeaderValue::from_static("0"))
}

/// What cannot break a log line, nor pretend to be more than an id.
fn is_sane(id: &[u8]) -> bool {
    (1..=MAX_LENGTH).contains(&id.len())
        && id
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':' | b'/' | b'+' | b'='))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_text(id: &str) -> HeaderValue {
        let mut headers = HeaderMap::new();
        headers.insert(X_REQUEST_ID, HeaderValue::from_str(id).unwrap());
        of(&headers)
    }

    #[test]
    fn a_sane_id_is_kept_and_any_other_replaced() {
        let uuid = "0d8f1c1e-7a3c-4a55-9b6e-0f8f0b6a8f11";
        assert_eq!(of_text(uuid), uuid);
        for bad in ["", "a b", "a\"b", &"x".repeat(129)] {
            assert_eq!(of_text(bad).len(), 16, "{bad}");
        }
        assert_ne!(make(), make());
    }
}
