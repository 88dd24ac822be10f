//! The store on one SQLite file.

mod access_rules;
mod audit;
mod backup;
mod beside;
mod blocks;
mod confirmation_codes;
#[cfg(feature = "postgres")]
pub(crate) mod copy;
mod daily;
mod error;
mod files;
mod folder;
mod grams;
mod health;
mod import;
mod index;
mod notes;
mod open;
mod outbox;
mod owner;
mod place;
mod readers;
mod reset_codes;
mod rows;
mod schema;
mod search;
mod settings;
mod signing_keys;
mod spellings;
mod sql;
mod swap;
mod users;
mod writer;

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use appmixer_core::{ChangeListener, Store, StoreError};
use async_trait::async_trait;
use tokio::sync::watch;

pub use self::backup::{
    BackupError, Contents, Copied, SecretFile, back_up, examine, leave_out, left_out, put_secrets,
    take_secrets, waiting_messages,
};
use self::files::Files;
pub use self::folder::is_served;
use self::health::Health;
pub use self::open::{OpenError, Role};
pub use self::owner::{Folder, explain};
use self::readers::{READERS, Readers, SEARCHER};
pub use self::swap::Swap;
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
    health: Arc<Health>,
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
        schema::prepare(&mut connection, path)?;
        if role == Role::Bulk {
            open::in_bulk(&connection, path)?;
        }
        let (generation, health) = (Arc::default(), Arc::new(Health::new()));
        let readers = Readers::start(path, READERS, &generation, &health)?;
        let searcher = Readers::start(path, SEARCHER, &generation, &health)?;
        if role == Role::Server {
            outbox::release(&connection).map_err(|error| OpenError::of(path, &error))?;
        }
        // Whoever looks for the first time has something to look for.
        let count = watch::Sender::new(1);
        let files = Files::new(connection, path, generation);
        let writer = Writer::start(files, Arc::clone(&health), listener, count.clone());
        let writer = writer.map_err(|error| OpenError::Threads { error })?;
        Ok(Self { readers, searcher, writer, health, writes: count, _lock: lock })
    }
}

impl SqliteStore {
    /// The newest version of the schema that this program knows.
    #[must_use]
    pub fn newest_schema() -> i64 {
        schema::newest_known()
    }

    /// Brings the file's schema up to date, and does nothing else: the version that it had (0 where there was no
    /// file), and that it has now. Blocks.
    ///
    /// # Errors
    /// [`OpenError`] names the path and what to do.
    pub fn migrate(path: &Path) -> Result<(i64, i64), OpenError> {
        folder::prepare(path, Role::Beside)?;
        let mut connection = open::connect(path, open::Mode::Write)?;
        let before = schema::version(&connection).map_err(|error| OpenError::of(path, &error))?;
        schema::migrate(&mut connection, path)?;
        Ok((before, schema::newest_known()))
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn ping(&self) -> Result<(), StoreError> {
        self.health.state()?;
        self.readers.run(|db| db.prepare_cached(sql::PING)?.exists([]).map(drop)).await
    }
}
