//! Published keys are kept fresh, and no server that answers badly, slowly or not at all does harm.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use appmixer_token::{
    Algorithm, Claims, FetchError, JwksError, KeySet, RemoteError, RemoteKeys, RemoteOptions, SigningKey,
    TokenError,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

const NOW: u64 = 1_552_500_000;

fn claims() -> Claims {
    Claims { id: "joe".into(), scope: vec!["user".into()], iat: NOW, exp: NOW + 100, generation: None }
}

fn keys(algorithm: Algorithm) -> KeySet {
    KeySet::of([SigningKey::generate(algorithm).unwrap()], [])
}

/// Answers every connection with the same bytes, which can be exchanged.
struct Publisher {
    url: String,
    answer: Arc<Mutex<Option<Vec<u8>>>>,
    asked: Arc<AtomicUsize>,
}

impl Publisher {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/.well-known/jwks.json", listener.local_addr().unwrap());
        let (answer, asked) = (Arc::new(Mutex::new(None::<Vec<u8>>)), Arc::new(AtomicUsize::new(0)));
        let (bytes, count) = (Arc::clone(&answer), Arc::clone(&asked));
        tokio::spawn(async move {
            loop {
                let (mut connection, _) = listener.accept().await.unwrap();
                count.fetch_add(1, Ordering::SeqCst);
                let bytes = bytes.lock().unwrap().clone();
                tokio::spawn(async move {
                    let mut request = [0; 4096];
                    let _ = connection.read(&mut request).await;
                    match bytes {
                        Some(bytes) => drop(connection.write_all(&bytes).await),
                        // Never an answer.
                        None => std::future::pending().await,
                    }
                });
            }
        });
        Self { url, answer, asked }
    }

    fn publish(&self, keys: &KeySet, cache_control: &str) {
        let body = keys.jwks(NOW).to_json();
        self.answer(&format!(
            "HTTP/1.1 200 OK\r\nCache-Control: {cache_control}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ));
    }

    fn answer(&self, text: &str) {
        *self.answer.lock().unwrap() = Some(text.as_bytes().to_vec());
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    fn keys(&self, pause: Duration) -> RemoteKeys {
        let timeout = Duration::from_secs(2);
        let options = RemoteOptions { allow_http: true, pause, timeout, ..RemoteOptions::default() };
        RemoteKeys::new(&self.url, options).unwrap()
    }
}

const LONG: Duration = Duration::from_hours(1);

#[tokio::test]
async fn keys_are_fetched_once_by_many_and_kept() {
    let publisher = Publisher::start().await;
    let signer = keys(Algorithm::EdDsa);
    publisher.publish(&signer, "max-age=300");
    let remote = publisher.keys(LONG);
    let token = signer.issue(&claims()).unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let (remote, token) = (remote.clone(), token.clone());
        tasks.spawn(async move { remote.verify(&token, NOW).await });
    }
    assert!(tasks.join_all().await.into_iter().all(|outcome| outcome == Ok(claims())));
    assert_eq!(publisher.asked(), 1);
}

#[tokio::test]
async fn a_token_by_a_new_key_has_the_keys_fetched_again() {
    let publisher = Publisher::start().await;
    let (old, new) = (keys(Algorithm::EdDsa), keys(Algorithm::Es256));
    publisher.publish(&old, "max-age=300");
    let remote = publisher.keys(Duration::ZERO);
    assert_eq!(remote.verify(&old.issue(&claims()).unwrap(), NOW).await, Ok(claims()));
    publisher.publish(&new, "max-age=300");
    assert_eq!(remote.verify(&new.issue(&claims()).unwrap(), NOW).await, Ok(claims()));
    assert_eq!(publisher.asked(), 2);
}

#[tokio::test]
async fn tokens_that_name_no_key_cannot_have_the_keys_fetched_all_the_time() {
    let publisher = Publisher::start().await;
    let (signer, stranger) = (keys(Algorithm::EdDsa), keys(Algorithm::EdDsa));
    publisher.publish(&signer, "max-age=300");
    let remote = publisher.keys(LONG);
    for _ in 0..20 {
        let outcome = remote.verify(&stranger.issue(&claims()).unwrap(), NOW).await;
        assert_eq!(outcome, Err(RemoteError::Token(TokenError::BadSignature)));
    }
    assert_eq!(publisher.asked(), 1);
    // Not even where there is no pause: a known key, another algorithm, or no token at all.
    let eager = publisher.keys(Duration::ZERO);
    let good = signer.issue(&claims()).unwrap();
    assert!(eager.verify(&good, NOW).await.is_ok());
    let asked = publisher.asked();
    for token in [&good[..good.len() - 8], "a.b.c", ""] {
        assert!(eager.verify(token, NOW).await.is_err());
    }
    assert_eq!(publisher.asked(), asked);
}

#[tokio::test]
async fn the_last_good_keys_are_used_while_the_server_fails_but_not_for_ever() {
    let publisher = Publisher::start().await;
    let signer = keys(Algorithm::EdDsa);
    let token = signer.issue(&claims()).unwrap();
    publisher.publish(&signer, "no-cache");
    let remote = publisher.keys(Duration::ZERO);
    assert!(remote.verify(&token, NOW).await.is_ok());
    for broken in [
        "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnull",
        "HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\n{\"keys\":[",
        "junk",
    ] {
        publisher.answer(broken);
        let asked = publisher.asked();
        assert_eq!(remote.verify(&token, NOW).await, Ok(claims()), "{broken}");
        assert_eq!(publisher.asked(), asked + 1);
    }
    let options = RemoteOptions {
        allow_http: true,
        pause: Duration::ZERO,
        max_stale: Duration::ZERO,
        ..RemoteOptions::default()
    };
    publisher.publish(&signer, "no-cache");
    let strict = RemoteKeys::new(&publisher.url, options).unwrap();
    assert!(strict.verify(&token, NOW).await.is_ok());
    publisher.answer("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(strict.verify(&token, NOW).await, Err(RemoteError::NoKeys(FetchError::Status(500))));
}

#[tokio::test]
async fn without_any_keys_nothing_is_good_and_the_reason_is_told() {
    let token = keys(Algorithm::EdDsa).issue(&claims()).unwrap();
    let huge = format!("HTTP/1.1 200 OK\r\nContent-Length: 70000\r\n\r\n{}", " ".repeat(70000));
    let private = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"AA","d":"AA"}]}"#;
    let private = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{private}", private.len());
    for (answer, error) in [
        (huge, FetchError::Jwks(JwksError::TooLarge)),
        (private, FetchError::Jwks(JwksError::Private)),
        ("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_owned(), FetchError::Status(404)),
    ] {
        let publisher = Publisher::start().await;
        publisher.answer(&answer);
        let remote = publisher.keys(LONG);
        for _ in 0..3 {
            assert_eq!(remote.verify(&token, NOW).await, Err(RemoteError::NoKeys(error.clone())));
        }
        assert_eq!(publisher.asked(), 1, "a failure is no reason to ask all the time");
    }
    // One that never answers costs the time that was given, once.
    let silent = Publisher::start().await;
    let outcome = silent.keys(LONG).verify(&token, NOW).await;
    assert!(matches!(outcome, Err(RemoteError::NoKeys(FetchError::NoAnswer(_)))), "{outcome:?}");
}
