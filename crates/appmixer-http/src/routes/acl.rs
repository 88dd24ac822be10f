//! `/acl-types` and `/acl/:type`: the access rules, for administrators.

use std::sync::Arc;

use appmixer_core::{
    AclType, Action, Asked, Caller, Deed, InvalidName, LoginName, NamedRoles, Question, RuleSet, RuleText,
    Scope, UserId, WriteError, check, replace_rules,
};
use http::HeaderMap;
use percent_encoding::percent_decode_str;

use crate::app::App;
use crate::body::{Accepts, RequestBody};
use crate::error::ApiError;
use crate::head::Head;
use crate::response::{Answer, private_json};
use crate::rule_input;
use crate::views::{RuleView, RulingView};

pub(crate) const NOT_BOTH: &str = "must not be there beside user";
pub(crate) const ONE_OF_BOTH: &str = "is required, or roles in its place";
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

/// Who is asked about.
enum Whom {
    Id(UserId),
    Name(LoginName),
    Roles(NamedRoles),
}

impl Whom {
    fn user(text: &str) -> Result<Self, InvalidName> {
        text.parse().map(Self::Id).or_else(|_| LoginName::parse(text).map(Self::Name))
    }
}

pub(crate) async fn ask(
    app: &App,
    head: &Head<'_>,
    kind: &str,
    body: &mut RequestBody,
) -> Result<Answer, ApiError> {
    let kind = type_for_admin(app, head.headers, kind).await?;
    let mut fields = body.fields(head.headers, Accepts::Json).await?;
    let [by_user, by_roles] = ["user", "roles"].map(|path| fields.has(path) && !fields.is_null(path));
    let user = fields.text("user", |text| Whom::user(&text));
    let roles = fields.texts("roles", |texts| NamedRoles::parse(&texts).map(Whom::Roles));
    let resource = fields.text("resource", |text| RuleText::parse(&text));
    let deed = fields.text("action", |text| Deed::parse(&text));
    let attributes = rule_input::attributes(&mut fields).unwrap_or_default();
    match (by_user, by_roles) {
        (true, true) => fields.wrong("roles", NOT_BOTH),
        (false, false) => fields.wrong("user", ONE_OF_BOTH),
        _ => {}
    }
    let whom = (if by_roles { "roles" } else { "user" }, user.or(roles));
    let (whom, resource, deed) = fields.finish3(whom, ("resource", resource), ("action", deed))?;

    let found = match whom {
        Whom::Id(id) => app.ctx.store.find_by_id(id).await?,
        Whom::Name(name) => app.ctx.store.find_by_login(&name).await?,
        Whom::Roles(roles) => {
            return ruling(app, kind, &Asked::Roles(roles), &resource, deed, &attributes).await;
        }
    };
    let user = found.ok_or(WriteError::NotFound)?;
    let asked = Asked::User(Caller { scopes: user.scopes.clone(), user: Arc::new(user) });
    ruling(app, kind, &asked, &resource, deed, &attributes).await
}

async fn ruling(
    app: &App,
    kind: AclType,
    asked: &Asked,
    resource: &RuleText,
    deed: Deed,
    attributes: &[RuleText],
) -> Result<Answer, ApiError> {
    let rules = app.access_rules().await?;
    let rules = match kind {
        AclType::Routes => &rules.routes,
        AclType::Components => &rules.components,
    };
    let is_private = attributes.iter().any(|attribute| attribute.as_str() == "private");
    let (reason, by) = check(rules, asked, Question { deed, resource: resource.as_str(), is_private });
    private_json(&RulingView {
        allowed: reason.allows(),
        roles: asked.roles().list(),
        because: by.first().copied().map(RuleView::of),
        reason: reason.as_str(),
    })
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
