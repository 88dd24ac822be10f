//! A connection to the mail server. TLS is the program's own, so that certificates are verified as everywhere.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use lettre::transport::smtp::client::{AsyncSmtpConnection, AsyncTokioStream};
use lettre::transport::smtp::commands::Starttls;
use lettre::transport::smtp::extension::ClientId;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::reply::Command;
use super::session::{Failure, failure, unusable};
use super::{Encryption, encryption};
use crate::settings::MailServer;

/// What stands for the greeting where the server has given it already, before the encryption.
const GREETING: &[u8] = b"220 \r\n";

/// Connects and says hello, encrypted as the settings ask for it.
pub(super) async fn connect(
    server: &MailServer,
    tls: Arc<ClientConfig>,
    hello: &ClientId,
) -> Result<AsyncSmtpConnection, Failure> {
    let tcp =
        TcpStream::connect((server.host.as_str(), server.port)).await.map_err(|error| unusable(&error))?;
    let encryption = encryption(server);
    if encryption == Encryption::First {
        return greet(Encrypted::over(tcp, server, tls, b"").await?, hello, Command::Hello).await;
    }
    let plain = Plain(Arc::new(Mutex::new(Some(tcp))));
    let mut smtp = greet(plain.clone(), hello, Command::Hello).await?;
    if !smtp.can_starttls() {
        return match encryption {
            Encryption::IfOffered => Ok(smtp),
            _ => Err(Failure::Unusable(
                "the mail server cannot be used: it does not offer STARTTLS".to_owned(),
            )),
        };
    }
    smtp.command(Starttls).await.map_err(failure(Command::StartTls))?;
    // What the server has sent behind its answer, before the encryption, goes with this connection (RFC 3207).
    drop(smtp);
    let tcp = plain.take().ok_or_else(|| unusable(&io::Error::from(io::ErrorKind::NotConnected)))?;
    greet(Encrypted::over(tcp, server, tls, GREETING).await?, hello, Command::StartTls).await
}

async fn greet(
    stream: impl AsyncTokioStream + 'static,
    hello: &ClientId,
    command: Command,
) -> Result<AsyncSmtpConnection, Failure> {
    AsyncSmtpConnection::connect_with_transport(Box::new(stream), hello).await.map_err(failure(command))
}

/// A connection that can be taken back for the handshake.
#[derive(Clone, Debug)]
struct Plain(Arc<Mutex<Option<TcpStream>>>);

impl Plain {
    fn take(&self) -> Option<TcpStream> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn with<T>(&self, work: impl FnOnce(Pin<&mut TcpStream>) -> Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        match &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(stream) => work(Pin::new(stream)),
            None => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }
}

impl AsyncRead for Plain {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.with(|stream| stream.poll_read(cx, buf))
    }
}

impl AsyncWrite for Plain {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.with(|stream| stream.poll_write(cx, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|stream| stream.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|stream| stream.poll_shutdown(cx))
    }
}

impl AsyncTokioStream for Plain {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        match &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(stream) => stream.peer_addr(),
            None => Err(io::ErrorKind::NotConnected.into()),
        }
    }
}

/// An encrypted connection, of which something is read before what the server says.
#[derive(Debug)]
struct Encrypted {
    stream: TlsStream<TcpStream>,
    first: &'static [u8],
}

impl Encrypted {
    async fn over(
        tcp: TcpStream,
        server: &MailServer,
        tls: Arc<ClientConfig>,
        first: &'static [u8],
    ) -> Result<Self, Failure> {
        let name = ServerName::try_from(server.host.clone());
        let name = name.map_err(|_| Failure::Unusable("MAIL_SMTP_HOST is no name of a server".to_owned()))?;
        let stream = TlsConnector::from(tls).connect(name, tcp).await.map_err(|error| unusable(&error))?;
        Ok(Self { stream, first })
    }
}

impl AsyncRead for Encrypted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.first.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buf);
        }
        let (now, later) = self.first.split_at(self.first.len().min(buf.remaining()));
        buf.put_slice(now);
        self.first = later;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Encrypted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl AsyncTokioStream for Encrypted {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.stream.get_ref().0.peer_addr()
    }
}
