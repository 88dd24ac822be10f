//! The body of an answer: nearly always bytes from memory, or what comes from an upstream.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use appmixer_gateway::{BrokenOff, Download, Tunnel};
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Frame, SizeHint};
use thiserror::Error;
use tokio::sync::oneshot;

use crate::activity::Running;
use crate::connection::Shared;
use crate::pass::Pass;
use crate::watch::{Cut, Cutter, Watch};

/// The body of an answer.
pub struct AnswerBody(Kind);

/// Why an answer ends before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CutOff {
    /// Its upstream has broken it off.
    #[error(transparent)]
    Upstream(#[from] BrokenOff),
    /// Whoever has asked for it may not any more.
    #[error("whoever has asked for the answer may not any more")]
    Withdrawn,
}

enum Kind {
    Whole(Full<Bytes>),
    Streamed(Box<Streamed>),
    /// It has none: behind its head, the connection goes on with something else than HTTP.
    Switched(Box<Switched>),
}

struct Streamed {
    download: Download,
    /// The connection that it goes out on.
    shared: Option<Arc<Shared>>,
    /// While the upstream is waited for, it is not the client that does nothing.
    waits: Option<Running<Arc<Shared>>>,
    /// What is to watch over it, if it takes long.
    watch: Option<Watch>,
    /// None where everybody may ask for it.
    cut: Option<Cut>,
    has_begun: bool,
}

/// What a connection goes on with.
pub(crate) struct Switched {
    pub(crate) tunnel: Tunnel,
    /// None where everybody may have it.
    pub(crate) pass: Option<Pass>,
}

impl AnswerBody {
    /// With the pass of the request, where it needed one, and what cuts its body off.
    pub(crate) fn streamed(download: Download, pass: Option<Pass>, upload: Option<Cutter>) -> Self {
        let (cutter, cut) = pass.is_some().then(oneshot::channel).unzip();
        let watch = pass.zip(cutter).map(|(pass, download)| Watch { pass, upload, download });
        let (shared, waits, has_begun) = (None, None, false);
        Self(Kind::Streamed(Box::new(Streamed { download, shared, waits, watch, cut, has_begun })))
    }

    pub(crate) fn switched(tunnel: Tunnel, pass: Option<Pass>) -> Self {
        Self(Kind::Switched(Box::new(Switched { tunnel, pass })))
    }

    /// Has the connection know when the upstream is waited for.
    pub(crate) fn goes_out_on(&mut self, connection: &Arc<Shared>) {
        if let Kind::Streamed(streamed) = &mut self.0 {
            streamed.shared = Some(Arc::clone(connection));
            // The answer may end first.
            if streamed.watch.as_ref().is_some_and(Watch::has_upload) {
                streamed.be_watched();
            }
        }
    }

    /// What the connection goes on with, if that is not HTTP.
    pub(crate) fn take_switched(&mut self) -> Option<Box<Switched>> {
        if !matches!(self.0, Kind::Switched(_)) {
            return None;
        }
        match std::mem::take(self).0 {
            Kind::Switched(switched) => Some(switched),
            _ => None,
        }
    }
}

impl Default for AnswerBody {
    fn default() -> Self {
        Self(Kind::Whole(Full::default()))
    }
}

impl<T: Into<Bytes>> From<T> for AnswerBody {
    fn from(bytes: T) -> Self {
        Self(Kind::Whole(Full::new(bytes.into())))
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = CutOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, CutOff>>> {
        match &mut self.0 {
            Kind::Whole(whole) => Pin::new(whole).poll_frame(cx).map_err(|never| match never {}),
            Kind::Streamed(streamed) => streamed.poll_frame(cx),
            Kind::Switched(_) => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Whole(whole) => whole.is_end_stream(),
            Kind::Streamed(streamed) => streamed.download.is_end_stream(),
            Kind::Switched(_) => true,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Whole(whole) => whole.size_hint(),
            Kind::Streamed(streamed) => streamed.download.size_hint(),
            Kind::Switched(_) => SizeHint::with_exact(0),
        }
    }
}

impl Streamed {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, CutOff>>> {
        if let Some(cut) = &mut self.cut
            && Pin::new(cut).poll(cx).is_ready()
        {
            self.cut = None;
            return Poll::Ready(Some(Err(CutOff::Withdrawn)));
        }
        let frame = Pin::new(&mut self.download).poll_frame(cx).map_err(CutOff::from);
        if frame.is_ready() {
            self.waits = None;
        } else if self.waits.is_none() {
            self.waits = self.shared.clone().map(Running::begin);
        }
        // Most answers come in one piece that is there already, and are over.
        if frame.is_pending() || self.has_begun {
            self.be_watched();
        }
        self.has_begun = true;
        frame
    }

    /// From here on, if it is to be watched at all and is not yet.
    fn be_watched(&mut self) {
        if let Some(shared) = &self.shared
            && let Some(watch) = self.watch.take()
        {
            tokio::spawn(watch.run(Arc::clone(&shared.app)));
        }
    }
}
