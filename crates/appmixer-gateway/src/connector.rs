//! Connections to upstreams: in the time that there is for name, TCP and TLS together.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tower_service::Service;

type BoxError = Box<dyn std::error::Error + Send + Sync>;
type Stream = MaybeHttpsStream<TokioIo<TcpStream>>;

#[derive(Clone)]
pub(crate) struct Connector {
    http: HttpConnector,
    /// Where there are upstreams with TLS.
    https: Option<HttpsConnector<HttpConnector>>,
    time: Duration,
}

impl Connector {
    pub(crate) fn new(time: Duration, tls: Option<&ClientConfig>) -> Self {
        let mut http = HttpConnector::new();
        http.set_nodelay(true);
        http.enforce_http(false);
        let https = tls.map(|config| {
            let builder = HttpsConnectorBuilder::new().with_tls_config(config.clone());
            builder.https_only().enable_http1().wrap_connector(http.clone())
        });
        Self { http, https, time }
    }
}

impl Service<Uri> for Connector {
    type Response = Stream;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Stream, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        // Both of them always are.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let (mut http, https, time) = (self.http.clone(), self.https.clone(), self.time);
        Box::pin(async move {
            let connected = async {
                match https.filter(|_| uri.scheme_str() == Some("https")) {
                    Some(mut https) => https.call(uri).await,
                    None => Ok(MaybeHttpsStream::Http(http.call(uri).await?)),
                }
            };
            let late = || io::Error::new(io::ErrorKind::TimedOut, "no connection in time");
            timeout(time, connected).await.map_err(|_| late())?
        })
    }
}
