//! Issues and verifies Appmixer access tokens: JWTs signed with HMAC-SHA256.
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
//! # What is checked
//!
//! Length, form, algorithm (HS256, whatever the token's header says), signature (in constant time, by the
//! current secret and then the previous ones), the presence and form of every claim, `exp` and `iat`. The
//! best current practices of RFC 8725 that apply are each a test in `tests/rfc8725.rs`.
//!
//! # What is not
//!
//! Whether the user still exists, and whether the token was revoked (`gen`): that needs the server's
//! database. A service that only verifies accepts a revoked token until it expires.
//!
//! The cryptography is ring's, behind `jsonwebtoken`. The first [`KeySet`] of a process makes it
//! `jsonwebtoken`'s provider, unless the program has installed another one before.

mod claims;
mod compact;
mod error;
mod inspect;
mod keys;
mod provider;
mod secret;

pub use claims::Claims;
pub use compact::MAX_TOKEN_BYTES;
pub use error::TokenError;
pub use inspect::{Inspected, inspect};
pub use keys::{CLOCK_SKEW_SECONDS, KeySet};
pub use secret::{MIN_SECRET_BYTES, Secret, ShortSecret};
