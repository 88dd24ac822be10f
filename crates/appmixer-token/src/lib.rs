//! Issues and verifies Appmixer access tokens: JWTs signed with HMAC-SHA256, Ed25519 or ECDSA with P-256.
//!
//! ```
//! use appmixer_token::{Claims, KeySet, Secret, TokenError};
//!
//! let keys = KeySet::new(Secret::new(b"a secret of at least 32 bytes, as it is random")?, []);
//! let claims = Claims {
//!     id: "5c88c7cc04a917256c726c3d".into(),
//!     scope: vec!["user".into()],
//!     iat: 1_552_492_609,
//!     exp: 1_555_084_609,
//!     generation: None,
//! };
//! let token = keys.issue(&claims)?;
//!
//! // The clock is the caller's.
//! assert_eq!(keys.verify(&token, 1_552_500_000)?, claims);
//! assert_eq!(keys.verify(&token, 1_555_084_609), Err(TokenError::Expired));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A server that signs with a pair of keys publishes the public ones, and whoever verifies needs no secret:
//!
//! ```
//! use appmixer_token::{Algorithm, Claims, Jwks, KeySet, SigningKey};
//!
//! let keys = KeySet::of([SigningKey::generate(Algorithm::EdDsa)?], []);
//! # let claims = Claims { id: "joe".into(), scope: vec![], iat: 1, exp: 9, generation: None };
//! let token = keys.issue(&claims)?;
//!
//! // What `GET /.well-known/jwks.json` answers.
//! let published = keys.jwks(5).to_json();
//! let verifier = Jwks::parse(published.as_bytes())?.verifier();
//! assert_eq!(verifier.verify(&token, 5)?, claims);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! With the feature `fetch`, which brings hyper and rustls along, `RemoteKeys` fetches that set, keeps it fresh while the
//! server rotates its keys, and verifies by it: see `examples/verify_remote.rs`.
//!
//! With the feature `tower` or `hyper`, `Guard` keeps a service from requests without a good token: three lines with
//! axum, see `examples/axum.rs`. With `guard` alone it checks the headers of a request, whatever serves it, and with
//! `authorization` there is what reads the one header. None of them is on by itself.
//!
//! # What is checked
//!
//! Length, form, algorithm (each key has its own, and the token's header must say the same), signature (a
//! secret's in constant time), the presence and form of every claim, `exp` and `iat`. The best current practices
//! of RFC 8725 that apply are each a test in `tests/rfc8725.rs` or `tests/algorithms.rs`.
//!
//! # What is not
//!
//! Whether the user still exists, and whether the token was revoked (`gen`): that needs the server's
//! database. A service that only verifies accepts a revoked token until it expires.
//!
//! The cryptography is ring's, behind `jsonwebtoken`. The first [`KeySet`] of a process makes it
//! `jsonwebtoken`'s provider, unless the program has installed another one before.

mod algorithm;
#[cfg(feature = "authorization")]
mod authorization;
mod claims;
mod compact;
mod error;
#[cfg(feature = "guard")]
mod guard;
mod inspect;
mod jwks;
mod key;
mod keys;
mod mark;
mod provider;
mod public;
#[cfg(feature = "fetch")]
mod remote;
mod seal;
mod secret;

pub use algorithm::Algorithm;
#[cfg(feature = "authorization")]
pub use authorization::{BearerToken, Challenge, InvalidAuthorization, bearer};
pub use claims::Claims;
pub use compact::MAX_TOKEN_BYTES;
pub use error::TokenError;
#[cfg(any(feature = "hyper", feature = "tower"))]
pub use guard::Guarded;
#[cfg(feature = "guard")]
pub use guard::{CheckToken, Guard, Refused};
pub use inspect::{Inspected, inspect};
pub use jwks::{Jwks, JwksError, MAX_JWKS_BYTES, MAX_JWKS_KEYS};
pub use key::{KeyError, SigningKey, VerifyingKey};
pub use keys::{CLOCK_SKEW_SECONDS, KeySet, Verifier};
pub use mark::Marker;
pub use public::PublicKey;
#[cfg(feature = "fetch")]
pub use remote::{FetchError, RemoteError, RemoteKeys, RemoteOptions};
pub use seal::{OpenError, Opened, Sealer};
pub use secret::{MIN_SECRET_BYTES, Secret, ShortSecret};
