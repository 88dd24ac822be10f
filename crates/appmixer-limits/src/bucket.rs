//! Quotas as the generic cell rate algorithm counts them: one time is all that is kept (ITU-T I.371, "GCRA").
//!
//! `until` is when all of the quota will be there again. Each use moves it on by the time in which one comes back.

use std::time::Duration;

use crate::quota::Quota;
use crate::table::{Entry, Table};

/// Uses beyond the quota count too, as far as this: whoever gets many through at once, before the first of them is
/// known to have failed, waits so much the longer.
const LONGEST_DEBT: u64 = 24 * 3600 * 1_000_000;

/// What is left of a quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The quota.
    pub quota: Quota,
    /// How many are left of it now.
    pub remaining: u32,
    /// When the next one comes back, if one is missing.
    pub next: Duration,
}

/// How long it takes until there is one.
pub(crate) fn wait(table: &Table, key: u64, quota: Quota, now: u64) -> Option<u64> {
    let until = table.find(key, now)?.until;
    let room = quota.interval() * u64::from(quota.count() - 1);
    until.checked_sub(now + room).filter(|wait| *wait > 0)
}

/// Uses some.
pub(crate) fn charge(table: &Table, key: u64, quota: Quota, uses: u32, now: u64) {
    let interval = quota.interval();
    let whole = interval * u64::from(quota.count());
    // Whoever is new to a full table has half a quota, or one: it must let neither everybody through nor nobody. With
    // less, newcomers would soon count for as much as those who have really used theirs up, and drive them out.
    let inherited = now + (whole / 2).min(whole - interval);
    table.change(key, now, inherited, |entry| {
        let until = entry.until.max(now) + interval * u64::from(uses);
        entry.until = until.min(now + whole.max(LONGEST_DEBT) + whole);
    });
}

/// Gives some back.
pub(crate) fn refund(table: &Table, key: u64, quota: Quota, uses: u32, now: u64) {
    if table.find(key, now).is_some() {
        let back = quota.interval() * u64::from(uses);
        table.change(key, now, 0, |entry| entry.until = entry.until.saturating_sub(back));
    }
}

pub(crate) fn standing(table: &Table, key: u64, quota: Quota, now: u64) -> Standing {
    let used = table.find(key, now).map_or(0, |Entry { until, .. }| until - now);
    let (interval, count) = (quota.interval(), u64::from(quota.count()));
    let missing = used.div_ceil(interval);
    let remaining = u32::try_from(count.saturating_sub(missing)).unwrap_or(u32::MAX);
    // Beyond the quota, what is owed comes back first.
    let next = used.saturating_sub(interval * missing.min(count).saturating_sub(1));
    Standing { quota, remaining, next: Duration::from_micros(next) }
}
