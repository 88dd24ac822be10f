//! The audit log in memory.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use async_trait::async_trait;

use super::MemoryStore;
use crate::audit::{AuditEntry, AuditKind};
use crate::audit_log::{AuditId, AuditLog, AuditQuery, AuditRecord};
use crate::daily::{Count, Counted, Day};
use crate::origin::Actor;
use crate::store::StoreError;
use crate::time::Timestamp;

/// A clock that is this far ahead is not followed, in milliseconds.
const FAR_AHEAD: i64 = 60_000;

#[derive(Default)]
pub(super) struct Log {
    /// Oldest first.
    records: Vec<AuditRecord>,
    last: i64,
    days: BTreeMap<(Day, Counted), u64>,
}

impl Log {
    pub(super) fn keep(&mut self, entry: Option<AuditEntry>) {
        let Some(mut entry) = entry else { return };
        if let Some(counted) = Counted::of(entry.kind) {
            *self.days.entry((Day::of(entry.time), counted)).or_default() += 1;
        }
        if !entry.is_kept {
            return;
        }
        // A reader who goes on behind the last entry misses none, also if the clock goes back a little.
        if let Some(last) = self.records.last().map(|record| record.entry.time)
            && last.millis() <= entry.time.millis() + FAR_AHEAD
        {
            entry.time = entry.time.max(last);
        }
        self.last += 1;
        self.records.push(AuditRecord { id: AuditId::from_store(self.last), entry });
        self.records.sort_by_key(|record| (record.entry.time, record.id));
    }

    /// Removes up to `most` entries, the oldest first.
    fn remove(&mut self, most: usize, is_meant: impl Fn(&AuditEntry) -> bool) -> usize {
        let mut removed = 0;
        self.records.retain(|record| {
            let goes = removed < most && is_meant(&record.entry);
            removed += usize::from(goes);
            !goes
        });
        removed
    }
}

fn is_asked_for(query: &AuditQuery, record: &AuditRecord) -> bool {
    let AuditRecord { id, entry } = record;
    query.from.is_none_or(|from| entry.time >= from)
        && query.to.is_none_or(|to| entry.time < to)
        && query.user.is_none_or(|user| entry.user == Some(user) || entry.origin.actor == Actor::User(user))
        && (query.kinds.is_empty() || query.kinds.contains(&entry.kind))
        && query.before.is_none_or(|before| *id < before)
        && query.after.is_none_or(|after| *id > after)
}

#[async_trait]
impl AuditLog for MemoryStore {
    fn note(&self, entry: AuditEntry) {
        let _ = self.write::<_, StoreError>(|state| {
            state.log.keep(Some(entry));
            Ok(((), None))
        });
    }

    async fn audit_entries(&self, query: AuditQuery) -> Result<Vec<AuditRecord>, StoreError> {
        let state = self.read()?;
        let found = state.log.records.iter().rev().filter(|record| is_asked_for(&query, record));
        Ok(found.take(query.limit as usize).cloned().collect())
    }

    async fn counts(&self, days: RangeInclusive<Day>) -> Result<Vec<Count>, StoreError> {
        let state = self.read()?;
        let counts = state.log.days.iter().filter(|((day, _), _)| days.contains(day));
        Ok(counts
            .map(|((day, counted), number)| Count { day: *day, counted: *counted, number: *number })
            .collect())
    }

    async fn forget_audit_entries(
        &self,
        oldest: Timestamp,
        most: u64,
        batch: u32,
    ) -> Result<u32, StoreError> {
        self.write(|state| {
            let (log, batch) = (&mut state.log, batch as usize);
            let mut surplus = log.records.len().saturating_sub(usize::try_from(most).unwrap_or(usize::MAX));
            let old = log.remove(batch, |entry| entry.time < oldest);
            surplus = surplus.saturating_sub(old).min(batch);
            let mut forgotten = 0;
            for kind in AuditKind::ALL.into_iter().filter(|kind| kind.is_anybodys()) {
                forgotten += log.remove(surplus - forgotten, |entry| entry.kind == kind);
            }
            forgotten += log.remove(surplus - forgotten, |_| true);
            Ok((u32::try_from(old + forgotten).unwrap_or(u32::MAX), None))
        })
    }
}
