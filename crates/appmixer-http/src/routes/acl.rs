//! `/acl-types` and `/acl/:type`: the access rules, for administrators.

use appmixer_core::{AclType, Action, RuleSet, RuleText, Scope, replace_rules};
use http::HeaderMap;
use percent_encoding::percent_decode_str;

use crate::app::App;
use crate::body::RequestBody;
use crate::error::ApiError;
use crate::head::Head;
use crate::response::{Answer, private_json};
use crate::rule_input;
use crate::views::RuleView;

pub(crate) const NO_SUCH_TYPE: &str = "There is no such type of access rules";

pub(crate) async fn types(app: &App, headers: &HeaderMap) -> Result<Answer, ApiError> {
    app.require(headers, &Scope::admin()).await?;
    private_json(&AclType::ALL.map(AclType::as_str))
}

pub(crate) async fn get(app: &App, headers: &HeaderMap, kind: &str) -> Result<Answer, ApiError> {
    let rules = rules_for_admin(app, headers, kind).await?;
    private_json(&RuleView::of_all(&rules))
}

pub(crate) async fn post(
    app: &App,
    head: &Head<'_>,
    kind: &str,
    body: &mut RequestBody,
) -> Result<Answer, ApiError> {
    let session = app.require(head.headers, &Scope::admin()).await?;
    let rules = rule_input::read(parse(kind)?, body.array(head.headers).await?)?;
    replace_rules(&app.ctx, &head.origin(Some(&session.caller)), rules.clone()).await?;
    private_json(&RuleView::of_all(&rules))
}

pub(crate) async fn resources(app: &App, headers: &HeaderMap, kind: &str) -> Result<Answer, ApiError> {
    private_json(&rules_for_admin(app, headers, kind).await?.resources())
}

pub(crate) async fn actions(app: &App, headers: &HeaderMap, kind: &str) -> Result<Answer, ApiError> {
    type_for_admin(app, headers, kind).await?;
    private_json(&Action::ALL.map(Action::as_str))
}

pub(crate) async fn attributes(
    app: &App,
    headers: &HeaderMap,
    kind: &str,
    resource: &str,
) -> Result<Answer, ApiError> {
    let rules = rules_for_admin(app, headers, kind).await?;
    let resource = percent_decode_str(resource)
        .decode_utf8()
        .map_err(|_| ApiError::invalid_one("resource", &"must be UTF-8"))?;
    let resource = RuleText::parse(&resource).map_err(|error| ApiError::invalid_one("resource", &error))?;
    private_json(&rules.attributes(&resource))
}

async fn type_for_admin(app: &App, headers: &HeaderMap, kind: &str) -> Result<AclType, ApiError> {
    app.require(headers, &Scope::admin()).await?;
    parse(kind)
}

fn parse(kind: &str) -> Result<AclType, ApiError> {
    AclType::parse(kind).ok_or_else(|| ApiError::not_found(NO_SUCH_TYPE))
}

async fn rules_for_admin(app: &App, headers: &HeaderMap, kind: &str) -> Result<RuleSet, ApiError> {
    let kind = type_for_admin(app, headers, kind).await?;
    Ok(app.ctx.store.access_rules(kind).await?.unwrap_or_else(|| RuleSet::defaults(kind)))
}
