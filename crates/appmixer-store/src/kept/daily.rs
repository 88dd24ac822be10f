//! What is counted of each day, in rows.
//!
//! A row is of a day, of what is counted, and of a slot, since several nodes that count at once are not to wait for each
//! other. Its key is made of the three, so that a stretch of days is a stretch of keys.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use appmixer_core::{AuditEntry, AuditKind, Count, Counted, Day, StoreError};

/// In how many rows one number is kept at most.
pub(crate) const SLOTS: u64 = 16;
/// Room for as many things that are counted.
const KINDS: i64 = 16;

/// A row as it is written.
pub(crate) struct Row {
    pub(crate) id: i64,
    pub(crate) day: i64,
    pub(crate) kind: &'static str,
    pub(crate) number: i64,
}

/// What these entries add, in the order of keys.
pub(crate) fn rows<'a>(entries: impl IntoIterator<Item = &'a AuditEntry>, slot: u64) -> Vec<Row> {
    let mut numbers = BTreeMap::new();
    for entry in entries {
        if let Some(counted) = Counted::of(entry.kind) {
            *numbers.entry((Day::of(entry.time), counted)).or_insert(0) += 1;
        }
    }
    let row = |((day, counted), number): ((Day, Counted), i64)| Row {
        id: key(day.number(), place(counted), slot),
        day: day.number(),
        kind: counted.kind().as_str(),
        number,
    };
    numbers.into_iter().map(row).collect()
}

/// The keys of these days: from the first one on, and before the last one.
pub(crate) fn keys(days: &RangeInclusive<Day>) -> (i64, i64) {
    (key(days.start().number(), 0, 0), key(days.end().number().saturating_add(1), 0, 0))
}

/// A row as it was read; `None` for what another version counts.
pub(crate) fn read(day: i64, kind: &str, number: i64) -> Result<Option<Count>, StoreError> {
    let number = u64::try_from(number)
        .map_err(|_| StoreError::Corrupt("daily_counts, number: negative".to_owned()))?;
    let counted = AuditKind::parse(kind).and_then(Counted::of);
    Ok(counted.map(|counted| Count { day: Day::from_number(day), counted, number }))
}

fn key(day: i64, place: i64, slot: u64) -> i64 {
    let slots = i64::try_from(SLOTS).unwrap_or(i64::MAX);
    let slot = i64::try_from(slot % SLOTS).unwrap_or(0);
    day.saturating_mul(KINDS).saturating_add(place).saturating_mul(slots).saturating_add(slot)
}

/// As migrations have it too.
const fn place(counted: Counted) -> i64 {
    match counted {
        Counted::SignIn => 0,
        Counted::SignInFailed => 1,
        Counted::UserCreated => 2,
    }
}

#[cfg(test)]
mod tests {
    use appmixer_core::{Origin, Timestamp};

    use super::*;

    #[test]
    fn no_two_rows_share_a_key_and_the_keys_of_a_day_are_its_own() {
        let entry = |day: i64, kind| {
            AuditEntry::new(Timestamp::from_millis(day * 86_400_000 + 5), kind, &Origin::anonymous(None))
        };
        let entries: Vec<_> = (1..=3).flat_map(|day| AuditKind::ALL.map(|kind| entry(day, kind))).collect();
        let mut ids = Vec::new();
        for slot in 0..SLOTS {
            let rows = rows(&entries, slot);
            assert_eq!(rows.len(), 3 * Counted::ALL.len());
            assert!(rows.is_sorted_by_key(|row| row.id) && rows.iter().all(|row| row.number == 1));
            let (first, end) = keys(&(Day::from_number(2)..=Day::from_number(2)));
            assert!(rows.iter().all(|row| (first..end).contains(&row.id) == (row.day == 2)));
            ids.extend(rows.iter().map(|row| row.id));
        }
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 3 * Counted::ALL.len() * usize::try_from(SLOTS).unwrap());
    }
}
