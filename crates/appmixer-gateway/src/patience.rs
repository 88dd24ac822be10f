//! How long somebody may be silent.

use std::pin::Pin;
use std::task::Context;
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep};

/// Runs while somebody is waited for, and begins anew with whatever comes.
pub(crate) struct Patience {
    time: Duration,
    /// Made when somebody is waited for at all: what is there already needs none.
    timer: Option<Pin<Box<Sleep>>>,
    is_running: bool,
}

impl Patience {
    pub(crate) const fn new(time: Duration) -> Self {
        Self { time, timer: None, is_running: false }
    }

    /// Something has come.
    pub(crate) const fn renew(&mut self) {
        self.is_running = false;
    }

    /// Whether nothing has come for so long; else the task is woken when it is.
    pub(crate) fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        let timer = match &mut self.timer {
            Some(timer) if self.is_running => timer,
            Some(timer) => {
                // So far away that nobody lives to see it.
                let far = Instant::now() + Duration::from_hours(24 * 365);
                timer.as_mut().reset(Instant::now().checked_add(self.time).unwrap_or(far));
                timer
            }
            none => none.insert(Box::pin(sleep(self.time))),
        };
        self.is_running = true;
        timer.as_mut().poll(cx).is_ready()
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::task::Poll;

    use super::*;

    async fn over(patience: &mut Patience) {
        poll_fn(|cx| if patience.is_over(cx) { Poll::Ready(()) } else { Poll::Pending }).await;
    }

    #[tokio::test(start_paused = true)]
    async fn it_ends_so_long_after_what_came_last() {
        let mut patience = Patience::new(Duration::from_secs(3));
        let started = Instant::now();
        assert!(tokio::time::timeout(Duration::from_secs(2), over(&mut patience)).await.is_err());
        patience.renew();
        over(&mut patience).await;
        assert_eq!(started.elapsed().as_secs(), 5);
        let mut endless = Patience::new(Duration::MAX);
        assert!(tokio::time::timeout(Duration::from_hours(24), over(&mut endless)).await.is_err());
    }
}
