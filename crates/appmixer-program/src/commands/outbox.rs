//! `outbox`: what waits for delivery, from the command line.

use appmixer_core::{Context, Timestamp, Waiting};
use serde_json::{Value, json};

use super::beside;
use super::table::{Column, Table, print_json_lines};
use crate::cli::OutboxCommand;
use crate::failure::Failure;

/// Messages that are read at once.
const PAGE: u32 = 500;

pub(crate) fn run(command: OutboxCommand) -> Result<(), Failure> {
    let OutboxCommand::List { json, common } = command;
    beside(&common, async |_, ctx| list(ctx, json).await)
}

async fn list(ctx: &Context, json: bool) -> Result<(), Failure> {
    let mut shown = if json { None } else { Some(Table::new(COLUMNS, "  ")) };
    let mut after = None;
    loop {
        let waiting = ctx.store.waiting(after, PAGE).await?;
        let Some(last) = waiting.last() else { return Ok(()) };
        after = Some(last.id);
        match &mut shown {
            Some(table) => table.print(&waiting.iter().map(cells).collect::<Vec<_>>())?,
            None => print_json_lines(&waiting.iter().map(view).collect::<Vec<_>>())?,
        }
    }
}

fn view(message: &Waiting) -> Value {
    json!({
        "id": message.id.to_string(),
        "channel": message.channel.as_str(),
        "created": message.created,
        "attempts": message.attempts,
        "next": next(message),
        "expires": message.expires,
        "error": message.error,
    })
}

/// When it is delivered. What was never tried is due at once, for which the database has the beginning of time.
fn next(message: &Waiting) -> Timestamp {
    message.due.max(message.created)
}

const COLUMNS: [Column; 5] = [
    Column::whole("ID"),
    Column::whole("CHANNEL"),
    Column::whole("ATTEMPTS"),
    Column::whole("NEXT"),
    Column::new("LAST ERROR"),
];

/// A dash stands where there is none.
fn cells(message: &Waiting) -> [String; 5] {
    let Waiting { id, channel, attempts, error, .. } = message;
    let error = error.clone().unwrap_or_else(|| "-".to_owned());
    [id.to_string(), channel.as_str().to_owned(), attempts.to_string(), next(message).to_string(), error]
}
