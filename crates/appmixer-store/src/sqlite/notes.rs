//! Entries of the audit log that nobody waits for: the writer takes them along.

use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use appmixer_core::{AuditEntry, Change, StoreError};
use rusqlite::Connection;

use super::audit;
use super::writer::Job;

/// The most entries that may wait, a megabyte. The writer takes all there are ten times a second.
const MOST: usize = 4096;

/// What waits, and how many found no room or could not be kept.
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

    /// All that wait, as one write.
    pub(super) fn take(self: &Arc<Self>) -> Option<Box<dyn Job>> {
        let entries = self.with(|waiting| mem::take(&mut waiting.entries));
        let notes = Arc::clone(self);
        (!entries.is_empty()).then(|| Box::new(Write { entries, kept: false, notes }) as Box<dyn Job>)
    }

    /// How many were lost since the last time that somebody asked.
    pub(super) fn take_lost(&self) -> u64 {
        self.with(|waiting| mem::take(&mut waiting.lost))
    }

    fn with<T>(&self, work: impl FnOnce(&mut Waiting) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

struct Write {
    entries: Vec<AuditEntry>,
    kept: bool,
    notes: Arc<Notes>,
}

impl Job for Write {
    fn work(&mut self, connection: &Connection) -> bool {
        self.kept = audit::keep(connection, &self.entries).is_ok();
        self.kept
    }

    fn fail(&mut self, _: &StoreError) {
        self.kept = false;
    }

    fn change(&self) -> Option<Change> {
        None
    }

    fn fault(&self) -> Option<&StoreError> {
        None
    }

    fn acknowledge(self: Box<Self>) {
        if !self.kept {
            self.notes.with(|waiting| waiting.lost += self.entries.len() as u64);
        }
    }
}

#[cfg(test)]
mod tests {
    use appmixer_core::{AuditKind, Origin, Timestamp};

    use super::*;

    #[test]
    fn what_finds_no_room_is_counted_and_the_rest_is_kept() {
        let entry =
            || AuditEntry::new(Timestamp::from_millis(0), AuditKind::SignInFailed, &Origin::anonymous(None));
        let notes = Arc::new(Notes::default());
        assert!(notes.take().is_none());
        for _ in 0..MOST + 3 {
            notes.add(entry());
        }
        assert_eq!(notes.take_lost(), 3);
        let write = notes.take().unwrap();
        notes.add(entry());
        assert_eq!(notes.take_lost(), 0);
        // Never worked: as where the transaction could not begin.
        write.acknowledge();
        assert_eq!(notes.take_lost(), MOST as u64);
    }
}
