//! The JSON shapes of the contract, members in its order.

use appmixer_apps::App;
use appmixer_core::{
    Action, ConfigEntry, Metadata, Plan, RuleSet, RuleText, Scopes, Ticket, Timestamp, User, UserId, Vendor,
};
use serde::{Serialize, Serializer};
use serde_json::Value;

/// `GET /user`.
#[derive(Serialize)]
pub(crate) struct UserView<'a> {
    id: UserId,
    username: &'a str,
    #[serde(rename = "isActive")]
    is_active: bool,
    email: &'a str,
    scope: &'a Scopes,
    plan: &'a Plan,
    metadata: &'a Metadata,
    vendor: &'a Vendor,
    created: Timestamp,
}

impl<'a> UserView<'a> {
    pub(crate) fn of(user: &'a User) -> Self {
        Self {
            id: user.id,
            username: user.names.username.as_str(),
            is_active: user.is_active,
            email: user.names.email.as_str(),
            scope: &user.scopes,
            plan: &user.plan,
            metadata: &user.metadata,
            vendor: &user.vendor,
            created: user.created,
        }
    }
}

/// `GET /users/:userId`, and its like.
#[derive(Serialize)]
pub(crate) struct AdministeredUser<'a> {
    #[serde(flatten)]
    user: UserView<'a>,
    #[serde(rename = "userId")]
    user_id: UserId,
}

impl<'a> AdministeredUser<'a> {
    pub(crate) fn of(user: &'a User) -> Self {
        Self { user: UserView::of(user), user_id: user.id }
    }
}

/// `GET /users/count`.
#[derive(Serialize)]
pub(crate) struct CountView {
    pub(crate) count: u64,
}

/// `POST /user/auth`.
#[derive(Serialize)]
pub(crate) struct SignInView<'a> {
    user: SignedInUser<'a>,
    token: &'a str,
}

#[derive(Serialize)]
struct SignedInUser<'a> {
    id: UserId,
    username: &'a str,
    #[serde(rename = "isActive")]
    is_active: bool,
    email: &'a str,
    plan: &'a Plan,
    metadata: &'a Metadata,
    vendor: &'a Vendor,
}

impl<'a> SignInView<'a> {
    pub(crate) fn of(user: &'a User, token: &'a str) -> Self {
        let user = SignedInUser {
            id: user.id,
            username: user.names.username.as_str(),
            is_active: user.is_active,
            email: user.names.email.as_str(),
            plan: &user.plan,
            metadata: &user.metadata,
            vendor: &user.vendor,
        };
        Self { user, token }
    }
}

/// `POST /user`.
#[derive(Serialize)]
pub(crate) struct SignUpView<'a> {
    pub(crate) token: &'a str,
    pub(crate) user: UserView<'a>,
}

/// `POST /user/change-password`.
#[derive(Serialize)]
pub(crate) struct TokenView<'a> {
    pub(crate) token: &'a str,
}

/// `DELETE /users/:userId`.
#[derive(Serialize)]
pub(crate) struct TicketView {
    pub(crate) ticket: Ticket,
}

/// `{}`: it is done, and there is nothing to tell.
#[derive(Serialize)]
pub(crate) struct Done {}

/// An entry of `GET /config`; write-only values are masked.
#[derive(Serialize)]
pub(crate) struct ConfigEntryView<'a> {
    key: &'a str,
    value: Value,
}

impl<'a> ConfigEntryView<'a> {
    pub(crate) fn of(entry: &'a ConfigEntry) -> Self {
        Self { key: entry.key().as_str(), value: entry.shown_value() }
    }
}

/// `GET /apps`.
pub(crate) struct AppsView<'a>(pub(crate) Vec<&'a App>);

#[derive(Serialize)]
struct AppView<'a> {
    name: &'a str,
    label: &'a str,
    category: &'a str,
    description: &'a str,
    icon: &'a str,
}

impl Serialize for AppsView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|app| {
            let view = AppView {
                name: app.name(),
                label: app.label(),
                category: app.category(),
                description: app.description(),
                icon: app.icon(),
            };
            (app.name(), view)
        }))
    }
}

/// `DELETE /config/:key`.
#[derive(Serialize)]
pub(crate) struct Removed {
    pub(crate) ok: bool,
}

/// `GET /`.
#[derive(Serialize)]
pub(crate) struct RootView {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    pub(crate) status: &'static str,
}

/// `GET /healthz`, `GET /readyz`, `GET /users/:userId/delete-status/:ticket`.
#[derive(Serialize)]
pub(crate) struct StatusView {
    pub(crate) status: &'static str,
}

/// A rule of `GET /acl/:type`.
#[derive(Serialize)]
pub(crate) struct RuleView<'a> {
    role: &'a str,
    resource: &'a str,
    action: Vec<&'static str>,
    attributes: Vec<&'a str>,
}

impl<'a> RuleView<'a> {
    pub(crate) fn of_all(rules: &'a RuleSet) -> Vec<Self> {
        let view = |rule: &'a appmixer_core::Rule| Self {
            role: rule.role().as_str(),
            resource: rule.resource().as_str(),
            action: rule.actions().iter().copied().map(Action::as_str).collect(),
            attributes: rule.attributes().iter().map(RuleText::as_str).collect(),
        };
        rules.rules().iter().map(view).collect()
    }
}
