//! `token`: issue, inspect and verify tokens.

use appmixer_core::{Context, Timestamp, authenticate, open_session};
use appmixer_http::{RecordedLifetime, claims_of, grant_of};
use appmixer_token::inspect;
use serde_json::{Value, json};

use super::beside;
use crate::cli::TokenCommand;
use crate::config::{Config, Span};
use crate::failure::Failure;
use crate::output::outln;
use crate::workbench::{find_user, key_set};
use crate::{prompt, secret};

pub(crate) fn run(command: TokenCommand) -> Result<(), Failure> {
    match command {
        TokenCommand::Issue { user, lifetime, common } => {
            let lifetime: Option<Span> = lifetime
                .map(|text| text.parse())
                .transpose()
                .and_then(|lifetime| lifetime.map_or(Ok(()), Span::check_token_lifetime).map(|()| lifetime))
                .map_err(|error: String| Failure::refused(format!("--lifetime: {error}")))?;
            beside(&common, async |config, ctx| issue(config, ctx, &user, lifetime).await)
        }
        TokenCommand::Inspect { token } => show(&token_or_stdin(token)?),
        TokenCommand::Verify { token, common } => {
            let token = token_or_stdin(token)?;
            beside(&common, async |config, ctx| verify(config, ctx, &token).await)
        }
    }
}

fn token_or_stdin(token: Option<String>) -> Result<String, Failure> {
    Ok(match token {
        Some(token) => token,
        None => prompt::first_line()?.trim().to_owned(),
    })
}

async fn issue(config: &Config, ctx: &Context, user: &str, lifetime: Option<Span>) -> Result<(), Failure> {
    let user = find_user(ctx, user).await?;
    if !ctx.rules.admits(&user) {
        return Err(Failure::refused("the user is not active, and users.require_active is set"));
    }
    let mut rules = ctx.rules.clone();
    if let Some(Span(lifetime)) = lifetime {
        rules.token_lifetime = lifetime;
    }
    let session = open_session(&rules, user, ctx.clock.now());
    let tokens = secret::server_token_options(config, ctx).await?;
    let keys = key_set(ctx, &tokens).await?;
    let recorded = RecordedLifetime::of(&tokens, &ctx.store.signing_keys().await?, ctx.clock.now());
    if !recorded.covers(&session.grant) {
        recorded.extend(&*ctx.store, &session.grant).await?;
    }
    let token = keys.issue(&claims_of(&session.grant));
    outln!("{}", token.map_err(|error| Failure::refused(error.to_string()))?);
    Ok(())
}

fn show(token: &str) -> Result<(), Failure> {
    let inspected = inspect(token).map_err(|error| Failure::refused(error.to_string()))?;
    let time = |claim: &str| inspected.payload[claim].as_u64().map(Timestamp::from_seconds);
    outln!(
        "{:#}",
        json!({
            "header": inspected.header,
            "payload": inspected.payload,
            "issued": time("iat").map_or(Value::Null, |time| json!(time)),
            "expires": time("exp").map_or(Value::Null, |time| json!(time)),
            "verified": false,
        })
    );
    Ok(())
}

async fn verify(config: &Config, ctx: &Context, token: &str) -> Result<(), Failure> {
    let bad = |error: &dyn std::fmt::Display| Failure::refused(error.to_string());
    let claims = key_set(ctx, &secret::server_token_options(config, ctx).await?)
        .await?
        .verify(token, ctx.clock.now().seconds())
        .map_err(|e| bad(&e))?;
    let grant = grant_of(&claims).map_err(|e| bad(&e))?;
    let caller = authenticate(&*ctx.store, &grant, ctx.rules.require_active).await.map_err(|e| bad(&e))?;
    outln!(
        "{}",
        json!({
            "id": caller.user.id,
            "username": caller.user.names.username.as_str(),
            "scope": caller.scopes,
            "expires": grant.expires_at,
        })
    );
    Ok(())
}
