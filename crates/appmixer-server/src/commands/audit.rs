//! `audit`: the audit log, from the command line.

use appmixer_core::{Actor, AuditKind, AuditQuery, AuditRecord, Context, Timestamp, UserId};

use super::beside;
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
    let mut left = limit;
    while left > 0 {
        query.limit = left.min(PAGE);
        let records = ctx.store.audit_entries(query.clone()).await?;
        let Some(last) = records.last() else { break };
        query.before = Some(last.id);
        left -= u32::try_from(records.len()).unwrap_or(left);
        for record in &records {
            println!("{}", if json { json_line(record)? } else { table_line(record)? });
        }
    }
    Ok(())
}

/// As `GET /audit` shows it.
fn json_line(record: &AuditRecord) -> Result<String, Failure> {
    serde_json::to_string(record).map_err(|error| Failure::refused(error.to_string()))
}

/// Time, kind, actor, address, user, details; a dash where there is none.
fn table_line(record: &AuditRecord) -> Result<String, Failure> {
    let entry = &record.entry;
    let actor = match entry.origin.actor {
        Actor::Anonymous => "-".to_owned(),
        Actor::User(id) => id.to_string(),
        Actor::CommandLine { uid } => format!("command line, uid {uid}"),
    };
    let address = entry.origin.address.map_or_else(|| "-".to_owned(), |address| address.to_string());
    let user = entry.user.map_or_else(|| "-".to_owned(), |id| id.to_string());
    let details = if entry.details.is_empty() {
        String::new()
    } else {
        serde_json::to_string(&entry.details).map_err(|error| Failure::refused(error.to_string()))?
    };
    let line = format!(
        "{}  {:<21}  {actor:<24}  {address:<15}  {user:<24}  {details}",
        entry.time,
        entry.kind.as_str()
    );
    Ok(line.trim_end().to_owned())
}
