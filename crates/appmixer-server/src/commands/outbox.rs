//! `outbox`: what waits for delivery, from the command line.

use appmixer_core::{Context, Waiting};
use serde_json::json;

use super::beside;
use crate::cli::OutboxCommand;
use crate::failure::Failure;

/// Messages that are read at once.
const PAGE: u32 = 500;

pub(crate) fn run(command: OutboxCommand) -> Result<(), Failure> {
    let OutboxCommand::List { json, common } = command;
    beside(&common, async |_, ctx| list(ctx, json).await)
}

async fn list(ctx: &Context, json: bool) -> Result<(), Failure> {
    let mut after = None;
    loop {
        let waiting = ctx.store.waiting(after, PAGE).await?;
        let Some(last) = waiting.last() else { return Ok(()) };
        after = Some(last.id);
        for message in &waiting {
            println!("{}", if json { json_line(message) } else { table_line(message) });
        }
    }
}

fn json_line(message: &Waiting) -> String {
    json!({
        "id": message.id.to_string(),
        "channel": message.channel.as_str(),
        "created": message.created,
        "attempts": message.attempts,
        "next": message.due,
        "expires": message.expires,
        "error": message.error,
    })
    .to_string()
}

/// Number, channel, attempts, next attempt, last error; a dash where there is none.
fn table_line(message: &Waiting) -> String {
    let Waiting { id, channel, attempts, due, error, .. } = message;
    let error = error.as_deref().unwrap_or("-");
    format!("{id}  {:<24}  {attempts:>3}  {due}  {error}", channel.as_str())
}
