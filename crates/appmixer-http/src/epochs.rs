//! Counts changes, so that whatever was remembered before one is known to be old.
//!
//! Who wants to remember something reads the epoch *first*, then the store. A change that comes between
//! moves the epoch on, and what is then remembered is old from the start: there is no moment in which a
//! stale answer can slip in, and nothing has to be searched for and removed.

use std::sync::atomic::{AtomicU64, Ordering};

use appmixer_core::{Change, ChangeListener, UserId};
use tokio::sync::Notify;

/// Users share slots; two in one slot cost each other a look into the store now and then.
const SLOTS: usize = 4096;

/// Slots share bells; who waits at one for another user's sake looks at two numbers and waits on.
const BELLS: usize = 256;

/// Learns of every change from the store, and tells what is still fresh.
pub struct Epochs {
    all: AtomicU64,
    users: Box<[AtomicU64]>,
    /// Ring for those who wait for a change.
    bells: Box<[Notify]>,
}

/// A moment in the life of what is remembered about one user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Epoch {
    /// Where configuration, keys and everything else stood.
    pub(crate) all: u64,
    /// Where the user stood.
    pub(crate) user: u64,
}

impl Epochs {
    /// Nothing has changed yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            all: AtomicU64::new(0),
            users: (0..SLOTS).map(|_| AtomicU64::new(0)).collect(),
            bells: (0..BELLS).map(|_| Notify::new()).collect(),
        }
    }

    /// Where configuration, keys and everything else stand.
    pub(crate) fn all(&self) -> u64 {
        self.all.load(Ordering::Acquire)
    }

    /// Where a user stands.
    pub(crate) fn of_user(&self, id: UserId) -> u64 {
        self.slot(id).load(Ordering::Acquire)
    }

    /// Whether nothing has changed since.
    pub(crate) fn is_now(&self, id: UserId, epoch: Epoch) -> bool {
        epoch == Epoch { all: self.all(), user: self.of_user(id) }
    }

    /// Ready when something has changed since.
    pub(crate) async fn changed_since(&self, id: UserId, epoch: Epoch) {
        loop {
            // It hears of whatever is told from here on, and so is made before the look.
            let told = self.bells[place(id) % BELLS].notified();
            if !self.is_now(id, epoch) {
                return;
            }
            told.await;
        }
    }

    fn slot(&self, id: UserId) -> &AtomicU64 {
        &self.users[place(id) % SLOTS]
    }
}

/// The last two bytes are the counter's: neighbours in time get different slots.
fn place(id: UserId) -> usize {
    let [.., high, low] = *id.as_bytes();
    usize::from(u16::from_be_bytes([high, low]))
}

impl Default for Epochs {
    fn default() -> Self {
        Self::new()
    }
}

impl ChangeListener for Epochs {
    fn changed(&self, change: Change) {
        match change {
            Change::User(id) => {
                self.slot(id).fetch_add(1, Ordering::AcqRel);
                self.bells[place(id) % BELLS].notify_waiters();
            }
            Change::Config | Change::Everything => {
                self.all.fetch_add(1, Ordering::AcqRel);
                self.bells.iter().for_each(Notify::notify_waiters);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::{Future as _, poll_fn};
    use std::task::Poll;

    use super::*;

    #[test]
    fn a_users_change_ages_what_is_remembered_of_that_user_and_a_configuration_change_everything() {
        let epochs = Epochs::new();
        let (joe, ann) = (UserId::from_bytes([1; 12]), UserId::from_bytes([2; 12]));
        let now = |id| Epoch { all: epochs.all(), user: epochs.of_user(id) };
        let (joe_before, ann_before) = (now(joe), now(ann));
        epochs.changed(Change::User(joe));
        assert!(!epochs.is_now(joe, joe_before));
        assert!(epochs.is_now(ann, ann_before));
        for change in [Change::Config, Change::Everything] {
            let before = now(ann);
            epochs.changed(change);
            assert!(!epochs.is_now(ann, before));
        }
    }

    #[tokio::test]
    async fn who_waits_hears_of_changes_that_are_theirs_and_of_those_that_came_before() {
        let epochs = Epochs::new();
        // Both ring one bell, from two slots.
        let (joe, ann) =
            (UserId::from_bytes([0; 12]), UserId::from_bytes([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0]));
        let before = Epoch { all: epochs.all(), user: epochs.of_user(joe) };
        let mut waits = std::pin::pin!(epochs.changed_since(joe, before));
        for _ in 0..2 {
            assert!(poll_fn(|cx| Poll::Ready(waits.as_mut().poll(cx).is_pending())).await);
            epochs.changed(Change::User(ann));
        }
        epochs.changed(Change::User(joe));
        waits.await;
        epochs.changed_since(joe, before).await;
        let before = Epoch { all: epochs.all(), user: epochs.of_user(ann) };
        let waits = epochs.changed_since(ann, before);
        epochs.changed(Change::Config);
        waits.await;
    }
}
