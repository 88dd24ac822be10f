//! The store on one SQLite file.

mod access_rules;
mod audit;
mod beside;
mod blocks;
mod error;
mod folder;
mod import;
mod index;
mod notes;
mod open;
mod outbox;
mod readers;
mod reset_codes;
mod rows;
mod schema;
mod search;
mod settings;
mod signing_keys;
mod sql;
mod terms;
mod users;
mod writer;

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use appmixer_core::{ChangeListener, Store, StoreError};
use async_trait::async_trait;
use tokio::sync::watch;

pub use self::folder::is_served;
pub use self::open::{OpenError, Role};
use self::readers::{READERS, Readers, SEARCHER};
use self::writer::Writer;

/// Users and configuration in one SQLite file.
///
/// Dropping it finishes the writes that wait, puts the write-ahead log into the file, and closes it; that
/// blocks for as long as the disk takes.
pub struct SqliteStore {
    // Dropped in this order: the writer is the one that closes the database cleanly.
    readers: Readers,
    /// For lists and searches, which may take long: they must not keep a sign-in waiting.
    searcher: Readers,
    writer: Writer,
    /// Counts the groups of writes, for whoever waits for messages.
    writes: watch::Sender<u64>,
    /// Held as long as the store is open: one server a file.
    _lock: Option<File>,
}

impl SqliteStore {
    /// Opens the file, or makes it (mode 0600, its folder 0700), and brings its schema up to date. Blocks.
    ///
    /// `listener` hears of every change, also of those that other processes make (those within a tenth of
    /// a second, as [`Change::Everything`](appmixer_core::Change)).
    ///
    /// # Errors
    /// [`OpenError`] names the path and what to do.
    pub fn open(path: &Path, role: Role, listener: Arc<dyn ChangeListener>) -> Result<Self, OpenError> {
        let lock = folder::prepare(path, role)?;
        let mut connection = open::connect(path, open::Mode::Write)?;
        schema::migrate(&mut connection, path)?;
        if role == Role::Bulk {
            open::in_bulk(&connection, path)?;
        }
        let readers = Readers::start(path, READERS)?;
        let searcher = Readers::start(path, SEARCHER)?;
        if role == Role::Server {
            outbox::release(&connection).map_err(|error| OpenError::of(path, &error))?;
        }
        // Whoever looks for the first time has something to look for.
        let count = watch::Sender::new(1);
        let writer = Writer::start(connection, listener, count.clone());
        let writer = writer.map_err(|error| OpenError::Threads { error })?;
        Ok(Self { readers, searcher, writer, writes: count, _lock: lock })
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn ping(&self) -> Result<(), StoreError> {
        self.readers.run(|db| db.prepare_cached(sql::PING)?.exists([]).map(drop)).await
    }
}
