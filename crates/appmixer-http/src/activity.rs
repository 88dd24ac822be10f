//! Ends connections on which nothing gets done: heads that do not come to an end, answers that are not
//! taken in, and connections that are just open.
//!
//! hyper has a timer for heads alone, which is set and taken back for each request. Here, one timer
//! a connection looks now and then whether there was any progress. What counts is a request whose
//! head is complete and bytes that the client has taken in; bytes that it sends do not count, since
//! one now and then would keep a connection for ever. Between two requests a connection may be open
//! for longer: load balancers keep theirs for a minute and more.

use std::io::{self, IoSlice};
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::{Context, Poll};
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
    /// Whether the client has sent something since the last write: perhaps a part of a head.
    is_heard: AtomicBool,
    /// Whether the client does not take in what is written.
    is_stuck: AtomicBool,
    /// Streams of HTTP/2 whose answers are not complete.
    streams: AtomicU32,
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

    /// Whether the last request has been answered, and nothing of another one is there.
    fn is_idle(&self) -> bool {
        !self.is_untouched()
            && !self.is_heard.load(Ordering::Relaxed)
            && !self.is_stuck.load(Ordering::Relaxed)
            && self.streams.load(Ordering::Relaxed) == 0
    }

    /// Ready when nothing has happened for so long: `unfinished` where a head or an answer is not
    /// complete, or nothing has come at all, and `idle` between two requests.
    pub(crate) async fn none_for(&self, unfinished: Duration, idle: Duration) {
        let step = (unfinished.min(idle) / LOOKS).max(Duration::from_millis(1));
        let state = || (self.progress.load(Ordering::Relaxed), self.is_idle());
        let (mut seen, mut quiet) = (state(), Duration::ZERO);
        loop {
            sleep(step).await;
            let now = state();
            let is_quiet = now == seen && self.running.load(Ordering::Relaxed) == 0;
            quiet = if is_quiet { quiet + step } else { Duration::ZERO };
            seen = now;
            if quiet >= if seen.1 { idle } else { unfinished } {
                return;
            }
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

/// A stream of HTTP/2 whose answer is not complete, as long as this is there.
pub(crate) struct OpenStream<A: Deref<Target: AsRef<Activity>>>(A);

impl<A: Deref<Target: AsRef<Activity>>> OpenStream<A> {
    /// One more.
    pub(crate) fn begin(activity: A) -> Self {
        activity.deref().as_ref().streams.fetch_add(1, Ordering::Relaxed);
        Self(activity)
    }
}

impl<A: Deref<Target: AsRef<Activity>>> Drop for OpenStream<A> {
    fn drop(&mut self) {
        self.0.deref().as_ref().streams.fetch_sub(1, Ordering::Relaxed);
    }
}

impl AsRef<Self> for Activity {
    fn as_ref(&self) -> &Self {
        self
    }
}

/// A connection that notes what is read from it and written to it.
pub(crate) struct Watched<T, A> {
    pub(crate) io: T,
    pub(crate) shared: Arc<A>,
}

impl<T, A: AsRef<Activity>> Watched<T, A> {
    fn note(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        let activity = (*self.shared).as_ref();
        activity.is_stuck.store(written.is_pending(), Ordering::Relaxed);
        if matches!(written, Poll::Ready(Ok(_))) {
            activity.is_heard.store(false, Ordering::Relaxed);
            activity.advance();
        }
        written
    }
}

impl<T: Read + Unpin, A: AsRef<Activity>> Read for Watched<T, A> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.io).poll_read(cx, buffer);
        if read.is_ready() {
            (*self.shared).as_ref().is_heard.store(true, Ordering::Relaxed);
        }
        read
    }
}

impl<T: Write + Unpin, A: AsRef<Activity>> Write for Watched<T, A> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(cx, bytes);
        self.note(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write_vectored(cx, slices);
        self.note(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.io).poll_flush(cx);
        (*self.shared).as_ref().is_stuck.store(flushed.is_pending(), Ordering::Relaxed);
        flushed
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
    const IDLE: Duration = Duration::from_secs(75);

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_does_nothing_is_over_when_patience_is() {
        let started = Instant::now();
        Activity::default().none_for(PATIENCE, IDLE).await;
        assert_eq!(started.elapsed(), PATIENCE, "nothing has ever come: it is not between two requests");
    }

    #[tokio::test(start_paused = true)]
    async fn progress_and_requests_that_run_keep_it_open() {
        let activity = Activity::default();
        let running = activity.begin();
        assert!(timeout(PATIENCE * 100, activity.none_for(PATIENCE, IDLE)).await.is_err());
        drop(running);
        activity.is_heard.store(true, Ordering::Relaxed);
        let over = activity.none_for(PATIENCE, IDLE);
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

    /// How long a connection goes on on which one request was answered.
    async fn goes_on(activity: &Activity, idle: Duration) -> Duration {
        drop(activity.begin());
        let started = Instant::now();
        activity.none_for(PATIENCE, idle).await;
        started.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn between_two_requests_it_may_be_idle_for_longer_or_for_shorter() {
        for idle in [IDLE, PATIENCE / 10] {
            let went_on = goes_on(&Activity::default(), idle).await;
            assert!((idle..=idle + PATIENCE / LOOKS).contains(&went_on), "{went_on:?}");
        }
        // A part of a head, an answer that is not taken in, a stream that is open.
        let heard = Activity::default();
        heard.is_heard.store(true, Ordering::Relaxed);
        let stuck = Activity::default();
        stuck.is_stuck.store(true, Ordering::Relaxed);
        let open = Activity::default();
        let _open = OpenStream::begin(&open);
        for unfinished in [&heard, &stuck, &open] {
            assert_eq!(goes_on(unfinished, IDLE).await, PATIENCE);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_begins_late_has_its_own_time() {
        let activity = Activity::default();
        drop(activity.begin());
        let started = Instant::now();
        let over = activity.none_for(PATIENCE, IDLE);
        tokio::pin!(over);
        assert!(timeout(PATIENCE * 2, &mut over).await.is_err());
        activity.is_heard.store(true, Ordering::Relaxed);
        over.await;
        let went_on = started.elapsed();
        assert!(went_on > PATIENCE * 2 + PATIENCE / 2 && went_on <= PATIENCE * 4, "{went_on:?}");
    }
}
