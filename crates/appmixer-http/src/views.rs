//! The JSON shapes of the contract, members in its order, and what the API document says of them.
//!
//! Where a member is a type of the domain, `with` names its form on the wire.

use appmixer_apps::App;
use appmixer_core::{
    Action, ConfigEntry, DefaultValue, KnownKey, Metadata, Plan, Rule, RuleSet, RuleText, Scopes, Text,
    Ticket, Timestamp, User, UserId, Vendor,
};
use schemars::JsonSchema;
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::error::{ApiError, Detail};
use crate::keys::{ListedKey, Rotated};
use crate::openapi::wire;

/// A user as it sees itself.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "User")]
pub(crate) struct UserView<'a> {
    #[schemars(with = "wire::Id")]
    id: UserId,
    #[schemars(with = "wire::Name")]
    username: &'a str,
    #[serde(rename = "isActive")]
    is_active: bool,
    #[schemars(with = "wire::Name")]
    email: &'a str,
    #[schemars(with = "wire::Scopes")]
    scope: &'a Scopes,
    #[schemars(with = "wire::Text")]
    plan: &'a Plan,
    #[schemars(with = "wire::Object")]
    metadata: &'a Metadata,
    #[schemars(with = "Option<Vec<wire::Text>>")]
    vendor: &'a Vendor,
    #[schemars(with = "wire::Time")]
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

/// A user as administrators see it.
#[derive(Serialize, JsonSchema)]
pub(crate) struct AdministeredUser<'a> {
    #[serde(flatten)]
    user: UserView<'a>,
    #[serde(rename = "userId")]
    #[schemars(with = "wire::Id")]
    user_id: UserId,
    /// Only where it was asked for.
    #[serde(rename = "allowedPrivateComponents", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Vec<wire::Text>>")]
    allowed_private_components: Option<&'a [Text]>,
    /// Whether the user may still confirm the address; only where it was asked for.
    #[serde(rename = "confirmationPending", skip_serializing_if = "Option::is_none")]
    confirmation_pending: Option<bool>,
}

/// The members that are shown only where they are asked for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Included {
    private_components: bool,
    pending: bool,
}

impl Included {
    /// All of them.
    pub(crate) const ALL: Self = Self { private_components: true, pending: true };

    /// Reads names that are separated by commas.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let mut included = Self::default();
        for name in text.split(',') {
            match name {
                "allowedPrivateComponents" => included.private_components = true,
                "confirmationPending" => included.pending = true,
                _ => return Err(UNKNOWN_MEMBER),
            }
        }
        Ok(included)
    }
}

pub(crate) const UNKNOWN_MEMBER: &str =
    "must be allowedPrivateComponents or confirmationPending, or both with a comma between";

impl<'a> AdministeredUser<'a> {
    pub(crate) fn of(user: &'a User) -> Self {
        Self::with(user, Included::default())
    }

    /// A user with the members that were asked for.
    pub(crate) fn with(user: &'a User, included: Included) -> Self {
        Self {
            user: UserView::of(user),
            user_id: user.id,
            allowed_private_components: included
                .private_components
                .then_some(user.allowed_private_components.as_slice()),
            confirmation_pending: included.pending.then_some(user.confirmation_pending),
        }
    }
}

/// How many there are.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Count")]
pub(crate) struct CountView {
    pub(crate) count: u64,
}

/// A user who has signed in, and its token.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SignedIn")]
pub(crate) struct SignInView<'a> {
    user: SignedInUser<'a>,
    #[schemars(with = "wire::Token")]
    token: &'a str,
}

/// A user at sign-in.
#[derive(Serialize, JsonSchema)]
struct SignedInUser<'a> {
    #[schemars(with = "wire::Id")]
    id: UserId,
    #[schemars(with = "wire::Name")]
    username: &'a str,
    #[serde(rename = "isActive")]
    is_active: bool,
    #[schemars(with = "wire::Name")]
    email: &'a str,
    #[schemars(with = "wire::Text")]
    plan: &'a Plan,
    #[schemars(with = "wire::Object")]
    metadata: &'a Metadata,
    #[schemars(with = "Option<Vec<wire::Text>>")]
    vendor: &'a Vendor,
    #[schemars(with = "wire::Scopes")]
    scope: &'a Scopes,
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
            scope: &user.scopes,
        };
        Self { user, token }
    }
}

/// A new user, and its token unless the address has to be confirmed first.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SignedUp")]
pub(crate) struct SignUpView<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<wire::Token>")]
    pub(crate) token: Option<&'a str>,
    pub(crate) user: UserView<'a>,
}

/// The one token that is good now.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "NewToken")]
pub(crate) struct TokenView<'a> {
    #[schemars(with = "wire::Token")]
    pub(crate) token: &'a str,
}

/// What asks for the state of a deletion.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "DeletionTicket")]
pub(crate) struct TicketView {
    #[schemars(with = "wire::Id")]
    pub(crate) ticket: Ticket,
}

/// `{}`: it is done, and there is nothing to tell.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Done {}

/// An entry of the system configuration. Values that can be written and not read are `"********"`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ConfigEntry")]
pub(crate) struct ConfigEntryView<'a> {
    key: &'a str,
    /// Any JSON: a text for most keys of the server, whatever a client has stored for its own.
    value: Value,
}

impl<'a> ConfigEntryView<'a> {
    pub(crate) fn of(entry: &'a ConfigEntry) -> Self {
        Self { key: entry.key().as_str(), value: entry.shown_value() }
    }
}

/// A key of the system configuration that means something to the server.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ConfigKey")]
pub(crate) struct ConfigKeyView {
    key: &'static str,
    /// What it does, for people.
    meaning: &'static str,
    /// What holds while it is not set; `null` where that is nothing, or the meaning tells it.
    #[schemars(with = "wire::DefaultValue")]
    default: Value,
    /// What it takes.
    #[schemars(with = "wire::ConfigKind")]
    value: &'static str,
    /// Whether it can be written and not read.
    secret: bool,
    /// What it is about.
    #[schemars(with = "wire::ConfigGroup")]
    group: &'static str,
    /// All values that there are, where they are few.
    #[serde(skip_serializing_if = "Option::is_none")]
    choices: Option<&'static [&'static str]>,
}

impl ConfigKeyView {
    pub(crate) fn of(key: &KnownKey) -> Self {
        Self {
            key: key.name,
            meaning: key.meaning,
            default: match key.default {
                DefaultValue::Null => Value::Null,
                DefaultValue::Text(text) => text.into(),
                DefaultValue::Port(port) => port.into(),
            },
            value: key.kind.as_str(),
            secret: key.kind.is_write_only(),
            group: key.group().as_str(),
            choices: key.kind.choices(),
        }
    }
}

/// The apps, by their names.
pub(crate) struct AppsView<'a>(pub(crate) Vec<&'a App>);

/// An app.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "App")]
pub(crate) struct AppView<'a> {
    pub(crate) name: &'a str,
    pub(crate) label: &'a str,
    /// Empty where the manifest says nothing; so are the other two.
    pub(crate) category: &'a str,
    pub(crate) description: &'a str,
    /// A data URL.
    pub(crate) icon: &'a str,
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

/// It is gone.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Removed {
    pub(crate) ok: bool,
}

/// What answers here.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "About")]
pub(crate) struct RootView {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    pub(crate) status: &'static str,
}

/// How it stands.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Status")]
pub(crate) struct StatusView {
    pub(crate) status: &'static str,
}

/// An access rule.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Rule")]
pub(crate) struct RuleView<'a> {
    #[schemars(with = "wire::RuleText")]
    role: &'a str,
    #[schemars(with = "wire::RuleText")]
    resource: &'a str,
    #[schemars(with = "Vec<wire::Action>")]
    action: Vec<&'static str>,
    #[schemars(with = "Vec<wire::RuleText>")]
    attributes: Vec<&'a str>,
}

impl<'a> RuleView<'a> {
    pub(crate) fn of(rule: &'a Rule) -> Self {
        Self {
            role: rule.role().as_str(),
            resource: rule.resource().as_str(),
            action: rule.actions().iter().copied().map(Action::as_str).collect(),
            attributes: rule.attributes().iter().map(RuleText::as_str).collect(),
        }
    }

    pub(crate) fn of_all(rules: &'a RuleSet) -> Vec<Self> {
        rules.rules().iter().map(Self::of).collect()
    }
}

/// Whether somebody may do something.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Ruling")]
pub(crate) struct RulingView<'a> {
    pub(crate) allowed: bool,
    /// The roles that were compared, each written as an allowance would name it: scopes, and addresses and domains in the
    /// form by which they compare.
    pub(crate) roles: Vec<String>,
    /// The first rule that decides it; `null` where it is for the want of one.
    pub(crate) because: Option<RuleView<'a>>,
    /// For people.
    #[schemars(with = "wire::Reason")]
    pub(crate) reason: &'static str,
}

/// A key that signs or verifies tokens, without the key itself.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Key")]
pub(crate) struct KeyView<'a> {
    /// What tokens call it (`kid`), if it is a public one.
    id: &'a str,
    algorithm: &'a str,
    #[schemars(with = "wire::KeySource")]
    source: &'static str,
    #[schemars(with = "wire::KeyState")]
    state: &'static str,
    /// `null` for secrets of the configuration; so is the next.
    #[schemars(with = "Option<wire::Time>")]
    created: Option<Timestamp>,
    /// From when on it signs.
    #[schemars(with = "Option<wire::Time>")]
    activates: Option<Timestamp>,
    /// From when on it verifies nothing; `null` while nothing has replaced it.
    #[schemars(with = "Option<wire::Time>")]
    ends: Option<Timestamp>,
}

impl<'a> KeyView<'a> {
    pub(crate) fn of(key: &'a ListedKey) -> Self {
        Self {
            id: &key.id,
            algorithm: &key.algorithm,
            source: key.source.as_str(),
            state: key.state.as_str(),
            created: key.created,
            activates: key.activates,
            ends: key.ends,
        }
    }
}

/// A new key.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RotatedKey")]
pub(crate) struct RotatedView<'a> {
    #[serde(flatten)]
    key: KeyView<'a>,
    /// When whatever signed before it verifies nothing any more.
    #[serde(rename = "othersEnd")]
    #[schemars(with = "wire::Time")]
    others_end: Timestamp,
}

impl<'a> RotatedView<'a> {
    pub(crate) fn of(rotated: &'a Rotated) -> Self {
        Self { key: KeyView::of(&rotated.key), others_end: rotated.others_end }
    }
}

/// The shape of every error.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Error")]
pub(crate) struct ErrorView<'a> {
    /// The status, again.
    #[serde(rename = "statusCode")]
    #[schemars(with = "wire::ErrorStatus")]
    status_code: u16,
    /// The status's name.
    error: &'static str,
    /// For people. It never repeats a password, a token or a hash.
    message: &'a str,
    /// What is wrong with particular members or parameters: all of it at once.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    details: &'a [Detail],
}

impl<'a> ErrorView<'a> {
    pub(crate) fn of(error: &'a ApiError) -> Self {
        Self {
            status_code: error.status.as_u16(),
            error: error.status.canonical_reason().unwrap_or("Error"),
            message: &error.message,
            details: &error.details,
        }
    }
}
