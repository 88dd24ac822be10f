//! Log lines that clients could have repeated without end.

use std::sync::Mutex;
use std::time::{Duration, Instant};

/// How often such a line is written at most.
const INTERVAL: Duration = Duration::from_mins(1);

/// Lets a log line through at most once a minute.
pub(crate) struct LogThrottle(Mutex<Option<Instant>>);

impl LogThrottle {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(None))
    }

    /// Whether the line is to be written now.
    pub(crate) fn allows(&self) -> bool {
        // A thread that writes it already is enough.
        let Ok(mut last) = self.0.try_lock() else { return false };
        let is_due = last.is_none_or(|last| last.elapsed() >= INTERVAL);
        if is_due {
            *last = Some(Instant::now());
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_written_once_and_not_again_at_once() {
        let throttle = LogThrottle::new();
        assert!(throttle.allows());
        assert!((0..1000).all(|_| !throttle.allows()));
    }
}
