//! `/apps`: what there is to build with, for everybody as far as the access rules go.

use std::sync::Arc;

use appmixer_core::{Caller, Deed, Roles};

use crate::app::App;
use crate::error::ApiError;
use crate::head::Head;
use crate::live_rules::RuleSets;
use crate::query::Query;
use crate::response::{Answer, revalidated};
use crate::sessions::Remembered;

/// What the rules about routes call this.
const RESOURCE: &str = "apps";

pub(crate) async fn list(app: &App, head: &Head<'_>) -> Result<Answer, ApiError> {
    let (session, rules) = admitted(app, head).await?;
    let mut query = head.query()?;
    let everything = ignores_rules(&mut query, &session.caller);
    query.finish()?;
    let rendered = app.shelf(&rules).await?.apps(&session.caller, everything)?;
    Ok(revalidated(head.headers, &rendered))
}

pub(crate) async fn components(app: &App, head: &Head<'_>) -> Result<Answer, ApiError> {
    let (session, rules) = admitted(app, head).await?;
    let mut query = head.query()?;
    let everything = ignores_rules(&mut query, &session.caller);
    let name =
        query.one("app", |text| if text.is_empty() { Err("must not be empty") } else { Ok(text.to_owned()) });
    let name = query.finish_with("app", name)?;
    let rendered = app.shelf(&rules).await?.components(&session.caller, everything, &name);
    Ok(revalidated(head.headers, &rendered))
}

/// Goes on only for users whom the rules about routes let read.
async fn admitted(app: &App, head: &Head<'_>) -> Result<(Arc<Remembered>, Arc<RuleSets>), ApiError> {
    let session = app.signed_in(head.headers).await?;
    let rules = app.access_rules().await?;
    if rules.route_index.denies(&Roles::of(&session.caller), RESOURCE, &[Deed::Read]) {
        return Err(ApiError::denied());
    }
    Ok((session, rules))
}

fn ignores_rules(query: &mut Query, caller: &Caller) -> bool {
    let asked = query.one("ignoreACL", |text| match text {
        "true" if !caller.is_admin() => Err("is for administrators"),
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err("must be true or false"),
    });
    asked.unwrap_or(false)
}
