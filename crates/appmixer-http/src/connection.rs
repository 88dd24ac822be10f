//! One connection: hyper on it, and a supervisor that ends it in time.
//!
//! The supervisor is a task of its own, so that a request costs the connection no look at timers and
//! signals: measured, they cost more than all of our routing.

use std::convert::Infallible;
use std::future::{Future as _, poll_fn};
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{oneshot, watch};

use crate::activity::{Activity, Watched};
use crate::app::App;

/// Why a connection is to end.
enum End {
    /// The server stops: after the request that runs.
    Stop,
    /// Nothing gets done on it: at once.
    Idle,
}

/// What the requests of one connection share. Counted apart: the count of the application itself would
/// travel from core to core with every request.
struct Shared {
    app: Arc<App>,
    activity: Activity,
}

/// Serves a connection to its end. The server stops when `stop` changes, or its sender goes.
///
/// `peer` is the address at the other end, where there is one.
pub(crate) async fn run(
    app: Arc<App>,
    http: &http1::Builder,
    stream: impl AsyncRead + AsyncWrite + Unpin,
    peer: Option<IpAddr>,
    stop: watch::Receiver<()>,
) {
    let shared = Arc::new(Shared { app, activity: Activity::default() });
    let (tell, told) = oneshot::channel();
    let supervisor = tokio::spawn(supervise(Arc::clone(&shared), stop, tell));

    let io = Watched { io: TokioIo::new(stream), shared: Arc::clone(&shared) };
    let service = service_fn(move |request| {
        let shared = Arc::clone(&shared);
        async move {
            shared.activity.begin();
            let answer = shared.app.handle_from(request, peer).await;
            shared.activity.end();
            Ok::<_, Infallible>(answer)
        }
    });
    let mut connection = pin!(http.serve_connection(io, service));
    let mut told = Some(told);
    let outcome = poll_fn(|cx| {
        if let Poll::Ready(outcome) = connection.as_mut().poll(cx) {
            return Poll::Ready(outcome);
        }
        let Some(Poll::Ready(end)) = told.as_mut().map(|told| Pin::new(told).poll(cx)) else {
            return Poll::Pending;
        };
        told = None;
        match end {
            Ok(End::Idle) => Poll::Ready(Ok(())),
            Ok(End::Stop) | Err(_) => {
                connection.as_mut().graceful_shutdown();
                connection.as_mut().poll(cx)
            }
        }
    })
    .await;
    supervisor.abort();
    if let Err(error) = outcome {
        tracing::debug!(%error, "a connection ended early");
    }
}

async fn supervise(shared: Arc<Shared>, mut stop: watch::Receiver<()>, tell: oneshot::Sender<End>) {
    let end = tokio::select! {
        () = shared.activity.none_for(shared.app.options.header_timeout) => End::Idle,
        _ = stop.changed() => End::Stop,
    };
    // The connection may have ended meanwhile.
    let _ = tell.send(end);
}

impl AsRef<Activity> for Shared {
    fn as_ref(&self) -> &Activity {
        &self.activity
    }
}
