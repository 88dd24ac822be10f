//! The log lines about a database that is lost, and back.

use std::time::{Duration, Instant};

use super::open::Connector;

/// A single failure is a connection that was cut: the next one may work.
const FAILURES: u32 = 2;

/// Counts failures of the connection that a node checks a few times a second.
pub(super) struct Outage {
    /// Hosts, ports and database.
    place: String,
    stale_after: Duration,
    failures: u32,
    since: Instant,
}

impl Outage {
    pub(super) fn new(connector: &Connector, stale_after: Duration) -> Self {
        Self { place: connector.place(), stale_after, failures: 0, since: Instant::now() }
    }

    /// The connection was not made, or did not answer.
    pub(super) fn failed(&mut self, reason: &str) {
        if self.failures == 0 {
            self.since = Instant::now();
        }
        self.failures = self.failures.saturating_add(1);
        if self.failures == FAILURES {
            tracing::warn!(
                database = self.place,
                reason,
                stale_after = ?self.stale_after,
                "the database is lost: requests that need it are answered with 503, and cached tokens are accepted for \
                 store.stale_after"
            );
        } else {
            tracing::debug!(database = self.place, reason, "the database does not answer");
        }
    }

    /// The database has answered.
    pub(super) fn ended(&mut self) {
        if self.failures >= FAILURES {
            let seconds = self.since.elapsed().as_secs();
            tracing::warn!(database = self.place, seconds, "the database is back");
        }
        self.failures = 0;
    }
}
