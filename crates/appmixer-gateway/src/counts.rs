//! What is counted of a route.

use std::array;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use appmixer_metrics::{Kind, Page, SECONDS};
use http::StatusCode;

use crate::route::Route;

const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];
const BUCKETS: usize = SECONDS.len() + 1;

/// What can go wrong with an upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// None that could be asked.
    Unavailable,
    /// No connection.
    Unreachable,
    /// The connection has ended before the answer's head, or it was none.
    Broken,
    /// The answer's head has not come in time.
    Late,
    /// The answer has ended before its end.
    CutOff,
    /// The client's body was too large, too slow, or incomplete.
    Client,
}

const TROUBLES: [(Trouble, &str); 6] = [
    (Trouble::Unavailable, "unavailable"),
    (Trouble::Unreachable, "unreachable"),
    (Trouble::Broken, "broken"),
    (Trouble::Late, "late"),
    (Trouble::CutOff, "cut-off"),
    (Trouble::Client, "client"),
];

pub(crate) struct Counts {
    answers: [AtomicU64; CLASSES.len()],
    troubles: [AtomicU64; TROUBLES.len()],
    retries: AtomicU64,
    buckets: [AtomicU64; BUCKETS],
    nanos: AtomicU64,
}

impl Counts {
    pub(crate) fn new() -> Self {
        Self {
            answers: array::from_fn(|_| AtomicU64::new(0)),
            troubles: array::from_fn(|_| AtomicU64::new(0)),
            retries: AtomicU64::new(0),
            buckets: array::from_fn(|_| AtomicU64::new(0)),
            nanos: AtomicU64::new(0),
        }
    }

    /// An upstream has answered, after so long.
    pub(crate) fn answered(&self, status: StatusCode, took: Duration) {
        let class = usize::from(status.as_u16() / 100).clamp(1, CLASSES.len()) - 1;
        add(&self.answers[class]);
        let seconds = took.as_secs_f64();
        add(&self.buckets[SECONDS.partition_point(|bound| *bound < seconds)]);
        self.nanos.fetch_add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(crate) fn trouble(&self, trouble: Trouble) {
        add(&self.troubles[trouble as usize]);
    }

    pub(crate) fn retried(&self) {
        add(&self.retries);
    }
}

/// Writes what was counted of these routes.
pub(crate) fn write<'r>(routes: impl Iterator<Item = &'r Route>, page: &mut Page) {
    for route in routes {
        let (counts, name) = (&route.counts, route.name());
        for (class, count) in CLASSES.iter().zip(&counts.answers) {
            page.family(
                "appmixer_gateway_answers_total",
                Kind::Counter,
                "Answers of upstreams that were forwarded.",
            )
            .sample(&[("route", name), ("status", class)], value(count));
        }
        for ((_, reason), count) in TROUBLES.iter().zip(&counts.troubles) {
            page.family(
                "appmixer_gateway_failures_total",
                Kind::Counter,
                "Requests that could not be forwarded, or not to the end of their answer, by reason.",
            )
            .sample(&[("route", name), ("reason", reason)], value(count));
        }
        page.family("appmixer_gateway_retries_total", Kind::Counter, "Requests that were tried once more.")
            .sample(&[("route", name)], value(&counts.retries));
        let buckets: Vec<_> = counts.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).collect();
        let seconds = Duration::from_nanos(counts.nanos.load(Ordering::Relaxed)).as_secs_f64();
        page.family(
            "appmixer_gateway_head_seconds",
            Kind::Histogram,
            "From a request that may be forwarded to the head of its answer.",
        )
        .histogram(&[("route", name)], SECONDS, &buckets, seconds);
        for upstream in route.pool.upstreams() {
            let address = upstream.address.to_string();
            let labels = [("route", name), ("upstream", address.as_str())];
            page.family(
                "appmixer_gateway_upstream_up",
                Kind::Gauge,
                "Whether an upstream gets requests (1), or could not be reached or failed its checks (0).",
            )
            .sample(&labels, f64::from(u8::from(route.pool.is_up(upstream))));
            page.family(
                "appmixer_gateway_in_flight",
                Kind::Gauge,
                "Requests, streams and tunnels that an upstream has.",
            )
            .sample(&labels, float(upstream.outstanding() as u64));
        }
    }
}

fn add(cell: &AtomicU64) {
    cell.fetch_add(1, Ordering::Relaxed);
}

fn value(cell: &AtomicU64) -> f64 {
    float(cell.load(Ordering::Relaxed))
}

/// Prometheus has no integers.
#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53, and nobody counts further")]
const fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_trouble_has_its_place() {
        for (place, (trouble, _)) in TROUBLES.iter().enumerate() {
            assert_eq!(*trouble as usize, place);
        }
    }
}
