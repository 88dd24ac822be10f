//! `/acl-types` and `/acl/:type`: the access rules, for administrators.

use appmixer_core::{
    AclType, Action, InvalidRule, MAX_RULE_LIST, MAX_RULES, Rule, RuleSet, RuleText, Scope, replace_rules,
};
use http::HeaderMap;
use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::app::App;
use crate::body::RequestBody;
use crate::error::{ApiError, Detail};
use crate::fields::Fields;
use crate::head::Head;
use crate::response::{Answer, private_json};
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
    let rules = read(parse(kind)?, body.array(head.headers).await?)?;
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

/// Reads all rules of a type; what is wrong is named as `[3].action`.
fn read(kind: AclType, values: Vec<Value>) -> Result<RuleSet, ApiError> {
    // Before any of them is read: what is wrong with each would make a long answer.
    if values.len() > MAX_RULES {
        let message = format!("is one too many: there may be at most {MAX_RULES} rules");
        return Err(ApiError::invalid_one(format!("[{MAX_RULES}]"), &message));
    }
    let (mut rules, mut wrong) = (Vec::with_capacity(values.len()), Vec::new());
    for (place, value) in values.into_iter().enumerate() {
        let Value::Object(object) = value else {
            wrong.push(Detail { path: format!("[{place}]").into(), message: "must be an object".to_owned() });
            continue;
        };
        match rule(Fields::new(object)) {
            Ok(rule) => rules.push(rule),
            Err(error) => wrong.extend(error.details.into_iter().map(|detail| Detail {
                path: format!("[{place}].{}", detail.path).into(),
                message: detail.message,
            })),
        }
    }
    if !wrong.is_empty() {
        return Err(ApiError::invalid(wrong));
    }
    RuleSet::new(kind, rules).map_err(|error| ApiError::bad_request(error.to_string()))
}

fn rule(mut fields: Fields) -> Result<Rule, ApiError> {
    let role = fields.text("role", |text| RuleText::parse(&text));
    let resource = fields.text("resource", |text| RuleText::parse(&text));
    let actions = fields.texts("action", |names| {
        bounded(&names, 1)?;
        names.iter().map(|name| Action::parse(name)).collect::<Result<Vec<_>, _>>()
    });
    let attributes = fields.texts("attributes", |texts| {
        bounded(&texts, 0)?;
        texts.iter().map(|text| RuleText::parse(text)).collect::<Result<Vec<_>, _>>()
    });
    let (role, resource, actions) =
        fields.finish3(("role", role), ("resource", resource), ("action", actions))?;
    Rule::new(role, resource, actions, attributes.unwrap_or_default())
        .map_err(|error| ApiError::invalid_one("action", &error))
}

/// The same bounds as [`Rule::new`], where it is still known which of the lists breaks them.
fn bounded(list: &[String], least: usize) -> Result<(), InvalidRule> {
    match list.len() {
        length if length < least => Err(InvalidRule::Empty),
        length if length > MAX_RULE_LIST => Err(InvalidRule::TooMany),
        _ => Ok(()),
    }
}
