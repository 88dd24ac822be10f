//! `/config` and `/config-keys`: the system configuration.

use appmixer_core::{
    ConfigWarning, InvalidConfig, InvalidName, KNOWN_KEYS, Kind, MAIL_TLS, MAX_ENTRIES, MAX_NAME_BYTES,
    MIN_WEBHOOK_SECRET_BYTES, StoreError,
};
use appmixer_token::MIN_SECRET_BYTES;
use schemars::JsonSchema;
use serde_json::{Value, json};

use crate::error::ApiError;
use crate::openapi::book::{Book, Who};
use crate::openapi::samples::Samples;
use crate::openapi::wire::{ConfigKey, NAME, Name, TestableKey};
use crate::router::Resource;
use crate::routes::config_state::{
    ConfigStateView, ConfigWarningView, DeliveriesView, DeliveryErrorView, MailTestView, TESTABLE, no_test,
};
use crate::views::{ConfigEntryView, ConfigKeyView, Removed};

/// An entry. Any key may be stored; one that means something to the server takes only what it can be.
#[derive(JsonSchema)]
#[schemars(extend("allOf" = what_known_keys_need()))]
#[expect(dead_code, reason = "only its schema is asked for")]
struct NewConfigEntry {
    key: ConfigKey,
    /// Any JSON of at most 32 KiB; `null` is the default of a key that means something.
    value: Value,
}

/// Visible characters, and a host without a name or password before it. Hosts beyond ASCII are accepted as well;
/// which they are is no regular expression.
const URL: &str = r#"^https?://[!"$-.0->A-~]+([/?#][!-~]*)?$"#;

/// 1 to 65535 in digits.
const PORT: &str =
    "^0*([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])$";

/// What the values of keys that mean something may be: one condition for all keys with the same values, since tools give
/// up on very many.
fn what_known_keys_need() -> Value {
    let mut groups: Vec<(Value, Vec<&str>)> = Vec::new();
    for key in KNOWN_KEYS {
        let schema = value_schema(key.kind);
        match groups.iter_mut().find(|(known, _)| *known == schema) {
            Some((_, keys)) => keys.push(key.name),
            None => groups.push((schema, vec![key.name])),
        }
    }
    let condition = |(schema, keys): (Value, Vec<&str>)| {
        json!({
            "if": { "properties": { "key": { "enum": keys } } },
            "then": { "properties": { "value": schema } },
        })
    };
    groups.into_iter().map(condition).collect()
}

/// What the value of a key of this kind may be.
fn value_schema(kind: Kind) -> Value {
    let mut schema = match kind {
        Kind::Text | Kind::Secret | Kind::Scopes => json!({}),
        Kind::Line => json!({ "pattern": r"^[^\x00-\x1f\x7f-\x9f]+$" }),
        Kind::MailBody => json!({ "pattern": r"\{\{link\}\}" }),
        Kind::UrlSuffix => json!({ "pattern": "^[!-~]+$" }),
        Kind::Host => json!({ "pattern": "^[A-Za-z0-9._:-]+$", "maxLength": 253 }),
        Kind::Email => json!({ "pattern": NAME, "maxLength": MAX_NAME_BYTES }),
        Kind::MailTls => json!({ "enum": [MAIL_TLS[0], MAIL_TLS[1], null] }),
        Kind::Url => json!({ "pattern": URL }),
        Kind::WebhookSecret => json!({ "minLength": MIN_WEBHOOK_SECRET_BYTES }),
        Kind::TokenSecret => json!({ "minLength": MIN_SECRET_BYTES }),
        Kind::Port => json!({
            "type": ["integer", "string", "null"], "minimum": 1, "maximum": u16::MAX, "pattern": PORT,
        }),
        Kind::Vendor => json!({ "type": ["string", "array", "null"], "items": { "type": "string" } }),
    };
    if schema["type"].is_null() {
        schema["type"] = json!(["string", "null"]);
    }
    schema
}

/// Where a test mail goes.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is asked for")]
struct NewMailTest {
    address: Name,
}

/// A group with something to tell, and one without.
fn states(samples: &Samples) -> Vec<ConfigStateView> {
    let time = samples.user.created;
    let from = ConfigWarning { key: "MAIL_FROM_EMAIL", text: "mails are sent from info@appmixer.com" };
    let error = DeliveryErrorView {
        time,
        channel: "forgot-password-mail",
        message: "the mail server answered 535 to AUTH".to_owned(),
    };
    let deliveries = DeliveriesView { waiting: 2, last_delivery: Some(time), last_error: Some(error) };
    vec![
        ConfigStateView { group: "sign-up", warnings: Vec::new(), deliveries: None },
        ConfigStateView {
            group: "mail",
            warnings: vec![ConfigWarningView::of(&from)],
            deliveries: Some(deliveries),
        },
    ]
}

pub(super) fn write(book: &mut Book, samples: &Samples) {
    book.subject("System configuration", "What administrators set while the server runs. It counts at once.");
    book.route("GET", Resource::Config, "getConfig", "Every entry, by key", Who::Admin)
        .about("Values that can be written and not read are shown as `\"********\"`.")
        .answers("The entries.", &vec![ConfigEntryView::of(&samples.entry)])
        .done();
    book.route("POST", Resource::Config, "setConfigEntry", "Make an entry, or replace it", Who::Admin)
        .body::<NewConfigEntry>(json!({ "key": "APP_NAME", "value": "Acme" }))
        .answers("The entry.", &ConfigEntryView::of(&samples.entry))
        .fails(ApiError::invalid_one("value", &"is required"), "a member is missing")
        .fails(ApiError::invalid_one("key", &InvalidConfig::Key), "it is something else")
        .fails(ApiError::invalid_one("value", &InvalidConfig::ValueSize), "it is more")
        .fails(ApiError::invalid_one("value", &"must be a string"), "the key needs something else")
        .fails(StoreError::TooMany(MAX_ENTRIES), "it would be one more")
        .done();
    book.route("DELETE", Resource::ConfigEntry, "removeConfigEntry", "Remove an entry", Who::Admin)
        .path::<ConfigKey>("key", "Which; percent-encoded where it has to be.", "APP_NAME")
        .answers("It is gone.", &Removed { ok: true })
        .fails(ApiError::invalid_one("key", &"must be UTF-8"), "it is not, once it is decoded")
        .fails(ApiError::invalid_one("key", &InvalidConfig::Key), "it is something else")
        .fails(ApiError::not_found("There is no such entry"), "nobody has set it")
        .done();
    book.route("GET", Resource::ConfigKeys, "getConfigKeys", "The keys that mean something", Who::Admin)
        .about("What an administrator can set, for a form to ask for. Clients' own keys are not among them.")
        .answers("The keys.", &KNOWN_KEYS.iter().map(ConfigKeyView::of).collect::<Vec<_>>())
        .done();
    book.route(
        "GET",
        Resource::ConfigState,
        "getConfigState",
        "Whether each group of keys works",
        Who::Admin,
    )
    .about("The latest deliveries are those of the node that answers, since its start.")
    .answers("The groups.", &states(samples))
    .done();
    let taken = MailTestView { delivered: true, answer: "250 2.0.0 Ok: queued as 4711".to_owned() };
    book.route("POST", Resource::ConfigTest, "sendTestMail", "Send a test mail", Who::Admin)
        .about("Sends one mail with the present settings, and answers with what the mail server says.")
        .path::<TestableKey>("key", "What to test.", TESTABLE)
        .body::<NewMailTest>(json!({ "address": "admin@example.com" }))
        .answers("The mail server was asked.", &taken)
        .fails(ApiError::invalid_one("address", &InvalidName::NotAnAddress), "it is no address")
        .fails(no_test(), "the key is another one")
        .limited("forgot-password", 100, "the network has asked for too many mails")
        .done();
}
