//! The store on PostgreSQL, or on an engine that speaks its protocol: any number of nodes share it.
//!
//! A node keeps nothing here that another one needs. Each write is one transaction, which says in its last statement
//! what it has changed ([`changes`]); the other nodes hear of it within a second, also where notifications are lost.

mod access_rules;
mod audit;
mod beside;
mod changes;
mod confirmation_codes;
#[cfg(feature = "sqlite")]
pub(crate) mod copy;
mod counting;
mod daily;
mod db;
mod error;
mod import;
mod index;
mod lists;
mod news;
mod notes;
mod open;
mod outage;
mod outbox;
mod reset_codes;
mod rows;
mod schema;
mod search;
mod settings;
mod signing_keys;
mod spellings;
mod sql;
mod tls;
mod url;
mod users;

use std::sync::Arc;
use std::time::Duration;

use appmixer_core::{ChangeListener, Neighbours, Store, StoreError};
use async_trait::async_trait;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use self::changes::Changes;
use self::db::Database;
use self::news::Heard;
use self::notes::Notes;
pub use self::open::{PostgresError, PostgresOptions};
use self::sql::statements;

/// Searches that run at a time, so that they leave connections to those who sign in.
const SEARCHES: usize = 4;

/// How often this node puts its notes into the audit log.
const NOTES_INTERVAL: Duration = Duration::from_millis(100);

statements! {
    PING = "SELECT 1 FROM turns WHERE name = 'admins'", [];
}

/// Users and configuration in PostgreSQL.
pub struct PostgresStore {
    db: Database,
    searches: Semaphore,
    notes: Arc<Notes>,
    heard: Heard,
    tasks: Vec<JoinHandle<()>>,
}

impl PostgresStore {
    /// Connects, brings the schema up to date, and begins to listen to what other nodes change; within a tokio
    /// runtime, which must have a timer.
    ///
    /// `listener` hears of every change: of those made here before whoever made them gets the answer, of those of
    /// other nodes mostly at once and within a second at the latest. While that cannot be promised, since the database
    /// does not answer for longer than [`PostgresOptions::stale_after`], it hears of
    /// [`Change::Everything`](appmixer_core::Change::Everything) again and again: nothing is to be remembered then.
    ///
    /// # Errors
    /// [`PostgresError`] says what to do.
    pub async fn open(
        options: &PostgresOptions,
        listener: Arc<dyn ChangeListener>,
    ) -> Result<Self, PostgresError> {
        let connector = open::Connector::new(options)?;
        schema::prepare(&connector).await?;
        let (changes, watcher) = Changes::begin(connector.clone(), options, listener).await?;
        let db = Database::new(connector.clone(), options, changes)?;
        let notes = Arc::new(Notes::default());
        let tasks = vec![
            tokio::spawn(watcher),
            tokio::spawn(notes::keep(Arc::clone(&notes), db.clone())),
            tokio::spawn(counting::keep(db.clone(), connector)),
        ];
        Ok(Self { db, searches: Semaphore::new(SEARCHES), notes, heard: Heard::nothing(), tasks })
    }
}

impl PostgresStore {
    /// Brings the schema up to date, and does nothing else: the version that it had, and that it has now.
    ///
    /// # Errors
    /// [`PostgresError`] says what to do.
    pub async fn migrate(options: &PostgresOptions) -> Result<(i64, i64), PostgresError> {
        let connector = open::Connector::new(options)?;
        let before = schema::version_before(&connector).await?;
        schema::migrate(&connector).await?;
        Ok((before, schema::newest_known()))
    }
}

impl PostgresStore {
    /// The newest version of the schema that this program knows.
    #[must_use]
    pub fn newest_schema() -> i64 {
        schema::newest_known()
    }

    /// Asks which version of the schema the database has; 0 is none. Changes nothing.
    ///
    /// # Errors
    /// [`PostgresError`] says what to do.
    pub async fn schema_version(options: &PostgresOptions) -> Result<i64, PostgresError> {
        // A proxy that pools transactions takes no options.
        let options = PostgresOptions { prepare: false, ..options.clone() };
        schema::version_before(&open::Connector::new(&options)?).await
    }
}

impl Drop for PostgresStore {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

#[async_trait]
impl Store for PostgresStore {
    async fn ping(&self) -> Result<(), StoreError> {
        self.db.read(|db| Box::pin(async move { Ok(db.optional(&PING, &[]).await?.map(drop)) })).await?;
        Ok(())
    }

    async fn close(&self) {
        self.notes.write(&self.db).await;
    }

    fn neighbours(&self) -> Option<&dyn Neighbours> {
        Some(self)
    }
}
