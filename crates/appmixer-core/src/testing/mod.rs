//! Parts for tests that need neither files nor a network: a store in memory, a clock that stands still, a hasher that
//! costs nothing, and codes that can be foretold.
//!
//! Behind the feature `testing`. Nothing in here may be used in production: passwords are kept as they are.
//!
//! ```
//! use appmixer_core::testing::TestContext;
//! use appmixer_core::Users as _;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let test = TestContext::new();
//! let joe = test.user("joe@acme.com", "abc321", &["user"]).await;
//! assert_eq!(test.context().store.find_by_id(joe.id).await?, Some(joe));
//! # Ok(())
//! # }
//! ```

#![allow(clippy::expect_used, reason = "a test that cannot go on should stop")]

mod clock;
mod codes;
mod context;
mod hasher;
mod store;

pub use clock::FixedClock;
pub use codes::NumberedCodes;
pub use context::{RecordedChanges, TestContext};
pub use hasher::PlainHasher;
pub use store::MemoryStore;
