//! The server: listeners, the number of connections, and the end.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::app::App;
use crate::connection;
use crate::listener::{Accept, Listener};

/// Told to a connection that is one too many. Complete and constant, since there may be a flood of them.
const TOO_MANY_CONNECTIONS: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\n\
    content-type: application/json; charset=utf-8\r\nretry-after: 1\r\nconnection: close\r\ncontent-length: 86\r\n\r\n\
    {\"statusCode\":503,\"error\":\"Service Unavailable\",\"message\":\"Too many open connections\"}";

/// The pause after an `accept` that failed for want of file descriptors or memory: without it the loop
/// would spin until one is free.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What all listeners share.
#[derive(Clone)]
struct Server {
    app: Arc<App>,
    http: http1::Builder,
    /// For all connections, wherever they come in.
    room: Arc<Semaphore>,
    /// Changes, or loses its sender, when the server stops.
    stopping: watch::Receiver<()>,
}

/// Serves an application on all these listeners until `shutdown` is ready; then takes no more connections, lets
/// the requests that run come to their end for at most `grace`, and returns.
pub async fn serve(
    app: Arc<App>,
    listeners: Vec<Listener>,
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
    let server = Server { app, http, room: Arc::clone(&room), stopping };

    let mut open = JoinSet::new();
    for listener in listeners {
        let server = server.clone();
        match listener {
            Listener::Tcp(listener) => open.spawn(server.accept_from(listener)),
            Listener::Unix(listener) => open.spawn(server.accept_from(listener)),
        };
    }
    shutdown.await;
    drop(stop);
    // Their sockets are closed before anything else is waited for.
    while open.join_next().await.is_some() {}
    // All the room is there again when the last connection has ended.
    if timeout(grace, room.acquire_many(limit)).await.is_err() {
        let open = limit as usize - room.available_permits();
        tracing::warn!(open, "some requests did not end in time and were cut off");
    }
}

impl Server {
    /// Takes connections until the server stops.
    async fn accept_from<L: Accept + Sync>(mut self, listener: L) {
        loop {
            let (stream, peer) = tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok(accepted) => accepted,
                    Err(error) => {
                        after_accept_error(&error).await;
                        continue;
                    }
                },
                _ = self.stopping.changed() => return,
            };
            let Ok(permit) = Arc::clone(&self.room).try_acquire_owned() else {
                // Best effort: a socket that has just been opened has room for one small answer.
                let _ = L::try_write(&stream, TOO_MANY_CONNECTIONS);
                continue;
            };
            let Self { app, http, stopping, .. } = self.clone();
            tokio::spawn(async move {
                connection::run(app, &http, stream, peer, stopping).await;
                drop(permit);
            });
        }
    }
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
