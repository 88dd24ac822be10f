//! What this crate counts.

use appmixer_core::Channel;
use metrics::{counter, describe_counter};

const ATTEMPTS: &str = "appmixer_deliveries_total";

/// Says what this crate counts, so that all of it is there from the start. After a recorder is installed.
pub fn describe_metrics() {
    describe_counter!(ATTEMPTS, "Attempts to deliver a mail or a webhook, by their outcome.");
    for channel in Channel::ALL {
        for outcome in ["delivered", "failed", "given-up"] {
            counter!(ATTEMPTS, "channel" => channel.as_str(), "outcome" => outcome).absolute(0);
        }
    }
}

pub(crate) fn attempt(channel: Channel, outcome: &'static str) {
    counter!(ATTEMPTS, "channel" => channel.as_str(), "outcome" => outcome).increment(1);
}
