//! `user list` and `user count`.

use appmixer_core::{
    Context, Filter, MAX_FILTERS, MAX_PAGE, Pattern, Sort, Stretch, User, UserPage, UserQuery,
};
use serde_json::json;

use super::beside;
use super::table::{Column, Table, print_json_lines};
use super::user::{scopes, view};
use crate::cli::{Common, UserFilters, UserSelection};
use crate::failure::Failure;
use crate::output::{self, outln};

pub(super) fn count(filters: &UserFilters, json: bool, common: &Common) -> Result<(), Failure> {
    let query = read(filters)?;
    beside(common, async |_, ctx| {
        let count = ctx.store.count(query).await?;
        if json {
            outln!("{}", json!({ "count": count }));
        } else {
            outln!("{count}");
        }
        Ok(())
    })
}

pub(super) fn list(selection: &UserSelection, json: bool, common: &Common) -> Result<(), Failure> {
    let query = read(&selection.filters)?;
    let sort = selection.sort.as_deref().map(Sort::parse).transpose();
    let sort = sort.map_err(|error| Failure::refused(format!("--sort {error}")))?;
    let (offset, limit) = (selection.offset.unwrap_or(0), selection.limit.unwrap_or(u64::MAX));
    let mut shown = Shown::new(json);
    beside(common, async |_, ctx| {
        // In the order of ids all can be shown, however many there are and whatever changes meanwhile.
        if query == UserQuery::default() && sort.is_none() && offset == 0 {
            return all(ctx, limit, &mut shown).await;
        }
        some(ctx, &query, sort.unwrap_or_default(), offset, limit, &mut shown).await
    })
}

fn read(filters: &UserFilters) -> Result<UserQuery, Failure> {
    if filters.filter.len() > MAX_FILTERS {
        return Err(Failure::refused(format!("--filter must be given at most {MAX_FILTERS} times")));
    }
    let filter =
        |text: &String| Filter::parse(text).map_err(|error| Failure::refused(format!("--filter {error}")));
    let pattern = filters.pattern.as_deref().map(Pattern::parse).transpose();
    Ok(UserQuery {
        filters: filters.filter.iter().map(filter).collect::<Result<_, _>>()?,
        pattern: pattern.map_err(|error| Failure::refused(format!("--pattern {error}")))?,
    })
}

fn page(left: u64) -> u32 {
    u32::try_from(left).unwrap_or(MAX_PAGE).min(MAX_PAGE)
}

async fn all(ctx: &Context, limit: u64, shown: &mut Shown) -> Result<(), Failure> {
    let (mut last, mut left) = (None, limit);
    while left > 0 {
        let users = ctx.store.list(last, page(left)).await?;
        let Some(end) = users.last() else { break };
        last = Some(end.id);
        left -= users.len() as u64;
        shown.print(&users)?;
    }
    Ok(())
}

async fn some(
    ctx: &Context,
    query: &UserQuery,
    sort: Sort,
    mut offset: u64,
    limit: u64,
    shown: &mut Shown,
) -> Result<(), Failure> {
    let mut left = limit;
    while left > 0 {
        let stretch = Stretch { offset, limit: page(left) };
        let UserPage { users, .. } = ctx.store.search(query.clone(), sort, stretch).await?;
        if users.is_empty() {
            break;
        }
        offset += users.len() as u64;
        left -= users.len() as u64;
        shown.print(&users)?;
    }
    Ok(())
}

/// One user a line.
enum Shown {
    Json,
    /// What is printed where nobody looks.
    Plain,
    Table(Box<Table<6>>),
}

impl Shown {
    fn new(json: bool) -> Self {
        if json {
            return Self::Json;
        }
        let [username, scope, plan] = ["USERNAME", "SCOPE", "PLAN"].map(Column::new);
        let columns =
            [Column::whole("ID"), username, scope, plan, Column::new("ACTIVE"), Column::whole("CREATED")];
        let table = Table::new(columns, "");
        if table.is_at_terminal() { Self::Table(Box::new(table)) } else { Self::Plain }
    }

    fn print(&mut self, users: &[User]) -> Result<(), Failure> {
        match self {
            Self::Json => print_json_lines(&users.iter().map(view).collect::<Vec<_>>()),
            Self::Plain => lines(users, |user| {
                let name = user.names.username.as_str();
                format!("{}  {}  {name}  [{}]", user.id, user.created, scopes(user))
            }),
            Self::Table(table) => {
                let row = |user: &User| {
                    let active = if user.is_active { "yes" } else { "no" };
                    let (id, created) = (user.id.to_string(), user.created.to_string());
                    let (name, plan) =
                        (user.names.username.as_str().to_owned(), user.plan.as_str().to_owned());
                    [id, name, scopes(user), plan, active.to_owned(), created]
                };
                table.print(&users.iter().map(row).collect::<Vec<_>>())
            }
        }
    }
}

fn lines(users: &[User], line: impl Fn(&User) -> String) -> Result<(), Failure> {
    let text: String = users.iter().map(|user| line(user) + "\n").collect();
    output::write(text.as_bytes())
}
