//! A context over the parts for tests.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::{FixedClock, MemoryStore, NumberedCodes, PlainHasher};
use crate::audit::Beside;
use crate::context::{Context, Rules};
use crate::id::IdGenerator;
use crate::name::{Names, Username};
use crate::profile::{Metadata, Plan, Vendor};
use crate::scope::Scopes;
use crate::store::{Change, ChangeListener, Users as _};
use crate::time::{Clock as _, Timestamp};
use crate::user::User;

/// Records the changes that a store reports.
#[derive(Debug, Default)]
pub struct RecordedChanges(Mutex<Vec<Change>>);

impl RecordedChanges {
    /// The changes since the last call.
    pub fn take(&self) -> Vec<Change> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ChangeListener for RecordedChanges {
    fn changed(&self, change: Change) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(change);
    }
}

/// The parts of a [`Context`] in memory, within reach of a test.
///
/// The clock shows 2026-01-31 12:00:00.123 UTC until the test moves it.
pub struct TestContext {
    /// The store.
    pub store: Arc<MemoryStore>,
    /// The hasher.
    pub hasher: Arc<PlainHasher>,
    /// The codes.
    pub codes: Arc<NumberedCodes>,
    /// The clock.
    pub clock: Arc<FixedClock>,
    ids: IdGenerator,
    rules: Rules,
    /// How many contexts there are: each makes ids of its own.
    made: AtomicU8,
}

impl TestContext {
    /// Parts with the default rules and no users. No one hears of changes.
    #[must_use]
    pub fn new() -> Self {
        Self::with(Rules::default(), Arc::new(()))
    }

    /// The same with other rules, and a listener that hears of changes.
    #[must_use]
    pub fn with(rules: Rules, listener: Arc<dyn ChangeListener>) -> Self {
        Self {
            store: Arc::new(MemoryStore::new(listener)),
            hasher: Arc::default(),
            codes: Arc::default(),
            clock: Arc::new(FixedClock::at(Timestamp::from_millis(1_769_860_800_123))),
            ids: IdGenerator::new([0; 8]),
            rules,
            made: AtomicU8::new(0),
        }
    }

    /// A context over these parts.
    #[must_use]
    pub fn context(&self) -> Context {
        let number = self.made.fetch_add(1, Ordering::SeqCst) + 1;
        Context {
            store: self.store.clone(),
            hasher: self.hasher.clone(),
            codes: self.codes.clone(),
            clock: self.clock.clone(),
            ids: IdGenerator::new([number; 8]),
            rules: self.rules.clone(),
        }
    }

    /// Stores an active user with this name, as username and email address, this password and these scopes.
    ///
    /// # Panics
    /// The name or the scopes are not valid, or the name is taken.
    pub async fn user(&self, name: &str, password: &str, scopes: &[&str]) -> User {
        let now = self.clock.now();
        let user = User {
            id: self.ids.next(now),
            names: Names::new(Username::parse(name).ok(), None).expect("a username"),
            password_hash: PlainHasher::of(password),
            scopes: Scopes::parse(scopes).expect("scopes"),
            plan: Plan::free(),
            is_active: true,
            vendor: Vendor::NONE,
            allowed_private_components: Vec::new(),
            phone_number: None,
            title: None,
            metadata: Metadata::default(),
            created: now,
            modified: now,
            generation: 0,
            confirmation_pending: false,
            address_vouched: true,
        };
        self.store.insert(user.clone(), Beside::nothing()).await.expect("a name that is free");
        user
    }
}

impl Default for TestContext {
    fn default() -> Self {
        Self::new()
    }
}
