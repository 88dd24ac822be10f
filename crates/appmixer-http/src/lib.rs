//! Serves the Appmixer user API over HTTP: behind a socket of its own, or inside another hyper program.
//!
//! ```
//! use std::sync::Arc;
//!
//! use appmixer_core::{Context, IdGenerator, Rules, SystemClock};
//! use appmixer_http::{App, Epochs, HttpOptions, TokenOptions};
//! use appmixer_password::{Argon2Pool, Params, PoolOptions, RandomCodes};
//! use appmixer_store::{Role, SqliteStore};
//! use appmixer_token::{Algorithm, Secret};
//! use http::Request;
//! use http_body_util::BodyExt as _;
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("users.sqlite");
//! // The store tells the application of every change: both get the same `epochs`.
//! let epochs = Arc::new(Epochs::new());
//! let store = SqliteStore::open(&path, Role::Server, epochs.clone())?;
//! // Far too cheap for real passwords: examples should be quick.
//! let pool = PoolOptions { params: Params::new(64, 1, 1)?, ..PoolOptions::default() };
//! let ctx = Context {
//!     store: Arc::new(store),
//!     hasher: Arc::new(Argon2Pool::new(pool)?),
//!     codes: Arc::new(RandomCodes),
//!     clock: Arc::new(SystemClock),
//!     ids: IdGenerator::new(*b"8 random"),
//!     rules: Rules::default(),
//! };
//! let tokens = TokenOptions {
//!     current: Secret::new(b"a secret of at least 32 bytes, as it is random")?,
//!     previous: Vec::new(),
//!     allow_short_secret: false,
//!     algorithm: Algorithm::Hs256,
//! };
//! let app = App::new(ctx, epochs, tokens, HttpOptions::default())?;
//!
//! let request = Request::post("/user")
//!     .header("host", "127.0.0.1:2200")
//!     .header("Content-Type", "application/json")
//!     .body(r#"{"username":"joe@acme","password":"abc321"}"#.to_owned())?;
//! let answer = app.handle(request).await;
//! assert_eq!(answer.status(), 200);
//! let body = answer.into_body().collect().await?.to_bytes();
//! assert!(body.starts_with(br#"{"token":"eyJ"#));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! `examples/embed.rs` puts the same behind a socket, beside a route of the program's own. A program that
//! has no routes of its own leaves the socket to [`serve()`].
//!
//! # What it promises
//!
//! - [`App::handle`] always answers. What the client did wrong is a 4xx that says what; what broke inside
//!   is logged with the request's id and told as a 5xx without detail.
//! - Whatever a client can make large has a limit: bodies, tokens, names, the memory for sessions
//!   ([`HttpOptions`]).
//! - Whoever guesses passwords waits the longer, and does not keep owners out ([`LimitOptions`]). Clients of
//!   [`App::handle`], which come from nobody knows where, count as one network.
//! - Once a change has been acknowledged, no later request is answered from before it. This holds because
//!   the store calls [`Epochs`] before it answers whoever asked for the change; so the `epochs` that
//!   [`App::new`] is given must be the listener that the store was opened with. With any other one, a
//!   revoked token goes on working and a changed configuration is not seen.
//!
//! # What it does not do
//!
//! - Certificates: [`Listener::Tls`] takes settings of rustls, whoever made them. HTTP/2 without TLS.
//! - Signals, and writing the log: [`serve()`] ends when the future that it is given does, and events go to
//!   `tracing`, whoever listens.
//! - Limits on connections and on request heads are [`serve()`]'s. A program that calls [`App::handle`]
//!   itself sets them on its own hyper; body limits hold either way.
//! - Paths are taken as they come: who mounts the API under a prefix takes the prefix off first.
//! - Hashing, storing and telling the time come in through [`Context`](appmixer_core::Context).

/// The quotas of [`LimitOptions`].
pub use appmixer_limits as quotas;

/// What is forwarded to others, for [`App::with_gateway`].
pub use appmixer_gateway as gateway;

/// Sets of networks, for [`HttpOptions`].
pub use appmixer_forwarded::{InvalidNetwork, Networks};

mod access_log;
mod activity;
mod answer_body;
mod app;
mod asked;
mod attempts;
mod body;
mod body_room;
mod caller;
mod connection;
mod console;
mod content_coding;
mod cors;
mod epochs;
mod error;
mod etag;
mod fields;
mod head;
mod history;
mod host;
mod http2;
mod identity;
mod json;
mod keys;
mod limits;
mod listener;
mod live_rules;
mod management;
mod metrics;
mod openapi;
mod options;
mod original;
mod pages;
mod pass;
mod per_address;
mod proxied;
mod query;
mod queue_keys;
mod recorded_lifetime;
mod request_id;
mod response;
mod router;
mod routes;
mod rule_input;
mod serve;
mod sessions;
mod settings;
mod shelf;
mod stats_views;
mod tls;
mod tokens;
mod trace_context;
mod traffic;
mod transfer_coding;
mod views;
mod watch;

pub use answer_body::{AnswerBody, CutOff};
pub use app::{App, AppError, Mailing};
pub use console::{
    ConsoleOptions, ConsoleOrigin, InvalidConsoleOrigin, LONGEST_CONSOLE_SESSION, SET_UP_CODE_LIFETIME,
    set_up_code,
};
pub use epochs::Epochs;
pub use head::Peer;
pub use keys::{
    KeySource, KeyState, ListedKey, RotateError, Rotated, Rotation, end_key, make_first_key, rotate_key,
};
pub use limits::LimitOptions;
pub use listener::Listener;
pub use management::serve_management;
pub use metrics::describe_metrics;
pub use options::{
    CorsHeaders, CorsOrigins, HttpOptions, InvalidCorsHeader, InvalidOrigin, TokenOptions, TransportSecurity,
};
pub use recorded_lifetime::RecordedLifetime;
pub use router::own_path_of;
pub use routes::jwks::JWKS_MAX_AGE_SECONDS;
pub use rule_input::{InvalidRules, read_rules};
pub use serve::serve;
pub use tokens::{UnusableKey, claims_of, grant_of, open_key};
