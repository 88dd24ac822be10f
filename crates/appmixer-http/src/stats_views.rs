//! The JSON shape of `GET /stats`.

use appmixer_core::{Daily, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

use crate::history::Minute;
use crate::openapi::wire;

/// How it goes.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Stats")]
pub(crate) struct StatsView {
    /// Users that there are.
    pub(crate) users: u64,
    /// Those with `isActive`.
    pub(crate) active: u64,
    /// Oldest first, and every one.
    pub(crate) days: Vec<DailyView>,
    pub(crate) node: NodeView,
}

/// A day in UTC.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Day")]
#[serde(rename_all = "camelCase")]
pub(crate) struct DailyView {
    #[schemars(with = "wire::Date")]
    day: String,
    /// Users who were made; an import counts none.
    sign_ups: u64,
    sign_ins: u64,
    /// Attempts to sign in that were refused.
    failures: u64,
}

impl DailyView {
    pub(crate) fn of(daily: &Daily) -> Self {
        let Daily { day, sign_ups, sign_ins, failures } = *daily;
        Self { day: day.to_string(), sign_ups, sign_ins, failures }
    }
}

/// The node that has answered.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Node")]
#[serde(rename_all = "camelCase")]
pub(crate) struct NodeView {
    pub(crate) version: &'static str,
    /// Since its start, in seconds.
    pub(crate) uptime: u64,
    pub(crate) hash_queue: HashQueueView,
    pub(crate) requests: RequestsView,
    /// Those of the last hour that are over, oldest first.
    pub(crate) minutes: Vec<MinuteView>,
}

/// The passwords that wait for being checked.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "HashQueue")]
pub(crate) struct HashQueueView {
    pub(crate) waiting: u64,
    /// How many may; one more is 503.
    pub(crate) capacity: u64,
}

/// The requests that were answered.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Requests")]
pub(crate) struct RequestsView {
    /// Since the start.
    pub(crate) total: u64,
    /// In how many seconds half of those of the last hour were answered; `null` where there were none.
    pub(crate) p50: Option<f64>,
    /// The same of 99 in a hundred.
    pub(crate) p99: Option<f64>,
}

/// A minute.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Minute")]
#[serde(rename_all = "camelCase")]
pub(crate) struct MinuteView {
    /// When it began.
    #[schemars(with = "wire::Time")]
    at: Timestamp,
    requests: u64,
    /// Those of them that were answered with 5xx.
    errors: u64,
    /// In how many seconds 99 in a hundred were answered; `null` where there were none.
    p99: Option<f64>,
    /// The most passwords that were seen waiting.
    hash_waiting: u64,
}

impl MinuteView {
    pub(crate) fn of(minute: &Minute) -> Self {
        Self {
            at: minute.at,
            requests: minute.totals.answered(),
            errors: minute.totals.failed,
            p99: minute.totals.quantile(0.99),
            hash_waiting: minute.hash_waiting,
        }
    }
}
