//! Users on their way from one server to another.
//!
//! [`Records`] cuts a file into records: JSON lines, a JSON array, or JSON objects one after the other. It
//! holds one record at a time, and goes on behind a broken one. [`read_user`] makes a [`User`] of a record, in
//! our own form or in that of a MongoDB export of Appmixer's `users` collection, and says what is wrong with
//! it. [`write_user`] writes a line of our own form, which reads back as the same user.
//!
//! ```
//! use appmixer_transfer::{ReadOptions, Records, read_user, write_user};
//!
//! let export = br#"
//! {"_id":{"$oid":"5c88c7cc04a917256c726c3d"},"username":"joe@acme","scope":["user"],
//!  "password":"$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"}
//! "#;
//! # let export = String::from_utf8_lossy(export).replace(",\n ", ",").into_bytes();
//! for record in Records::new(&export[..]) {
//!     let record = record?;
//!     let read = read_user(&record.text?, &ReadOptions::default()).map_err(|refusal| refusal.reason)?;
//!     assert_eq!(read.user.names.email.as_str(), "joe@acme");
//!     let mut line = Vec::new();
//!     write_user(&mut line, &read.user)?;
//!     assert!(line.starts_with(br#"{"id":"5c88c7cc04a917256c726c3d","username":"joe@acme""#));
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod extended;
mod read;
mod records;
mod write;

use appmixer_core::UserId;
use thiserror::Error;

pub use read::{Format, Read, ReadOptions, read_user};
pub use records::{MAX_RECORD_BYTES, Record, Records};
pub use write::write_user;

#[cfg(doc)]
use appmixer_core::User;

/// Why a record was not taken. None of them repeats a value of the record.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Reason {
    /// More than [`MAX_RECORD_BYTES`].
    #[error("is longer than {MAX_RECORD_BYTES} bytes")]
    TooLong,
    /// The end of the file came before the end of the record.
    #[error("ends in the middle: the file may have been cut off")]
    CutOff,
    /// No JSON; with what is wrong and where.
    #[error("is no JSON: {0}")]
    NotJson(String),
    /// JSON, but no object.
    #[error("is no JSON object")]
    NoObject,
    /// A member is missing, or is not what it must be.
    #[error("{member} {why}")]
    Member {
        /// Its name.
        member: &'static str,
        /// What it must be.
        why: String,
    },
    /// There is no hash of a password.
    #[error("has no password hash")]
    NoPassword,
    /// There is one that cannot be verified.
    #[error("has a password hash of a kind or cost that cannot be verified")]
    UnusableHash,
}

/// A record that was not taken, with what could be made out of it.
#[derive(Debug)]
pub struct Refusal {
    /// Whose it is.
    pub id: Option<UserId>,
    /// The username, as it stands there: personal, and not for logs.
    pub username: Option<String>,
    /// Why it was not taken.
    pub reason: Reason,
}
