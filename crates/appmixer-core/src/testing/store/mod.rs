//! A store in memory.

mod audit;
mod codes;
mod messages;
mod settings;
mod users;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use self::audit::Log;
use self::codes::Codes;
use self::messages::Messages;
use self::settings::Configuration;
use self::users::Everyone;
use crate::audit::{AuditDetails, AuditKind, Beside};
use crate::store::{Change, ChangeListener, Store, StoreError};
use crate::user::User;
use async_trait::async_trait;

/// Keeps everything in memory, by the promises of the storage traits: it passes the test suite of the databases.
///
/// A write is decided as a whole before anything of it is made, under one lock.
pub struct MemoryStore {
    state: Mutex<State>,
    listener: Arc<dyn ChangeListener>,
    writes: Mutex<Writes>,
    is_down: AtomicBool,
}

/// How many writes there were, and who waits for the next one.
struct Writes {
    count: u64,
    waiting: Vec<Waker>,
}

#[derive(Default)]
struct State {
    everyone: Everyone,
    reset_codes: Codes,
    confirmation_codes: Codes,
    messages: Messages,
    configuration: Configuration,
    log: Log,
}

impl MemoryStore {
    /// An empty store. The listener hears of every change before the change is acknowledged.
    #[must_use]
    pub fn new(listener: Arc<dyn ChangeListener>) -> Self {
        let (state, writes) = (Mutex::default(), Mutex::new(Writes { count: 1, waiting: Vec::new() }));
        Self { state, listener, writes, is_down: AtomicBool::new(false) }
    }

    /// Whether every request is refused as if the database were away.
    pub fn set_down(&self, is_down: bool) {
        self.is_down.store(is_down, Ordering::SeqCst);
    }

    fn read(&self) -> Result<MutexGuard<'_, State>, StoreError> {
        if self.is_down.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable("the test says so".to_owned()));
        }
        Ok(self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Runs a write, then reports its change.
    fn write<T, E: From<StoreError>>(
        &self,
        job: impl FnOnce(&mut State) -> Result<(T, Option<Change>), E>,
    ) -> Result<T, E> {
        let mut state = self.read()?;
        let (outcome, change) = job(&mut state)?;
        if let Some(change) = change {
            self.listener.changed(change);
        }
        drop(state);
        let mut writes = self.writes.lock().unwrap_or_else(PoisonError::into_inner);
        writes.count += 1;
        writes.waiting.drain(..).for_each(Waker::wake);
        drop(writes);
        Ok(outcome)
    }
}

impl State {
    /// Keeps what belongs to a change that is made.
    fn keep(&mut self, beside: Beside) {
        let Beside { audit, messages, .. } = beside;
        for message in messages {
            self.messages.insert(message, None);
        }
        self.log.keep(audit);
    }

    /// The same where a user was changed.
    fn keep_of_change(&mut self, mut beside: Beside, before: &User, after: &User) {
        if let Some(entry) = beside.audit.as_mut().filter(|entry| entry.kind == AuditKind::UserChanged) {
            entry.details = AuditDetails::members(before, after);
        }
        self.keep(beside);
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn ping(&self) -> Result<(), StoreError> {
        self.read().map(drop)
    }
}
