//! The guard before real services, asked over real sockets: one of axum's, and one of hyper's own.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::convert::Infallible;

use appmixer_token::{CheckToken, Claims, Guard, KeySet, Refused, Secret};
use axum::routing::{get, post};
use axum::{Extension, Router};
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const NOW: u64 = 1_552_500_000;

fn keys() -> KeySet {
    KeySet::new(Secret::new(b"a secret of at least 32 bytes, as it is random").unwrap(), [])
}

fn guard() -> Guard<KeySet> {
    Guard::new(keys()).with_clock(|| NOW)
}

fn token(scopes: &[&str], lifetime: u64) -> String {
    let scope = scopes.iter().map(|scope| (*scope).to_owned()).collect();
    let claims =
        Claims { id: "joe".into(), scope, iat: NOW - 100, exp: NOW - 100 + lifetime, generation: None };
    keys().issue(&claims).unwrap()
}

/// Serves it until the test's runtime ends.
async fn axum(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// A service of hyper's own that says whose request it got.
async fn hyper(guard: Guard<KeySet>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let service = guard.around(service_fn(|request: Request<Incoming>| async move {
        let claims = request.extensions().get::<Claims>().unwrap();
        Ok::<_, Infallible>(Response::new(claims.id.clone()))
    }));
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            let http = hyper::server::conn::http1::Builder::new();
            tokio::spawn(http.serve_connection(TokioIo::new(connection), service.clone()));
        }
    });
    address
}

/// The head in small letters, and the body.
async fn ask(address: &str, line: &str, headers: &str, body: &str) -> (String, String) {
    let mut connection = TcpStream::connect(address).await.unwrap();
    let length = body.len();
    let request = format!(
        "{line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
    );
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_lowercase(), body.to_owned())
}

fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}\r\n")
}

async fn hello(Extension(claims): Extension<Claims>) -> String {
    claims.id
}

/// What every service behind the guard does, for those who have the scope `user` as well.
async fn guards(address: &str) {
    let good = bearer(&token(&["user", "tester"], 1000));
    let (head, body) = ask(address, "GET /hello", &good, "").await;
    assert!(head.starts_with("http/1.1 200") && body == "joe", "{head}\n{body}");

    let cases = [
        (String::new(), 401, "Missing authentication", ""),
        (bearer("a b"), 401, "The Authorization header must be: Bearer TOKEN", "invalid_token"),
        (format!("{good}{good}"), 401, "More than one Authorization header", "invalid_token"),
        (bearer("a.b.c"), 401, "Invalid JWT: malformed", "invalid_token"),
        (bearer(&token(&["user"], 100)), 401, "Invalid JWT: expired", "invalid_token"),
        (bearer(&token(&["admin"], 1000)), 403, "Insufficient scope", "insufficient_scope"),
    ];
    for (header, status, message, error) in cases {
        let (head, body) = ask(address, "GET /hello", &header, "").await;
        assert!(head.starts_with(&format!("http/1.1 {status} ")), "{head}");
        let reason = if status == 401 { "Unauthorized" } else { "Forbidden" };
        assert_eq!(body, format!(r#"{{"statusCode":{status},"error":"{reason}","message":"{message}"}}"#));
        let error = if error.is_empty() { String::new() } else { format!(", error=\"{error}\"") };
        assert!(
            head.contains(&format!("\r\nwww-authenticate: bearer realm=\"appmixer\"{error}\r\n")),
            "{head}"
        );
        assert!(head.contains("\r\ncontent-type: application/json; charset=utf-8\r\n"), "{head}");
        assert!(head.contains("\r\ncache-control: no-store\r\n"), "{head}");
    }
}

#[tokio::test]
async fn a_router_of_axum_gets_requests_with_a_good_token_alone() {
    let router = Router::new().route("/hello", get(hello)).layer(guard().require("user"));
    guards(&axum(router).await).await;
}

#[tokio::test]
async fn a_service_of_hyper_gets_requests_with_a_good_token_alone() {
    guards(&hyper(guard().require("user")).await).await;
}

#[tokio::test]
async fn a_layer_guards_the_routes_that_were_there_before_it_and_passes_bodies_on() {
    let echo = |body: String| async move { body };
    let router =
        Router::new().route("/echo", post(echo)).layer(guard()).route("/open", get(|| async { "open" }));
    let address = axum(router).await;
    assert_eq!(ask(&address, "GET /open", "", "").await.1, "open");
    let body = "x".repeat(200_000);
    assert_eq!(ask(&address, "POST /echo", &bearer(&token(&[], 1000)), &body).await.1, body);
    assert!(ask(&address, "POST /echo", "", "x").await.0.starts_with("http/1.1 401 "));
}

#[tokio::test]
async fn every_scope_that_is_required_must_be_there() {
    let guard = guard().require("user").require("admin");
    let router = Router::new().route("/hello", get(hello)).layer(guard);
    let address = axum(router).await;
    for (scopes, status) in [(&["user"][..], 403), (&["admin"], 403), (&["admin", "x", "user"], 200)] {
        let (head, _) = ask(&address, "GET /hello", &bearer(&token(scopes, 1000)), "").await;
        assert!(head.starts_with(&format!("http/1.1 {status} ")), "{scopes:?}: {head}");
    }
}

/// Keys that are not there yet.
#[derive(Clone)]
struct NoKeys;

impl CheckToken for NoKeys {
    async fn check_token(&self, _: &str, _: u64) -> Result<Claims, Refused> {
        tokio::task::yield_now().await;
        Err(Refused::Unavailable)
    }
}

#[tokio::test]
async fn without_keys_a_client_is_told_to_come_back_and_not_that_its_token_is_bad() {
    let router = Router::new().route("/hello", get(hello)).layer(Guard::new(NoKeys));
    let (head, body) = ask(&axum(router).await, "GET /hello", &bearer("a.b.c"), "").await;
    assert!(head.starts_with("http/1.1 503 ") && head.contains("\r\nretry-after: 1\r\n"), "{head}");
    assert!(!head.contains("www-authenticate") && body.contains("try again later"), "{head}\n{body}");
}
