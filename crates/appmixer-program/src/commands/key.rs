//! `key`: which keys sign tokens, and how one takes the place of another.

use std::time::Duration;

use appmixer_core::{Context, KeyId, KeyRecord, Retired, Timestamp};
use appmixer_http::{KeySource, KeyState, ListedKey, RotateError, Rotated, Rotation, end_key, rotate_key};
use serde_json::{Value, json};

use super::table::{Column, Table, print_json_lines};
use super::{beside, operator};
use crate::cli::KeyCommand;
use crate::config::{Config, Span, TokenAlgorithm};
use crate::failure::Failure;
use crate::output::{errln, outln};
use crate::workbench::system_config;
use crate::{prompt, secret};

pub(crate) fn run(command: KeyCommand) -> Result<(), Failure> {
    match command {
        KeyCommand::List { json, common } => {
            beside(&common, async |config, ctx| list(config, ctx, json).await)
        }
        KeyCommand::Rotate { algorithm, activate_in, overlap, json, common } => {
            let algorithm: Option<TokenAlgorithm> = argument("--algorithm", algorithm)?;
            let wait: Option<Span> = argument("--activate-in", activate_in)?;
            let overlap: Option<Span> = argument("--overlap", overlap)?;
            beside(&common, async |config, ctx| rotate(config, ctx, algorithm, wait, overlap, json).await)
        }
        KeyCommand::Retire { key, yes, common } => {
            let id = KeyId::parse(&key).map_err(|error| Failure::refused(format!("KEY {error}")))?;
            beside(&common, async |config, ctx| retire(config, ctx, id, yes).await)
        }
    }
}

fn argument<T>(name: &str, text: Option<String>) -> Result<Option<T>, Failure>
where
    T: std::str::FromStr<Err = String>,
{
    let parsed = text.map(|text| text.parse()).transpose();
    parsed.map_err(|error| Failure::refused(format!("{name}: {error}")))
}

async fn list(config: &Config, ctx: &Context, json: bool) -> Result<(), Failure> {
    let kept = ctx.store.signing_keys().await?;
    let system = system_config(ctx).await?;
    let tokens = secret::known_token_options(config)?;
    if !secret::is_of_server(&tokens, ctx).await? {
        errln!("appmixer-server: the server of this database has another token.secret than this command");
    }
    let keys = tokens.list(&kept, &system, ctx.clock.now());
    if json {
        return print_json_lines(&keys.iter().map(|key| view(config, key)).collect::<Vec<_>>());
    }
    Table::new(COLUMNS, "  ").print(&keys.iter().map(|key| cells(config, key)).collect::<Vec<_>>())
}

/// Where an operator finds it.
const fn source(config: &Config, key: &ListedKey) -> &'static str {
    match key.source {
        KeySource::Database => "database",
        KeySource::SystemConfiguration => "system configuration",
        KeySource::OwnSecret if config.token.secret.is_none() => "data folder",
        KeySource::OwnSecret => "token.secret",
        KeySource::PreviousSecret => "token.previous_secrets",
    }
}

const fn state(key: &ListedKey) -> &'static str {
    match key.state {
        KeyState::Signing => "signs",
        KeyState::Next => "waits",
        KeyState::Verifying => "verifies",
        KeyState::Ended | KeyState::Unusable => key.state.as_str(),
    }
}

fn view(config: &Config, key: &ListedKey) -> Value {
    json!({
        "id": key.id,
        "algorithm": key.algorithm,
        "source": source(config, key),
        "state": state(key),
        "activates": key.activates,
        "ends": key.ends,
    })
}

const COLUMNS: [Column; 5] = [
    Column::whole("ID"),
    Column::whole("ALGORITHM"),
    Column::new("SOURCE"),
    Column::whole("STATE"),
    Column::whole("UNTIL"),
];

fn cells(config: &Config, key: &ListedKey) -> [String; 5] {
    let until = if key.state == KeyState::Next { key.activates } else { key.ends };
    let until = until.map_or_else(|| "-".to_owned(), |time| time.to_string());
    let (source, state) = (source(config, key).to_owned(), state(key).to_owned());
    [key.id.clone(), key.algorithm.clone(), source, state, until]
}

async fn rotate(
    config: &Config,
    ctx: &Context,
    algorithm: Option<TokenAlgorithm>,
    wait: Option<Span>,
    overlap: Option<Span>,
    json: bool,
) -> Result<(), Failure> {
    let tokens = secret::server_token_options(config, ctx).await?;
    let rotation = Rotation {
        algorithm: algorithm.map(|TokenAlgorithm(algorithm)| algorithm),
        activates: wait.map(|Span(wait)| ctx.clock.now().after(wait)),
        overlap: overlap.map(|Span(overlap)| overlap),
    };
    let Rotated { key, others_end } =
        rotate_key(ctx, &tokens, &operator(), rotation).await.map_err(|error| match error {
            RotateError::Overlap(seconds) => Failure::refused(format!(
                "--overlap: less than {} would sign users out, since tokens of that lifetime were signed \
                 (token.lifetime, console.session); `key retire` ends a key at once",
                Span(Duration::from_secs(seconds))
            )),
            other => other.into(),
        })?;
    let ListedKey { id, algorithm, activates, .. } = key;
    if json {
        outln!(
            "{}",
            json!({"id": id, "algorithm": algorithm, "activates": activates, "othersEnd": others_end})
        );
    } else {
        let activates = activates.map(|time| time.to_string()).unwrap_or_default();
        outln!("{id}  {algorithm}  signs from {activates}; what signed before verifies until {others_end}");
    }
    Ok(())
}

async fn retire(config: &Config, ctx: &Context, id: KeyId, yes: bool) -> Result<(), Failure> {
    let kept = ctx.store.signing_keys().await?;
    if let Some(key) = kept.iter().find(|key| key.id == id).filter(|_| !yes) {
        prompt::consent(&question(key, ctx.clock.now(), config.token.lifetime.0))?;
    }
    match end_key(ctx, &secret::known_token_options(config)?, &operator(), id).await? {
        Retired::Done => Ok(()),
        Retired::NotFound => {
            Err(Failure::refused("there is no such key in the database; `key list` shows what there is"))
        }
        Retired::Signs => Err(Failure::refused(
            "this key signs: first give it a successor with `key rotate --activate-in 0`; nothing was changed",
        )),
    }
}

/// Whom it concerns: tokens that were signed by then are good for so long.
fn question(key: &KeyRecord, now: Timestamp, lifetime: Duration) -> String {
    let id = &key.id;
    if key.activates > now {
        return format!("Retire {id}? It has not signed anything yet.");
    }
    let left = key.ends.map(|end| end.seconds().saturating_sub(now.seconds()));
    let left = Span(Duration::from_secs(left.unwrap_or(lifetime.max(key.lifetime).as_secs())));
    format!("Retire {id}? Whoever has a token by it, good for at most {left} more, has to sign in again.")
}
