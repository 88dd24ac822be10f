//! A fair queue: it takes turns between networks and, within a network, between accounts.

use std::collections::{HashMap, VecDeque};

use appmixer_core::QueueKey;

/// The jobs of all networks. Each turn goes to another network, and there to another account.
pub(crate) struct FairQueue<T>(Turns<Turns<VecDeque<T>>>);

impl<T> Default for FairQueue<T> {
    fn default() -> Self {
        Self(Turns::default())
    }
}

impl<T> FairQueue<T> {
    pub(crate) fn len(&self) -> usize {
        self.0.len
    }

    pub(crate) fn push(&mut self, key: QueueKey, job: T) {
        self.0.push(&path(key), job);
    }

    /// Takes the job whose turn it is. Those that `skip` returns true for are dropped on the way, and cost no turn.
    pub(crate) fn pop(&mut self, skip: &mut dyn FnMut(&T) -> bool) -> Option<T> {
        self.0.pop(skip)
    }

    /// Takes a job that has to give its place to a new one of this key, if there is one.
    ///
    /// It is the newest of the account with the most jobs of the network with the most jobs. None has to go if the
    /// newcomer's own network and account would have as many jobs then.
    pub(crate) fn displace(&mut self, newcomer: QueueKey) -> Option<T> {
        self.0.displace(&path(newcomer))
    }

    /// Drops the jobs that `keep` returns false for.
    pub(crate) fn retain(&mut self, keep: &mut dyn FnMut(&T) -> bool) {
        self.0.retain(keep);
    }
}

fn path(key: QueueKey) -> [u64; 2] {
    [key.network, key.account]
}

/// A queue, or queues below which it takes turns.
trait Queue: Default {
    type Job;

    fn len(&self) -> usize;

    /// `path` has a key for each level of queues below this one.
    fn push(&mut self, path: &[u64], job: Self::Job);

    fn pop(&mut self, skip: &mut dyn FnMut(&Self::Job) -> bool) -> Option<Self::Job>;

    fn displace(&mut self, newcomer: &[u64]) -> Option<Self::Job>;

    /// Takes the newest job of the longest queue.
    fn pop_newest(&mut self) -> Option<Self::Job>;

    fn retain(&mut self, keep: &mut dyn FnMut(&Self::Job) -> bool);
}

/// First in, first out.
impl<T> Queue for VecDeque<T> {
    type Job = T;

    fn len(&self) -> usize {
        self.len()
    }

    fn push(&mut self, _: &[u64], job: T) {
        self.push_back(job);
    }

    fn pop(&mut self, skip: &mut dyn FnMut(&T) -> bool) -> Option<T> {
        loop {
            let job = self.pop_front()?;
            if !skip(&job) {
                return Some(job);
            }
        }
    }

    /// One job has no precedence over another of the same account.
    fn displace(&mut self, _: &[u64]) -> Option<T> {
        None
    }

    fn pop_newest(&mut self) -> Option<T> {
        self.pop_back()
    }

    fn retain(&mut self, keep: &mut dyn FnMut(&T) -> bool) {
        self.retain(keep);
    }
}

/// Queues by key, none of them empty.
struct Turns<Q> {
    queues: HashMap<u64, Q>,
    /// Each key once, the one whose turn it is at the front.
    order: VecDeque<u64>,
    /// The jobs of all queues.
    len: usize,
}

impl<Q> Default for Turns<Q> {
    fn default() -> Self {
        Self { queues: HashMap::new(), order: VecDeque::new(), len: 0 }
    }
}

impl<Q: Queue> Turns<Q> {
    /// Takes a job out of a queue, which is removed if it is empty then.
    fn take(&mut self, key: u64, take: impl FnOnce(&mut Q) -> Option<Q::Job>) -> Option<Q::Job> {
        let queue = self.queues.get_mut(&key)?;
        let before = queue.len();
        let job = take(queue);
        let after = queue.len();
        self.len -= before - after;
        if after == 0 {
            self.queues.remove(&key);
            self.order.retain(|other| *other != key);
        }
        job
    }

    fn longest(&self) -> Option<(u64, usize)> {
        let lengths = self.order.iter().filter_map(|key| Some((*key, self.queues.get(key)?.len())));
        lengths.max_by_key(|(_, len)| *len)
    }
}

impl<Q: Queue> Queue for Turns<Q> {
    type Job = Q::Job;

    fn len(&self) -> usize {
        self.len
    }

    fn push(&mut self, path: &[u64], job: Q::Job) {
        let Some((key, rest)) = path.split_first() else { return };
        let queue = self.queues.entry(*key).or_insert_with(|| {
            self.order.push_back(*key);
            Q::default()
        });
        queue.push(rest, job);
        self.len += 1;
    }

    fn pop(&mut self, skip: &mut dyn FnMut(&Q::Job) -> bool) -> Option<Q::Job> {
        loop {
            let key = *self.order.front()?;
            let job = self.take(key, |queue| queue.pop(skip));
            if job.is_some() {
                if self.order.front() == Some(&key) {
                    self.order.rotate_left(1);
                }
                return job;
            }
        }
    }

    fn displace(&mut self, newcomer: &[u64]) -> Option<Q::Job> {
        let (own, rest) = newcomer.split_first()?;
        let length = self.queues.get(own).map_or(0, Q::len);
        let (longest, most) = self.longest()?;
        if length + 1 < most {
            self.take(longest, Q::pop_newest)
        } else {
            self.take(*own, |queue| queue.displace(rest))
        }
    }

    fn pop_newest(&mut self) -> Option<Q::Job> {
        let (longest, _) = self.longest()?;
        self.take(longest, Q::pop_newest)
    }

    fn retain(&mut self, keep: &mut dyn FnMut(&Q::Job) -> bool) {
        self.queues.retain(|_, queue| {
            queue.retain(keep);
            queue.len() > 0
        });
        self.order.retain(|key| self.queues.contains_key(key));
        self.len = self.queues.values().map(Q::len).sum();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A job, named by its network, its account and its number.
    type Job = (u64, u64, u32);

    fn key((network, account, _): Job) -> QueueKey {
        QueueKey { network, account }
    }

    fn queue(jobs: &[Job]) -> FairQueue<Job> {
        let mut queue = FairQueue::default();
        for job in jobs {
            queue.push(key(*job), *job);
        }
        queue
    }

    fn drain(mut queue: FairQueue<Job>) -> Vec<Job> {
        std::iter::from_fn(|| queue.pop(&mut |_| false)).collect()
    }

    #[test]
    fn networks_take_turns_however_many_jobs_one_has() {
        let jobs = [(1, 1, 1), (1, 2, 2), (1, 3, 3), (1, 4, 4), (2, 1, 5), (2, 1, 6), (3, 1, 7)];
        let numbers: Vec<_> = drain(queue(&jobs)).iter().map(|job| job.2).collect();
        assert_eq!(numbers, [1, 5, 7, 2, 6, 3, 4]);
    }

    #[test]
    fn accounts_of_a_network_take_turns_and_an_accounts_jobs_keep_their_order() {
        let jobs = [(1, 1, 1), (1, 1, 2), (1, 1, 3), (1, 2, 4), (1, 2, 5), (1, 3, 6)];
        let numbers: Vec<_> = drain(queue(&jobs)).iter().map(|job| job.2).collect();
        assert_eq!(numbers, [1, 4, 6, 2, 5, 3]);
    }

    #[test]
    fn a_network_that_comes_late_waits_for_one_job_of_each_other_at_most() {
        let mut queue = queue(&[(1, 1, 0), (1, 2, 1), (2, 1, 2), (2, 1, 3), (1, 1, 4)]);
        assert_eq!(queue.pop(&mut |_| false), Some((1, 1, 0)));
        queue.push(key((3, 1, 5)), (3, 1, 5));
        let next: Vec<_> = std::iter::from_fn(|| queue.pop(&mut |_| false)).take(3).collect();
        assert_eq!(next, [(2, 1, 2), (1, 2, 1), (3, 1, 5)]);
    }

    #[test]
    fn jobs_that_are_skipped_cost_their_network_and_account_no_turn() {
        let mut queue = queue(&[(1, 1, 1), (1, 1, 2), (1, 2, 3), (2, 1, 4)]);
        let mut skipped = Vec::new();
        let mut skip = |job: &Job| {
            let is_odd = job.2 == 1 || job.2 == 2;
            skipped.extend(is_odd.then_some(job.2));
            is_odd
        };
        assert_eq!(queue.pop(&mut skip), Some((1, 2, 3)));
        assert_eq!((skipped, queue.len()), (vec![1, 2], 1));
        assert_eq!(drain(queue), [(2, 1, 4)]);
    }

    #[test]
    fn a_newcomer_displaces_the_newest_job_of_the_network_with_the_most() {
        let mut queue = queue(&[(1, 1, 1), (1, 1, 2), (1, 1, 3), (2, 1, 4)]);
        assert_eq!(queue.displace(key((3, 1, 5))), Some((1, 1, 3)));
        assert_eq!(queue.displace(key((3, 1, 5))), Some((1, 1, 2)));
        // Now each network has one: the newcomer's would have as many.
        assert_eq!(queue.displace(key((3, 1, 5))), None);
        assert_eq!(queue.displace(key((1, 1, 5))), None);
        assert_eq!(drain(queue), [(1, 1, 1), (2, 1, 4)]);
    }

    #[test]
    fn of_the_network_with_the_most_the_account_with_the_most_gives_way() {
        let mut queue = queue(&[(1, 1, 1), (1, 1, 2), (1, 2, 3), (1, 3, 4)]);
        assert_eq!(queue.displace(key((2, 1, 5))), Some((1, 1, 2)));
    }

    #[test]
    fn within_a_network_an_account_with_few_displaces_the_one_with_the_most() {
        let mut queue = queue(&[(1, 1, 1), (1, 1, 2), (1, 1, 3), (1, 2, 4)]);
        assert_eq!(queue.displace(key((1, 3, 5))), Some((1, 1, 3)));
        assert_eq!(queue.displace(key((1, 1, 5))), None, "the account with the most displaces no one");
        assert_eq!(queue.displace(key((1, 9, 5))), Some((1, 1, 2)));
        assert_eq!(queue.displace(key((1, 9, 5))), None);
        assert_eq!(queue.len(), 2);
    }

    proptest! {
        #[test]
        fn every_job_comes_out_once_or_was_displaced_and_nothing_is_left(
            jobs in prop::collection::vec((0..5_u64, 0..4_u64), 0..200),
            capacity in 1..20_usize,
        ) {
            let (mut queue, mut out, mut refused) = (FairQueue::default(), Vec::new(), Vec::new());
            for (number, (network, account)) in (0..).zip(jobs.iter().copied()) {
                let job = (network, account, number);
                if queue.len() >= capacity {
                    let Some(displaced) = queue.displace(key(job)) else {
                        refused.push(job);
                        continue;
                    };
                    refused.push(displaced);
                }
                queue.push(key(job), job);
                if number % 3 == 0 {
                    out.extend(queue.pop(&mut |_| false));
                }
                if number % 17 == 0 {
                    queue.retain(&mut |job| { refused.extend((job.2 % 5 == 0).then_some(*job)); job.2 % 5 != 0 });
                }
                prop_assert!(queue.len() <= capacity);
            }
            out.extend(std::iter::from_fn(|| queue.pop(&mut |_| false)));
            prop_assert_eq!(queue.len(), 0);
            prop_assert!(queue.0.queues.is_empty() && queue.0.order.is_empty(), "an empty queue keeps no memory of keys");
            let mut all: Vec<_> = out.into_iter().chain(refused).map(|job| job.2).collect();
            all.sort_unstable();
            let numbers: Vec<_> = (0..).take(jobs.len()).collect();
            prop_assert_eq!(all, numbers);
        }

        #[test]
        fn between_two_turns_of_a_network_every_other_one_has_had_a_turn(
            jobs in prop::collection::vec((0..5_u64, 0..4_u64), 0..100),
        ) {
            let jobs: Vec<_> = (0..).zip(jobs).map(|(number, (network, account))| (network, account, number)).collect();
            let order = drain(queue(&jobs));
            for network in 0..5 {
                let turns: Vec<_> = order.iter().enumerate().filter(|(_, job)| job.0 == network).map(|(at, _)| at).collect();
                for pair in turns.windows(2) {
                    let between = &order[pair[0] + 1..pair[1]];
                    let after: std::collections::BTreeSet<_> = order[pair[1]..].iter().map(|job| job.0).collect();
                    let waiting = after.into_iter().filter(|other| *other != network);
                    for other in waiting {
                        prop_assert_eq!(between.iter().filter(|job| job.0 == other).count(), 1);
                    }
                }
            }
        }
    }
}
