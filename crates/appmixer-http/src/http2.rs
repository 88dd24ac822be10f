//! A connection with HTTP/2 (RFC 9113): many requests at once, and so limits of its own.

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, STRICT_TRANSPORT_SECURITY};
use http::{Method, Request, Response};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::timeout;

use crate::activity::{OpenStream, Running};
use crate::answer_body::{AnswerBody, CutOff};
use crate::app::App;
use crate::connection::{End, Remote, Shared, told, until_told};
use crate::error::ApiError;
use crate::options::HttpOptions;
use crate::response::{self, Answer};

pub(crate) type Builder = http2::Builder<TokioExecutor>;

/// What the client may send before a request has taken it in: as much as most bodies for one stream, and for
/// all streams of a connection.
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 256 * 1024;
/// What of an answer may wait within the connection.
const SEND_BUFFER: usize = 16 * 1024;
/// Streams that the client has reset before the server looked at them (CVE-2023-44487), and those that the server
/// had to reset for what the client did (CVE-2025-8671): more of either end the connection.
const MOST_RESETS: usize = 20;
const MOST_OWN_RESETS: usize = 128;
/// Answers go out in pieces of so many bytes, each of which is progress.
const PIECE: usize = 16 * 1024;
/// What a connection on which nothing got done has left to end its last streams, once it has been told.
const FAREWELL: Duration = Duration::from_secs(1);
/// The same at the stop, where it counts from the last thing done: a client that has gone without a word would
/// otherwise hold it up.
const LAST_ANSWERS: Duration = Duration::from_secs(5);

/// Connections with these limits.
pub(crate) fn builder(options: &HttpOptions) -> Builder {
    let mut http = Builder::new(TokioExecutor::new());
    // No pings: whether anything gets done is what ends a connection, and a ping that is answered is nothing done.
    http.max_concurrent_streams(options.max_streams)
        .max_header_list_size(u32::try_from(options.header_limit).unwrap_or(u32::MAX))
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .max_pending_accept_reset_streams(MOST_RESETS)
        .max_local_error_reset_streams(MOST_OWN_RESETS);
    http
}

/// Serves a connection to its end. The server stops when `stop` changes, or its sender goes.
///
/// `room` is for the requests of all such connections together: without it, a hundred streams on each of some
/// thousand connections would make as many bodies.
pub(crate) async fn run(
    app: Arc<App>,
    http: &Builder,
    stream: impl AsyncRead + AsyncWrite + Unpin,
    remote: Remote,
    room: Arc<Semaphore>,
    stop: watch::Receiver<()>,
) {
    let shared = Arc::new(Shared::new(app));
    let answering = Arc::clone(&shared);
    let service = service_fn(move |request| {
        let (shared, room, remote) = (Arc::clone(&answering), Arc::clone(&room), remote.clone());
        async move { Ok::<_, Infallible>(answer(shared, &room, remote, request).await) }
    });
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
    let outcome = match until_told(connection.as_mut(), Arc::clone(&shared), stop).await {
        Ok(outcome) => outcome,
        Err(end) => {
            // GOAWAY: the client knows which requests were seen, and sends others elsewhere.
            connection.as_mut().graceful_shutdown();
            match end {
                End::Stop => tokio::select! {
                    outcome = connection => outcome,
                    () = shared.activity.none_for(LAST_ANSWERS, LAST_ANSWERS) => Ok(()),
                },
                End::Idle => timeout(FAREWELL, connection).await.unwrap_or(Ok(())),
            }
        }
    };
    told(outcome);
}

async fn answer(
    shared: Arc<Shared>,
    room: &Arc<Semaphore>,
    remote: Remote,
    request: Request<Incoming>,
) -> Response<Paced> {
    let is_head = request.method() == Method::HEAD;
    let running = Running::begin(Arc::clone(&shared));
    let open = OpenStream::begin(Arc::clone(&shared));
    let permit = Arc::clone(room).try_acquire_owned().ok();
    let mut answer = if permit.is_some() {
        shared.app.handle_from(request, remote.peer).await
    } else {
        response::error(&ApiError::too_many_requests_run())
    };
    drop(running);
    answer.body_mut().goes_out_on(&shared);
    if let Some(policy) = remote.transport_security {
        answer.headers_mut().insert(STRICT_TRANSPORT_SECURITY, policy);
    }
    if is_head {
        without_body(&mut answer);
    }
    answer.map(|whole| Paced { whole, rest: Bytes::new(), shared, _open: open, _permit: permit })
}

/// What hyper does by itself with HTTP/1.
fn without_body(answer: &mut Answer) {
    if let Some(length) = answer.body().size_hint().exact().filter(|length| *length > 0) {
        answer.headers_mut().insert(CONTENT_LENGTH, length.into());
    }
    *answer.body_mut() = AnswerBody::default();
}

/// An answer's body, in pieces that are asked for as the client takes them in.
///
/// What is written to the socket would not do as a sign of that: the answers to a client's pings are written as well.
struct Paced {
    whole: AnswerBody,
    rest: Bytes,
    shared: Arc<Shared>,
    _open: OpenStream<Arc<Shared>>,
    /// The request runs until its answer has gone.
    _permit: Option<OwnedSemaphorePermit>,
}

impl Body for Paced {
    type Data = Bytes;
    type Error = CutOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, CutOff>>> {
        if self.rest.is_empty() {
            let frame = ready!(Pin::new(&mut self.whole).poll_frame(cx));
            self.shared.activity.advance();
            match frame.map(|frame| frame.map(Frame::into_data)) {
                Some(Ok(Ok(data))) => self.rest = data,
                // Trailers, which are the end.
                Some(Ok(Err(frame))) => return Poll::Ready(Some(Ok(frame))),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
        self.shared.activity.advance();
        let length = self.rest.len().min(PIECE);
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(length)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.whole.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let left = self.whole.size_hint().exact();
        left.map_or_else(SizeHint::default, |left| SizeHint::with_exact(left + self.rest.len() as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_to_head_has_the_length_and_nothing_else_of_its_body() {
        let mut answer = Response::new(AnswerBody::from("twelve bytes"));
        without_body(&mut answer);
        assert!(answer.body().is_end_stream());
        assert_eq!(answer.headers()[CONTENT_LENGTH], "12");
    }
}
