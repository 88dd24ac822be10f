//! TLS on a connection that has just been accepted.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use metrics::{counter, describe_counter};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::server::Acceptor;
use tokio_rustls::server::TlsStream;

const HANDSHAKES: &str = "appmixer_tls_handshakes_total";

/// How long a handshake that has begun may go on when the server stops.
const LAST_HANDSHAKES: Duration = Duration::from_secs(1);

/// Does handshakes.
#[derive(Clone)]
pub(crate) struct Handshakes {
    config: Arc<ServerConfig>,
    /// The whole time of one.
    time: Duration,
    /// For the signatures, which are made on the threads that serve requests: with RSA, one is a millisecond, in which
    /// fifty requests would be answered. A flood of handshakes gets half of the threads.
    signing: Arc<Semaphore>,
}

impl Handshakes {
    /// Must be called within a tokio runtime.
    pub(crate) fn new(config: Arc<ServerConfig>, time: Duration) -> Self {
        describe_counter!(HANDSHAKES, "TLS handshakes, by their outcome.");
        for outcome in ["ok", "failed", "late"] {
            counter!(HANDSHAKES, "outcome" => outcome).absolute(0);
        }
        let threads = Handle::current().metrics().num_workers();
        Self { config, time, signing: Arc::new(Semaphore::new((threads / 2).max(1))) }
    }

    /// Encrypts a connection; none if the client does not get there in time, or speaks something else.
    pub(crate) async fn shake<S>(&self, stream: S, mut stop: watch::Receiver<()>) -> Option<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let handshake = timeout(self.time, self.begin(stream));
        tokio::pin!(handshake);
        let done = tokio::select! {
            done = &mut handshake => done,
            _ = stop.changed() => timeout(LAST_HANDSHAKES, handshake).await.ok()?,
        };
        // Counted and not told above `debug`: whoever likes to can cause as many failures as it likes.
        let (outcome, stream) = match done {
            Ok(Ok(stream)) => ("ok", Some(stream)),
            Ok(Err(error)) => {
                tracing::debug!(%error, "a TLS handshake failed");
                ("failed", None)
            }
            Err(_) => {
                tracing::debug!("a TLS handshake took too long");
                ("late", None)
            }
        };
        counter!(HANDSHAKES, "outcome" => outcome).increment(1);
        stream
    }

    async fn begin<S>(&self, stream: S) -> io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        // A client that says nothing keeps nobody waiting.
        let start = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
        let signing = self.signing.acquire().await.map_err(io::Error::other)?;
        let accept = start.into_stream(Arc::clone(&self.config));
        drop(signing);
        accept.await
    }
}

/// Whether client and server have agreed on HTTP/2.
pub(crate) fn speaks_http2<S>(stream: &TlsStream<S>) -> bool {
    stream.get_ref().1.alpn_protocol() == Some(b"h2")
}
