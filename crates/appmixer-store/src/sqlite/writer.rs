//! Writing: one thread, which puts the writes that wait into one transaction.
//!
//! Each of several has a savepoint of its own, so one that fails takes nothing with it. One commit, one `fsync`,
//! then the listener hears of the changes, and only then do the callers get their answers.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use appmixer_core::{AuditEntry, Change, ChangeListener, StoreError};
use rusqlite::Connection;
use tokio::sync::{oneshot, watch};

use super::error::{JobError, MayBeFault, store_error};
use super::files::Files;
use super::health::Health;
use super::notes::Notes;
use crate::metrics;

/// How many writes may wait, and how many share a transaction.
const QUEUE: usize = 1024;
const GROUP: usize = 256;

/// How often an idle writer looks whether another process has written.
const WATCH_INTERVAL: Duration = Duration::from_millis(100);

/// How often the log tells of notes that were lost.
const COMPLAINT_INTERVAL: Duration = Duration::from_mins(1);

pub(super) struct Writer {
    jobs: Option<SyncSender<Box<dyn Job>>>,
    notes: Arc<Notes>,
    thread: Option<JoinHandle<()>>,
}

/// What a write leaves behind: its answer, and what has changed.
pub(super) type Outcome<T> = (T, Option<Change>);

impl Writer {
    pub(super) fn start(
        files: Files,
        health: Arc<Health>,
        listener: Arc<dyn ChangeListener>,
        writes: watch::Sender<u64>,
    ) -> io::Result<Self> {
        let (sender, receiver) = sync_channel(QUEUE);
        let thread = thread::Builder::new().name("sqlite-write".to_owned());
        let notes = Arc::new(Notes::default());
        let to_write = Arc::clone(&notes);
        let thread = thread.spawn(move || {
            Loop { files, health, listener, writes, jobs: receiver, notes: to_write, complained: None }.run();
        })?;
        Ok(Self { jobs: Some(sender), notes, thread: Some(thread) })
    }

    /// Keeps an entry with the next write, or a tenth of a second later, and waits for nothing.
    pub(super) fn note(&self, entry: AuditEntry) {
        self.notes.add(entry);
    }

    /// Runs a write and waits until it is on disk.
    pub(super) async fn run<T, E, F>(&self, write: F) -> Result<T, E>
    where
        F: FnOnce(&Connection) -> Result<Outcome<T>, JobError<E>> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + MayBeFault + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Typed { write: Some(write), outcome: None, reply });
        let stopped = || StoreError::Unavailable("it has stopped".to_owned());
        let jobs = self.jobs.as_ref().ok_or_else(stopped)?;
        let started = Instant::now();
        // Counted before it can be taken out.
        metrics::WRITES_WAITING.increment(1.0);
        jobs.try_send(job).map_err(|error| {
            metrics::WRITES_WAITING.decrement(1.0);
            match error {
                TrySendError::Full(_) => StoreError::Unavailable("too many writes are waiting".to_owned()),
                TrySendError::Disconnected(_) => stopped(),
            }
        })?;
        let outcome = answer.await.unwrap_or_else(|_| Err(stopped().into()));
        metrics::WRITE.record(started.elapsed().as_secs_f64());
        outcome
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
pub(super) trait Job: Send {
    /// Does it. `false`: it failed, and what it did is to be undone.
    fn work(&mut self, connection: &Connection) -> bool;
    /// Forgets what it did, since it is not on disk.
    fn fail(&mut self, error: &StoreError);
    fn change(&self) -> Option<Change>;
    /// What is wrong with the disk or the file, if it failed for that.
    fn fault(&self) -> Option<&StoreError>;
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
    E: From<StoreError> + MayBeFault + Send,
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

    fn fault(&self) -> Option<&StoreError> {
        self.outcome.as_ref()?.as_ref().err()?.fault()
    }

    fn acknowledge(self: Box<Self>) {
        let not_run = || Err(StoreError::Internal("a write was not run".to_owned()).into());
        // The caller may have gone; the write stands.
        let _ = self.reply.send(self.outcome.unwrap_or_else(not_run).map(|(answer, _)| answer));
    }
}

struct Loop {
    files: Files,
    health: Arc<Health>,
    listener: Arc<dyn ChangeListener>,
    writes: watch::Sender<u64>,
    jobs: Receiver<Box<dyn Job>>,
    notes: Arc<Notes>,
    /// When the log was last told of notes that were lost.
    complained: Option<Instant>,
}

impl Loop {
    fn run(mut self) {
        let mut seen = self.data_version();
        loop {
            match self.jobs.recv_timeout(WATCH_INTERVAL) {
                Ok(first) => {
                    let rest: Vec<_> = self.jobs.try_iter().take(GROUP - 1).collect();
                    metrics::group(1 + rest.len());
                    // Before what comes later, and may follow from it.
                    let group = self.notes.take().into_iter().chain([first]).chain(rest).collect();
                    self.write(group);
                }
                Err(RecvTimeoutError::Timeout) => self.write_notes(),
                Err(RecvTimeoutError::Disconnected) => break,
            }
            self.complain();
            if self.health.wants_proof() {
                self.prove();
            }
            let now = self.data_version();
            if now != seen {
                seen = now;
                self.listener.changed(Change::Everything);
                self.count_writes();
            }
        }
        self.write_notes();
        if let Err(error) = self.files.connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)") {
            tracing::warn!(%error, "the write-ahead log stays beside the database; the next start reads it");
        }
    }

    fn write_notes(&mut self) {
        if let Some(notes) = self.notes.take() {
            self.write(vec![notes]);
        }
    }

    /// Tells of notes that were lost, once in a while: there may be a flood of them.
    fn complain(&mut self) {
        if self.complained.is_some_and(|time| time.elapsed() < COMPLAINT_INTERVAL) {
            return;
        }
        let lost = self.notes.take_lost();
        if lost > 0 {
            metrics::NOTES_LOST.increment(lost);
            self.complained = Some(Instant::now());
            tracing::warn!(lost, "sign-ins are missing from the audit log: they could not be kept");
        }
    }

    /// Moves on when another connection has written, and only then. `None` while it cannot be told.
    fn data_version(&self) -> Option<i64> {
        self.files.connection.pragma_query_value(None, "data_version", |row| row.get(0)).ok()
    }

    fn write(&mut self, mut group: Vec<Box<dyn Job>>) {
        self.health.begin();
        let written = self.files.are_in_place().and_then(|()| self.transaction(&mut group));
        // Into a file that has lost its name meanwhile: whoever is told so must not believe that it was kept.
        let outcome = written.clone().and_then(|written| self.files.are_in_place().map(|()| written));
        self.health.end(outcome == Ok(true));
        if let Err(error) = outcome {
            self.health.failed(&error, group.len());
            for job in &mut group {
                job.fail(&error);
            }
            let connection = &self.files.connection;
            if !connection.is_autocommit()
                && let Err(error) = connection.execute_batch("ROLLBACK")
            {
                tracing::error!(%error, "a failed transaction could not be rolled back");
            }
            if written == Ok(true) {
                self.listener.changed(Change::Everything);
            }
        } else if let Some(error) = group.iter().find_map(|job| job.fault()) {
            self.health.failed(error, 1);
        }
        for change in group.iter().filter_map(|job| job.change()) {
            self.listener.changed(change);
        }
        for job in group {
            job.acknowledge();
        }
        self.count_writes();
    }

    /// Finds out whether something can be written, after having mended what was wrong as well as may be.
    fn prove(&mut self) {
        self.health.begin();
        let outcome = self.mend().and_then(|()| self.files.are_in_place()).and_then(|()| self.files.probe());
        self.health.end(false);
        match outcome {
            Ok(()) => self.health.proven(),
            Err(error) => self.health.failed(&error, 0),
        }
    }

    fn mend(&mut self) -> Result<(), StoreError> {
        let Err(fault) = self.health.fault() else { return Ok(()) };
        if self.files.mend(matches!(fault, StoreError::Corrupt(_)))? {
            self.listener.changed(Change::Everything);
            self.count_writes();
        }
        Ok(())
    }

    fn count_writes(&self) {
        self.writes.send_modify(|count| *count += 1);
    }

    /// `true`: something is on disk that was not there.
    fn transaction(&self, group: &mut [Box<dyn Job>]) -> Result<bool, StoreError> {
        let connection = &self.files.connection;
        self.execute("BEGIN IMMEDIATE")?;
        if let [job] = group {
            // Alone it needs no savepoint, for which a copy would be kept of each page that it changes.
            let good = job.work(connection);
            if connection.is_autocommit() {
                return Err(given_up());
            }
            let ended = if good { self.commit() } else { self.execute("ROLLBACK") };
            return ended.map(|()| good);
        }
        let mut any = false;
        for job in group {
            self.execute("SAVEPOINT job")?;
            let good = job.work(connection);
            any |= good;
            if connection.is_autocommit() {
                return Err(given_up());
            }
            if !good {
                self.execute("ROLLBACK TO job")?;
            }
            self.execute("RELEASE job")?;
        }
        self.commit().map(|()| any)
    }

    fn commit(&self) -> Result<(), StoreError> {
        let started = Instant::now();
        let outcome = self.execute("COMMIT");
        metrics::COMMIT.record(started.elapsed().as_secs_f64());
        outcome
    }

    fn execute(&self, sql: &str) -> Result<(), StoreError> {
        let outcome =
            self.files.connection.prepare_cached(sql).and_then(|mut statement| statement.execute([]));
        outcome.map(drop).map_err(|error| store_error(&error))
    }
}

/// A full disk, for one, makes SQLite give up the whole transaction.
fn given_up() -> StoreError {
    StoreError::ReadOnly("SQLite rolled back the transaction".to_owned())
}
