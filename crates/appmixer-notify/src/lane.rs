//! A channel's lane: takes messages that are due, delivers a few at a time, and says what became of them.

use std::sync::Arc;
use std::time::Duration;

use appmixer_core::{Channel, Claimed, ResetCode, Settlement, StoreError, User};
use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::sleep;
use zeroize::Zeroizing;

use crate::settings::{Purpose, Settings};
use crate::{Notifier, backoff, mail, metrics, webhook};

/// How many messages one receiver gets at a time.
const AT_ONCE: usize = 4;

/// How long after an attempt must have ended a message is anybody's again.
const MARGIN: Duration = Duration::from_secs(30);

/// The longest sleep, and the one after the store has failed.
const IDLE: Duration = Duration::from_mins(1);
const AFTER_FAILURE: Duration = Duration::from_secs(5);

/// What became of an attempt.
pub(crate) enum Outcome {
    /// The receiver has taken it.
    Delivered,
    /// There is nobody to deliver it to any more.
    Pointless,
    /// The receiver will never take it. Why, without secrets or personal data.
    Refused(String),
    /// It may work later.
    Failed(String),
}

/// A code, with the user it is for and the link that leads to the page where it is used.
pub(crate) struct Sent {
    pub(crate) purpose: Purpose,
    pub(crate) code: Zeroizing<String>,
    pub(crate) link: Zeroizing<String>,
    pub(crate) user: User,
}

impl Notifier {
    /// Delivers for as long as it is polled; never ends by itself.
    ///
    /// Must run within a tokio runtime with timers and I/O.
    pub async fn run(self) {
        let notifier = Arc::new(self);
        let mut lanes = JoinSet::new();
        for channel in Channel::ALL {
            lanes.spawn(lane(Arc::clone(&notifier), channel));
        }
        while let Some(ended) = lanes.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a lane of deliveries has ended");
            }
        }
    }

    /// Takes what is due into delivery; how long there is nothing more to do.
    async fn fill(
        self: &Arc<Self>,
        channel: Channel,
        running: &mut JoinSet<()>,
    ) -> Result<Duration, StoreError> {
        while running.len() < AT_ONCE {
            let Some(due) = self.store.next_due(channel).await? else {
                return Ok(IDLE);
            };
            let now = self.clock.now();
            if due > now {
                let wait = due.millis().saturating_sub(now.millis()).unsigned_abs();
                return Ok(Duration::from_millis(wait).min(IDLE));
            }
            let free = u32::try_from(AT_ONCE - running.len()).unwrap_or(1);
            let until = now.after(self.options.timeout + MARGIN);
            for claimed in self.store.claim(channel, free, now, until).await? {
                running.spawn(deliver(Arc::clone(self), claimed));
            }
        }
        Ok(IDLE)
    }

    async fn attempt(&self, claimed: &Claimed) -> Result<Outcome, StoreError> {
        let message = &claimed.message;
        let now = self.clock.now();
        if now >= message.expires {
            return Ok(Outcome::Refused("too old".to_owned()));
        }
        let entries = self.store.entries().await?;
        let settings = Settings(&entries);
        let sent = if let Some(purpose) = purpose(message.channel) {
            let Some(code) = code_in(message.payload.as_json()) else {
                return Ok(Outcome::Refused("it has no code".to_owned()));
            };
            let digest = self.codes.digest(&code);
            let user = match purpose {
                Purpose::Reset => self.store.find_by_reset_code(digest, now).await?,
                Purpose::Confirm => self.store.find_by_confirmation_code(digest, now).await?,
            };
            // Used or replaced since, or the user is gone.
            let Some(user) = user else { return Ok(Outcome::Pointless) };
            let code = Zeroizing::new(code.as_str().to_owned());
            Some(Sent { purpose, link: settings.link(purpose, &code), code, user })
        } else {
            None
        };
        Ok(match (message.channel, sent) {
            (Channel::ResetMail | Channel::ConfirmMail, Some(sent)) => {
                mail::send(&self.options, &settings, message, &sent).await
            }
            (_, sent) => {
                let body = sent.map_or_else(
                    || Zeroizing::new(message.payload.as_json().to_owned()),
                    |sent| webhook::code_body(message, &sent),
                );
                webhook::send(self, &settings, message, &body).await
            }
        })
    }

    /// What is to become of the message.
    fn judge(&self, claimed: &Claimed, outcome: Outcome) -> Settlement {
        let (channel, id) = (claimed.message.channel.as_str(), claimed.message.id);
        match &outcome {
            Outcome::Delivered => self.log.delivered(claimed.message.channel, self.clock.now()),
            Outcome::Refused(error) | Outcome::Failed(error) => {
                self.log.failed(claimed.message.channel, self.clock.now(), error.clone());
            }
            Outcome::Pointless => {}
        }
        match outcome {
            Outcome::Delivered => {
                tracing::info!(channel, %id, attempt = claimed.attempt, "a message is delivered");
                metrics::attempt(claimed.message.channel, "delivered");
                Settlement::Done
            }
            Outcome::Pointless => Settlement::Done,
            Outcome::Refused(error) => {
                metrics::attempt(claimed.message.channel, "given-up");
                tracing::warn!(channel, %id, attempt = claimed.attempt, error, "a message is given up");
                Settlement::Done
            }
            Outcome::Failed(error) => {
                let pause = backoff::pause(self.options.first_retry, claimed.attempt);
                let at = self.clock.now().after(pause);
                if at >= claimed.message.expires {
                    metrics::attempt(claimed.message.channel, "given-up");
                    tracing::warn!(channel, %id, attempt = claimed.attempt, error, "a message is given up");
                    return Settlement::Done;
                }
                metrics::attempt(claimed.message.channel, "failed");
                // Once for each message, so that a receiver that is away does not fill the log.
                if claimed.attempt == 1 {
                    tracing::warn!(channel, %id, error, "a message could not be delivered; it is tried again");
                } else {
                    tracing::debug!(channel, %id, attempt = claimed.attempt, error, "not delivered");
                }
                Settlement::Again { at, error }
            }
        }
    }
}

async fn lane(notifier: Arc<Notifier>, channel: Channel) {
    let mut running = JoinSet::new();
    let mut seen = 0;
    loop {
        let wait = match notifier.fill(channel, &mut running).await {
            Ok(wait) => wait,
            Err(error) => {
                tracing::warn!(channel = channel.as_str(), %error, "the outbox cannot be read");
                sleep(AFTER_FAILURE).await;
                continue;
            }
        };
        let has_room = running.len() < AT_ONCE;
        tokio::select! {
            now = notifier.store.arrived(seen), if has_room => seen = now,
            Some(_) = running.join_next(), if !running.is_empty() => {}
            () = sleep(wait) => {}
        }
    }
}

async fn deliver(notifier: Arc<Notifier>, claimed: Claimed) {
    let outcome = match notifier.attempt(&claimed).await {
        Ok(outcome) => outcome,
        Err(error) => Outcome::Failed(error.to_string()),
    };
    let settlement = notifier.judge(&claimed, outcome);
    let settled = notifier.store.settle(claimed.message.id, claimed.attempt, settlement).await;
    if let Err(error) = settled {
        // Its claim runs out, and it is delivered again.
        let channel = claimed.message.channel.as_str();
        tracing::warn!(channel, id = %claimed.message.id, %error, "what became of a message was not written");
    }
}

/// What the code of a message on this channel is for, if it carries one.
const fn purpose(channel: Channel) -> Option<Purpose> {
    match channel {
        Channel::ResetMail | Channel::ResetWebhook => Some(Purpose::Reset),
        Channel::ConfirmMail | Channel::ConfirmWebhook => Some(Purpose::Confirm),
        Channel::CreatedWebhook | Channel::DeletedWebhook => None,
    }
}

fn code_in(json: &str) -> Option<ResetCode> {
    let value: Value = serde_json::from_str(json).ok()?;
    ResetCode::parse(value["code"].as_str()?.to_owned()).ok()
}
