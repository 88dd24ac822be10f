//! A hashing thread.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use appmixer_core::HashError;

use crate::memory::Memory;
use crate::metrics;
use crate::params::Params;
use crate::phc;
use crate::pool::{Job, Next, Shared};

/// How much less urgent hashing is than serving (19 is the least urgent). A request that is cheap should
/// not wait for somebody else's expensive one.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

pub(crate) fn run(shared: &Shared, params: Params, idle: Duration) {
    be_nice();
    let mut memory = Memory::default();
    loop {
        match shared.next(memory.is_held().then_some(idle)) {
            Next::Stop => return,
            Next::Idle => memory.release(),
            Next::Do(job) => {
                // One bad job must not take the thread away from all the others.
                if catch_unwind(AssertUnwindSafe(|| work(job, params, &mut memory))).is_err() {
                    memory = Memory::default();
                }
                shared.done.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

fn work(job: Job, params: Params, memory: &mut Memory) {
    // Whoever asked may have gone meanwhile: then nobody hears the answer.
    let started = Instant::now();
    // Before the answer, so that whoever has got it finds it counted.
    let count = || metrics::HASHING.record(started.elapsed().as_secs_f64());
    match job {
        Job::Hash { password, salt, reply } => {
            let hash = phc::hash(password.as_bytes(), salt, params, memory);
            count();
            let _ = reply.send(hash);
        }
        Job::Verify { password, against, reply } => {
            let verdict = phc::verify(password.as_bytes(), &against, params, memory);
            count();
            if verdict == Err(HashError::Unreadable) {
                tracing::error!("a stored password hash is of a kind that cannot be read");
            }
            let _ = reply.send(verdict);
        }
    }
}

/// On Linux, niceness is a thread's own; elsewhere it would be the whole process's.
fn be_nice() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(NICENESS) {
        tracing::debug!(%error, "a hashing thread runs with normal priority");
    }
}
