//! Keeps the users and the system configuration of an Appmixer-compatible authentication server.
//!
//! [`SqliteStore`] implements [`Store`](appmixer_core::Store) on one SQLite file. A write is acknowledged
//! when it is on disk; writes that come together share one `fsync`; readers never wait for the writer.
//!
//! ```
//! use std::sync::Arc;
//!
//! use appmixer_core::{LoginName, Users};
//! use appmixer_store::{Role, SqliteStore};
//!
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("users.sqlite");
//! // Instead of `()`, something that hears of every change, before the one who made it gets the answer.
//! let store = SqliteStore::open(&path, Role::Server, Arc::new(()))?;
//! let nobody = store.find_by_login(&LoginName::parse("joe@acme")?).await?;
//! assert!(nobody.is_none());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! With the feature `postgres` there is also `PostgresStore`, on PostgreSQL or an engine that speaks its protocol,
//! which any number of nodes share. Without either feature (`sqlite` is on by default) there is nothing in here.

#[cfg(all(feature = "sqlite", feature = "postgres"))]
mod copy;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod kept;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod log_throttle;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod metrics;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;

#[cfg(all(feature = "sqlite", feature = "postgres"))]
pub use copy::{Copy, CopyError, CopySource, CopyTarget, Part, Sum, Verified};
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub use metrics::describe_metrics;
#[cfg(feature = "postgres")]
pub use postgres::{PostgresError, PostgresOptions, PostgresStore};
#[cfg(feature = "sqlite")]
pub use sqlite::{
    BackupError, Contents, Copied, Folder, OpenError, Role, SecretFile, SqliteStore, Swap, back_up, examine,
    explain, is_served, leave_out, left_out, put_secrets, take_secrets, waiting_messages,
};
