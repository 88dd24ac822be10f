//! A request's body on its way to the upstream: bounded, watched, and not lost to a try that has sent nothing of it.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::{Body, Frame, SizeHint};
use thiserror::Error;

use crate::pace::Pace;
use crate::trailers::{self, Direction};

/// A body whose errors are all the same: the client has gone, or broken the framing.
pub type ClientBody = UnsyncBoxBody<Bytes, ()>;

/// A request's body, and its bounds.
pub struct Upload {
    /// What comes from the client.
    pub body: ClientBody,
    /// Its length in bytes, where it is known.
    pub length: Option<u64>,
    /// The time over which its rate is measured: something must come within each such time.
    pub patience: Duration,
    /// The least rate on average over that time, in bytes a second.
    pub min_rate: u64,
    /// Gets what the upstream has not read, once nobody will.
    pub leftover: fn(ClientBody),
}

/// Why a request's body has come to no good end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum Fault {
    #[error("the request body is too large")]
    TooLarge,
    #[error("the request body has not come in time")]
    Late,
    #[error("the request body has broken off")]
    Broken,
}

/// What all tries of a request share.
pub(crate) struct Source {
    state: Mutex<State>,
    length: Option<u64>,
    patience: Duration,
    min_rate: u64,
    leftover: fn(ClientBody),
    begun: AtomicBool,
    /// Moves on with each piece.
    progress: AtomicU32,
}

struct State {
    body: Option<ClientBody>,
    /// What may still come, in bytes; none for no limit.
    left: Option<u64>,
    fault: Option<Fault>,
}

impl Source {
    /// At most `limit` bytes, or any number.
    pub(crate) fn new(upload: Upload, limit: Option<u64>) -> Arc<Self> {
        let Upload { body, length, patience, min_rate, leftover } = upload;
        let state = Mutex::new(State { body: Some(body), left: limit, fault: None });
        let (begun, progress) = (AtomicBool::new(false), AtomicU32::new(0));
        Arc::new(Self { state, length, patience, min_rate, leftover, begun, progress })
    }

    /// Whether something of it may have been sent.
    pub(crate) fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Relaxed)
    }

    pub(crate) fn progress(&self) -> u32 {
        self.progress.load(Ordering::Relaxed)
    }

    pub(crate) fn fault(&self) -> Option<Fault> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).fault
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(body) = state.body.take().filter(|body| !body.is_end_stream()) {
            (self.leftover)(body);
        }
    }
}

/// The body of one try.
pub(crate) struct Outgoing {
    source: Option<Arc<Source>>,
    pace: Pace,
}

impl Outgoing {
    pub(crate) fn none() -> Self {
        Self { source: None, pace: Pace::new(Duration::MAX, 0) }
    }

    pub(crate) fn of(source: &Arc<Source>) -> Self {
        Self { pace: Pace::new(source.patience, source.min_rate), source: Some(Arc::clone(source)) }
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = Fault;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Fault>>> {
        let this = self.get_mut();
        let Some(source) = &this.source else {
            return Poll::Ready(None);
        };
        source.begun.store(true, Ordering::Relaxed);
        let mut state = source.state.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(body) = &mut state.body else {
            return Poll::Ready(None);
        };
        let fault = match Pin::new(body).poll_frame(cx) {
            Poll::Pending if this.pace.is_late(cx) => Fault::Late,
            Poll::Pending => return Poll::Pending,
            Poll::Ready(None) => {
                state.body = None;
                return Poll::Ready(None);
            }
            Poll::Ready(Some(Err(()))) => Fault::Broken,
            Poll::Ready(Some(Ok(frame))) => {
                source.progress.fetch_add(1, Ordering::Relaxed);
                let length = frame.data_ref().map_or(0, Bytes::len) as u64;
                this.pace.received(length);
                match state.left.map(|left| left.checked_sub(length)) {
                    Some(None) => Fault::TooLarge,
                    left => {
                        state.left = left.flatten();
                        let frame = trailers::filter(frame, Direction::ToUpstream, &[]);
                        if frame.is_none() {
                            state.body = None;
                        }
                        return Poll::Ready(frame.map(Ok));
                    }
                }
            }
        };
        state.fault = Some(fault);
        Poll::Ready(Some(Err(fault)))
    }

    fn is_end_stream(&self) -> bool {
        self.source.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            None => SizeHint::with_exact(0),
            Some(source) => source.length.map_or_else(SizeHint::default, SizeHint::with_exact),
        }
    }
}
