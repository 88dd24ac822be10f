//! What is wrong with the database, if anything, and since when.
//!
//! The log hears of a fault when it begins and when it is over, and not of each request that meets it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use appmixer_core::StoreError;

use crate::metrics;

/// How long a proof that something can be written is believed.
const BELIEVED: Duration = Duration::from_secs(5);
/// How long between two attempts to find out whether a fault is over.
const PAUSE: Duration = Duration::from_secs(1);
/// A group of writes that takes longer has got stuck, as with a disk that does not answer.
const STUCK: Duration = Duration::from_secs(10);

pub(super) struct Health(Mutex<State>);

struct State {
    fault: Option<Fault>,
    /// The last time that something was on disk.
    proven: Instant,
    /// Since when the writer has been at what it does, if it does something.
    busy: Option<Instant>,
    /// Whether somebody wants to know.
    asked: bool,
}

struct Fault {
    error: StoreError,
    since: Instant,
    tried: Instant,
    refused: usize,
}

impl Health {
    /// All is well: the schema has just been looked at, or written.
    pub(super) fn new() -> Self {
        Self(Mutex::new(State { fault: None, proven: Instant::now(), busy: None, asked: false }))
    }

    /// Whether writes reach the disk, as far as is known; and has the writer find out, if it does not know.
    pub(super) fn state(&self) -> Result<(), StoreError> {
        let mut state = self.lock();
        state.asked = true;
        if let Some(fault) = &state.fault {
            return Err(fault.error.clone());
        }
        match state.busy {
            Some(since) if since.elapsed() > STUCK => {
                Err(StoreError::Unavailable("a write does not come to its end".to_owned()))
            }
            _ => Ok(()),
        }
    }

    /// The writer begins with something that may take long.
    pub(super) fn begin(&self) {
        self.lock().busy = Some(Instant::now());
    }

    /// It has ended. If something was written, what was wrong may still be: a few bytes find room on a full disk.
    pub(super) fn end(&self, written: bool) {
        let mut state = self.lock();
        state.busy = None;
        if written && state.fault.is_none() {
            state.proven = Instant::now();
        }
    }

    /// Something failed, and not for want of time alone.
    pub(super) fn failed(&self, error: &StoreError, writes: usize) {
        let mut state = self.lock();
        let now = Instant::now();
        if let Some(fault) = &mut state.fault {
            fault.refused += writes;
            fault.error = error.clone();
        } else {
            tracing::error!(%error, "the database cannot be used as it should; what needs it is refused until it can");
            metrics::READY.set(0.0);
            state.fault = Some(Fault { error: error.clone(), since: now, tried: now, refused: writes });
        }
    }

    /// Whether it is time to find out.
    pub(super) fn wants_proof(&self) -> bool {
        let mut state = self.lock();
        let asked = std::mem::take(&mut state.asked);
        match &mut state.fault {
            Some(fault) if fault.tried.elapsed() >= PAUSE => {
                fault.tried = Instant::now();
                true
            }
            Some(_) => false,
            None => asked && state.proven.elapsed() >= BELIEVED,
        }
    }

    /// What is wrong, if something is.
    pub(super) fn fault(&self) -> Result<(), StoreError> {
        self.lock().fault.as_ref().map_or(Ok(()), |fault| Err(fault.error.clone()))
    }

    /// Something was written, and there is room for more.
    pub(super) fn proven(&self) {
        let mut state = self.lock();
        state.proven = Instant::now();
        if let Some(fault) = state.fault.take() {
            metrics::READY.set(1.0);
            let seconds = fault.since.elapsed().as_secs();
            tracing::warn!(seconds, refused = fault.refused, "the database can be used again");
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_told_until_it_is_proven_to_be_over() {
        let health = Health::new();
        assert_eq!(health.state(), Ok(()));
        let full = StoreError::ReadOnly("full".to_owned());
        health.failed(&full, 1);
        assert_eq!(health.state(), Err(full.clone()));
        health.end(true);
        assert_eq!(health.state(), Err(full));
        health.proven();
        assert_eq!(health.state(), Ok(()));
    }

    #[test]
    fn nobody_who_asks_all_the_time_makes_it_write_all_the_time() {
        let health = Health::new();
        for _ in 0..10 {
            assert_eq!(health.state(), Ok(()));
            assert!(!health.wants_proof());
        }
    }
}
