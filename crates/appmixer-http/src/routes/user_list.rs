//! `GET /users` and `GET /users/count`: who there is, for administrators.

use appmixer_core::{
    DEFAULT_PAGE, Filter, MAX_FILTERS, MAX_PAGE, Pattern, Scope, Sort, Stretch, UserPage, UserQuery,
};
use http::header::LINK;
use http::{HeaderName, HeaderValue};

use crate::app::App;
use crate::error::ApiError;
use crate::head::Head;
use crate::pages::links;
use crate::query::Query;
use crate::response::{Answer, private_json};
use crate::views::{AdministeredUser, CountView};

const X_TOTAL_COUNT: HeaderName = HeaderName::from_static("x-total-count");

pub(crate) async fn get(app: &App, head: &Head<'_>) -> Result<Answer, ApiError> {
    app.require(head.headers, &Scope::admin()).await?;
    let mut query = head.query()?;
    let limit = query.number("limit", 1, MAX_PAGE).unwrap_or(DEFAULT_PAGE);
    let offset = query.number("offset", 0, u32::MAX).unwrap_or(0).into();
    let sort = query.one("sort", Sort::parse).unwrap_or_default();
    let asked = asked_for(&mut query);
    query.finish()?;

    let stretch = Stretch { offset, limit };
    let UserPage { users, total } = app.ctx.store.search(asked, sort, stretch).await?;
    let views: Vec<_> = users.iter().map(AdministeredUser::of).collect();
    let mut answer = private_json(&views)?;
    answer.headers_mut().insert(X_TOTAL_COUNT, total.into());
    if let Some(links) = links(head.query, stretch, total) {
        // Percent-encoded, so always a header's text.
        answer.headers_mut().insert(LINK, HeaderValue::from_str(&links).map_err(|e| ApiError::internal(&e))?);
    }
    Ok(answer)
}

pub(crate) async fn count(app: &App, head: &Head<'_>) -> Result<Answer, ApiError> {
    app.require(head.headers, &Scope::admin()).await?;
    let mut query = head.query()?;
    let asked = asked_for(&mut query);
    query.finish()?;
    private_json(&CountView { count: app.ctx.store.count(asked).await? })
}

fn asked_for(query: &mut Query) -> UserQuery {
    let filters = query.many("filter", Filter::parse);
    if filters.len() > MAX_FILTERS {
        query.wrong("filter", format!("must be given at most {MAX_FILTERS} times"));
    }
    UserQuery { filters, pattern: query.one("pattern", Pattern::parse) }
}
