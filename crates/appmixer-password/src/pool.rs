//! The pool: a bounded, fair queue, and the threads that work it off.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use std::{io, mem};

use appmixer_core::{HashError, HashQueue, Password, PasswordHash, PasswordHasher, QueueKey, Verdict};
use async_trait::async_trait;
use ring::rand::{SecureRandom, SystemRandom};
use thiserror::Error;
use tokio::sync::oneshot;

use crate::fair::FairQueue;
use crate::metrics;
use crate::params::{OUTPUT_BYTES, Params};
use crate::phc::{self, SALT_BYTES};
use crate::worker;

/// How a pool is made.
#[derive(Clone, Copy, Debug)]
pub struct PoolOptions {
    /// The cost of new hashes.
    pub params: Params,
    /// How many hashes run at once, each on its own thread with its own memory.
    pub threads: NonZeroUsize,
    /// How many may wait; with one more, one is refused with [`HashError::Busy`].
    pub queue: usize,
    /// After how long without work a thread gives its memory back.
    pub idle: Duration,
}

impl Default for PoolOptions {
    /// A thread for each core, and a queue of two seconds' work at 50 hashes a second and thread.
    fn default() -> Self {
        let threads = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Self { params: Params::default(), threads, queue: 100 * threads.get(), idle: Duration::from_secs(10) }
    }
}

/// Why a pool could not be made.
#[derive(Debug, Error)]
pub enum PoolError {
    /// The system gave no thread.
    #[error("a thread could not be started: {0}")]
    Thread(#[from] io::Error),
    /// The system gave no random bytes.
    #[error("the system has no random bytes")]
    Random,
    /// The decoy could not be written.
    #[error(transparent)]
    Decoy(#[from] HashError),
}

/// One thing to do. A caller who has gone leaves a closed reply behind, and the work is not done.
pub(crate) enum Job {
    Hash {
        password: Password,
        salt: [u8; SALT_BYTES],
        reply: oneshot::Sender<Result<PasswordHash, HashError>>,
    },
    Verify {
        password: Password,
        against: PasswordHash,
        reply: oneshot::Sender<Result<Verdict, HashError>>,
    },
}

/// What the pool is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Jobs that wait.
    pub waiting: u64,
    /// Jobs that were done since the start.
    pub done: u64,
    /// Jobs that were refused since the start, because the queue was full.
    pub refused: u64,
    /// Jobs that nobody waited for any more when their turn came.
    pub abandoned: u64,
}

pub(crate) struct Shared {
    queue: Mutex<Queue>,
    work: Condvar,
    pub(crate) done: AtomicU64,
    refused: AtomicU64,
    abandoned: AtomicU64,
}

#[derive(Default)]
struct Queue {
    /// With the time at which each was put in.
    jobs: FairQueue<(Instant, Job)>,
    closed: bool,
}

/// What a thread does next.
pub(crate) enum Next {
    Do(Job),
    Idle,
    Stop,
}

impl Shared {
    /// A panic cannot leave the queue half-changed, so a poisoned lock is as good as any.
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for work; for `patience` at most, if there is one.
    pub(crate) fn next(&self, patience: Option<Duration>) -> Next {
        let mut queue = self.lock();
        loop {
            if queue.closed {
                return Next::Stop;
            }
            if let Some((since, job)) = self.pop(&mut queue) {
                metrics::WAITING.decrement(1.0);
                metrics::WAIT.record(since.elapsed().as_secs_f64());
                return Next::Do(job);
            }
            queue = match patience {
                Some(patience) => {
                    let waited = self.work.wait_timeout(queue, patience);
                    let (queue, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
                    if timeout.timed_out() && queue.jobs.len() == 0 && !queue.closed {
                        return Next::Idle;
                    }
                    queue
                }
                None => self.work.wait(queue).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// The job whose turn it is. Abandoned ones are dropped on the way.
    fn pop(&self, queue: &mut Queue) -> Option<(Instant, Job)> {
        let mut abandoned = 0;
        let job = queue.jobs.pop(&mut |(_, job)| {
            let is_abandoned = job.is_abandoned();
            abandoned += u64::from(is_abandoned);
            is_abandoned
        });
        self.count_abandoned(abandoned);
        job
    }

    fn push(&self, key: QueueKey, job: Job, capacity: usize) -> Result<(), HashError> {
        let mut queue = self.lock();
        if queue.jobs.len() >= capacity {
            let before = queue.jobs.len();
            queue.jobs.retain(&mut |(_, job)| !job.is_abandoned());
            self.count_abandoned((before - queue.jobs.len()) as u64);
        }
        if queue.jobs.len() >= capacity {
            self.refused.fetch_add(1, Ordering::Relaxed);
            metrics::REFUSED.increment(1);
            let (_, displaced) = queue.jobs.displace(key).ok_or(HashError::Busy)?;
            displaced.refuse();
            metrics::WAITING.decrement(1.0);
        }
        queue.jobs.push(key, (Instant::now(), job));
        metrics::WAITING.increment(1.0);
        drop(queue);
        self.work.notify_one();
        Ok(())
    }

    fn count_abandoned(&self, number: u64) {
        if number > 0 {
            self.abandoned.fetch_add(number, Ordering::Relaxed);
            metrics::abandoned(number);
        }
    }
}

/// Hashes and verifies passwords with Argon2id on threads of its own.
///
/// Dropping it lets the hashes that run come to their end; those that wait get an error.
pub struct Argon2Pool {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    capacity: usize,
    random: SystemRandom,
    decoy: PasswordHash,
}

impl Argon2Pool {
    /// Starts the threads. No memory for hashing is taken before the first hash.
    ///
    /// # Errors
    /// [`PoolError`].
    pub fn new(options: PoolOptions) -> Result<Self, PoolError> {
        let random = SystemRandom::new();
        let (mut salt, mut output) = ([0; SALT_BYTES], [0; OUTPUT_BYTES]);
        random.fill(&mut salt).and_then(|()| random.fill(&mut output)).map_err(|_| PoolError::Random)?;
        // Nobody knows a password with a random output, and nobody has to compute one at the start.
        let decoy = phc::write(salt, output, options.params)?;

        let shared = Arc::new(Shared {
            queue: Mutex::default(),
            work: Condvar::new(),
            done: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            abandoned: AtomicU64::new(0),
        });
        let mut pool = Self { shared, threads: Vec::new(), capacity: options.queue, random, decoy };
        for number in 0..options.threads.get() {
            let shared = Arc::clone(&pool.shared);
            let name = format!("argon2-{number}");
            let thread = thread::Builder::new().name(name);
            pool.threads.push(thread.spawn(move || worker::run(&shared, options.params, options.idle))?);
        }
        Ok(pool)
    }

    /// What the pool is doing.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats {
            waiting: self.shared.lock().jobs.len() as u64,
            done: self.shared.done.load(Ordering::Relaxed),
            refused: self.shared.refused.load(Ordering::Relaxed),
            abandoned: self.shared.abandoned.load(Ordering::Relaxed),
        }
    }
}

impl Job {
    fn is_abandoned(&self) -> bool {
        match self {
            Self::Hash { reply, .. } => reply.is_closed(),
            Self::Verify { reply, .. } => reply.is_closed(),
        }
    }

    /// Gives its place to another job.
    fn refuse(self) {
        match self {
            Self::Hash { reply, .. } => drop(reply.send(Err(HashError::Busy))),
            Self::Verify { reply, .. } => drop(reply.send(Err(HashError::Busy))),
        }
    }
}

const STOPPED: HashError = HashError::Failed("it has stopped");

#[async_trait]
impl PasswordHasher for Argon2Pool {
    async fn hash(&self, password: Password, key: QueueKey) -> Result<PasswordHash, HashError> {
        let mut salt = [0; SALT_BYTES];
        self.random.fill(&mut salt).map_err(|_| HashError::Failed("the system has no random bytes"))?;
        let (reply, answer) = oneshot::channel();
        self.shared.push(key, Job::Hash { password, salt, reply }, self.capacity)?;
        answer.await.unwrap_or(Err(STOPPED))
    }

    async fn verify(
        &self,
        password: Password,
        against: PasswordHash,
        key: QueueKey,
    ) -> Result<Verdict, HashError> {
        let (reply, answer) = oneshot::channel();
        self.shared.push(key, Job::Verify { password, against, reply }, self.capacity)?;
        answer.await.unwrap_or(Err(STOPPED))
    }

    fn queue(&self) -> HashQueue {
        HashQueue { waiting: self.stats().waiting, capacity: self.capacity as u64 }
    }

    fn decoy(&self) -> PasswordHash {
        self.decoy.clone()
    }
}

impl Drop for Argon2Pool {
    fn drop(&mut self) {
        let abandoned = {
            let mut queue = self.shared.lock();
            queue.closed = true;
            mem::take(&mut queue.jobs)
        };
        // Each caller who waits finds its reply closed.
        drop(abandoned);
        self.shared.work.notify_all();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}
