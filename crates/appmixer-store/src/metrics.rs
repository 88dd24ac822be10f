//! What the store counts.

use std::sync::LazyLock;

use metrics::{
    Counter, Gauge, Histogram, counter, describe_counter, describe_gauge, describe_histogram, gauge,
    histogram,
};

pub(crate) static READS_WAITING: LazyLock<Gauge> = LazyLock::new(|| gauge!("appmixer_store_reads_waiting"));
pub(crate) static WRITES_WAITING: LazyLock<Gauge> = LazyLock::new(|| gauge!("appmixer_store_writes_waiting"));
pub(crate) static READY: LazyLock<Gauge> = LazyLock::new(|| gauge!("appmixer_store_ready"));
pub(crate) static READ: LazyLock<Histogram> = LazyLock::new(|| histogram!("appmixer_store_read_seconds"));
pub(crate) static WRITE: LazyLock<Histogram> = LazyLock::new(|| histogram!("appmixer_store_write_seconds"));
#[cfg(feature = "sqlite")]
pub(crate) static COMMIT: LazyLock<Histogram> = LazyLock::new(|| histogram!("appmixer_store_commit_seconds"));
#[cfg(feature = "sqlite")]
static GROUP: LazyLock<Histogram> = LazyLock::new(|| histogram!("appmixer_store_group_writes"));
pub(crate) static NOTES_LOST: LazyLock<Counter> =
    LazyLock::new(|| counter!("appmixer_audit_entries_lost_total"));

/// Says what the store counts, so that all of it is there from the start. After a recorder is installed, and before
/// a store is opened.
pub fn describe_metrics() {
    describe_gauge!(
        "appmixer_store_reads_waiting",
        "Reads of the database that wait for a thread or a connection."
    );
    describe_gauge!(
        "appmixer_store_writes_waiting",
        "Writes to the database that wait for the next group or a connection."
    );
    describe_gauge!("appmixer_store_ready", "1, or 0 while the database cannot be used as it should.");
    describe_histogram!("appmixer_store_read_seconds", "How long a read has taken, with its wait.");
    describe_histogram!("appmixer_store_write_seconds", "How long a write has taken until it was on disk.");
    describe_counter!(
        "appmixer_audit_entries_lost_total",
        "Sign-ins that are missing from the audit log, because they could not be kept."
    );
    READY.set(1.0);
    READS_WAITING.set(0.0);
    WRITES_WAITING.set(0.0);
    for histogram in [&READ, &WRITE] {
        LazyLock::force(histogram);
    }
    LazyLock::force(&NOTES_LOST);
    #[cfg(feature = "sqlite")]
    describe_groups();
}

/// What there is where writes share a commit.
#[cfg(feature = "sqlite")]
fn describe_groups() {
    describe_histogram!(
        "appmixer_store_commit_seconds",
        "How long the disk has taken for one group of writes."
    );
    describe_histogram!("appmixer_store_group_writes", "How many writes have shared one commit.");
    LazyLock::force(&COMMIT);
    LazyLock::force(&GROUP);
}

/// So many writes have left the queue together.
#[cfg(feature = "sqlite")]
pub(crate) fn group(writes: usize) {
    let writes = f64::from(u32::try_from(writes).unwrap_or(u32::MAX));
    WRITES_WAITING.decrement(writes);
    GROUP.record(writes);
}
