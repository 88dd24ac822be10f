//! From where accounts have been signed in to: who comes from there again keeps a way in.

use crate::table::{Entry, Table};

const HOUR: u64 = 3600 * 1_000_000;
const DAY: u64 = 24 * HOUR;

/// How long a sign-in is remembered.
const REMEMBERED: u64 = 30 * DAY;

/// What each further sign-in, an hour or more after the last, is worth when something has to be forgotten: so that
/// many new sign-ins do not drive out whoever has come back again and again.
const WORTH: u64 = 7 * DAY;
const MOST: u64 = 8 * WORTH;

pub(crate) fn is_known(table: &Table, key: u64, now: u64) -> bool {
    table.find(key, now).is_some_and(|entry| now < entry.mark + REMEMBERED)
}

/// Whether a sign-in now changes more than by a moment.
pub(crate) fn is_news(table: &Table, key: u64, now: u64) -> bool {
    table.find(key, now).is_none_or(|entry| now >= entry.mark + HOUR)
}

pub(crate) fn remember(table: &Table, key: u64, now: u64) {
    table.change(key, now, 0, |entry| {
        let worth = entry.until.saturating_sub(entry.mark + REMEMBERED);
        let worth = match now.checked_sub(entry.mark) {
            _ if entry.mark == 0 => 0,
            Some(since) if since >= HOUR => (worth + WORTH).min(MOST),
            Some(_) => worth,
            // Heard of later than of another one.
            None => return,
        };
        *entry = Entry { until: now + REMEMBERED + worth, mark: now };
    });
}
