//! `/config` and `/config-keys`: the system configuration, for administrators.

use appmixer_core::{ConfigEntry, ConfigKey, InvalidConfig, KNOWN_KEYS, Scope, remove_config, set_config};
use http::{HeaderMap, Method};
use percent_encoding::percent_decode_str;

use crate::app::App;
use crate::body::{Accepts, RequestBody};
use crate::error::ApiError;
use crate::head::Head;
use crate::response::{Answer, private_json};
use crate::router::Resource;
use crate::routes::config_state;
use crate::views::{ConfigEntryView, ConfigKeyView, Removed};

/// Answers a request for the configuration; `as_get` is its method, with HEAD as GET.
pub(crate) async fn answer(
    app: &App,
    resource: Resource,
    as_get: &Method,
    head: &Head<'_>,
    key: &str,
    body: &mut RequestBody,
) -> Result<Answer, ApiError> {
    match (resource, as_get) {
        (Resource::Config, &Method::GET) => get(app, head.headers).await,
        (Resource::Config, &Method::POST) => post(app, head, body).await,
        (Resource::ConfigEntry, &Method::DELETE) => delete(app, head, key).await,
        (Resource::ConfigTest, &Method::POST) => config_state::test(app, head, key, body).await,
        (Resource::ConfigKeys, &Method::GET) => keys(app, head.headers).await,
        (Resource::ConfigState, &Method::GET) => config_state::get(app, head.headers).await,
        (resource, _) => Err(resource.method_not_allowed(head.method)),
    }
}

async fn get(app: &App, headers: &HeaderMap) -> Result<Answer, ApiError> {
    app.require(headers, &Scope::admin()).await?;
    let entries = app.ctx.store.entries().await?;
    private_json(&entries.iter().map(ConfigEntryView::of).collect::<Vec<_>>())
}

async fn keys(app: &App, headers: &HeaderMap) -> Result<Answer, ApiError> {
    app.require(headers, &Scope::admin()).await?;
    private_json(&KNOWN_KEYS.iter().map(ConfigKeyView::of).collect::<Vec<_>>())
}

async fn post(app: &App, head: &Head<'_>, body: &mut RequestBody) -> Result<Answer, ApiError> {
    let session = app.require(head.headers, &Scope::admin()).await?;
    let mut fields = body.fields(head.headers, Accepts::Json).await?;
    let key = fields.text("key", |text| ConfigKey::parse(&text));
    // `null` is a value here: a known key's default.
    let value = fields.has("value").then(|| fields.value("value").unwrap_or_default());
    let (key, value) = fields.finish2(("key", key), ("value", value))?;
    let entry = ConfigEntry::new(key, value, app.min_secret_bytes()).map_err(|error| match error {
        InvalidConfig::Key => ApiError::invalid_one("key", &error),
        InvalidConfig::ValueSize | InvalidConfig::Value(_) => ApiError::invalid_one("value", &error),
    })?;

    set_config(&app.ctx, &head.origin(Some(&session.caller)), entry.clone()).await?;
    private_json(&ConfigEntryView::of(&entry))
}

async fn delete(app: &App, head: &Head<'_>, key: &str) -> Result<Answer, ApiError> {
    let session = app.require(head.headers, &Scope::admin()).await?;
    let key =
        percent_decode_str(key).decode_utf8().map_err(|_| ApiError::invalid_one("key", &"must be UTF-8"))?;
    let key = ConfigKey::parse(&key).map_err(|error| ApiError::invalid_one("key", &error))?;

    if remove_config(&app.ctx, &head.origin(Some(&session.caller)), key).await? {
        private_json(&Removed { ok: true })
    } else {
        Err(ApiError::not_found("There is no such entry"))
    }
}
