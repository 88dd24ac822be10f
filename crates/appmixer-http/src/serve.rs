//! The server: listeners, the number of connections, and the end.

use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use hyper::server::conn::http1;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::app::App;
use crate::connection::{self, Remote};
use crate::head::Peer;
use crate::http2;
use crate::listener::{Accept, Listener};
use crate::metrics;
use crate::per_address::PerAddress;
use crate::tls::{Handshakes, speaks_http2};

/// Told to a connection that is one too many. Complete and constant, since there may be a flood of them.
const TOO_MANY_CONNECTIONS: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\n\
    content-type: application/json; charset=utf-8\r\nretry-after: 1\r\n\
    x-content-type-options: nosniff\r\nconnection: close\r\ncontent-length: 86\r\n\r\n\
    {\"statusCode\":503,\"error\":\"Service Unavailable\",\"message\":\"Too many open connections\"}";

/// The same to one that is one too many of its address.
const TOO_MANY_OF_ADDRESS: &[u8] = b"HTTP/1.1 429 Too Many Requests\r\n\
    content-type: application/json; charset=utf-8\r\nretry-after: 1\r\nconnection: close\r\ncontent-length: 102\r\n\r\n\
    {\"statusCode\":429,\"error\":\"Too Many Requests\",\"message\":\"Too many open connections from your address\"}";

/// The pause after an `accept` that failed for want of file descriptors or memory: without it the loop
/// would spin until one is free.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How often a failing `accept` is logged at most.
const ACCEPT_LOG_INTERVAL: Duration = Duration::from_secs(10);

/// What is told to a connection that is one too many.
#[derive(Clone, Copy)]
struct Refusals {
    of_all: &'static [u8],
    of_address: &'static [u8],
}

const IN_PLAIN: Refusals = Refusals { of_all: TOO_MANY_CONNECTIONS, of_address: TOO_MANY_OF_ADDRESS };

/// A handshake would have to come first.
const NOTHING: Refusals = Refusals { of_all: b"", of_address: b"" };

/// What all listeners share.
#[derive(Clone)]
struct Server {
    app: Arc<App>,
    http1: http1::Builder,
    http2: http2::Builder,
    transport_security: Option<HeaderValue>,
    /// For all connections, wherever they come in.
    room: Arc<Semaphore>,
    per_address: Arc<PerAddress>,
    /// For the requests of all connections with HTTP/2.
    http2_room: Arc<Semaphore>,
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
    let server = Server {
        http1: http1(&app),
        http2: http2::builder(&app.options),
        transport_security: app.options.transport_security.value(),
        room: Arc::clone(&room),
        per_address: Arc::new(PerAddress::new(
            app.options.max_connections_per_address,
            app.options.trusted_proxies.clone(),
        )),
        http2_room: Arc::new(Semaphore::new(limit as usize)),
        stopping,
        app,
    };

    let mut open = JoinSet::new();
    for listener in listeners {
        let server = server.clone();
        match listener {
            Listener::Tcp(listener) => {
                open.spawn(server.accept_from(listener, IN_PLAIN, Server::in_plain));
            }
            Listener::Unix(listener) => {
                open.spawn(server.accept_from(listener, IN_PLAIN, Server::in_plain));
            }
            Listener::Tls(listener, config) => {
                let handshakes = Handshakes::new(config, server.app.options.handshake_timeout);
                open.spawn(server.accept_from(listener, NOTHING, move |server, stream, address| {
                    server.in_tls(handshakes.clone(), stream, address)
                }));
            }
        }
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
    /// Takes connections until the server stops, and serves each in a task of its own. One that is too many is told
    /// one of the `refusals`.
    async fn accept_from<L, F, C>(mut self, listener: L, refusals: Refusals, serve: F)
    where
        L: Accept + Sync,
        F: Fn(Self, L::Stream, Option<IpAddr>) -> C + Send,
        C: Future<Output = ()> + Send + 'static,
    {
        let mut logged = None;
        loop {
            let (stream, address) = tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok(accepted) => accepted,
                    Err(error) => {
                        after_accept_error(&error, &mut logged).await;
                        continue;
                    }
                },
                _ = self.stopping.changed() => return,
            };
            let Some(place) = self.per_address.take(address) else {
                metrics::REFUSED.increment(1);
                let _ = L::try_write(&stream, refusals.of_address);
                continue;
            };
            let Ok(permit) = Arc::clone(&self.room).try_acquire_owned() else {
                metrics::REFUSED.increment(1);
                // Best effort: a socket that has just been opened has room for one small answer.
                let _ = L::try_write(&stream, refusals.of_all);
                continue;
            };
            let open = metrics::Open::new();
            let connection = serve(self.clone(), stream, address);
            tokio::spawn(async move {
                connection.await;
                drop((place, permit, open));
            });
        }
    }

    async fn in_plain<S>(self, stream: S, address: Option<IpAddr>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let remote = Remote { peer: Peer { address, over_tls: false }, transport_security: None };
        connection::run(self.app, &self.http1, stream, remote, self.stopping).await;
    }

    async fn in_tls(self, handshakes: Handshakes, stream: TcpStream, address: Option<IpAddr>) {
        let Some(stream) = handshakes.shake(stream, self.stopping.clone()).await else {
            return;
        };
        let peer = Peer { address, over_tls: true };
        let remote = Remote { peer, transport_security: self.transport_security };
        if speaks_http2(&stream) {
            http2::run(self.app, &self.http2, stream, remote, self.http2_room, self.stopping).await;
        } else {
            connection::run(self.app, &self.http1, stream, remote, self.stopping).await;
        }
    }
}

fn http1(app: &App) -> http1::Builder {
    let mut http = http1::Builder::new();
    // `connection` watches over heads that do not end.
    http.header_read_timeout(None)
        .max_buf_size(app.options.header_limit.max(8192))
        .max_header_size(app.options.header_limit);
    http
}

/// `logged` is when the last line about it was written: whoever keeps all file descriptors taken
/// causes one error after the other.
async fn after_accept_error(error: &io::Error, logged: &mut Option<Instant>) {
    // The client's doing; the next one is not concerned.
    if matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) {
        return;
    }
    if logged.is_none_or(|logged| logged.elapsed() >= ACCEPT_LOG_INTERVAL) {
        *logged = Some(Instant::now());
        tracing::warn!(%error, "no connection could be accepted; retrying, and logging this at most every ten seconds");
    }
    sleep(ACCEPT_PAUSE).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_refusals_have_the_length_that_they_announce() {
        for refusal in [TOO_MANY_CONNECTIONS, TOO_MANY_OF_ADDRESS] {
            let text = std::str::from_utf8(refusal).unwrap();
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            assert!(head.contains(&format!("content-length: {}", body.len())), "{}", body.len());
            assert!(!head.contains("  "));
        }
    }
}
