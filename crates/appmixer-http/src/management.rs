//! The management address: what is not for the public, on a listener of its own.
//!
//! One request a connection, few connections, and little time for each: whoever scrapes comes back, and whoever
//! is slow holds nothing.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use appmixer_metrics::{CONTENT_TYPE as PROMETHEUS, Registry};
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use crate::app::App;
use crate::error::ApiError;
use crate::response::{self, Answer};

/// How many may ask at once: two Prometheus servers, and a few people.
const CONNECTIONS: usize = 16;

/// How long one connection may last, from its first byte to the last.
const PATIENCE: Duration = Duration::from_secs(10);

/// The pause after an `accept` that failed for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves `GET /metrics`, `/healthz` and `/readyz` until the future is dropped.
pub async fn serve_management(app: Arc<App>, registry: Registry, listener: TcpListener) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    let mut http = http1::Builder::new();
    http.keep_alive(false).header_read_timeout(None).max_buf_size(16 * 1024);
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            sleep(ACCEPT_PAUSE).await;
            continue;
        };
        // One too many is closed: there is nobody to explain it to but a program that comes back.
        let Ok(permit) = Arc::clone(&room).try_acquire_owned() else {
            continue;
        };
        let (app, registry, http) = (Arc::clone(&app), registry.clone(), http.clone());
        tokio::spawn(async move {
            let _ = timeout(PATIENCE, connection(&app, &registry, &http, stream)).await;
            drop(permit);
        });
    }
}

async fn connection(app: &App, registry: &Registry, http: &http1::Builder, stream: TcpStream) {
    let service = service_fn(async |request| Ok::<_, Infallible>(answer(app, registry, request).await));
    if let Err(error) = http.serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(%error, "a connection to the management address ended early");
    }
}

async fn answer(app: &App, registry: &Registry, request: Request<Incoming>) -> Answer {
    match (request.uri().path(), request.method()) {
        ("/metrics", &Method::GET | &Method::HEAD) => {
            let mut answer = Answer::new(registry.render().into());
            let headers = answer.headers_mut();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROMETHEUS));
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            answer
        }
        ("/metrics", _) => {
            let error = ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "Only GET is allowed here");
            let mut answer = response::error(&error);
            answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            answer
        }
        ("/healthz" | "/readyz", _) => app.handle(request).await,
        _ => response::error(&ApiError::not_found("Not Found")),
    }
}
