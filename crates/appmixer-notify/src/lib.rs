//! Delivers what waits in the outbox: mail over SMTP, and webhooks, which are signed.
//!
//! [`Notifier::run`] goes on for as long as it is polled. Each [`Channel`](appmixer_core::Channel) has a lane
//! of its own, so that a receiver that is slow or away holds up nobody else.
//!
//! # What it promises
//!
//! - *At least once.* A message is settled after the receiver has taken it; whoever dies between the two
//!   delivers it again. Each message has a number that stays the same: `X-Appmixer-Delivery` of a webhook,
//!   `Message-ID` of a mail.
//! - Every attempt ends in time, redirects are not followed, and answers are not read.
//! - What fails for now is tried again, later each time, until the message expires. What the receiver refuses
//!   for good is given up. Both are logged, without secrets and without personal data.
//! - The system configuration is read for each delivery: what an administrator mends counts at once.
//! - A password for the mail server travels over TLS, or to this machine.
//! - Certificates are verified against the system's authorities, and those of a file if one is named. They are
//!   read when the first TLS connection needs them and not kept, so they are as current as the system.

mod backoff;
mod lane;
mod link;
mod mail;
mod metrics;
mod settings;
mod signature;
mod tester;
mod webhook;
mod webhook_key;

pub use metrics::describe_metrics;
pub use tester::Tester;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use appmixer_core::{Clock, CodeMaker, DeliveryLog, Store};
use zeroize::Zeroizing;

/// What an operator sets about deliveries.
#[derive(Clone, Debug)]
pub struct NotifyOptions {
    /// The longest time of one attempt, from the connection to the answer.
    pub timeout: Duration,
    /// How long after the first failure a message is tried again; twice as long after each other one.
    pub first_retry: Duration,
    /// A PEM file of authorities to trust besides the system's.
    pub ca_file: Option<PathBuf>,
}

impl Default for NotifyOptions {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(30), first_retry: Duration::from_secs(10), ca_file: None }
    }
}

/// Where the key that signs webhooks comes from while the system configuration has none.
pub enum WebhookKey {
    /// From this server alone; called at the first webhook.
    Own(Box<dyn Fn() -> Result<Zeroizing<Vec<u8>>, String> + Send + Sync>),
    /// From the system configuration, since servers share the database: created there at the first webhook.
    Shared,
}

/// Delivers messages.
pub struct Notifier {
    store: Arc<dyn Store>,
    codes: Arc<dyn CodeMaker>,
    clock: Arc<dyn Clock>,
    webhook_key: WebhookKey,
    log: Arc<DeliveryLog>,
    options: NotifyOptions,
}

impl Notifier {
    /// One that takes messages from this store.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        codes: Arc<dyn CodeMaker>,
        clock: Arc<dyn Clock>,
        webhook_key: WebhookKey,
        options: NotifyOptions,
    ) -> Self {
        let log = Arc::default();
        Self { store, codes, clock, webhook_key, log, options }
    }

    /// Where the latest deliveries can be read.
    #[must_use]
    pub fn log(&self) -> Arc<DeliveryLog> {
        Arc::clone(&self.log)
    }
}
