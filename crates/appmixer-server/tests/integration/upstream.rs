//! A real server that requests are forwarded to: hyper, with whatever manners a test needs.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::TcpListener as StdListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use appmixer_testbed::Port;
use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use http_body_util::channel::{Channel, Sender};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Collected, Full};
use hyper::body::{Frame, Incoming};
use hyper::header::{HeaderMap, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

type Body = BoxBody<Bytes, std::io::Error>;

/// It ends with its test: dropped, it closes all connections at once.
pub(crate) struct Upstream {
    pub(crate) address: String,
    shared: Arc<Shared>,
    _runtime: Runtime,
}

#[derive(Default)]
struct Shared {
    seen: Mutex<Vec<Value>>,
    connections: AtomicUsize,
    given_up: AtomicUsize,
    broken_off: AtomicUsize,
    /// Has those who wait go on: an answer that is slow, a stream that says nothing.
    go_on: Notify,
    is_ill: std::sync::atomic::AtomicBool,
}

impl Upstream {
    pub(crate) fn start() -> Self {
        Self::with("127.0.0.1:0", None)
    }

    /// Where there may have been one before.
    pub(crate) fn at(port: &Port) -> Self {
        Self::with(&port.address(), None)
    }

    /// Over TLS.
    pub(crate) fn secure(config: rustls::ServerConfig) -> Self {
        Self::with("127.0.0.1:0", Some(TlsAcceptor::from(Arc::new(config))))
    }

    fn with(address: &str, tls: Option<TlsAcceptor>) -> Self {
        let listener = StdListener::bind(address).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let shared = Arc::new(Shared::default());
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let serving = Arc::clone(&shared);
        runtime.spawn(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let _ = stream.set_nodelay(true);
                serving.connections.fetch_add(1, Ordering::Relaxed);
                let (shared, tls) = (Arc::clone(&serving), tls.clone());
                tokio::spawn(async move {
                    let service = service_fn(move |request| answer(Arc::clone(&shared), request));
                    let http = http1::Builder::new();
                    let _ = match tls {
                        None => http.serve_connection(TokioIo::new(stream), service).with_upgrades().await,
                        Some(tls) => {
                            let Ok(stream) = tls.accept(stream).await else { return };
                            http.serve_connection(TokioIo::new(stream), service).with_upgrades().await
                        }
                    };
                });
            }
        });
        Self { address, shared, _runtime: runtime }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The requests that it has got, but for health checks.
    pub(crate) fn seen(&self) -> Vec<Value> {
        self.shared.seen.lock().unwrap().clone()
    }

    /// How many they are.
    pub(crate) fn count(&self) -> usize {
        self.shared.seen.lock().unwrap().len()
    }

    /// How many connections were made to it.
    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// How many large answers nobody wanted to their end.
    pub(crate) fn given_up(&self) -> usize {
        self.shared.given_up.load(Ordering::Relaxed)
    }

    /// How many requests have broken off in their bodies.
    pub(crate) fn broken_off(&self) -> usize {
        self.shared.broken_off.load(Ordering::Relaxed)
    }

    /// One of those who wait goes on.
    pub(crate) fn go_on(&self) {
        self.shared.go_on.notify_one();
    }

    /// Whether health checks find it well.
    pub(crate) fn be_well(&self, is_well: bool) {
        self.shared.is_ill.store(!is_well, Ordering::Relaxed);
    }
}

/// What the last segment of the path asks for.
async fn answer(
    shared: Arc<Shared>,
    mut request: Request<Incoming>,
) -> Result<Response<Body>, std::io::Error> {
    let broken = || std::io::Error::other("as the test wants it");
    let (path, query) = (request.uri().path().to_owned(), query(&request));
    let number = |name: &str| query.get(name).and_then(|text| text.parse::<usize>().ok()).unwrap_or(0);
    let what = path.rsplit('/').next().unwrap_or_default();
    if what == "healthz" {
        let status = if shared.is_ill.load(Ordering::Relaxed) { 500 } else { 200 };
        return Ok(whole(status, ""));
    }
    let mut seen = describe(&request);
    match what {
        // The connection ends before there is an answer.
        "dies" => {
            shared.seen.lock().unwrap().push(seen);
            return Err(broken());
        }
        "ws" => {
            shared.seen.lock().unwrap().push(seen);
            return Ok(web_socket(&mut request));
        }
        // It answers before it has read the request, which it then does: what it closed would be reset.
        "early" => {
            shared.seen.lock().unwrap().push(seen);
            tokio::spawn(async move { collect(request.into_body(), &shared).await });
            return Ok(whole(413, "too much for me"));
        }
        "echoes" => {
            shared.seen.lock().unwrap().push(seen);
            return Ok(echo(request.into_body(), shared));
        }
        _ => {}
    }
    let body = collect(request.into_body(), &shared).await.ok_or_else(broken)?;
    let trailers = body.trailers().cloned();
    seen["trailers"] = json!(trailers.as_ref().map(fields));
    seen["length"] = json!(body.to_bytes().len());
    shared.seen.lock().unwrap().push(seen.clone());
    match what {
        "slow" => {
            shared.go_on.notified().await;
            Ok(whole(200, "at last"))
        }
        "status" => Ok(whole(u16::try_from(number("code")).unwrap(), "as you like it")),
        "big" => Ok(big(number("bytes"), shared)),
        // Half of what it announces, and then the end.
        "breaks" => {
            let (mut sender, body) = Channel::new(1);
            tokio::spawn(async move {
                let _ = sender.send_data(Bytes::from_static(b"half of it")).await;
                shared.go_on.notified().await;
                sender.abort(broken());
            });
            Ok(Response::builder().header("content-length", "20").body(body.boxed()).unwrap())
        }
        "events" => {
            let (mut sender, body) = Channel::new(1);
            tokio::spawn(async move {
                let mut number = 0;
                while say(&mut sender, &format!("data: {number}\n\n")).await {
                    number += 1;
                    shared.go_on.notified().await;
                }
            });
            Ok(Response::builder().header("content-type", "text/event-stream").body(body.boxed()).unwrap())
        }
        "trailers" => {
            let (mut sender, body) = Channel::new(1);
            tokio::spawn(async move {
                say(&mut sender, "with a sum").await;
                let sum = HeaderMap::from_iter([("x-sum".parse().unwrap(), HeaderValue::from_static("42"))]);
                let _ = sender.send(Frame::trailers(sum)).await;
            });
            Ok(Response::builder().header("trailer", "x-sum").body(body.boxed()).unwrap())
        }
        "hops" => Ok(Response::builder()
            .header("connection", "x-hop, keep-alive")
            .header("x-hop", "1")
            .header("keep-alive", "timeout=5")
            .header("proxy-authenticate", "Basic")
            .header("x-kept", "1")
            .header("set-cookie", "a=b")
            .header("set-cookie", "c=d")
            .body(Full::from("hops").map_err(|never: Infallible| match never {}).boxed())
            .unwrap()),
        _ => Ok(whole(200, &seen.to_string())),
    }
}

/// The whole body, if it has come to its end.
async fn collect(body: Incoming, shared: &Shared) -> Option<Collected<Bytes>> {
    let whole = body.collect().await.ok();
    shared.broken_off.fetch_add(usize::from(whole.is_none()), Ordering::Relaxed);
    whole
}

/// Says again whatever comes.
fn web_socket(request: &mut Request<Incoming>) -> Response<Body> {
    let Some(key) = request.headers().get("sec-websocket-key").cloned() else {
        return whole(400, "no WebSocket");
    };
    let upgrade = hyper::upgrade::on(request);
    tokio::spawn(async move {
        let Ok(io) = upgrade.await else { return };
        let mut socket = WebSocketStream::from_raw_socket(TokioIo::new(io), Role::Server, None).await;
        while let Some(Ok(message)) = socket.next().await {
            if (message.is_text() || message.is_binary()) && socket.send(message).await.is_err() {
                return;
            }
        }
    });
    Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-accept", derive_accept_key(key.as_bytes()))
        .body(empty())
        .unwrap()
}

async fn say(sender: &mut Sender<Bytes, std::io::Error>, text: &str) -> bool {
    sender.send_data(Bytes::from(text.to_owned())).await.is_ok()
}

/// A piece back for each that has come.
fn echo(mut body: Incoming, shared: Arc<Shared>) -> Response<Body> {
    let (mut sender, answer) = Channel::new(1);
    tokio::spawn(async move {
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else {
                shared.broken_off.fetch_add(1, Ordering::Relaxed);
                return;
            };
            if let Ok(data) = frame.into_data()
                && sender.send_data(data).await.is_err()
            {
                return;
            }
        }
    });
    Response::new(answer.boxed())
}

fn big(bytes: usize, shared: Arc<Shared>) -> Response<Body> {
    const PIECE: usize = 64 * 1024;
    let (mut sender, body) = Channel::new(1);
    tokio::spawn(async move {
        let piece = Bytes::from(vec![b'x'; PIECE]);
        let mut left = bytes;
        while left > 0 {
            let length = left.min(PIECE);
            if sender.send_data(piece.slice(..length)).await.is_err() {
                shared.given_up.fetch_add(1, Ordering::Relaxed);
                return;
            }
            left -= length;
        }
    });
    Response::builder().header("content-length", bytes).body(body.boxed()).unwrap()
}

fn whole(status: u16, text: &str) -> Response<Body> {
    let body = Full::from(text.to_owned()).map_err(|never: Infallible| match never {}).boxed();
    Response::builder().status(status).header("x-upstream", "yes").body(body).unwrap()
}

fn empty() -> Body {
    Full::default().map_err(|never: Infallible| match never {}).boxed()
}

fn query(request: &Request<Incoming>) -> HashMap<String, String> {
    let pairs = request.uri().query().unwrap_or_default().split('&');
    let pairs = pairs.filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn describe(request: &Request<Incoming>) -> Value {
    json!({
        "method": request.method().as_str(),
        "target": request.uri().to_string(),
        "headers": fields(request.headers()),
    })
}

/// Each header with its values, in one text.
fn fields(headers: &HeaderMap) -> Value {
    let mut all = serde_json::Map::new();
    for name in headers.keys() {
        let values: Vec<_> = headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect();
        all.insert(name.as_str().to_owned(), values.join("|").into());
    }
    all.into()
}
