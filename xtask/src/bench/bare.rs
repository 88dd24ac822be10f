//! The baseline: hyper, a fixed answer from memory, and nothing else.

use std::convert::Infallible;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{HeaderName, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{HeaderMap, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// Serves the answer in a file (a head and a body, as they went over the wire) until it is killed.
pub(crate) fn serve(address: SocketAddr, answer: &Path) -> Result<()> {
    let (headers, body) = read(&fs::read_to_string(answer)?)?;
    let cores = std::thread::available_parallelism()?.get();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(cores).enable_all().build()?;
    runtime.block_on(async move {
        let listener = TcpListener::bind(address).await?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let (headers, body) = (headers.clone(), body.clone());
            let service = service_fn(move |_| {
                let mut response = Response::new(Full::new(body.clone()));
                *response.headers_mut() = headers.clone();
                async move { Ok::<_, Infallible>(response) }
            });
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    })
}

/// The headers, less those that hyper writes itself, and the body.
fn read(answer: &str) -> Result<(HeaderMap, Bytes)> {
    let (head, body) = answer.split_once("\r\n\r\n").context("the answer has no head")?;
    let mut headers = HeaderMap::new();
    for line in head.lines().skip(1) {
        let (name, value) = line.split_once(": ").context("a header without a colon")?;
        if !matches!(name, "date" | "content-length") {
            headers.insert(HeaderName::try_from(name)?, HeaderValue::try_from(value)?);
        }
    }
    Ok((headers, Bytes::from(body.to_owned())))
}
