//! Published keys, kept fresh: fetched when there are none, when they get old, and when a token names one that is new.

mod fetch;

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use serde_json::Value;
use thiserror::Error;
use tokio::sync::Mutex;

use self::fetch::Source;
use crate::algorithm::Algorithm;
use crate::claims::Claims;
use crate::error::TokenError;
use crate::inspect::inspect;
use crate::jwks::{Jwks, JwksError};

/// How keys are fetched and kept.
#[derive(Clone, Debug)]
pub struct RemoteOptions {
    /// The longest that one fetch may take.
    pub timeout: Duration,
    /// The least time between two fetches, whatever tokens come: strangers can name keys that do not exist.
    pub pause: Duration,
    /// The longest that a set counts as fresh, whatever the server says with `Cache-Control`.
    pub max_age: Duration,
    /// The longest that the last good set is used while the server cannot be asked. After that nothing is good: a key
    /// may have been retired meanwhile.
    pub max_stale: Duration,
    /// Whether the URL may be `http`. Whoever is on the path can then sign tokens: for loopback, and networks of which
    /// every part is trusted.
    pub allow_http: bool,
    /// Whom to trust with `https`; by default the authorities that the system trusts.
    pub tls: Option<rustls::ClientConfig>,
}

impl Default for RemoteOptions {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(5),
            pause: Duration::from_secs(10),
            max_age: Duration::from_mins(10),
            max_stale: Duration::from_hours(12),
            allow_http: false,
            tls: None,
        }
    }
}

/// Why there are no keys. The text is for a log; nothing of an answer is in it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FetchError {
    /// No `https` URL (or `http`, where that is allowed).
    #[error("{0} is no https URL to fetch keys from")]
    Url(String),
    /// There is no certificate of an authority to trust.
    #[error("the system has no certificates of authorities")]
    NoAuthorities,
    /// No connection, or no answer in time.
    #[error("no answer: {0}")]
    NoAnswer(String),
    /// Another status than 200. Redirects are not followed.
    #[error("the server answered {0}")]
    Status(u16),
    /// What came is not taken.
    #[error(transparent)]
    Jwks(#[from] JwksError),
}

/// Why a token is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RemoteError {
    /// It is not good.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// There are no keys that would tell.
    #[error("there are no keys to verify by: {0}")]
    NoKeys(#[from] FetchError),
}

/// The keys that a server publishes at a URL. Cheap to clone; clones share what was fetched.
#[derive(Clone, Debug)]
pub struct RemoteKeys(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    source: Source,
    options: RemoteOptions,
    state: RwLock<State>,
    /// Held by whoever fetches: one at a time.
    fetching: Mutex<()>,
}

#[derive(Clone, Debug, Default)]
struct State {
    set: Option<Arc<Fetched>>,
    /// When it was last tried, and what came of it if it failed.
    tried: Option<Instant>,
    error: Option<FetchError>,
}

#[derive(Debug)]
struct Fetched {
    keys: Jwks,
    verifier: crate::keys::Verifier,
    at: Instant,
    fresh_for: Duration,
}

impl RemoteKeys {
    /// The keys at this URL, of which nothing is fetched yet. Reads the system's certificates, unless others were given.
    ///
    /// # Errors
    /// [`FetchError::Url`], [`FetchError::NoAuthorities`].
    pub fn new(url: &str, options: RemoteOptions) -> Result<Self, FetchError> {
        let source = Source::new(url, &options)?;
        let (state, fetching) = (RwLock::default(), Mutex::default());
        Ok(Self(Arc::new(Shared { source, options, state, fetching })))
    }

    /// Reads a token that is good at `now`, in seconds since 1970, as [`Verifier::verify`](crate::Verifier::verify)
    /// does. Fetches keys before, if there is reason to. Must run within a tokio runtime with timers.
    ///
    /// # Errors
    /// [`RemoteError`].
    pub async fn verify(&self, token: &str, now: u64) -> Result<Claims, RemoteError> {
        let set = self.0.fresh().await?;
        let outcome = set.verifier.verify(token, now);
        let unknown = matches!(outcome, Err(TokenError::BadSignature | TokenError::Unsupported))
            && names_another_key(token, &set.keys);
        if unknown && let Some(newer) = self.0.newer_than(&set).await {
            return Ok(newer.verifier.verify(token, now)?);
        }
        Ok(outcome?)
    }
}

impl Shared {
    /// The set to verify by.
    async fn fresh(&self) -> Result<Arc<Fetched>, FetchError> {
        match self.state().set {
            Some(set) if set.at.elapsed() < set.fresh_for => Ok(set),
            Some(set) => {
                // Somebody fetches already: what is there does meanwhile.
                if let Ok(_fetching) = self.fetching.try_lock() {
                    self.fetch().await;
                }
                let state = self.state();
                let set = state.set.unwrap_or(set);
                if set.at.elapsed() < self.options.max_stale {
                    return Ok(set);
                }
                Err(state.error.unwrap_or(FetchError::NoAnswer("the keys are too old".to_owned())))
            }
            None => {
                let _fetching = self.fetching.lock().await;
                // Whoever waited may find what another one has fetched.
                if self.state().set.is_none() {
                    self.fetch().await;
                }
                let state = self.state();
                let none = || FetchError::NoAnswer("nothing was fetched yet".to_owned());
                state.set.ok_or_else(|| state.error.unwrap_or_else(none))
            }
        }
    }

    /// Another set than this one, if there is one by now.
    async fn newer_than(&self, set: &Arc<Fetched>) -> Option<Arc<Fetched>> {
        let _fetching = self.fetching.lock().await;
        let is_newer = |state: &State| state.set.as_ref().is_some_and(|newer| newer.at > set.at);
        if !is_newer(&self.state()) {
            self.fetch().await;
        }
        Some(self.state()).filter(is_newer).and_then(|state| state.set)
    }

    /// Fetches, unless that was tried a moment ago. The last good set stays when it fails.
    async fn fetch(&self) {
        if self.state().tried.is_some_and(|tried| tried.elapsed() < self.options.pause) {
            return;
        }
        // Before the answer: whoever gives up waiting, and drops this future, has tried as well.
        self.change(|state| state.tried = Some(Instant::now()));
        let outcome = self.source.fetch(self.options.timeout).await;
        self.change(|state| match outcome {
            Ok((keys, max_age)) => {
                let fresh_for =
                    max_age.clamp(self.options.pause, self.options.max_age.max(self.options.pause));
                let verifier = keys.verifier();
                state.set = Some(Arc::new(Fetched { keys, verifier, at: Instant::now(), fresh_for }));
                state.error = None;
            }
            Err(error) => state.error = Some(error),
        });
    }

    fn state(&self) -> State {
        self.state.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.write().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Whether the token says that a key has signed it which is not in the set.
fn names_another_key(token: &str, keys: &Jwks) -> bool {
    let Ok(inspected) = inspect(token) else { return false };
    let algorithm = inspected.header.get("alg").and_then(Value::as_str).and_then(Algorithm::parse);
    let kid = inspected.header.get("kid").and_then(Value::as_str);
    algorithm.is_some_and(Algorithm::is_asymmetric)
        && kid.is_some_and(|kid| keys.keys().iter().all(|key| key.kid() != Some(kid)))
}
