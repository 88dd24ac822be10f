//! What the last hour was like at this node, minute by minute. In memory, and bounded.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use appmixer_core::Timestamp;
use tokio::time::sleep;

use crate::app::App;
use crate::traffic::Totals;

/// The most minutes that are remembered.
const MOST: usize = 60;
const MINUTE: i64 = 60_000;

/// How often it should be looked, at least.
const PAUSE: Duration = Duration::from_secs(10);

/// A minute that is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Minute {
    /// When it began.
    pub(crate) at: Timestamp,
    /// What was answered in it.
    pub(crate) totals: Totals,
    /// The most passwords that were seen waiting.
    pub(crate) hash_waiting: u64,
}

#[derive(Default)]
pub(crate) struct History(Mutex<Minutes>);

#[derive(Default)]
struct Minutes {
    over: VecDeque<Minute>,
    /// The minute that runs.
    now: Option<Running>,
}

struct Running {
    number: i64,
    /// What had been answered when it began.
    before: Totals,
    hash_waiting: u64,
}

impl App {
    /// Remembers, for `GET /stats`, what the last hour was like, minute by minute; never ends.
    ///
    /// Must run within a tokio runtime with timers.
    pub async fn keep_history(&self) {
        loop {
            let now = self.ctx.clock.now();
            self.history.look(now, &self.traffic.totals(), self.ctx.hasher.queue().waiting);
            sleep(pause(now)).await;
        }
    }
}

impl History {
    fn lock(&self) -> MutexGuard<'_, Minutes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in what has been answered since the start, and how many passwords wait at the moment.
    pub(crate) fn look(&self, now: Timestamp, totals: &Totals, hash_waiting: u64) {
        let number = now.millis() / MINUTE;
        let mut minutes = self.lock();
        let Some(running) = &mut minutes.now else {
            minutes.now = Some(Running { number, before: Totals::default(), hash_waiting });
            return;
        };
        if running.number == number {
            running.hash_waiting = running.hash_waiting.max(hash_waiting);
            return;
        }
        let minute = Minute {
            at: Timestamp::from_millis(running.number.saturating_mul(MINUTE)),
            totals: totals.since(&running.before),
            hash_waiting: running.hash_waiting,
        };
        *running = Running { number, before: totals.clone(), hash_waiting };
        minutes.over.push_back(minute);
        // A clock that was set back would show minutes twice.
        minutes.over.retain(|minute| minute.at.millis() / MINUTE < number);
        if minutes.over.len() > MOST {
            minutes.over.pop_front();
        }
    }

    /// The minutes of the last hour that are over, oldest first, and what was answered since they began.
    pub(crate) fn last_hour(&self, now: Timestamp, totals: &Totals) -> (Vec<Minute>, Totals) {
        let minutes = self.lock();
        let first = now.millis() / MINUTE - i64::try_from(MOST).unwrap_or(i64::MAX);
        let over = minutes.over.iter().filter(|minute| minute.at.millis() / MINUTE >= first);
        let over: Vec<_> = over.cloned().collect();
        let running = totals.since(&minutes.now.as_ref().map(|now| now.before.clone()).unwrap_or_default());
        let sum = over.iter().fold(running, |sum, minute| sum.and(&minute.totals));
        (over, sum)
    }
}

/// How long until it should be looked again: a minute's requests are not to be taken for those of the next.
fn pause(now: Timestamp) -> Duration {
    let left = MINUTE - now.millis() % MINUTE;
    PAUSE.min(Duration::from_millis(left.unsigned_abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64, second: i64) -> Timestamp {
        Timestamp::from_millis(minute * MINUTE + second * 1000)
    }

    fn answered(history: &History, now: Timestamp) -> (Vec<(i64, u64, u64)>, u64) {
        let (minutes, sum) = history.last_hour(now, &Totals::of(1000, 0));
        let told =
            |minute: &Minute| (minute.at.millis() / MINUTE, minute.totals.answered(), minute.hash_waiting);
        (minutes.iter().map(told).collect(), sum.answered())
    }

    #[test]
    fn each_minute_has_what_was_answered_in_it_and_the_longest_queue_that_was_seen() {
        let history = History::default();
        for (now, totals, waiting) in [
            (at(5, 30), 0, 1),
            (at(5, 40), 10, 7),
            (at(5, 50), 20, 2),
            (at(6, 0), 25, 0),
            (at(6, 30), 100, 3),
            // It was not looked for two minutes, as while the machine slept.
            (at(9, 10), 200, 0),
        ] {
            history.look(now, &Totals::of(totals, 0), waiting);
        }
        assert_eq!(answered(&history, at(9, 20)), (vec![(5, 25, 7), (6, 175, 3)], 1000));
        // After an hour they are old; what runs is not.
        assert_eq!(answered(&history, at(66, 0)), (vec![(6, 175, 3)], 975));
        assert_eq!(answered(&history, at(500, 0)), (vec![], 800));
    }

    #[test]
    fn it_is_bounded_and_no_minute_is_there_twice_whatever_the_clock_does() {
        let history = History::default();
        for minute in 0..200 {
            history.look(at(minute, 1), &Totals::of(minute.unsigned_abs(), 0), 0);
        }
        let (minutes, _) = history.last_hour(at(200, 0), &Totals::of(200, 0));
        assert_eq!(minutes.len(), MOST - 1, "the last one runs");
        for minute in [150, 151, 152] {
            history.look(at(minute, 1), &Totals::of(300, 0), 0);
        }
        let (minutes, _) = history.last_hour(at(152, 30), &Totals::of(300, 0));
        let numbers: Vec<_> = minutes.iter().map(|minute| minute.at.millis() / MINUTE).collect();
        assert!(numbers.is_sorted_by(|a, b| a < b) && numbers.last() == Some(&151), "{numbers:?}");
    }

    #[test]
    fn the_next_look_is_soon_and_at_the_beginning_of_a_minute() {
        assert_eq!(pause(at(3, 0)), PAUSE);
        assert_eq!(pause(at(3, 57)), Duration::from_secs(3));
        assert_eq!(pause(Timestamp::from_millis(MINUTE - 1)), Duration::from_millis(1));
    }
}
