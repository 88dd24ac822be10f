//! One connection: hyper on it, and a supervisor that ends it in time.
//!
//! The supervisor is a task of its own, so that a request costs the connection no look at timers and
//! signals: measured, they cost more than all of our routing.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use http::HeaderValue;
use http::header::STRICT_TRANSPORT_SECURITY;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{oneshot, watch};
use tokio::time::{sleep, timeout};

use crate::activity::{Activity, Watched};
use crate::answer_body::Switched;
use crate::app::App;
use crate::head::Peer;
use crate::watch::run_tunnel;

/// How long a connection that has just been opened may still bring its first request when the server stops: whoever
/// has connected is answered. Asked for so often within that time.
const FIRST_REQUEST: Duration = Duration::from_secs(1);
const LOOKS_FOR_IT: u32 = 50;

/// Why a connection is to end.
pub(crate) enum End {
    /// The server stops: after the requests that run.
    Stop,
    /// Nothing gets done on it.
    Idle,
}

/// Who is at the other end.
#[derive(Clone)]
pub(crate) struct Remote {
    pub(crate) peer: Peer,
    /// What its answers tell about the use of TLS (RFC 6797); none where it does not use it.
    pub(crate) transport_security: Option<HeaderValue>,
}

/// What the requests of one connection share. Counted apart: the count of the application itself would
/// travel from core to core with every request.
pub(crate) struct Shared {
    pub(crate) app: Arc<App>,
    pub(crate) activity: Activity,
    /// What the connection goes on with behind its last answer, if that is not HTTP.
    switched: Mutex<Option<Box<Switched>>>,
}

impl Shared {
    pub(crate) fn new(app: Arc<App>) -> Self {
        Self { app, activity: Activity::default(), switched: Mutex::new(None) }
    }
}

impl AsRef<Activity> for Shared {
    fn as_ref(&self) -> &Activity {
        &self.activity
    }
}

/// Serves a connection with HTTP/1 to its end. The server stops when `stop` changes, or its sender goes.
pub(crate) async fn run(
    app: Arc<App>,
    http: &http1::Builder,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    remote: Remote,
    mut stop: watch::Receiver<()>,
) {
    let shared = Arc::new(Shared::new(app));
    let io = Watched { io: TokioIo::new(stream), shared: Arc::clone(&shared) };
    let Remote { peer, transport_security } = remote;
    let answering = Arc::clone(&shared);
    let service = service_fn(move |request| {
        let (shared, transport_security) = (Arc::clone(&answering), transport_security.clone());
        async move {
            let running = shared.activity.begin();
            let mut answer = shared.app.handle_from(request, peer).await;
            drop(running);
            answer.body_mut().goes_out_on(&shared);
            if let Some(switched) = answer.body_mut().take_switched() {
                *shared.switched.lock().unwrap_or_else(PoisonError::into_inner) = Some(switched);
            }
            if let Some(policy) = transport_security {
                answer.headers_mut().insert(STRICT_TRANSPORT_SECURITY, policy);
            }
            Ok::<_, Infallible>(answer)
        }
    });
    let mut connection = pin!(http.serve_connection(io, service).with_upgrades());
    let outcome = match until_told(connection.as_mut(), Arc::clone(&shared), stop.clone()).await {
        Ok(outcome) => outcome,
        Err(End::Idle) => return,
        Err(End::Stop) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    told(outcome);
    let switched = shared.switched.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(switched) = switched {
        let Switched { tunnel, pass } = *switched;
        let stopped = async move { drop(stop.changed().await) };
        // Boxed: every connection would have room for it.
        Box::pin(run_tunnel(tunnel, pass, &shared.app, stopped)).await;
    }
}

/// Failures are the client's, who may cause as many as it likes.
pub(crate) fn told(outcome: hyper::Result<()>) {
    if let Err(error) = outcome {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// How a connection ended by itself, or why it is to end.
pub(crate) async fn until_told<C>(
    mut connection: Pin<&mut C>,
    shared: Arc<Shared>,
    stop: watch::Receiver<()>,
) -> Result<hyper::Result<()>, End>
where
    C: Future<Output = hyper::Result<()>>,
{
    let (tell, mut told) = oneshot::channel();
    let supervisor = tokio::spawn(supervise(shared, stop, tell));
    let end = poll_fn(|cx| {
        if let Poll::Ready(outcome) = connection.as_mut().poll(cx) {
            return Poll::Ready(Ok(outcome));
        }
        Pin::new(&mut told).poll(cx).map(|end| Err(end.unwrap_or(End::Stop)))
    })
    .await;
    supervisor.abort();
    end
}

async fn supervise(shared: Arc<Shared>, mut stop: watch::Receiver<()>, tell: oneshot::Sender<End>) {
    let options = &shared.app.options;
    let end = tokio::select! {
        () = shared.activity.none_for(options.header_timeout, options.idle_timeout) => End::Idle,
        _ = stop.changed() => End::Stop,
    };
    if matches!(end, End::Stop) {
        let _ = timeout(FIRST_REQUEST, async {
            while shared.activity.is_untouched() {
                sleep(FIRST_REQUEST / LOOKS_FOR_IT).await;
            }
        })
        .await;
    }
    // The connection may have ended meanwhile.
    let _ = tell.send(end);
}
