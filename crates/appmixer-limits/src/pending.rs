//! Password attempts whose outcome is not known yet.
//!
//! They count against their account like failures, so that attempts at the same time are no more guesses than attempts
//! one after the other. They do not count against their network's quota: a backend signs in many of its users at once.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::bucket;
use crate::delay::{self, Patience};
use crate::limiter::{Barrier, Key, Limit, Limited, Limiter, micros};
use crate::network::Network;

/// When it makes sense to try again while others are pending: an attempt takes as long as a hash and the queue before it.
const RETRY: u64 = 1_000_000;

/// How many attempts are pending, by key. A key without one has no entry, so the attempts are the bound of the memory.
#[derive(Default)]
pub(crate) struct Counts(Mutex<HashMap<u64, u32>>);

impl Counts {
    fn lock(&self) -> MutexGuard<'_, HashMap<u64, u32>> {
        // An entry is whole at any time.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn count(counts: &HashMap<u64, u32>, key: u64) -> u32 {
    counts.get(&key).copied().unwrap_or(0)
}

/// A password attempt whose outcome is not known yet. Dropping it takes it back: it counts for nothing then.
#[must_use = "an attempt counts only as long as this lives"]
pub struct Pending<'a> {
    limiter: &'a Limiter,
    limit: Limit,
    network: Network,
    /// Of the pair's past sign-ins.
    known: u64,
    keys: Keys,
}

/// What an attempt counts for.
#[derive(Clone, Copy)]
struct Keys {
    pair: u64,
    account: u64,
    /// Whether it counts for the account too, whose quota is not for networks that are known.
    is_stranger: bool,
}

impl Keys {
    fn counted(self) -> impl Iterator<Item = u64> {
        [Some(self.pair), self.is_stranger.then_some(self.account)].into_iter().flatten()
    }
}

impl Limiter {
    /// Begins an attempt to try a password, if one may be tried. `account` is the name in the form by which names
    /// compare, whether or not it is anybody's.
    ///
    /// # Errors
    /// [`Limited`].
    pub fn begin(
        &self,
        limit: Limit,
        account: &str,
        network: Network,
        now: Duration,
    ) -> Result<Pending<'_>, Limited> {
        let known = self.key(&Key::Known(account, network));
        let keys = Keys {
            pair: self.key(&Key::Pair(account, network)),
            account: self.key(&Key::Account(account)),
            is_stranger: !self.is_known(known, now),
        };
        let mut counts = self.pending.lock();
        self.check_password(limit, account, network, now)?;
        let quota = self.options.account;
        let failures = delay::failures(&self.pairs, keys.pair, micros(now));
        if count(&counts, keys.pair) >= Patience::of(keys.is_stranger).at_once(failures) {
            return Err(Limited::new(Barrier::Delay, RETRY, quota, keys.pair));
        }
        let left = bucket::standing(&self.accounts, keys.account, quota, micros(now)).remaining;
        if keys.is_stranger && count(&counts, keys.account) >= left {
            return Err(Limited::new(Barrier::Account, RETRY, quota, keys.account));
        }
        for key in keys.counted() {
            *counts.entry(key).or_default() += 1;
        }
        drop(counts);
        // Made last: dropping it takes back what was counted, under the same lock.
        Ok(Pending { limiter: self, limit, network, known, keys })
    }

    /// How many attempts are pending, for each key that they count for.
    #[cfg(test)]
    fn keys_with_pending(&self) -> usize {
        self.pending.lock().len()
    }
}

impl Pending<'_> {
    /// The password was wrong, there is no such account, or the attempt was aborted before anybody knew.
    pub fn fail(self, now: Duration) {
        // Counted as a failure before it is no longer pending: twice for a moment, rather than not at all.
        let keys = [self.known, self.keys.pair, self.keys.account];
        self.limiter.wrong_password(self.limit, self.network, keys, now);
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        let mut counts = self.limiter.pending.lock();
        for key in self.keys.counted() {
            if let Some(count) = counts.get_mut(&key) {
                *count -= 1;
                if *count == 0 {
                    counts.remove(&key);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limiter::Options;

    #[test]
    fn what_is_settled_leaves_nothing_behind() {
        let limiter = Limiter::new(Options::default(), b"16 random bytes!");
        let now = Duration::ZERO;
        let begin = |account: &str| limiter.begin(Limit::SignIn, account, Network::Local, now).unwrap();
        let (one, other, third) = (begin("joe"), begin("joe"), begin("ann"));
        assert_eq!(limiter.keys_with_pending(), 4);
        one.fail(now);
        drop(third);
        assert_eq!(limiter.keys_with_pending(), 2);
        limiter.right_password("joe", Network::Local, now);
        // It was begun when the network was not known, and is taken back as it was counted.
        drop(other);
        assert_eq!(limiter.keys_with_pending(), 0);
    }
}
