//! How deliveries go: the latest of each channel, and a mail to test the settings with.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;

use crate::message::Channel;
use crate::name::Email;
use crate::store::StoreError;
use crate::time::Timestamp;

/// The latest deliveries of a channel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Latest {
    /// When a receiver last took a message.
    pub delivered: Option<Timestamp>,
    /// When an attempt last failed, and why, without secrets or personal data.
    pub failed: Option<(Timestamp, String)>,
}

/// The latest deliveries by this process, since its start.
#[derive(Debug, Default)]
pub struct DeliveryLog(Mutex<HashMap<Channel, Latest>>);

impl DeliveryLog {
    /// Records that a receiver took a message.
    pub fn delivered(&self, channel: Channel, now: Timestamp) {
        self.change(channel, |latest| latest.delivered = Some(now));
    }

    /// Records that an attempt failed.
    pub fn failed(&self, channel: Channel, now: Timestamp, error: String) {
        self.change(channel, |latest| latest.failed = Some((now, error)));
    }

    fn change(&self, channel: Channel, change: impl FnOnce(&mut Latest)) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        change(all.entry(channel).or_default());
    }

    /// The latest of a channel.
    #[must_use]
    pub fn latest(&self, channel: Channel) -> Latest {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(&channel).cloned().unwrap_or_default()
    }
}

/// What became of a test mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailTest {
    /// Whether the mail server took it.
    pub is_taken: bool,
    /// What the mail server answered, or why it was not asked. It may repeat the address.
    pub answer: String,
}

/// Sends test mails.
#[async_trait]
pub trait MailTester: Send + Sync {
    /// Sends a mail with the present settings, once and at once.
    ///
    /// # Errors
    /// [`StoreError`]: the settings cannot be read.
    async fn send_test(&self, to: &Email) -> Result<MailTest, StoreError>;
}
