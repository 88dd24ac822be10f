//! `audit`: the audit log, from the command line.

use appmixer_core::{Actor, AuditKind, AuditQuery, AuditRecord, Context, Timestamp, UserId};

use super::beside;
use super::table::{Column, Table, json_of, print_json_lines};
use crate::cli::{AuditCommand, AuditFilters};
use crate::failure::Failure;
use crate::workbench::find_user;

/// Entries that are read at once.
const PAGE: u32 = 500;

pub(crate) fn run(command: AuditCommand) -> Result<(), Failure> {
    let AuditCommand::List { filters, limit, json, common } = command;
    let (query, user) = read(filters)?;
    beside(&common, async |_, ctx| {
        let user = match user {
            Some(user) => Some(id_of(ctx, &user).await?),
            None => None,
        };
        list(ctx, AuditQuery { user, ..query }, limit, json).await
    })
}

/// The query, and the user that it is to be about.
fn read(filters: AuditFilters) -> Result<(AuditQuery, Option<String>), Failure> {
    let time = |flag: &str, text: Option<String>| {
        let time = text.map(|text| Timestamp::parse(&text)).transpose();
        time.map_err(|error| Failure::refused(format!("{flag} {error}")))
    };
    let kind = |name: &String| {
        AuditKind::parse(name).ok_or_else(|| {
            let kinds = AuditKind::ALL.map(AuditKind::as_str).join(", ");
            Failure::refused(format!("--kind must be one of {kinds}"))
        })
    };
    let query = AuditQuery {
        from: time("--from", filters.from)?,
        to: time("--to", filters.to)?,
        user: None,
        kinds: filters.kind.iter().map(kind).collect::<Result<_, _>>()?,
        before: None,
        after: None,
        limit: PAGE,
    };
    Ok((query, filters.user))
}

/// An id needs no user: what was done stays when users go.
async fn id_of(ctx: &Context, user: &str) -> Result<UserId, Failure> {
    match user.parse() {
        Ok(id) => Ok(id),
        Err(_) => Ok(find_user(ctx, user).await?.id),
    }
}

async fn list(ctx: &Context, mut query: AuditQuery, limit: u32, json: bool) -> Result<(), Failure> {
    let mut shown = if json { None } else { Some(Table::new(COLUMNS, "  ")) };
    let mut left = limit;
    while left > 0 {
        query.limit = left.min(PAGE);
        let records = ctx.store.audit_entries(query.clone()).await?;
        let Some(last) = records.last() else { break };
        query.before = Some(last.id);
        left -= u32::try_from(records.len()).unwrap_or(left);
        match &mut shown {
            Some(table) => table.print(&records.iter().map(cells).collect::<Result<Vec<_>, _>>()?)?,
            // As `GET /audit` shows them.
            None => print_json_lines(&records)?,
        }
    }
    Ok(())
}

const COLUMNS: [Column; 6] = [
    Column::whole("TIME"),
    Column::whole("KIND"),
    Column::whole("ACTOR"),
    Column::new("ADDRESS"),
    Column::whole("USER"),
    Column::new("DETAILS"),
];

/// A dash stands where there is none.
fn cells(record: &AuditRecord) -> Result<[String; 6], Failure> {
    let entry = &record.entry;
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let actor = match entry.origin.actor {
        Actor::Anonymous => None,
        Actor::User(id) => Some(id.to_string()),
        Actor::CommandLine { uid } => Some(format!("command line, uid {uid}")),
    };
    let details = if entry.details.is_empty() { None } else { Some(json_of(&entry.details)?) };
    Ok([
        entry.time.to_string(),
        entry.kind.as_str().to_owned(),
        or_dash(actor),
        or_dash(entry.origin.address.map(|address| address.to_string())),
        or_dash(entry.user.map(|id| id.to_string())),
        or_dash(details),
    ])
}
