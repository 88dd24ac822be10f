//! The server: sockets, the number of connections, and the end.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};

use crate::app::App;
use crate::connection;

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
    let limit = u32::try_from(app.options.max_connections).unwrap_or(u32::MAX);
    let room = Arc::new(Semaphore::new(limit as usize));
    let (stop, stopping) = watch::channel(());
    let mut http = http1::Builder::new();
    // `connection` watches over heads that do not end.
    http.header_read_timeout(None)
        .max_buf_size(app.options.header_limit.max(8192))
        .max_header_size(app.options.header_limit);

    tokio::pin!(shutdown);
    loop {
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
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
        let (app, http, stopping) = (Arc::clone(&app), http.clone(), stopping.clone());
        tokio::spawn(async move {
            connection::run(app, &http, stream, peer.ip(), stopping).await;
            drop(permit);
        });
    }

    drop(listener);
    drop(stop);
    // All the room is there again when the last connection has ended.
    if timeout(grace, room.acquire_many(limit)).await.is_err() {
        let open = limit as usize - room.available_permits();
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
