//! The server: sockets, the number of connections, and the end.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use crate::activity::{Activity, Watched};
use crate::app::App;

/// Told to a connection that is one too many. Complete and constant, since there may be a flood of them.
const TOO_MANY_CONNECTIONS: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\n\
    content-type: application/json; charset=utf-8\r\nretry-after: 1\r\nconnection: close\r\ncontent-length: 86\r\n\r\n\
    {\"statusCode\":503,\"error\":\"Service Unavailable\",\"message\":\"Too many open connections\"}";

/// The pause after an `accept` that failed for want of file descriptors or memory: without it the loop
/// would spin until one is free.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves an application until `shutdown` is ready; then takes no more connections, lets the requests that
/// run come to their end for at most `grace`, and returns.
pub async fn serve(
    app: Arc<App>,
    listener: TcpListener,
    shutdown: impl Future<Output = ()>,
    grace: Duration,
) {
    let connections = GracefulShutdown::new();
    let room = Arc::new(Semaphore::new(app.options.max_connections.min(Semaphore::MAX_PERMITS)));
    let mut http = http1::Builder::new();
    // Ours is cheaper: see `activity`.
    http.header_read_timeout(None)
        .max_buf_size(app.options.header_limit.max(8192))
        .max_header_size(app.options.header_limit);

    tokio::pin!(shutdown);
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    after_accept_error(&error).await;
                    continue;
                }
            },
            () = &mut shutdown => break,
        };
        let Ok(permit) = Arc::clone(&room).try_acquire_owned() else {
            refuse(&stream);
            continue;
        };
        // Answers are small and whole: waiting for more to send would only delay them.
        let _ = stream.set_nodelay(true);
        let app = Arc::clone(&app);
        let patience = app.options.header_timeout;
        let activity = Arc::new(Activity::default());
        let io = Watched { io: TokioIo::new(stream), activity: Arc::clone(&activity) };
        let seen = Arc::clone(&activity);
        let service = service_fn(move |request| {
            let (app, seen) = (Arc::clone(&app), Arc::clone(&seen));
            async move {
                seen.begin();
                let answer = app.handle(request).await;
                seen.end();
                Ok::<_, Infallible>(answer)
            }
        });
        let connection = connections.watch(http.serve_connection(io, service));
        tokio::spawn(async move {
            tokio::select! {
                biased;
                outcome = connection => if let Err(error) = outcome {
                    tracing::debug!(%error, "a connection ended early");
                },
                () = activity.none_for(patience) => tracing::debug!("a connection was idle for too long"),
            }
            drop(permit);
        });
    }

    drop(listener);
    let open = connections.count();
    if timeout(grace, connections.shutdown()).await.is_err() {
        tracing::warn!(open, "some requests did not end in time and were cut off");
    }
}

/// Best effort: a socket that has just been opened has room for one small answer.
fn refuse(stream: &TcpStream) {
    let _ = stream.try_write(TOO_MANY_CONNECTIONS);
}

async fn after_accept_error(error: &io::Error) {
    // The client's doing; the next one is not concerned.
    if matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) {
        return;
    }
    tracing::warn!(%error, "no connection could be accepted");
    sleep(ACCEPT_PAUSE).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_refusal_has_the_length_that_it_announces() {
        let text = std::str::from_utf8(TOO_MANY_CONNECTIONS).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}", body.len())), "{}", body.len());
        assert!(!head.contains("  "));
    }
}
