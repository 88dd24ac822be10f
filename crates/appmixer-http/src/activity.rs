//! Ends connections on which nothing gets done: heads that do not come to an end, answers that are not
//! taken in, and connections that are just open.
//!
//! hyper has a timer for heads alone, which is set and taken back for each request. Here, one timer a
//! connection looks now and then whether there was any progress. What counts is a request whose head is complete and bytes that the client has taken in; bytes
//! that it sends do not count, since one now and then would keep a connection for ever.

use std::io::{self, IoSlice};
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::rt::{Read, ReadBufCursor, Write};
use tokio::time::sleep;

/// How often within its patience the timer looks: a connection goes on for a quarter longer at most.
const LOOKS: u32 = 4;

/// What happens on one connection.
#[derive(Default)]
pub(crate) struct Activity {
    /// Requests whose answers are being made. However long that takes, it is not the client's doing.
    running: AtomicU32,
    /// Moves on with each thing that gets done.
    progress: AtomicU32,
}

impl Activity {
    /// A request's head is complete; until its answer is ready to be sent, or nobody waits for it any more.
    pub(crate) fn begin(&self) -> Running<&Self> {
        Running::begin(self)
    }

    /// Something gets done.
    pub(crate) fn advance(&self) {
        self.progress.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether there has never been anything.
    pub(crate) fn is_untouched(&self) -> bool {
        self.running.load(Ordering::Relaxed) == 0 && self.progress.load(Ordering::Relaxed) == 0
    }

    /// Ready when nothing has happened for so long.
    pub(crate) async fn none_for(&self, patience: Duration) {
        let (mut seen, mut quiet) = (self.progress.load(Ordering::Relaxed), 0);
        while quiet < LOOKS {
            sleep(patience / LOOKS).await;
            let now = self.progress.load(Ordering::Relaxed);
            let idle = now == seen && self.running.load(Ordering::Relaxed) == 0;
            quiet = if idle { quiet + 1 } else { 0 };
            seen = now;
        }
    }
}

/// A request that runs, as long as this is there: one stream of many may be given up in the middle.
pub(crate) struct Running<A: Deref<Target: AsRef<Activity>>>(A);

impl<A: Deref<Target: AsRef<Activity>>> Running<A> {
    /// One more.
    pub(crate) fn begin(activity: A) -> Self {
        activity.deref().as_ref().running.fetch_add(1, Ordering::Relaxed);
        Self(activity)
    }
}

impl<A: Deref<Target: AsRef<Activity>>> Drop for Running<A> {
    fn drop(&mut self) {
        let activity = self.0.deref().as_ref();
        activity.running.fetch_sub(1, Ordering::Relaxed);
        activity.advance();
    }
}

impl AsRef<Self> for Activity {
    fn as_ref(&self) -> &Self {
        self
    }
}

/// A connection that notes what is written to it.
pub(crate) struct Watched<T, A> {
    pub(crate) io: T,
    pub(crate) shared: Arc<A>,
}

impl<T, A: AsRef<Activity>> Watched<T, A> {
    fn note(&self, written: io::Result<usize>) -> Poll<io::Result<usize>> {
        if written.is_ok() {
            (*self.shared).as_ref().advance();
        }
        Poll::Ready(written)
    }
}

impl<T: Read + Unpin, A> Read for Watched<T, A> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buffer)
    }
}

impl<T: Write + Unpin, A: AsRef<Activity>> Write for Watched<T, A> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.io).poll_write(cx, bytes));
        self.note(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.io).poll_write_vectored(cx, slices));
        self.note(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{Instant, advance, timeout};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_does_nothing_is_over_when_patience_is() {
        let started = Instant::now();
        Activity::default().none_for(PATIENCE).await;
        assert_eq!(started.elapsed().as_secs(), 30);
    }

    #[tokio::test(start_paused = true)]
    async fn progress_and_requests_that_run_keep_it_open() {
        let activity = Activity::default();
        let running = activity.begin();
        assert!(timeout(PATIENCE * 100, activity.none_for(PATIENCE)).await.is_err());
        drop(running);
        let over = activity.none_for(PATIENCE);
        tokio::pin!(over);
        for _ in 0..10 {
            assert!(timeout(PATIENCE / 2, &mut over).await.is_err());
            activity.advance();
        }
        advance(Duration::from_millis(1)).await;
        let started = Instant::now();
        over.await;
        assert!(started.elapsed() <= PATIENCE + PATIENCE / LOOKS);
    }
}
