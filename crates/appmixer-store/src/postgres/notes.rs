//! Entries of the audit log that nobody waits for: a task takes them along.

use std::mem;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use appmixer_core::{AuditEntry, StoreError};

use super::db::Database;
use super::error::Stop;
use super::{NOTES_INTERVAL, audit};
use crate::metrics;

/// The most entries that may wait, a megabyte.
const MOST: usize = 4096;

/// How often the log tells of notes that were lost, and how often arrivals become entries while nobody reads any.
const COMPLAINT_INTERVAL: Duration = Duration::from_mins(1);
const SEQUENCE_INTERVAL: Duration = Duration::from_secs(5);

#[derive(Default)]
pub(super) struct Notes(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    entries: Vec<AuditEntry>,
    lost: u64,
}

impl Notes {
    pub(super) fn add(&self, entry: AuditEntry) {
        self.with(|waiting| {
            if waiting.entries.len() < MOST {
                waiting.entries.push(entry);
            } else {
                waiting.lost += 1;
            }
        });
    }

    /// Writes all that wait. What cannot be written is lost.
    pub(super) async fn write(&self, db: &Database) {
        let entries = self.with(|waiting| mem::take(&mut waiting.entries));
        if entries.is_empty() {
            return;
        }
        let entries = &entries;
        let written = db.write(|db| {
            Box::pin(async move {
                audit::keep(db, entries).await?;
                Ok::<_, Stop<StoreError>>(((), None))
            })
        });
        if let Err(error) = written.await {
            tracing::debug!(%error, "notes for the audit log could not be written");
            self.with(|waiting| waiting.lost += entries.len() as u64);
        }
    }

    fn with<T>(&self, work: impl FnOnce(&mut Waiting) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Writes notes as long as it is run.
pub(super) async fn keep(notes: Arc<Notes>, db: Database) {
    let mut complained = None::<Instant>;
    let mut sequenced = Instant::now();
    loop {
        tokio::time::sleep(NOTES_INTERVAL).await;
        notes.write(&db).await;
        if sequenced.elapsed() > SEQUENCE_INTERVAL {
            sequenced = Instant::now();
            if let Err(error) = audit::sequence(&db).await {
                tracing::debug!(%error, "arrivals could not be put into the audit log yet");
            }
        }
        if complained.is_some_and(|time| time.elapsed() < COMPLAINT_INTERVAL) {
            continue;
        }
        let lost = notes.with(|waiting| mem::take(&mut waiting.lost));
        if lost > 0 {
            metrics::NOTES_LOST.increment(lost);
            complained = Some(Instant::now());
            tracing::warn!(lost, "sign-ins are missing from the audit log: they could not be kept");
        }
    }
}
