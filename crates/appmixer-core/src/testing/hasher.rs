//! A hasher that costs nothing.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;

use crate::password::{HashError, HashQueue, Password, PasswordHash, PasswordHasher, QueueKey, Verdict};

const CURRENT: &str = "$plain$";
const OUTDATED: &str = "$outdated$";
const DECOY: &str = "$decoy$";

/// Keeps passwords as they are, records what it was asked for, and can be told to have no room.
#[derive(Debug, Default)]
pub struct PlainHasher {
    /// The account of each hash and verification, in order.
    computed: Mutex<Vec<QueueKey>>,
    is_busy: AtomicBool,
}

impl PlainHasher {
    /// The hash of a password.
    #[must_use]
    pub fn of(password: &str) -> PasswordHash {
        PasswordHash::from_phc(format!("{CURRENT}{password}"))
    }

    /// The hash of a password, as older parameters made it: it is valid, and is to be replaced.
    #[must_use]
    pub fn outdated(password: &str) -> PasswordHash {
        PasswordHash::from_phc(format!("{OUTDATED}{password}"))
    }

    /// For whom a hash was computed since the last call, one entry for each.
    pub fn take_computed(&self) -> Vec<QueueKey> {
        std::mem::take(&mut *self.computed.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether every hash is refused as if the queue were full.
    pub fn set_busy(&self, is_busy: bool) {
        self.is_busy.store(is_busy, Ordering::SeqCst);
    }

    fn compute(&self, key: QueueKey) -> Result<(), HashError> {
        if self.is_busy.load(Ordering::SeqCst) {
            return Err(HashError::Busy);
        }
        self.computed.lock().unwrap_or_else(PoisonError::into_inner).push(key);
        Ok(())
    }
}

#[async_trait]
impl PasswordHasher for PlainHasher {
    async fn hash(&self, password: Password, key: QueueKey) -> Result<PasswordHash, HashError> {
        self.compute(key)?;
        Ok(Self::of(password.text()))
    }

    async fn verify(
        &self,
        password: Password,
        against: PasswordHash,
        key: QueueKey,
    ) -> Result<Verdict, HashError> {
        self.compute(key)?;
        let phc = against.as_phc();
        for (prefix, outdated) in [(CURRENT, false), (OUTDATED, true)] {
            if let Some(text) = phc.strip_prefix(prefix) {
                return Ok(Verdict { matches: text == password.text(), outdated });
            }
        }
        if phc == DECOY {
            Ok(Verdict { matches: false, outdated: false })
        } else {
            Err(HashError::Unreadable)
        }
    }

    fn queue(&self) -> HashQueue {
        HashQueue { waiting: 0, capacity: 1 }
    }

    fn decoy(&self) -> PasswordHash {
        PasswordHash::from_phc(DECOY.to_owned())
    }
}
