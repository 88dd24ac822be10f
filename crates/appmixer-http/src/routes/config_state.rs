//! `/config-keys/state` and `/config/{key}/test`: whether what the system configuration sets works, for administrators.

use appmixer_core::{
    Channel, ConfigWarning, Email, Group, KnownKey, Latest, Scope, Store, StoreError, Timestamp,
    config_warnings,
};
use appmixer_limits::Limit;
use http::HeaderMap;
use schemars::JsonSchema;
use serde::Serialize;

use crate::app::App;
use crate::body::{Accepts, RequestBody};
use crate::error::ApiError;
use crate::head::Head;
use crate::openapi::wire;
use crate::response::{Answer, private_json};

/// The key whose settings can be tested.
pub(crate) const TESTABLE: &str = "MAIL_SMTP_HOST";

/// A group of keys, and whether it works.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ConfigState")]
pub(crate) struct ConfigStateView {
    #[schemars(with = "wire::ConfigGroup")]
    pub(crate) group: &'static str,
    /// What an administrator should set.
    pub(crate) warnings: Vec<ConfigWarningView>,
    /// `null` where the group delivers nothing.
    pub(crate) deliveries: Option<DeliveriesView>,
}

/// Something that an administrator should set.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ConfigWarning")]
pub(crate) struct ConfigWarningView {
    key: &'static str,
    /// What is wrong with its value, and what to do.
    message: &'static str,
}

impl ConfigWarningView {
    pub(crate) fn of(warning: &ConfigWarning) -> Self {
        Self { key: warning.key, message: warning.text }
    }
}

/// The deliveries of a group. The latest ones are those of the node that answers, since its start.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Deliveries")]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeliveriesView {
    /// How many messages wait, on all nodes.
    pub(crate) waiting: u64,
    /// When a receiver last took a message.
    #[schemars(with = "Option<wire::Time>")]
    pub(crate) last_delivery: Option<Timestamp>,
    /// The last attempt that failed.
    pub(crate) last_error: Option<DeliveryErrorView>,
}

/// An attempt that failed.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "DeliveryError")]
pub(crate) struct DeliveryErrorView {
    #[schemars(with = "wire::Time")]
    pub(crate) time: Timestamp,
    /// As `outbox list` has it.
    pub(crate) channel: &'static str,
    pub(crate) message: String,
}

/// What became of a test mail.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "MailTest")]
pub(crate) struct MailTestView {
    /// Whether the mail server took it.
    pub(crate) delivered: bool,
    /// What the mail server answered, or why it was not asked.
    pub(crate) answer: String,
}

pub(crate) async fn get(app: &App, headers: &HeaderMap) -> Result<Answer, ApiError> {
    app.require(headers, &Scope::admin()).await?;
    let warnings = config_warnings(&app.ctx.store.entries().await?);
    let mut states = Vec::new();
    for group in Group::ALL {
        let of_group = warnings.iter().filter(|warning| group_of(warning.key) == Some(group));
        states.push(ConfigStateView {
            group: group.as_str(),
            warnings: of_group.map(ConfigWarningView::of).collect(),
            deliveries: deliveries(app, group).await?,
        });
    }
    private_json(&states)
}

fn group_of(key: &str) -> Option<Group> {
    KnownKey::find(key).map(KnownKey::group)
}

async fn deliveries(app: &App, group: Group) -> Result<Option<DeliveriesView>, StoreError> {
    let channels: Vec<_> =
        Channel::ALL.into_iter().filter(|channel| group_of(channel.key()) == Some(group)).collect();
    if channels.is_empty() {
        return Ok(None);
    }
    let waiting = count_waiting(&*app.ctx.store, &channels).await?;
    let latest = |channel: &Channel| {
        let latest = app.mailing.as_ref().map(|mailing| mailing.log.latest(*channel));
        (*channel, latest.unwrap_or_default())
    };
    let latest: Vec<(Channel, Latest)> = channels.iter().map(latest).collect();
    let failed = latest.iter().filter_map(|(channel, latest)| Some((channel, latest.failed.as_ref()?)));
    let last_error = failed.max_by_key(|(_, (time, _))| *time);
    Ok(Some(DeliveriesView {
        waiting,
        last_delivery: latest.iter().filter_map(|(_, latest)| latest.delivered).max(),
        last_error: last_error.map(|(channel, (time, error))| DeliveryErrorView {
            time: *time,
            channel: channel.as_str(),
            message: error.clone(),
        }),
    }))
}

async fn count_waiting(store: &dyn Store, channels: &[Channel]) -> Result<u64, StoreError> {
    let mut waiting = 0;
    for channel in channels {
        waiting += store.count_waiting(*channel).await?;
    }
    Ok(waiting)
}

pub(crate) async fn test(
    app: &App,
    head: &Head<'_>,
    key: &str,
    body: &mut RequestBody,
) -> Result<Answer, ApiError> {
    app.require(head.headers, &Scope::admin()).await?;
    if key != TESTABLE {
        return Err(no_test());
    }
    let mut fields = body.fields(head.headers, Accepts::Json).await?;
    let address = fields.text("address", |text| Email::parse(&text));
    let address = fields.finish("address", address)?;

    let visit = app.limits.visit(Limit::ForgotPassword, head);
    let tested = async {
        visit.may_go_on()?;
        visit.count();
        let mailing = app.mailing.as_ref().ok_or_else(no_test)?;
        let test = mailing.tester.send_test(&address).await?;
        private_json(&MailTestView { delivered: test.is_taken, answer: test.answer })
    };
    visit.told(tested.await)
}

/// The answer where there is nothing to test.
pub(crate) fn no_test() -> ApiError {
    ApiError::not_found("Only MAIL_SMTP_HOST has a test")
}
