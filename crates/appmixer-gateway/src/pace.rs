//! The least rate at which a client has to send a body.

use std::pin::Pin;
use std::task::Context;
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep};

/// A timer that is set further ahead than this would not fire in anybody's lifetime.
const FAR: Duration = Duration::from_hours(24 * 365);

/// Measures a body while it is waited for: each window of waiting must bring a number of bytes, and
/// at least one.
///
/// Only time in which the client is waited for counts. While the upstream takes nothing in, the
/// client cannot send.
pub(crate) struct Pace {
    window: Duration,
    min_bytes: u64,
    /// What has come in the present window.
    received: u64,
    /// How long the client was waited for in the present window, before the present wait.
    waited: Duration,
    /// When the present wait has begun; none if there is none.
    since: Option<Instant>,
    /// Made when the client is waited for at all.
    timer: Option<Pin<Box<Sleep>>>,
}

impl Pace {
    /// At least `min_rate` bytes a second on average over each window.
    pub(crate) fn new(window: Duration, min_rate: u64) -> Self {
        let min_bytes = u128::from(min_rate).saturating_mul(window.as_millis()) / 1000;
        let min_bytes = u64::try_from(min_bytes).unwrap_or(u64::MAX).max(1);
        Self { window, min_bytes, received: 0, waited: Duration::ZERO, since: None, timer: None }
    }

    /// So many bytes have come.
    pub(crate) fn received(&mut self, bytes: u64) {
        if let Some(since) = self.since.take() {
            self.waited = self.waited.saturating_add(since.elapsed());
        }
        self.received = self.received.saturating_add(bytes);
    }

    /// Whether too little has come; else the task is woken when that may be so.
    pub(crate) fn is_late(&mut self, cx: &mut Context<'_>) -> bool {
        let now = Instant::now();
        let since = *self.since.get_or_insert(now);
        let waited = self.waited.saturating_add(now - since);
        if waited >= self.window {
            if self.received < self.min_bytes {
                return true;
            }
            (self.received, self.waited, self.since) = (0, Duration::ZERO, Some(now));
        } else {
            self.waited = waited;
            self.since = Some(now);
        }
        let left = self.window.saturating_sub(self.waited).min(FAR);
        let timer = match &mut self.timer {
            Some(timer) => {
                timer.as_mut().reset(now + left);
                timer
            }
            none => none.insert(Box::pin(sleep(left))),
        };
        // It has just been set, and wakes the task.
        let _ = timer.as_mut().poll(cx);
        false
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::task::Poll;

    use tokio::time::{advance, timeout};

    use super::*;

    const WINDOW: Duration = Duration::from_secs(10);

    async fn late(pace: &mut Pace) {
        poll_fn(|cx| if pace.is_late(cx) { Poll::Ready(()) } else { Poll::Pending }).await;
    }

    /// Waits for so long, and then gets so many bytes.
    async fn piece(pace: &mut Pace, wait: Duration, bytes: u64) -> bool {
        let is_late = timeout(wait, late(pace)).await.is_ok();
        pace.received(bytes);
        is_late
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_sends_nothing_is_late_after_a_window() {
        for rate in [0, 500] {
            let (mut pace, started) = (Pace::new(WINDOW, rate), Instant::now());
            late(&mut pace).await;
            assert_eq!(started.elapsed(), WINDOW);
        }
        let mut endless = Pace::new(Duration::MAX, 1);
        assert!(timeout(Duration::from_hours(24), late(&mut endless)).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_drips_is_late_although_something_comes_all_the_time() {
        let (mut pace, started) = (Pace::new(WINDOW, 500), Instant::now());
        while !piece(&mut pace, Duration::from_secs(1), 1).await {}
        assert_eq!(started.elapsed(), WINDOW);
        // Without a rate, something within each window is enough.
        let mut pace = Pace::new(WINDOW, 0);
        for _ in 0..1000 {
            assert!(!piece(&mut pace, Duration::from_secs(9), 1).await);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_client_at_the_rate_is_never_late_and_a_burst_buys_one_window() {
        let mut pace = Pace::new(WINDOW, 500);
        for _ in 0..1000 {
            assert!(!piece(&mut pace, Duration::from_secs(3), 2000).await);
        }
        let mut pace = Pace::new(WINDOW, 500);
        pace.received(1_000_000_000);
        let started = Instant::now();
        late(&mut pace).await;
        assert_eq!(started.elapsed(), 2 * WINDOW);
    }

    #[tokio::test(start_paused = true)]
    async fn time_in_which_the_client_is_not_waited_for_does_not_count() {
        let mut pace = Pace::new(WINDOW, 500);
        assert!(!piece(&mut pace, Duration::from_secs(4), 1).await);
        advance(100 * WINDOW).await;
        assert!(!piece(&mut pace, Duration::from_secs(4), 1).await);
        advance(100 * WINDOW).await;
        let started = Instant::now();
        late(&mut pace).await;
        assert_eq!(started.elapsed(), Duration::from_secs(2));
    }
}
