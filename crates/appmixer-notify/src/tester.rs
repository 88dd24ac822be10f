//! Sends a mail to test the settings with.

use std::sync::Arc;

use appmixer_core::{Clock, Email, IdGenerator, MailTest, MailTester, MessageId, Store, StoreError};
use async_trait::async_trait;

use crate::settings::Settings;
use crate::{NotifyOptions, mail};

/// Sends test mails with the settings of a store.
pub struct Tester {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    ids: IdGenerator,
    options: NotifyOptions,
}

impl Tester {
    /// One over these parts.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        ids: IdGenerator,
        options: NotifyOptions,
    ) -> Self {
        Self { store, clock, ids, options }
    }
}

#[async_trait]
impl MailTester for Tester {
    async fn send_test(&self, to: &Email) -> Result<MailTest, StoreError> {
        let entries = self.store.entries().await?;
        let now = self.clock.now();
        let id = MessageId::new(self.ids.next(now));
        let test = mail::send_test(&self.options, &Settings(&entries), to, id, now).await;
        tracing::info!(%id, taken = test.is_taken, "a test mail was sent");
        Ok(test)
    }
}
