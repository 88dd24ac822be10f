//! The upstreams of a route: which of them work, and which gets the next request.

use std::cell::Cell;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use crate::address::Address;

/// The most upstreams of one route: which of them were tried is kept in the bits of a number.
pub const MOST_UPSTREAMS: usize = 64;

/// How long an upstream that could not be reached is left alone: the first time, and at most. Twice as long each time.
const FIRST_REST: Duration = Duration::from_secs(1);
const LONGEST_REST: Duration = Duration::from_secs(30);

/// So many requests one after the other that an upstream has broken off count as if it could not be reached. One is
/// not enough: it may be the request's fault, and then anybody could switch an upstream off.
const BREAKS: u32 = 5;

/// So many health checks in a row must fail.
const FAILED_CHECKS: u32 = 2;

/// Which upstreams of a route were tried.
#[derive(Clone, Copy, Default)]
pub(crate) struct Tried(u64);

/// One server that requests are forwarded to.
pub(crate) struct Upstream {
    pub(crate) address: Address,
    place: usize,
    outstanding: AtomicUsize,
    /// By health checks, if there are any.
    is_down: AtomicBool,
    failed_checks: AtomicU32,
    /// Requests that have failed since one has not.
    failures: AtomicU32,
    /// How often it was left alone since then.
    rests: AtomicU32,
    /// In milliseconds since the pool was made: it is left alone until then.
    rests_until: AtomicU64,
}

/// How a request to an upstream failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// There was no connection.
    Unreachable,
    /// The connection ended, or brought something that is no HTTP.
    Broken,
}

/// A change about an upstream that an operator wants to know of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    Down,
    Up,
}

pub(crate) struct Pool {
    upstreams: Box<[Arc<Upstream>]>,
    made: Instant,
}

/// A request that an upstream has, as long as this is there.
pub(crate) struct Lease(Arc<Upstream>);

impl Pool {
    /// At most [`MOST_UPSTREAMS`].
    pub(crate) fn new(addresses: Vec<Address>) -> Self {
        let upstream = |(place, address)| {
            Arc::new(Upstream {
                address,
                place,
                outstanding: AtomicUsize::new(0),
                is_down: AtomicBool::new(false),
                failed_checks: AtomicU32::new(0),
                failures: AtomicU32::new(0),
                rests: AtomicU32::new(0),
                rests_until: AtomicU64::new(0),
            })
        };
        let upstreams = addresses.into_iter().take(MOST_UPSTREAMS).enumerate().map(upstream).collect();
        Self { upstreams, made: Instant::now() }
    }

    pub(crate) fn upstreams(&self) -> &[Arc<Upstream>] {
        &self.upstreams
    }

    /// The upstream for the next try, of those that were not tried: of two at random, the one with fewer requests.
    ///
    /// One that could not be reached a moment ago is taken only where there is no other: it may be back. One that has
    /// failed its health checks is not.
    pub(crate) fn choose(&self, tried: Tried) -> Option<Lease> {
        let now = self.now();
        let mut rested = 0;
        let mut others = 0;
        for upstream in &self.upstreams {
            let bit = 1 << upstream.place;
            if tried.0 & bit != 0 || upstream.is_down.load(Ordering::Relaxed) {
                continue;
            }
            if upstream.rests_until.load(Ordering::Relaxed) <= now { rested |= bit } else { others |= bit }
        }
        let place = of_two(if rested == 0 { others } else { rested }, |place| {
            self.upstreams[place].outstanding.load(Ordering::Relaxed)
        })?;
        Some(Lease::new(&self.upstreams[place]))
    }

    /// Whether it gets requests.
    pub(crate) fn is_up(&self, upstream: &Upstream) -> bool {
        !upstream.is_down.load(Ordering::Relaxed)
            && upstream.rests_until.load(Ordering::Relaxed) <= self.now()
    }

    /// An upstream has failed.
    pub(crate) fn failed(&self, upstream: &Upstream, failure: Failure) -> Option<Turn> {
        let failures = upstream.failures.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        if failure == Failure::Broken && failures < BREAKS {
            return None;
        }
        // Of all requests that it had, one says how long: it has failed once, however many have noticed.
        let (now, before) = (self.now(), upstream.rests_until.load(Ordering::Relaxed));
        if before > now {
            return None;
        }
        let rests = upstream.rests.load(Ordering::Relaxed);
        let rest = FIRST_REST.saturating_mul(1 << rests.min(10)).min(LONGEST_REST);
        let until = now + millis(rest);
        let slot = &upstream.rests_until;
        slot.compare_exchange(before, until, Ordering::Relaxed, Ordering::Relaxed).ok()?;
        upstream.rests.fetch_add(1, Ordering::Relaxed);
        (before == 0).then_some(Turn::Down)
    }

    fn now(&self) -> u64 {
        millis(self.made.elapsed())
    }
}

impl Upstream {
    pub(crate) fn outstanding(&self) -> usize {
        self.outstanding.load(Ordering::Relaxed)
    }

    /// It has answered.
    pub(crate) fn answered(&self) -> Option<Turn> {
        // Reading alone leaves the memory to all cores.
        if self.failures.load(Ordering::Relaxed) == 0 {
            return None;
        }
        self.failures.store(0, Ordering::Relaxed);
        self.rests.store(0, Ordering::Relaxed);
        (self.rests_until.swap(0, Ordering::Relaxed) != 0).then_some(Turn::Up)
    }

    /// What a health check has shown.
    pub(crate) fn checked(&self, is_well: bool) -> Option<Turn> {
        if is_well {
            self.failed_checks.store(0, Ordering::Relaxed);
            let rested = self.answered();
            return if self.is_down.swap(false, Ordering::Relaxed) { Some(Turn::Up) } else { rested };
        }
        let failed = self.failed_checks.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        (failed >= FAILED_CHECKS && !self.is_down.swap(true, Ordering::Relaxed)).then_some(Turn::Down)
    }
}

impl Tried {
    pub(crate) fn add(&mut self, upstream: &Upstream) {
        self.0 |= 1 << upstream.place;
    }
}

impl Lease {
    fn new(upstream: &Arc<Upstream>) -> Self {
        upstream.outstanding.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(upstream))
    }

    pub(crate) fn upstream(&self) -> &Upstream {
        &self.0
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.0.outstanding.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One of the places whose bits are set: of two at random, the one with the smaller load.
fn of_two(places: u64, load: impl Fn(usize) -> usize) -> Option<usize> {
    let many = places.count_ones();
    if many < 2 {
        return (many == 1).then_some(places.trailing_zeros() as usize);
    }
    let random = random();
    let one = (random & 0xffff_ffff) % u64::from(many);
    let other = (one + 1 + (random >> 32) % u64::from(many - 1)) % u64::from(many);
    let (one, other) = (nth(places, one), nth(places, other));
    Some(if load(other) < load(one) { other } else { one })
}

fn nth(mut bits: u64, number: u64) -> usize {
    for _ in 0..number {
        bits &= bits - 1;
    }
    bits.trailing_zeros() as usize
}

fn random() -> u64 {
    thread_local! {
        static NUMBERS: (RandomState, Cell<u64>) = (RandomState::new(), Cell::new(0));
    }
    NUMBERS.with(|(seed, next)| {
        next.set(next.get().wrapping_add(1));
        seed.hash_one(next.get())
    })
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::time::advance;

    use super::*;

    fn pool(many: usize) -> Pool {
        Pool::new((0..many).map(|each| Address::parse(&format!("http://h{each}")).unwrap()).collect())
    }

    fn place(lease: &Lease) -> usize {
        lease.upstream().place
    }

    #[tokio::test(start_paused = true)]
    async fn the_one_with_fewer_requests_gets_the_next() {
        let pool = pool(2);
        let mut held = Vec::new();
        for _ in 0..100 {
            held.push(pool.choose(Tried::default()).unwrap());
        }
        assert_eq!(pool.upstreams[0].outstanding(), 50);
        held.clear();
        assert_eq!(pool.upstreams[0].outstanding(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_cannot_be_reached_rests_the_longer_the_more_often() {
        let pool = pool(2);
        let first = Arc::clone(&pool.upstreams[0]);
        for (failure, rest) in [1, 2, 4, 8, 16, 30, 30].into_iter().enumerate() {
            let turn = pool.failed(&first, Failure::Unreachable);
            assert_eq!(turn, (failure == 0).then_some(Turn::Down));
            // What others had there at the same time makes it no worse.
            assert_eq!(pool.failed(&first, Failure::Unreachable), None);
            advance(Duration::from_millis(rest * 1000 - 1)).await;
            for _ in 0..20 {
                assert_eq!(place(&pool.choose(Tried::default()).unwrap()), 1);
            }
            advance(Duration::from_millis(1)).await;
            assert!(pool.is_up(&first));
        }
        assert_eq!(first.answered(), Some(Turn::Up));
        assert_eq!(first.answered(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_rests_is_tried_where_there_is_no_other_and_one_that_is_down_is_not() {
        let pool = pool(2);
        let (first, second) = (&pool.upstreams[0], &pool.upstreams[1]);
        assert_eq!((second.checked(false), second.checked(false)), (None, Some(Turn::Down)));
        pool.failed(first, Failure::Unreachable);
        let lease = pool.choose(Tried::default()).unwrap();
        assert_eq!(place(&lease), 0);
        let mut tried = Tried::default();
        tried.add(lease.upstream());
        assert!(pool.choose(tried).is_none());
        assert_eq!(second.checked(true), Some(Turn::Up));
        assert_eq!(place(&pool.choose(tried).unwrap()), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_few_broken_answers_switch_nobody_off() {
        let pool = pool(2);
        let first = &pool.upstreams[0];
        for _ in 0..4 {
            assert_eq!(pool.failed(first, Failure::Broken), None);
            assert!(pool.is_up(first));
        }
        assert_eq!(pool.failed(first, Failure::Broken), Some(Turn::Down));
        assert!(!pool.is_up(first));
    }

    proptest! {
        #[test]
        fn whoever_is_chosen_is_one_of_those_that_there_are(places: u64, load: [u8; 64]) {
            let chosen = of_two(places, |place| usize::from(load[place]));
            prop_assert_eq!(chosen.is_none(), places == 0);
            if let Some(place) = chosen {
                prop_assert!(places & (1 << place) != 0);
            }
        }
    }
}
