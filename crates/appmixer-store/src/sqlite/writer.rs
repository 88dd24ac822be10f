//! Writing: one thread, which puts the writes that wait into one transaction.
//!
//! Each write has a savepoint of its own, so one that fails takes nothing with it. One commit, one `fsync`,
//! then the listener hears of the changes, and only then do the callers get their answers.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use appmixer_core::{Change, ChangeListener, StoreError};
use rusqlite::Connection;
use tokio::sync::oneshot;

use super::error::{JobError, store_error};

/// How many writes may wait, and how many share a transaction.
const QUEUE: usize = 1024;
const GROUP: usize = 256;

/// How often an idle writer looks whether another process has written.
const WATCH_INTERVAL: Duration = Duration::from_millis(100);

pub(super) struct Writer {
    jobs: Option<SyncSender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
}

/// What a write leaves behind: its answer, and what has changed.
pub(super) type Outcome<T> = (T, Option<Change>);

impl Writer {
    pub(super) fn start(connection: Connection, listener: Arc<dyn ChangeListener>) -> io::Result<Self> {
        let (sender, receiver) = sync_channel(QUEUE);
        let thread = thread::Builder::new().name("sqlite-write".to_owned());
        let thread = thread.spawn(move || {
            Loop { connection, listener, jobs: receiver }.run();
        })?;
        Ok(Self { jobs: Some(sender), thread: Some(thread) })
    }

    /// Runs a write and waits until it is on disk.
    pub(super) async fn run<T, E, F>(&self, write: F) -> Result<T, E>
    where
        F: FnOnce(&Connection) -> Result<Outcome<T>, JobError<E>> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Typed { write: Some(write), outcome: None, reply });
        let stopped = || StoreError::Unavailable("it has stopped".to_owned());
        let jobs = self.jobs.as_ref().ok_or_else(stopped)?;
        jobs.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => StoreError::Unavailable("too many writes are waiting".to_owned()),
            TrySendError::Disconnected(_) => stopped(),
        })?;
        answer.await.unwrap_or_else(|_| Err(stopped().into()))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A write, whatever its types.
trait Job: Send {
    /// Does it. `false`: it failed, and what it did is to be undone.
    fn work(&mut self, connection: &Connection) -> bool;
    /// Forgets what it did, since it is not on disk.
    fn fail(&mut self, error: &StoreError);
    fn change(&self) -> Option<Change>;
    fn acknowledge(self: Box<Self>);
}

struct Typed<T, E, F> {
    write: Option<F>,
    outcome: Option<Result<Outcome<T>, E>>,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<T, E, F> Job for Typed<T, E, F>
where
    F: FnOnce(&Connection) -> Result<Outcome<T>, JobError<E>> + Send,
    T: Send,
    E: From<StoreError> + Send,
{
    fn work(&mut self, connection: &Connection) -> bool {
        let Some(write) = self.write.take() else {
            return false;
        };
        let outcome = catch_unwind(AssertUnwindSafe(|| write(connection)));
        let outcome = outcome.map(|outcome| outcome.map_err(|JobError(error)| error));
        let outcome =
            outcome.unwrap_or_else(|_| Err(StoreError::Internal("a write panicked".to_owned()).into()));
        let good = outcome.is_ok();
        self.outcome = Some(outcome);
        good
    }

    fn fail(&mut self, error: &StoreError) {
        // What was refused for a reason of its own keeps that reason.
        if !matches!(self.outcome, Some(Err(_))) {
            self.outcome = Some(Err(error.clone().into()));
        }
    }

    fn change(&self) -> Option<Change> {
        match &self.outcome {
            Some(Ok((_, change))) => *change,
            _ => None,
        }
    }

    fn acknowledge(self: Box<Self>) {
        let not_run = || Err(StoreError::Internal("a write was not run".to_owned()).into());
        // The caller may have gone; the write stands.
        let _ = self.reply.send(self.outcome.unwrap_or_else(not_run).map(|(answer, _)| answer));
    }
}

struct Loop {
    connection: Connection,
    listener: Arc<dyn ChangeListener>,
    jobs: Receiver<Box<dyn Job>>,
}

impl Loop {
    fn run(self) {
        let mut seen = self.data_version();
        loop {
            match self.jobs.recv_timeout(WATCH_INTERVAL) {
                Ok(first) => {
                    let rest = self.jobs.try_iter().take(GROUP - 1);
                    self.write(std::iter::once(first).chain(rest).collect());
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            let now = self.data_version();
            if now != seen {
                seen = now;
                self.listener.changed(Change::Everything);
            }
        }
        if let Err(error) = self.connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)") {
            tracing::warn!(%error, "the write-ahead log stays beside the database; the next start reads it");
        }
    }

    /// Moves on when another connection has written, and only then. `None` while it cannot be told.
    fn data_version(&self) -> Option<i64> {
        self.connection.pragma_query_value(None, "data_version", |row| row.get(0)).ok()
    }

    fn write(&self, mut group: Vec<Box<dyn Job>>) {
        if let Err(error) = self.transaction(&mut group) {
            tracing::error!(%error, writes = group.len(), "writes were not made");
            for job in &mut group {
                job.fail(&error);
            }
            if !self.connection.is_autocommit()
                && let Err(error) = self.connection.execute_batch("ROLLBACK")
            {
                tracing::error!(%error, "a failed transaction could not be rolled back");
            }
        }
        for change in group.iter().filter_map(|job| job.change()) {
            self.listener.changed(change);
        }
        for job in group {
            job.acknowledge();
        }
    }

    fn transaction(&self, group: &mut [Box<dyn Job>]) -> Result<(), StoreError> {
        self.execute("BEGIN IMMEDIATE")?;
        for job in group {
            self.execute("SAVEPOINT job")?;
            let good = job.work(&self.connection);
            if self.connection.is_autocommit() {
                // A full disk, for one, makes SQLite give up the whole transaction.
                return Err(StoreError::ReadOnly("SQLite rolled back the transaction".to_owned()));
            }
            if !good {
                self.execute("ROLLBACK TO job")?;
            }
            self.execute("RELEASE job")?;
        }
        self.execute("COMMIT")
    }

    fn execute(&self, sql: &str) -> Result<(), StoreError> {
        let outcome = self.connection.prepare_cached(sql).and_then(|mut statement| statement.execute([]));
        outcome.map(drop).map_err(|error| store_error(&error))
    }
}
