//! The body of an answer: nearly always bytes from memory, or what comes from an upstream.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use appmixer_gateway::{BrokenOff, Download, Tunnel};
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Frame, SizeHint};

use crate::activity::Running;
use crate::connection::Shared;

/// The body of an answer.
pub struct AnswerBody(Kind);

enum Kind {
    Whole(Full<Bytes>),
    Streamed(Box<Streamed>),
    /// It has none: behind its head, the connection goes on with something else than HTTP.
    Switched(Box<Tunnel>),
}

struct Streamed {
    download: Download,
    /// The connection that it goes out on.
    shared: Option<Arc<Shared>>,
    /// While the upstream is waited for, it is not the client that does nothing.
    waits: Option<Running<Arc<Shared>>>,
}

impl AnswerBody {
    pub(crate) fn streamed(download: Download) -> Self {
        Self(Kind::Streamed(Box::new(Streamed { download, shared: None, waits: None })))
    }

    pub(crate) fn switched(tunnel: Tunnel) -> Self {
        Self(Kind::Switched(Box::new(tunnel)))
    }

    /// Has the connection know when the upstream is waited for.
    pub(crate) fn goes_out_on(&mut self, connection: &Arc<Shared>) {
        if let Kind::Streamed(streamed) = &mut self.0 {
            streamed.shared = Some(Arc::clone(connection));
        }
    }

    /// What the connection goes on with, if that is not HTTP.
    pub(crate) fn take_tunnel(&mut self) -> Option<Tunnel> {
        if !matches!(self.0, Kind::Switched(_)) {
            return None;
        }
        match std::mem::take(self).0 {
            Kind::Switched(tunnel) => Some(*tunnel),
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
    type Error = BrokenOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
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
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        let frame = Pin::new(&mut self.download).poll_frame(cx);
        if frame.is_ready() {
            self.waits = None;
        } else if self.waits.is_none() {
            self.waits = self.shared.clone().map(Running::begin);
        }
        frame
    }
}
