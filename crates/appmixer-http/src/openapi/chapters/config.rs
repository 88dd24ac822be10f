//! `/config`: the system configuration.

use appmixer_core::{InvalidConfig, MAX_ENTRIES, StoreError};
use schemars::JsonSchema;
use serde_json::{Value, json};

use crate::error::ApiError;
use crate::openapi::book::{Book, Who};
use crate::openapi::samples::Samples;
use crate::openapi::wire::ConfigKey;
use crate::router::Resource;
use crate::views::{ConfigEntryView, Removed};

/// An entry. Any key may be stored; one that means something to the server takes only what it can be.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is asked for")]
struct NewConfigEntry {
    key: ConfigKey,
    /// Any JSON of at most 32 KiB; `null` is the default of a key that means something.
    value: Value,
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
}
