//! A table of bounded size, which forgets the least.
//!
//! A key, which must be a keyed hash, has its place in one of many sets of eight. A set that is full of entries that
//! still mean something gives up the one that would mean nothing the soonest: who has done little. So a counter that
//! has grown stays, however many newcomers there are: to drive it out, eight others in its set must have grown larger,
//! and without the key nobody knows which those would be.

use std::sync::{Mutex, PoisonError};

/// Where a key may be.
const WAYS: usize = 8;

/// Locks, so that cores do not wait for each other.
const SHARDS: usize = 16;

#[derive(Clone, Copy, Default)]
struct Slot {
    key: u64,
    entry: Entry,
}

/// What is kept of a key. Times are microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Entry {
    /// When it means nothing any more.
    pub(crate) until: u64,
    /// Another time, which is the user's.
    pub(crate) mark: u64,
}

/// A set is made when something comes into it, so that what is not used takes no memory.
type Shard = Vec<Option<Box<[Slot; WAYS]>>>;

pub(crate) struct Table {
    shards: Box<[Mutex<Shard>]>,
    sets: usize,
}

impl Table {
    /// With room for so many entries, or a few more.
    pub(crate) fn new(entries: usize) -> Self {
        let sets = entries.div_ceil(WAYS * SHARDS).max(1);
        let shard = || Mutex::new(vec![None; sets]);
        Self { shards: (0..SHARDS).map(|_| shard()).collect(), sets }
    }

    /// The key's entry, unless it means nothing any more.
    pub(crate) fn find(&self, key: u64, now: u64) -> Option<Entry> {
        let (shard, set) = self.place(key);
        let shard = self.lock(shard);
        let slots = shard.get(set)?.as_deref()?;
        slots.iter().find(|slot| slot.key == key && slot.entry.until > now).map(|slot| slot.entry)
    }

    /// Changes the key's entry, which may be new. In a full set a new one takes the place of the least, and takes over
    /// its `until` up to `inherited`: what that one has done is as well this one's, which may be the same one back.
    pub(crate) fn change(&self, key: u64, now: u64, inherited: u64, change: impl FnOnce(&mut Entry)) {
        let (shard, set) = self.place(key);
        let mut shard = self.lock(shard);
        let Some(slots) = shard.get_mut(set) else { return };
        let slots = slots.get_or_insert_with(Box::default);
        let index = slots.iter().position(|slot| slot.key == key && slot.entry.until > now);
        let least =
            || slots.iter().enumerate().min_by_key(|(_, slot)| slot.entry.until.max(now)).map(|(at, _)| at);
        let Some(slot) = index.or_else(least).and_then(|at| slots.get_mut(at)) else { return };
        if index.is_none() {
            *slot = Slot { key, entry: Entry { until: slot.entry.until.min(inherited), mark: 0 } };
        }
        change(&mut slot.entry);
    }

    /// How many entries mean something.
    pub(crate) fn entries(&self, now: u64) -> usize {
        let live = |slots: &[Slot; WAYS]| slots.iter().filter(|slot| slot.entry.until > now).count();
        (0..SHARDS)
            .map(|shard| self.lock(shard).iter().flatten().map(|slots| live(slots)).sum::<usize>())
            .sum()
    }

    /// The memory that it has taken, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        let taken = |shard| self.lock(shard).iter().flatten().count() * size_of::<[Slot; WAYS]>();
        self.sets * SHARDS * size_of::<usize>() + (0..SHARDS).map(taken).sum::<usize>()
    }

    /// The most that it can take.
    pub(crate) const fn max_bytes(&self) -> usize {
        self.sets * SHARDS * (size_of::<usize>() + size_of::<[Slot; WAYS]>())
    }

    fn place(&self, key: u64) -> (usize, usize) {
        let shard = key % SHARDS as u64;
        let set = (key / SHARDS as u64) % self.sets as u64;
        // Both are less than a `usize`.
        (usize::try_from(shard).unwrap_or(0), usize::try_from(set).unwrap_or(0))
    }

    fn lock(&self, shard: usize) -> std::sync::MutexGuard<'_, Shard> {
        // An entry is whole at any time.
        self.shards[shard].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All of them in one set.
    const fn key(number: u64) -> u64 {
        number * 16 * 1000
    }

    fn table() -> Table {
        Table::new(1)
    }

    #[test]
    fn an_entry_that_has_grown_stays_whatever_comes_and_goes() {
        let table = table();
        for number in 0..7 {
            table.change(key(number), 0, 0, |entry| entry.until = 1000 + number);
        }
        for number in 100..10_000 {
            table.change(key(number), 0, 10, |entry| entry.until += 1);
        }
        for number in 0..7 {
            assert_eq!(table.find(key(number), 0).unwrap().until, 1000 + number);
        }
        assert_eq!(table.entries(0), 8);
    }

    #[test]
    fn a_newcomer_to_a_full_set_takes_over_what_the_least_has_done_but_no_more_than_it_may() {
        let table = table();
        for number in 0..8 {
            table.change(key(number), 0, 0, |entry| entry.until = 100 + number);
        }
        table.change(key(8), 0, 50, |entry| entry.until += 1);
        assert_eq!(table.find(key(8), 0).unwrap().until, 51);
        table.change(key(9), 0, 1000, |entry| entry.until += 1);
        assert_eq!(table.find(key(9), 0).unwrap().until, 52);
        assert_eq!(table.find(key(8), 0), None);
    }

    #[test]
    fn what_means_nothing_any_more_makes_room() {
        let table = table();
        for number in 0..8 {
            table.change(key(number), 0, 0, |entry| entry.until = if number == 3 { 5 } else { 100 });
        }
        table.change(key(8), 5, 100, |entry| *entry = Entry { until: entry.until.max(5) + 1, mark: 7 });
        assert_eq!(table.find(key(8), 5), Some(Entry { until: 6, mark: 7 }));
        assert_eq!((table.find(key(3), 5), table.entries(5)), (None, 8));
        assert!(table.bytes() <= table.max_bytes());
    }
}
