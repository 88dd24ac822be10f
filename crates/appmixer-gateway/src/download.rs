//! An upstream's answer on its way to the client: bounded, and cut off when the upstream is silent for too long.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderName;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use thiserror::Error;

use crate::counts::Trouble;
use crate::patience::Patience;
use crate::pool::Lease;
use crate::route::Route;
use crate::trailers::{self, Direction};

/// An answer's body as it comes from the upstream.
///
/// As long as it is there, the upstream counts the request as one of its own.
pub struct Download {
    incoming: Incoming,
    /// What may still come, in bytes; none for no limit.
    left: Option<u64>,
    patience: Patience,
    /// The fields that the response's `Connection` names.
    hop: Vec<HeaderName>,
    route: Arc<Route>,
    _lease: Lease,
}

/// Why an answer has broken off: its head is on its way by then, so all that can be done is to close the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BrokenOff {
    /// The upstream has closed the connection, or sent something that is no HTTP.
    #[error("the upstream has broken off its answer")]
    Upstream,
    /// Nothing has come from it for too long.
    #[error("the upstream has stopped in the middle of its answer")]
    Silent,
    /// It is larger than it may be.
    #[error("the upstream's answer is too large")]
    TooLarge,
}

impl Download {
    pub(crate) fn new(incoming: Incoming, hop: Vec<HeaderName>, route: Arc<Route>, lease: Lease) -> Self {
        let (left, patience) = (route.options.max_answer, Patience::new(route.options.idle_timeout));
        Self { incoming, left, patience, hop, route, _lease: lease }
    }
}

impl Body for Download {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        let this = self.get_mut();
        let broken = match Pin::new(&mut this.incoming).poll_frame(cx) {
            Poll::Pending if this.patience.is_over(cx) => BrokenOff::Silent,
            Poll::Pending => return Poll::Pending,
            Poll::Ready(None) => return Poll::Ready(None),
            Poll::Ready(Some(Err(error))) => {
                tracing::debug!(%error, route = this.route.name(), "an upstream has broken off its answer");
                BrokenOff::Upstream
            }
            Poll::Ready(Some(Ok(frame))) => {
                this.patience.renew();
                let length = frame.data_ref().map_or(0, Bytes::len) as u64;
                match this.left.map(|left| left.checked_sub(length)) {
                    Some(None) => BrokenOff::TooLarge,
                    left => {
                        this.left = left.flatten();
                        let frame = trailers::filter(frame, Direction::ToClient, &this.hop);
                        return Poll::Ready(frame.map(Ok));
                    }
                }
            }
        };
        this.route.counts.trouble(Trouble::CutOff);
        Poll::Ready(Some(Err(broken)))
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
