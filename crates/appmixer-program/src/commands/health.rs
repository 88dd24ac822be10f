//! `health`: whether the server that runs with this configuration is ready, for who can start programs and no more, as
//! a container's health check.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::HOST;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, client::danger, crypto};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::runtime::Builder;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::cli::Common;
use crate::config::{Config, load};
use crate::failure::Failure;
use crate::sockets::reachable;

/// Longer than the server gives its database, and less than who asks usually waits.
const PATIENCE: Duration = Duration::from_secs(4);

/// How long `check-config` waits for a server on an address in use.
const ALIVE_TIMEOUT: Duration = Duration::from_secs(1);

const PATH: &str = "/readyz";

pub(crate) fn run(listen: Option<&String>, common: &Common) -> Result<(), Failure> {
    let (config, _) = load(common.config.as_deref(), &common.overrides(listen))?;
    let place = Place::of(&config)?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let answer = runtime.block_on(async { timeout(PATIENCE, place.ask(PATH)).await });
    let unwell = |why: &str| Failure::refused(format!("{}: {why}", place.name()));
    match answer {
        Ok(Ok((StatusCode::OK, _))) => Ok(()),
        Ok(Ok((status, body))) => Err(unwell(&format!("{} {}", status.as_u16(), one_line(&body)))),
        Ok(Err(why)) => Err(unwell(&why)),
        Err(_) => Err(unwell("no answer in time")),
    }
}

/// Where the server can be asked.
pub(crate) enum Place {
    Plain(SocketAddr),
    Unix(PathBuf),
    Tls(SocketAddr),
}

impl Place {
    /// The management address first: a flood on the others does not reach it.
    fn of(config: &Config) -> Result<Self, Failure> {
        let plain = config.management.listen.or(config.listen.0).map(Self::Plain);
        let place = plain
            .or_else(|| config.listen_unix.clone().map(Self::Unix))
            .or_else(|| config.tls.listen.map(Self::Tls));
        match place {
            None => Err(Failure::configuration("health: the configuration has no listener to ask")),
            Some(Self::Plain(address) | Self::Tls(address)) if address.port() == 0 => {
                Err(Failure::configuration(format!("health: the port of {address} is not known beforehand")))
            }
            Some(place) => Ok(place),
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Plain(address) => format!("http://{}{PATH}", reachable(*address)),
            Self::Unix(path) => format!("{PATH} at {}", path.display()),
            Self::Tls(address) => format!("https://{}{PATH}", reachable(*address)),
        }
    }

    /// Whether a server of this kind answers there.
    pub(crate) async fn is_alive(&self) -> bool {
        let answer = timeout(ALIVE_TIMEOUT, self.ask("/healthz")).await;
        matches!(answer, Ok(Ok((StatusCode::OK, body))) if *body == *br#"{"status":"ok"}"#)
    }

    async fn ask(&self, uri: &str) -> Result<(StatusCode, Bytes), String> {
        match self {
            Self::Plain(address) => {
                get(uri, TcpStream::connect(reachable(*address)).await.map_err(text)?).await
            }
            Self::Unix(path) => get(uri, UnixStream::connect(path).await.map_err(text)?).await,
            Self::Tls(address) => {
                let address = reachable(*address);
                let stream = TcpStream::connect(address).await.map_err(text)?;
                let name = ServerName::IpAddress(address.ip().into());
                get(uri, TlsConnector::from(tls()?).connect(name, stream).await.map_err(text)?).await
            }
        }
    }
}

async fn get<S>(uri: &str, stream: S) -> Result<(StatusCode, Bytes), String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let request = Request::get(uri).header(HOST, "localhost").body(Empty::<Bytes>::new()).map_err(text)?;
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await.map_err(text)?;
    // What goes wrong in it, the request is told.
    tokio::spawn(connection);
    let answer = sender.send_request(request).await.map_err(text)?;
    let status = answer.status();
    Ok((status, answer.into_body().collect().await.map_err(text)?.to_bytes()))
}

/// The innermost cause says most.
fn text(error: impl std::error::Error) -> String {
    let mut cause: &dyn std::error::Error = &error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

fn one_line(body: &[u8]) -> String {
    String::from_utf8_lossy(body).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// TLS 1.2 or 1.3 with whatever certificate: it is for the server's public name, and this comes through a back door
/// without a secret.
fn tls() -> Result<Arc<ClientConfig>, String> {
    let provider = Arc::new(crypto::ring::default_provider());
    let verifier = Arc::new(AnyCertificate(provider.signature_verification_algorithms));
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(text)?.dangerous().with_custom_certificate_verifier(verifier);
    Ok(Arc::new(builder.with_no_client_auth()))
}

#[derive(Debug)]
struct AnyCertificate(crypto::WebPkiSupportedAlgorithms);

impl danger::ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<danger::ServerCertVerified, rustls::Error> {
        Ok(danger::ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &rustls::DigitallySignedStruct,
    ) -> Result<danger::HandshakeSignatureValid, rustls::Error> {
        crypto::verify_tls12_signature(message, certificate, signed, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &rustls::DigitallySignedStruct,
    ) -> Result<danger::HandshakeSignatureValid, rustls::Error> {
        crypto::verify_tls13_signature(message, certificate, signed, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        self.0.supported_schemes()
    }
}
