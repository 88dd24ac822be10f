//! What the store counts.

use std::sync::LazyLock;

use metrics::{
    Counter, Gauge, Histogram, counter, describe_counter, describe_gauge, describe_histogram, gauge,
    histogram,
};

pub(super) static READS_WAITING: LazyLock<Gauge> = LazyLock::new(|| gauge!("appmixer_store_reads_waiting"));
pub(super) static WRITES_WAITING: LazyLock<Gauge> = LazyLock::new(|| gauge!("appmixer_store_writes_waiting"));
pub(super) static READY: LazyLock<Gauge> = LazyLock::new(|| gauge!("appmixer_store_ready"));
pub(super) static READ: LazyLock<Histogram> = LazyLock::new(|| histogram!("appmixer_store_read_seconds"));
pub(super) static WRITE: LazyLock<Histogram> = LazyLock::new(|| histogram!("appmixer_store_write_seconds"));
pub(super) static COMMIT: LazyLock<Histogram> = LazyLock::new(|| histogram!("appmixer_store_commit_seconds"));
static GROUP: LazyLock<Histogram> = LazyLock::new(|| histogram!("appmixer_store_group_writes"));
pub(super) static NOTES_LOST: LazyLock<Counter> =
    LazyLock::new(|| counter!("appmixer_audit_entries_lost_total"));

/// Says what the store counts, so that all of it is there from the start. After a recorder is installed, and before
/// a store is opened.
pub fn describe_metrics() {
    describe_gauge!("appmixer_store_reads_waiting", "Reads of the database that wait for a thread.");
    describe_gauge!("appmixer_store_writes_waiting", "Writes to the database that wait for the next group.");
    describe_gauge!("appmixer_store_ready", "1, or 0 while the database cannot be used as it should.");
    describe_histogram!("appmixer_store_read_seconds", "How long a read has taken, with its wait.");
    describe_histogram!("appmixer_store_write_seconds", "How long a write has taken until it was on disk.");
    describe_histogram!(
        "appmixer_store_commit_seconds",
        "How long the disk has taken for one group of writes."
    );
    describe_histogram!("appmixer_store_group_writes", "How many writes have shared one commit.");
    describe_counter!(
        "appmixer_audit_entries_lost_total",
        "Sign-ins that are missing from the audit log, because they could not be kept."
    );
    READY.set(1.0);
    READS_WAITING.set(0.0);
    WRITES_WAITING.set(0.0);
    for histogram in [&READ, &WRITE, &COMMIT, &GROUP] {
        LazyLock::force(histogram);
    }
    LazyLock::force(&NOTES_LOST);
}

/// So many writes have left the queue together.
pub(super) fn group(writes: usize) {
    let writes = f64::from(u32::try_from(writes).unwrap_or(u32::MAX));
    WRITES_WAITING.decrement(writes);
    GROUP.record(writes);
}
