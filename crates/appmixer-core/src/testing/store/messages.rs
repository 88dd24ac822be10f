//! The messages that wait, in memory.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::PoisonError;
use std::task::Poll;

use async_trait::async_trait;

use super::MemoryStore;
use crate::message::{Channel, MAX_WAITING, Message, MessageId};
use crate::outbox::{Claimed, Outbox, Settlement, Waiting};
use crate::reset_code::CodeDigest;
use crate::store::StoreError;
use crate::time::Timestamp;

#[derive(Default)]
pub(super) struct Messages(BTreeMap<MessageId, Kept>);

struct Kept {
    message: Message,
    /// The code with which it is removed.
    code: Option<CodeDigest>,
    due: Timestamp,
    attempts: u32,
    error: Option<String>,
}

impl Messages {
    /// Keeps a message, unless as many wait as may.
    pub(super) fn insert(&mut self, message: Message, code: Option<CodeDigest>) {
        if self.of(message.channel).count() < MAX_WAITING as usize {
            let due = message.created;
            self.0.insert(message.id, Kept { message, code, due, attempts: 0, error: None });
        }
    }

    /// Removes the messages that carry this code.
    pub(super) fn remove_with(&mut self, code: CodeDigest) {
        self.0.retain(|_, kept| kept.code != Some(code));
    }

    fn of(&self, channel: Channel) -> impl Iterator<Item = &Kept> {
        self.0.values().filter(move |kept| kept.message.channel == channel)
    }
}

#[async_trait]
impl Outbox for MemoryStore {
    async fn claim(
        &self,
        channel: Channel,
        limit: u32,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<Claimed>, StoreError> {
        self.write(|state| {
            let due = state.messages.of(channel).filter(|kept| kept.due <= now);
            let mut due: Vec<_> = due.map(|kept| (kept.due, kept.message.id)).collect();
            due.sort_unstable();
            due.truncate(limit as usize);
            due.sort_unstable_by_key(|(_, id)| *id);
            let mut claimed = Vec::new();
            for (_, id) in due {
                if let Some(kept) = state.messages.0.get_mut(&id) {
                    kept.due = until;
                    kept.attempts += 1;
                    claimed.push(Claimed { message: kept.message.clone(), attempt: kept.attempts });
                }
            }
            Ok((claimed, None))
        })
    }

    async fn settle(&self, id: MessageId, attempt: u32, outcome: Settlement) -> Result<(), StoreError> {
        self.write(|state| {
            if let Some(kept) = state.messages.0.get_mut(&id).filter(|kept| kept.attempts == attempt) {
                match outcome {
                    Settlement::Done => drop(state.messages.0.remove(&id)),
                    Settlement::Again { at, error } => (kept.due, kept.error) = (at, Some(error)),
                }
            }
            Ok(((), None))
        })
    }

    async fn next_due(&self, channel: Channel) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.read()?.messages.of(channel).map(|kept| kept.due).min())
    }

    async fn waiting(&self, after: Option<MessageId>, limit: u32) -> Result<Vec<Waiting>, StoreError> {
        let state = self.read()?;
        let kept = state.messages.0.values().filter(|kept| after.is_none_or(|after| kept.message.id > after));
        let waiting = kept.take(limit as usize).map(|kept| Waiting {
            id: kept.message.id,
            channel: kept.message.channel,
            created: kept.message.created,
            expires: kept.message.expires,
            due: kept.due,
            attempts: kept.attempts,
            error: kept.error.clone(),
        });
        Ok(waiting.collect())
    }

    async fn count_waiting(&self, channel: Channel) -> Result<u64, StoreError> {
        Ok(self.read()?.messages.of(channel).count() as u64)
    }

    async fn arrived(&self, seen: u64) -> u64 {
        poll_fn(|task| {
            let mut writes = self.writes.lock().unwrap_or_else(PoisonError::into_inner);
            if writes.count > seen {
                return Poll::Ready(writes.count);
            }
            writes.waiting.push(task.waker().clone());
            Poll::Pending
        })
        .await
    }
}
