//! `key`: which keys sign tokens, and how one takes the place of another.

use std::time::Duration;

use appmixer_core::{
    AddKey, Context, KeyId, KeyRecord, OWN_SECRETS, Retired, Timestamp, add_key, retire_key, signs_at,
};
use appmixer_http::open_key;
use appmixer_token::{Algorithm, Sealer};
use serde_json::{Value, json};

use super::table::{Column, Table, print_json_lines};
use super::{beside, operator};
use crate::cli::KeyCommand;
use crate::config::{Config, Span, TokenAlgorithm};
use crate::failure::Failure;
use crate::workbench::system_config;
use crate::{prompt, secret, signing};

pub(crate) fn run(command: KeyCommand) -> Result<(), Failure> {
    match command {
        KeyCommand::List { json, common } => {
            beside(&common, async |config, ctx| list(config, ctx, json).await)
        }
        KeyCommand::Rotate { algorithm, activate_in, overlap, json, common } => {
            let algorithm: Option<TokenAlgorithm> = argument("--algorithm", algorithm)?;
            let wait: Option<Span> = argument("--activate-in", activate_in)?;
            let overlap: Option<Span> = argument("--overlap", overlap)?;
            beside(&common, async |config, ctx| {
                let algorithm = algorithm.unwrap_or(config.token.algorithm).0;
                rotate(config, ctx, algorithm, wait, overlap, json).await
            })
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

/// What an operator is told of a key.
struct Shown {
    id: String,
    algorithm: String,
    source: &'static str,
    state: &'static str,
    activates: Option<Timestamp>,
    ends: Option<Timestamp>,
}

async fn list(config: &Config, ctx: &Context, json: bool) -> Result<(), Failure> {
    let kept = ctx.store.signing_keys().await?;
    let has_jwt_secret = system_config(ctx).await?.token_secret.is_some();
    let sealer = secret::token_options(config)?.sealer();
    let keys = shown(config, &kept, &sealer, has_jwt_secret, ctx.clock.now());
    if json {
        return Ok(print_json_lines(&keys.iter().map(view).collect::<Vec<_>>())?);
    }
    Ok(Table::new(COLUMNS, "  ").print(&keys.iter().map(cells).collect::<Vec<_>>())?)
}

/// Newest first.
fn shown(
    config: &Config,
    kept: &[KeyRecord],
    sealer: &Sealer,
    has_jwt_secret: bool,
    now: Timestamp,
) -> Vec<Shown> {
    let is_usable = |key: &KeyRecord| key.is_own() || open_key(sealer, key).is_ok();
    let usable: Vec<_> = kept.iter().filter(|key| is_usable(key)).cloned().collect();
    let signing = signs_at(&usable, now).map(|place| usable[place].id.clone());
    let mut keys = Vec::new();
    for key in kept.iter().rev() {
        let signs = signing.as_ref() == Some(&key.id);
        let state = if !is_usable(key) {
            "unusable"
        } else if signs {
            "signs"
        } else if key.has_ended(now) {
            "ended"
        } else if key.activates > now {
            "waits"
        } else {
            "verifies"
        };
        let algorithm = key.algorithm.clone();
        if !key.is_own() {
            let (id, activates) = (key.id.to_string(), Some(key.activates));
            keys.push(Shown { id, algorithm, source: "database", state, activates, ends: key.ends });
            continue;
        }
        let row = |id: &str, source, state, ends| Shown {
            id: id.to_owned(),
            algorithm: algorithm.clone(),
            source,
            state,
            activates: None,
            ends,
        };
        // Set, it signs in the place of the own secret, and verifies whatever becomes of that.
        if has_jwt_secret {
            let state = if signs { "signs" } else { "verifies" };
            keys.push(row("JWTSecret", "system configuration", state, None));
        }
        let is_ours = config.token.secret.is_none();
        let source = if is_ours { "data folder" } else { "token.secret" };
        let own_state = if signs && has_jwt_secret { "verifies" } else { state };
        keys.push(row(OWN_SECRETS, source, own_state, key.ends));
        let old_state = if signs { "verifies" } else { state };
        for _ in &config.token.previous_secrets {
            keys.push(row(OWN_SECRETS, "token.previous_secrets", old_state, key.ends));
        }
    }
    keys
}

fn view(key: &Shown) -> Value {
    json!({
        "id": key.id,
        "algorithm": key.algorithm,
        "source": key.source,
        "state": key.state,
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

fn cells(key: &Shown) -> [String; 5] {
    let until = match key.state {
        "waits" => key.activates,
        _ => key.ends,
    };
    let until = until.map_or_else(|| "-".to_owned(), |time| time.to_string());
    [key.id.clone(), key.algorithm.clone(), key.source.to_owned(), key.state.to_owned(), until]
}

async fn rotate(
    config: &Config,
    ctx: &Context,
    algorithm: Algorithm,
    wait: Option<Span>,
    overlap: Option<Span>,
    json: bool,
) -> Result<(), Failure> {
    let lifetime = config.token.lifetime;
    let overlap = overlap.unwrap_or(lifetime);
    if overlap.0 < lifetime.0 {
        return Err(Failure::refused(format!(
            "--overlap: less than token.lifetime ({lifetime}) would sign users out; `key retire` does that"
        )));
    }
    let sealer = secret::token_options(config)?.sealer();
    signing::has_the_servers_secret(&sealer, &ctx.store.signing_keys().await?)?;
    let default = if algorithm.is_asymmetric() { signing::PUBLISHED_BEFORE } else { Duration::ZERO };
    let now = ctx.clock.now();
    let activates = now.after(wait.map_or(default, |Span(wait)| wait));
    let key = signing::new_key(&sealer, algorithm, now, activates)?;
    let (id, ends) = (key.id.clone(), signing::end_of_others(activates, overlap.0));
    add_key(ctx, &operator(), key, ends, AddKey::Always).await?;
    if json {
        println!(
            "{}",
            json!({"id": id.as_str(), "algorithm": algorithm.as_str(), "activates": activates, "othersEnd": ends})
        );
    } else {
        println!("{id}  {algorithm}  signs from {activates}; what signed before verifies until {ends}");
    }
    Ok(())
}

async fn retire(config: &Config, ctx: &Context, id: KeyId, yes: bool) -> Result<(), Failure> {
    let kept = ctx.store.signing_keys().await?;
    let sealer = secret::token_options(config)?.sealer();
    let found = kept.iter().find(|key| key.id == id);
    let is_usable = found.is_none_or(|key| key.is_own() || open_key(&sealer, key).is_ok());
    if let Some(key) = found.filter(|_| !yes) {
        prompt::consent(&question(key, ctx.clock.now(), config.token.lifetime.0))?;
    }
    match retire_key(ctx, &operator(), id, !is_usable).await? {
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
    let left = Span(Duration::from_secs(left.unwrap_or(lifetime.as_secs())));
    format!("Retire {id}? Whoever has a token by it, good for at most {left} more, has to sign in again.")
}
