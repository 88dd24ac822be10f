//! Delays that grow: what somebody waits who has been wrong about one account from one network.

use crate::table::{Entry, Table};

const SECOND: u64 = 1_000_000;
const HOUR: u64 = 3600 * SECOND;

/// Failures are forgotten one by one, each in this time.
const FORGIVEN: u64 = HOUR;

/// Whom the delays are for.
#[derive(Clone, Copy)]
pub(crate) struct Patience {
    /// How many failures cost nothing: people mistype.
    free: u32,
    /// The longest delay.
    longest: u64,
    /// How many attempts may be pending at once, together with the failures.
    at_once: u64,
}

impl Patience {
    /// For somebody whom nobody knows: 1 s after the sixth failure, twice as much after each other, up to an hour.
    pub(crate) const STRANGER: Self = Self { free: 5, longest: HOUR, at_once: 6 };
    /// From where the account has been signed in to before: who gets in the way there is in the same house as the
    /// owner, who must not be kept out.
    ///
    /// A service signs in with one account on many connections at once. What a guesser gains by that is little: all
    /// of its failures count, and after them there is one attempt a minute for half a day.
    pub(crate) const KNOWN: Self = Self { free: 10, longest: 60 * SECOND, at_once: 64 };

    pub(crate) const fn of(is_stranger: bool) -> Self {
        if is_stranger { Self::STRANGER } else { Self::KNOWN }
    }

    /// How many attempts may be pending at once: one at a time where each failure costs a delay.
    pub(crate) fn at_once(self, failures: u64) -> u32 {
        let most = if failures > u64::from(self.free) { 1 } else { self.at_once.saturating_sub(failures) };
        u32::try_from(most.max(1)).unwrap_or(u32::MAX)
    }

    fn delay(self, failures: u64) -> u64 {
        let Some(doublings) = failures.checked_sub(u64::from(self.free) + 1) else { return 0 };
        let doublings = u32::try_from(doublings).unwrap_or(u32::MAX);
        1u64.checked_shl(doublings.min(40)).map_or(self.longest, |factor| (SECOND * factor).min(self.longest))
    }

    /// One more would change nothing.
    const fn most(self) -> u64 {
        self.free as u64 + 13
    }
}

/// Failures that are not forgotten yet.
pub(crate) fn failures(table: &Table, key: u64, now: u64) -> u64 {
    table.find(key, now).map_or(0, |entry| (entry.until - now).div_ceil(FORGIVEN))
}

/// How long it takes until there may be another attempt.
pub(crate) fn wait(table: &Table, key: u64, now: u64) -> Option<u64> {
    table.find(key, now)?.mark.checked_sub(now).filter(|wait| *wait > 0)
}

/// One more failure.
pub(crate) fn fail(table: &Table, key: u64, patience: Patience, now: u64) {
    // Whoever is new to a full table has one attempt before the delays begin.
    let inherited = now + (u64::from(patience.free) - 1) * FORGIVEN;
    table.change(key, now, inherited, |entry| {
        let until = (entry.until.max(now) + FORGIVEN).min(now + patience.most() * FORGIVEN);
        let failures = (until - now).div_ceil(FORGIVEN);
        *entry = Entry { until, mark: entry.mark.max(now + patience.delay(failures)) };
    });
}

/// Forgets them all.
pub(crate) fn forget(table: &Table, key: u64, now: u64) {
    if table.find(key, now).is_some() {
        table.change(key, now, 0, |entry| *entry = Entry::default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_at_once_are_no_more_than_those_that_cost_no_delay_one_after_the_other() {
        let at_once =
            |patience: Patience| [0, 1, 5, 6, 10, 11, 99].map(|failures| patience.at_once(failures));
        assert_eq!(at_once(Patience::STRANGER), [6, 5, 1, 1, 1, 1, 1]);
        assert_eq!(at_once(Patience::KNOWN), [64, 63, 59, 58, 54, 1, 1]);
    }

    #[test]
    fn delays_double_from_a_second_to_the_longest() {
        let delays = |patience: Patience, from: u64| -> Vec<_> {
            (from..from + 14).map(|failures| patience.delay(failures) / SECOND).collect()
        };
        assert_eq!(
            delays(Patience::STRANGER, 5),
            [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 3600]
        );
        assert_eq!(delays(Patience::KNOWN, 10), [0, 1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60, 60, 60]);
        assert_eq!(Patience::STRANGER.delay(Patience::STRANGER.most()), HOUR);
        assert_eq!(Patience::STRANGER.delay(u64::MAX), HOUR);
    }
}
