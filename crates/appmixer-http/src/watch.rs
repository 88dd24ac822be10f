//! Cuts off the bodies of a request when its [`Pass`] is withdrawn.
//!
//! Both directions are watched by one task, which is neither of those that move the bytes: one direction may be held up
//! by the client while the other goes on.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use appmixer_gateway::{ClientBody, Tunnel, Upload};
use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::oneshot;

use crate::app::App;
use crate::error::ApiError;
use crate::metrics;
use crate::pass::Pass;

/// Ready when a body is to be cut off.
pub(crate) type Cut = oneshot::Receiver<()>;

/// What cuts a body off; told when the body is not there any more.
pub(crate) type Cutter = oneshot::Sender<()>;

/// What is needed to watch over a request's bodies.
pub(crate) struct Watch {
    pub(crate) pass: Pass,
    /// Of the request's body, where there is one.
    pub(crate) upload: Option<Cutter>,
    /// Of the answer's.
    pub(crate) download: Cutter,
}

impl Watch {
    /// Whether the request's body is still coming.
    pub(crate) fn has_upload(&self) -> bool {
        self.upload.as_ref().is_some_and(|upload| !upload.is_closed())
    }

    /// Watches, until either body is cut off or neither is there.
    pub(crate) async fn run(self, app: Arc<App>) {
        let Self { mut pass, mut upload, mut download } = self;
        let over = async {
            if let Some(upload) = &mut upload {
                upload.closed().await;
            }
            download.closed().await;
        };
        tokio::select! {
            error = pass.withdrawn(&app) => tell(&error),
            () = over => return,
        }
        for cutter in upload.into_iter().chain([download]) {
            // It may have come to its end just now.
            let _ = cutter.send(());
        }
    }
}

/// Runs a tunnel until it ends, or its pass is withdrawn.
pub(crate) async fn run_tunnel(
    tunnel: Tunnel,
    pass: Option<Pass>,
    app: &App,
    stop: impl Future<Output = ()>,
) {
    let tunnel = tunnel.run(stop);
    let Some(mut pass) = pass else {
        return tunnel.await;
    };
    tokio::select! {
        () = tunnel => {}
        error = pass.withdrawn(app) => tell(&error),
    }
}

/// Counts a request that was ended.
pub(crate) fn tell(error: &ApiError) {
    metrics::WITHDRAWN.increment(1);
    tracing::debug!(status = error.status.as_u16(), why = %error.message, "a request that ran was ended");
}

/// The same upload, which breaks off when it is cut.
pub(crate) fn cuttable(upload: Upload, cut: Cut) -> Upload {
    let body = ClientBody::new(Cuttable { body: Some(upload.body), cut: Some(cut) });
    Upload { body, ..upload }
}

struct Cuttable {
    /// None once it was cut off.
    body: Option<ClientBody>,
    /// None once nobody will.
    cut: Option<Cut>,
}

impl Body for Cuttable {
    type Data = Bytes;
    type Error = ();

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, ()>>> {
        if let Some(cut) = &mut self.cut
            && let Poll::Ready(told) = Pin::new(cut).poll(cx)
        {
            self.cut = None;
            if told.is_ok() {
                self.body = None;
                return Poll::Ready(Some(Err(())));
            }
        }
        self.body.as_mut().map_or(Poll::Ready(None), |body| Pin::new(body).poll_frame(cx))
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(SizeHint::default, Body::size_hint)
    }
}
