//! Reading: a few threads, each with a read-only connection of its own.
//!
//! A read is a matter of microseconds while the file is in memory, and of milliseconds when it is not: so
//! it must not happen on the threads that serve requests.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use appmixer_core::StoreError;
use rusqlite::Connection;
use tokio::sync::oneshot;

use super::error::{JobError, MayBeFault};
use super::health::Health;
use super::open::{Mode, OpenError, connect};
use crate::metrics;

/// A set of threads.
#[derive(Clone, Copy)]
pub(super) struct Team {
    name: &'static str,
    threads: usize,
    /// How many reads may wait. More would wait longer than anybody does.
    queue: usize,
}

/// Single rows by their keys.
pub(super) const READERS: Team = Team { name: "sqlite-read", threads: 2, queue: 4096 };

/// Lists and searches.
pub(super) const SEARCHER: Team = Team { name: "sqlite-search", threads: 1, queue: 64 };

type Job = Box<dyn FnOnce(&Connection) + Send>;

/// Which file is the database, as a number that moves on when another one takes its place. Reading goes on under its
/// lock: connections to two files must not share what SQLite keeps beside them.
pub(super) type Generation = RwLock<u64>;

pub(super) struct Readers {
    jobs: Option<SyncSender<Job>>,
    health: Arc<Health>,
    threads: Vec<JoinHandle<()>>,
}

impl Readers {
    pub(super) fn start(
        path: &Path,
        team: Team,
        generation: &Arc<Generation>,
        health: &Arc<Health>,
    ) -> Result<Self, OpenError> {
        let (sender, receiver) = sync_channel::<Job>(team.queue);
        let receiver = Arc::new(Mutex::new(receiver));
        let mut readers = Self { jobs: Some(sender), health: Arc::clone(health), threads: Vec::new() };
        for number in 0..team.threads {
            let reader = Reader {
                connection: connect(path, Mode::Read)?,
                path: path.to_owned(),
                generation: Arc::clone(generation),
                opened: *generation.read().unwrap_or_else(PoisonError::into_inner),
            };
            let receiver = Arc::clone(&receiver);
            let thread = thread::Builder::new().name(format!("{}-{number}", team.name));
            let thread = thread.spawn(move || reader.run(&receiver));
            readers.threads.push(thread.map_err(|error| OpenError::Threads { error })?);
        }
        Ok(readers)
    }

    /// Runs a read and waits for its outcome.
    pub(super) async fn run<T, E>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        JobError<StoreError>: From<E>,
    {
        let (reply, answer) = oneshot::channel();
        let started = Instant::now();
        let job: Job = Box::new(move |connection| {
            metrics::READS_WAITING.decrement(1.0);
            let outcome = read(connection).map_err(|error| JobError::from(error).0);
            let _ = reply.send(outcome);
        });
        let jobs = self.jobs.as_ref().ok_or_else(stopped)?;
        // Counted before it can be taken out.
        metrics::READS_WAITING.increment(1.0);
        jobs.try_send(job).map_err(|error| {
            metrics::READS_WAITING.decrement(1.0);
            match error {
                TrySendError::Full(_) => StoreError::Unavailable("too many reads are waiting".to_owned()),
                TrySendError::Disconnected(_) => stopped(),
            }
        })?;
        let outcome =
            answer.await.unwrap_or_else(|_| Err(StoreError::Internal("a read panicked".to_owned())));
        if let Some(fault) = outcome.as_ref().err().and_then(MayBeFault::fault) {
            self.health.failed(fault, 0);
        }
        metrics::READ.record(started.elapsed().as_secs_f64());
        outcome
    }
}

fn stopped() -> StoreError {
    StoreError::Unavailable("it has stopped".to_owned())
}

struct Reader {
    connection: Connection,
    path: PathBuf,
    generation: Arc<Generation>,
    /// Which file the connection is to.
    opened: u64,
}

impl Reader {
    fn run(mut self, jobs: &Mutex<Receiver<Job>>) {
        loop {
            // The lock is held while waiting: whoever holds it gets the next job, the others queue for it.
            let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(job) = job else { return };
            self.work(job);
        }
    }

    fn work(&mut self, job: Job) {
        let generation = self.generation.read().unwrap_or_else(PoisonError::into_inner);
        if *generation != self.opened {
            match connect(&self.path, Mode::Read) {
                Ok(connection) => (self.connection, self.opened) = (connection, *generation),
                // The old one answers as well as it can; the next read tries again.
                Err(error) => tracing::debug!(%error, "a reader could not open the database again"),
            }
        }
        if catch_unwind(AssertUnwindSafe(|| job(&self.connection))).is_err() {
            tracing::error!("a read of the database panicked");
        }
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.jobs = None;
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}
