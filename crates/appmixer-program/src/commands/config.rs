//! `config`: the system configuration, from the command line.

use appmixer_core::{
    ConfigEntry, ConfigKey, ConfigWarning, Context, Group, JWT_SECRET, KNOWN_KEYS, KnownKey, RENAMED_KEYS,
    config_warnings, remove_config, set_config,
};
use appmixer_token::MIN_SECRET_BYTES;
use serde_json::{Value, json};

use super::table::{Column, Table};
use super::{beside, operator};
use crate::cli::ConfigCommand;
use crate::config::Config;
use crate::failure::Failure;
use crate::output::{errln, outln};
use crate::similar::closest;
use crate::{prompt, secret};

pub(crate) fn run(command: ConfigCommand) -> Result<(), Failure> {
    match command {
        ConfigCommand::List { json, common } => beside(&common, async |_, ctx| list(ctx, json).await),
        ConfigCommand::Get { key, common } => {
            let key = parse(&key)?;
            beside(&common, async |_, ctx| get(ctx, &key).await)
        }
        ConfigCommand::Set { key, value, stdin, own, common } => {
            let key = parse(&key)?;
            let is_known = KnownKey::find(key.as_str()).is_some();
            if !is_known && !own {
                not_mistyped(&key)?;
            }
            let value = read_value(&key, value, stdin)?;
            let name = key.as_str().to_owned();
            beside(&common, async |config, ctx| set(config, ctx, key, value).await)?;
            if !is_known && !own {
                errln!("appmixer-server: {name} is no key of this server; it is stored for your clients");
            }
            Ok(())
        }
        ConfigCommand::Unset { key, common } => {
            let key = parse(&key)?;
            beside(
                &common,
                async |_, ctx| {
                    if remove_config(ctx, &operator(), key).await? { Ok(()) } else { Err(missing()) }
                },
            )
        }
    }
}

fn parse(key: &str) -> Result<ConfigKey, Failure> {
    ConfigKey::parse(key).map_err(|error| Failure::refused(format!("the key {error}")))
}

/// Clients may have keys of their own, which do not look like a known one.
fn not_mistyped(key: &ConfigKey) -> Result<(), Failure> {
    let key = key.as_str();
    if let Some((_, successor)) = RENAMED_KEYS.iter().find(|(name, _)| *name == key) {
        return Err(Failure::refused(format!(
            "{key} is the earlier name of {successor}; --own stores it nevertheless, for clients of yours"
        )));
    }
    match closest(key, KNOWN_KEYS.iter().map(|known| known.name)) {
        None => Ok(()),
        Some(meant) => Err(Failure::refused(format!(
            "no known key {key}; did you mean {meant}? --own stores it nevertheless, for clients of yours"
        ))),
    }
}

fn missing() -> Failure {
    Failure::refused("there is no such entry; `config list` shows what there is")
}

/// What stands among the arguments can be seen by everybody on the machine: secrets must not.
fn read_value(key: &ConfigKey, value: Option<String>, stdin: bool) -> Result<Value, Failure> {
    match value {
        Some(_) if key.is_write_only() => Err(Failure::refused(
            "a secret is no argument: leave the value out to be asked for it, or use --stdin",
        )),
        Some(text) => Ok(serde_json::from_str(&text).unwrap_or(Value::String(text))),
        None if stdin || key.is_write_only() => Ok(prompt::secret(key.as_str(), stdin)?.as_str().into()),
        None => Err(Failure::refused("give a value, or --stdin")),
    }
}

async fn list(ctx: &Context, as_json: bool) -> Result<(), Failure> {
    let entries = ctx.store.entries().await?;
    if as_json {
        let entry = |entry: &ConfigEntry| json!({"key": entry.key().as_str(), "value": entry.shown_value()});
        outln!("{}", Value::Array(entries.iter().map(entry).collect()));
        return Ok(());
    }
    let row = |entry: &ConfigEntry| [entry.key().as_str().to_owned(), entry.shown_value().to_string()];
    let rows: Vec<_> = entries.iter().map(row).collect();
    Table::new([Column::whole("KEY"), Column::new("VALUE")], " = ").print(&rows)
}

async fn get(ctx: &Context, key: &ConfigKey) -> Result<(), Failure> {
    let entries = ctx.store.entries().await?;
    let entry = entries.iter().find(|entry| entry.key() == key).ok_or_else(missing)?;
    outln!("{}", entry.shown_value());
    Ok(())
}

async fn set(config: &Config, ctx: &Context, key: ConfigKey, value: Value) -> Result<(), Failure> {
    let min_secret_bytes = secret::min_secret_bytes(config);
    let name = key.as_str().to_owned();
    let group = KnownKey::find(&name).map(KnownKey::group);
    let entry = ConfigEntry::new(key, value, min_secret_bytes)
        .map_err(|error| Failure::refused(format!("{name} {error}")))?;
    let is_short = entry.key().as_str() == JWT_SECRET
        && entry.value().as_str().is_some_and(|text| text.len() < MIN_SECRET_BYTES);
    set_config(ctx, &operator(), entry).await?;
    if matches!(group, Some(Group::Mail | Group::Webhooks)) {
        warn_about_mail(&ctx.store.entries().await?);
    }
    if is_short {
        errln!(
            "warning: {name}: it has fewer than {MIN_SECRET_BYTES} bytes: a server uses it only if its own configuration \
             has token.allow_short_secret, and logs an error otherwise"
        );
    }
    Ok(())
}

/// Says on standard error what cannot work yet.
pub(super) fn warn_about_mail(entries: &[ConfigEntry]) {
    for ConfigWarning { key, text } in config_warnings(entries) {
        errln!("warning: {key}: {text}");
    }
}
