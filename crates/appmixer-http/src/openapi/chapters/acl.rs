//! `/acl-types` and `/acl`: the access rules.

use appmixer_core::{
    AclType, Action, InvalidName, InvalidRule, MAX_RULE_LIST, MAX_RULES, Reason, WriteError,
};
use schemars::JsonSchema;
use serde_json::json;

use crate::error::ApiError;
use crate::openapi::alternatives::exactly_one;
use crate::openapi::book::{Book, Who, Writing};
use crate::openapi::samples::Samples;
use crate::openapi::wire::{self, RuleText};
use crate::router::Resource;
use crate::routes::acl::{NO_SUCH_TYPE, NOT_BOTH, ONE_OF_BOTH};
use crate::views::{RuleView, RulingView};

/// Who may do what to what.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is asked for")]
struct NewRule {
    /// Whom it applies to: `*` (every user), `@acme.com` (a domain), `joe@acme.com` (an address), `scope:word` or
    /// `group:id`. An allowance reads any other word as a domain if it has a dot and as a scope otherwise; a denial
    /// reads it as both.
    role: RuleText,
    /// What it is about; `*` is all there is.
    resource: RuleText,
    #[schemars(extend("minItems" = 1, "maxItems" = MAX_RULE_LIST))]
    action: Vec<wire::Action>,
    /// What it says besides. A rule of `components` that has none gets `["non-private"]`.
    #[schemars(extend("maxItems" = MAX_RULE_LIST))]
    attributes: Option<Vec<RuleText>>,
}

/// All rules of a type.
#[derive(JsonSchema)]
#[schemars(extend("maxItems" = MAX_RULES))]
#[expect(dead_code, reason = "only its schema is asked for")]
struct NewRules(Vec<NewRule>);

/// Whether somebody may do something: either a user, or whoever has some roles.
#[derive(JsonSchema)]
#[schemars(transform = exactly_one("Question", ["user", "roles"]))]
#[expect(dead_code, reason = "only its schema is asked for")]
struct Question {
    /// The user's id, username or email address.
    user: Option<wire::IdOrName>,
    /// Roles in the forms of a rule's `role`, read as an allowance reads them. Addresses among them count as confirmed.
    #[schemars(extend("maxItems" = MAX_RULE_LIST))]
    roles: Option<Vec<RuleText>>,
    /// The first segment of a path, or a component's name.
    resource: RuleText,
    action: wire::Deed,
    /// Of a component, `private` if it is; nothing else counts.
    #[schemars(extend("maxItems" = MAX_RULE_LIST))]
    attributes: Option<Vec<RuleText>>,
}

pub(super) fn write(book: &mut Book, samples: &Samples) {
    fn of_type(route: Writing<'_>) -> Writing<'_> {
        route
            .path::<wire::RuleType>("type", "What the rules are about.", AclType::Routes.as_str())
            .fails(ApiError::not_found(NO_SUCH_TYPE), "it is neither `routes` nor `components`")
    }
    book.subject(
        "Access rules",
        "What roles may do. A user's roles are its scopes, its email address and the domain of that. Allowances by an \
        address or a domain apply only if the address is confirmed, or an administrator has given it.",
    );
    book.route("GET", Resource::AclTypes, "getAclTypes", "What access rules are about", Who::Admin)
        .answers("The types.", &AclType::ALL.map(AclType::as_str))
        .done();
    of_type(book.route(
        "GET",
        Resource::AccessRules,
        "getRules",
        "The rules of a type, in their order",
        Who::Admin,
    ))
    .answers("The rules.", &RuleView::of_all(&samples.rules))
    .done();
    of_type(book.route("POST", Resource::AccessRules, "replaceRules", "Replace all rules of a type", Who::Admin))
        .about("The array takes the place of all rules. An empty one leaves no rule, and does not bring the defaults back.")
        .body::<NewRules>(json!([{ "role": "user", "resource": "stores", "action": ["read"], "attributes": ["*"] }]))
        .answers("The rules as they are kept.", &RuleView::of_all(&samples.rules))
        .fails(ApiError::bad_request("The request body must be a JSON array"), "it is something else")
        .fails(ApiError::invalid_one("[3].action", &"is required"), "`path` counts rules from 0")
        .fails(ApiError::invalid_one("[3].role", &InvalidRule::Text), "also of `resource` and `attributes`")
        .fails(ApiError::invalid_one("[3].action", &InvalidRule::Action), "it is something else")
        .done();
    of_type(book.route("POST", Resource::RuleCheck, "checkRules", "Whether somebody may do something", Who::Admin))
        .about(
            "Decided as it would be for a request, by the rules as they are now. Asks for nothing else than the rules: \
            the routes of this document that are for administrators are so whatever the rules say.",
        )
        .body::<Question>(json!({ "user": "abc@example.com", "resource": "flows", "action": "read" }))
        .answers(
            "The decision, and why.",
            &RulingView {
                allowed: true,
                roles: ["user", "abc@example.com", "example.com"].map(str::to_owned).into(),
                because: samples.rules.rules().get(1).map(RuleView::of),
                reason: Reason::Allowed.as_str(),
            },
        )
        .fails(ApiError::invalid_one("resource", &"is required"), "also of `action`")
        .fails(ApiError::invalid_one("user", &ONE_OF_BOTH), "neither is there")
        .fails(ApiError::invalid_one("roles", &NOT_BOTH), "both are there")
        .fails(ApiError::invalid_one("user", &InvalidName::NotAnAddress), "it is neither an id nor a name")
        .fails(ApiError::invalid_one("resource", &InvalidRule::Text), "also of each of `roles` and `attributes`")
        .fails(ApiError::invalid_one("action", &InvalidRule::Deed), "it is something else")
        .fails(WriteError::NotFound, "nobody has the id or the name")
        .done();
    of_type(book.route(
        "GET",
        Resource::RuleResources,
        "getRuleResources",
        "The resources that rules can name",
        Who::Admin,
    ))
    .answers("`*`, `flows`, and the others that rules name.", &samples.rules.resources())
    .done();
    of_type(book.route(
        "GET",
        Resource::RuleActions,
        "getRuleActions",
        "The actions that rules can name",
        Who::Admin,
    ))
    .answers("All that there are.", &Action::ALL.map(Action::as_str))
    .done();
    of_type(book.route(
        "GET",
        Resource::RuleAttributes,
        "getRuleAttributes",
        "The attributes that rules can have",
        Who::Admin,
    ))
    .path::<RuleText>("resource", "Of which resource; percent-encoded where it has to be.", "flows")
    .answers(
        "`*`, `non-private`, and the others that rules of this resource have.",
        &vec!["*", "non-private"],
    )
    .fails(ApiError::invalid_one("resource", &"must be UTF-8"), "it is not, once it is decoded")
    .fails(ApiError::invalid_one("resource", &InvalidRule::Text), "it is something else")
    .done();
}
