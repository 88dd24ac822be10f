//! What this crate counts.

use std::sync::LazyLock;

use metrics::{
    Counter, Gauge, Histogram, counter, describe_counter, describe_gauge, describe_histogram, gauge,
    histogram,
};

pub(crate) static WAITING: LazyLock<Gauge> = LazyLock::new(|| gauge!("appmixer_hash_queue_length"));
pub(crate) static WAIT: LazyLock<Histogram> = LazyLock::new(|| histogram!("appmixer_hash_wait_seconds"));
pub(crate) static HASHING: LazyLock<Histogram> =
    LazyLock::new(|| histogram!("appmixer_hash_duration_seconds"));
pub(crate) static REFUSED: LazyLock<Counter> = LazyLock::new(|| counter!("appmixer_hash_refused_total"));
pub(crate) static ABANDONED: LazyLock<Counter> = LazyLock::new(|| counter!("appmixer_hash_abandoned_total"));

/// Says what this crate counts, so that all of it is there from the start. After a recorder is installed, and
/// before a pool is made.
pub fn describe_metrics() {
    describe_gauge!("appmixer_hash_queue_length", "Passwords that wait to be hashed.");
    describe_histogram!(
        "appmixer_hash_wait_seconds",
        "How long a password has waited for its hash to begin."
    );
    describe_histogram!("appmixer_hash_duration_seconds", "How long a hash has taken.");
    describe_counter!(
        "appmixer_hash_refused_total",
        "Passwords that were turned away: too many were waiting."
    );
    describe_counter!(
        "appmixer_hash_abandoned_total",
        "Passwords that were not hashed, because their client had gone."
    );
    WAITING.set(0.0);
    LazyLock::force(&WAIT);
    LazyLock::force(&HASHING);
    LazyLock::force(&REFUSED);
    LazyLock::force(&ABANDONED);
}

/// Counts jobs that leave the queue without being hashed, because their clients have gone.
pub(crate) fn abandoned(number: u64) {
    WAITING.decrement(f64::from(u32::try_from(number).unwrap_or(u32::MAX)));
    ABANDONED.increment(number);
}
