//! Hashes and verifies passwords with Argon2id (RFC 9106), without starving whatever else the program does.
//!
//! A hash is expensive on purpose: some 20 ms of one core and 19 MiB. [`Argon2Pool`] runs a fixed number of
//! them at once, on threads of lower priority than those that serve requests. The queue in front of them is
//! fair and bounded: it takes turns between networks and, within a network, between accounts
//! ([`QueueKey`](appmixer_core::QueueKey)). When it is full, a job is refused at once
//! ([`HashError::Busy`](appmixer_core::HashError)): the newest of the network that has the most waiting.
//! The memory is taken at the first hash, used again for the next, and given back after some idle seconds.
//!
//! bcrypt, scrypt and PBKDF2 are verified too, and always outdated: users who come from elsewhere bring such
//! hashes, and the first good sign-in replaces them. They cost what they cost, which differs from today's
//! Argon2id and its decoy.
//!
//! ```
//! use appmixer_core::{Password, PasswordHasher, QueueKey};
//! use appmixer_password::{Argon2Pool, Params, PoolOptions};
//!
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! // Far too cheap for real passwords: examples should be quick.
//! let options = PoolOptions { params: Params::new(64, 1, 1)?, ..PoolOptions::default() };
//! let pool = Argon2Pool::new(options)?;
//!
//! let key = QueueKey { network: 1, account: 1 };
//! let hash = pool.hash(Password::new("abc321".into())?, key).await?;
//! assert!(hash.as_phc().starts_with("$argon2id$v=19$m=64,t=1,p=1$"));
//!
//! let verdict = pool.verify(Password::new("abc321".into())?, hash, key).await?;
//! assert!(verdict.matches && !verdict.outdated);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod codes;
mod fair;
mod legacy;
mod memory;
mod metrics;
mod params;
mod phc;
mod pool;
mod worker;

pub use codes::RandomCodes;
pub use metrics::describe_metrics;
pub use params::{InvalidParams, MAX_ITERATIONS, MAX_MEMORY_KIB, MAX_PARALLELISM, Params};
pub use phc::{can_verify, locked};
pub use pool::{Argon2Pool, PoolError, PoolOptions, Stats};
