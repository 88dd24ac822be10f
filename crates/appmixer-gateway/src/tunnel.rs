//! A connection that has been switched to WebSocket: bytes in both directions, which nobody here looks at.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf, copy_bidirectional_with_sizes};
use tokio::time::{sleep, timeout};

use crate::pool::Lease;

/// What is read at once, in each direction: what each tunnel may hold.
const BUFFER: usize = 8 * 1024;

/// How long either side may take to let go of its HTTP.
const HANDOVER: Duration = Duration::from_secs(10);

/// How often within its patience it is looked whether something has come: a tunnel goes on for a quarter longer at most.
const LOOKS: u32 = 4;

/// When the server stops, a tunnel ends as soon as nothing has come for so long: between messages, as far as one can tell.
const LULL: Duration = Duration::from_millis(200);
/// And after so long in any case.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Both ends of a connection that is about to be switched.
pub struct Tunnel {
    pub(crate) client: OnUpgrade,
    pub(crate) upstream: OnUpgrade,
    /// The longest time in which nothing comes from either side.
    pub(crate) patience: Duration,
    pub(crate) lease: Lease,
}

impl Tunnel {
    /// Runs until either side closes, nothing comes for too long, or, soon, after `stop` is ready.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let _lease = self.lease;
        let both = async { tokio::try_join!(self.client, self.upstream) };
        let Ok(Ok((client, upstream))) = timeout(HANDOVER, both).await else {
            return;
        };
        let progress = AtomicU32::new(0);
        let mut client = Watched { io: TokioIo::new(client), progress: &progress };
        let mut upstream = Watched { io: TokioIo::new(upstream), progress: &progress };
        let copy = copy_bidirectional_with_sizes(&mut client, &mut upstream, BUFFER, BUFFER);
        let stopped = async {
            stop.await;
            let _ = timeout(LAST_WORDS, quiet(&progress, LULL)).await;
        };
        // However it ends, both connections are closed behind it.
        tokio::select! {
            outcome = copy => {
                if let Err(error) = outcome {
                    tracing::debug!(%error, "a tunnel has broken off");
                }
            }
            () = quiet(&progress, self.patience) => tracing::debug!("a tunnel was idle for too long"),
            () = stopped => {}
        }
    }
}

/// Ready when nothing has come for so long.
async fn quiet(progress: &AtomicU32, patience: Duration) {
    let (mut seen, mut looks) = (progress.load(Ordering::Relaxed), 0);
    while looks < LOOKS {
        sleep(patience / LOOKS).await;
        let now = progress.load(Ordering::Relaxed);
        looks = if now == seen { looks + 1 } else { 0 };
        seen = now;
    }
}

/// One side, which notes that something has come.
struct Watched<'a, T> {
    io: T,
    progress: &'a AtomicU32,
}

impl<T: AsyncRead + Unpin> AsyncRead for Watched<'_, T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.io).poll_read(cx, buffer))?;
        self.progress.fetch_add(1, Ordering::Relaxed);
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Watched<'_, T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
