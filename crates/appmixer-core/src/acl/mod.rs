//! Access rules: what a role may do to a resource.

mod by_role;
mod check;
mod decide;
mod index;
mod resource;
mod role;
mod roles;
mod rule_set;
mod upgrade;
mod visible;
mod work;

use std::fmt;

use thiserror::Error;

pub use self::by_role::{Applicable, RulesByRole};
pub use self::check::{Asked, Question, Reason, check};
pub use self::decide::{Decision, decide, decide_route};
pub use self::index::RouteIndex;
pub use self::role::Role;
pub use self::roles::{NamedRoles, Roles};
pub use self::rule_set::RuleSet;
pub use self::upgrade::{RuleChange, changes_since_0_1};
pub use self::visible::is_visible;

/// The longest role, resource or attribute, in bytes: an email address is a role.
pub const MAX_RULE_TEXT_BYTES: usize = 254;
/// The most actions, or attributes, that one rule lists.
pub const MAX_RULE_LIST: usize = 32;
/// The most rules of one type: all of them are kept in memory together.
pub const MAX_RULES: usize = 1000;

/// Why a part of a rule is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum InvalidRule {
    /// Empty, too long, or with white space or control characters.
    #[error("must have 1 to {MAX_RULE_TEXT_BYTES} bytes, no white space and no control characters")]
    Text,
    /// Not one of [`Action::ALL`].
    #[error("must be one of *, read, create, update, delete, or one of the last four behind a !")]
    Action,
    /// Not one of [`Deed::ALL`].
    #[error("must be one of read, create, update, delete")]
    Deed,
    /// A rule that says nothing.
    #[error("must have at least one entry")]
    Empty,
    /// More than [`MAX_RULE_LIST`] entries.
    #[error("must have at most {MAX_RULE_LIST} entries")]
    TooMany,
    /// More than [`MAX_RULES`] rules of one type.
    #[error("there may be at most {MAX_RULES} rules")]
    TooManyRules,
}

/// What the rules are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AclType {
    /// Paths, by their first segment.
    Routes,
    /// Components of connectors, by their names.
    Components,
}

impl AclType {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Routes, Self::Components];

    /// The type with this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Routes => "routes",
            Self::Components => "components",
        }
    }
}

/// What somebody does to a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Deed {
    /// GET and HEAD.
    Read,
    /// POST.
    Create,
    /// PUT and PATCH.
    Update,
    /// DELETE.
    Delete,
}

impl Deed {
    /// Every deed.
    pub const ALL: [Self; 4] = [Self::Read, Self::Create, Self::Update, Self::Delete];

    /// Reads a deed.
    ///
    /// # Errors
    /// [`InvalidRule::Deed`].
    pub fn parse(name: &str) -> Result<Self, InvalidRule> {
        Self::ALL.into_iter().find(|deed| deed.as_str() == name).ok_or(InvalidRule::Deed)
    }

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }

    /// What a request with this method does; `None` for a method that the rules do not know.
    #[must_use]
    pub fn of_method(method: &str) -> Option<Self> {
        match method {
            "GET" | "HEAD" => Some(Self::Read),
            "POST" => Some(Self::Create),
            "PUT" | "PATCH" => Some(Self::Update),
            "DELETE" => Some(Self::Delete),
            _ => None,
        }
    }
}

/// A set of deeds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Deeds(u8);

impl Deeds {
    const ALL: Self = Self(0b1111);

    const fn one(deed: Deed) -> Self {
        Self(1 << deed as u8)
    }

    const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    const fn is_empty(self) -> bool {
        self.0 == 0
    }

    const fn has(self, deed: Deed) -> bool {
        self.intersects(Self::one(deed))
    }

    const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    const fn includes(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl FromIterator<Deed> for Deeds {
    fn from_iter<I: IntoIterator<Item = Deed>>(deeds: I) -> Self {
        deeds.into_iter().map(Self::one).fold(Self::default(), Self::or)
    }
}

/// What a rule says about deeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// `*`: all of them are allowed.
    Any,
    /// This one is allowed.
    Allow(Deed),
    /// This one is not, whatever allows it.
    Deny(Deed),
}

impl Action {
    /// Every action, in the contract's order.
    pub const ALL: [Self; 9] = [
        Self::Any,
        Self::Allow(Deed::Read),
        Self::Deny(Deed::Read),
        Self::Allow(Deed::Create),
        Self::Deny(Deed::Create),
        Self::Allow(Deed::Update),
        Self::Deny(Deed::Update),
        Self::Allow(Deed::Delete),
        Self::Deny(Deed::Delete),
    ];

    /// Reads an action.
    ///
    /// # Errors
    /// [`InvalidRule::Action`].
    pub fn parse(name: &str) -> Result<Self, InvalidRule> {
        Self::ALL.into_iter().find(|action| action.as_str() == name).ok_or(InvalidRule::Action)
    }

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Any => "*",
            Self::Allow(deed) => deed.as_str(),
            Self::Deny(Deed::Read) => "!read",
            Self::Deny(Deed::Create) => "!create",
            Self::Deny(Deed::Update) => "!update",
            Self::Deny(Deed::Delete) => "!delete",
        }
    }
}

/// A role, a resource or an attribute. Not shown by `Debug`, since a role may be somebody's address.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RuleText(Box<str>);

impl RuleText {
    /// Reads a text.
    ///
    /// # Errors
    /// [`InvalidRule::Text`].
    pub fn parse(text: &str) -> Result<Self, InvalidRule> {
        let forbidden = |c: char| c.is_whitespace() || c.is_control();
        if text.is_empty() || text.len() > MAX_RULE_TEXT_BYTES || text.contains(forbidden) {
            return Err(InvalidRule::Text);
        }
        Ok(Self(text.into()))
    }

    /// The text as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for RuleText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RuleText(..)")
    }
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    role: RuleText,
    parsed_role: Role,
    resource: RuleText,
    actions: Vec<Action>,
    attributes: Vec<RuleText>,
}

impl Rule {
    /// Puts a rule together.
    ///
    /// # Errors
    /// [`InvalidRule::Empty`] without an action, [`InvalidRule::TooMany`].
    pub fn new(
        role: RuleText,
        resource: RuleText,
        actions: Vec<Action>,
        attributes: Vec<RuleText>,
    ) -> Result<Self, InvalidRule> {
        if actions.is_empty() {
            return Err(InvalidRule::Empty);
        }
        if actions.len() > MAX_RULE_LIST || attributes.len() > MAX_RULE_LIST {
            return Err(InvalidRule::TooMany);
        }
        Ok(Self::of(role, resource, actions, attributes))
    }

    fn of(role: RuleText, resource: RuleText, actions: Vec<Action>, attributes: Vec<RuleText>) -> Self {
        Self { parsed_role: Role::parse(role.as_str()), role, resource, actions, attributes }
    }

    /// The text that says whom it applies to.
    #[must_use]
    pub const fn role(&self) -> &RuleText {
        &self.role
    }

    /// Whom it applies to.
    #[must_use]
    pub const fn parsed_role(&self) -> &Role {
        &self.parsed_role
    }

    /// What its role matches, for people: `scope`, `domain`, and so on.
    #[must_use]
    pub fn role_kind(&self) -> &'static str {
        self.parsed_role.kind(!self.allowed_deeds().is_empty(), !self.denied_deeds().is_empty())
    }

    /// What it is about: a name, or the beginning of names and a `*`; `*` alone is everything that is there.
    #[must_use]
    pub const fn resource(&self) -> &RuleText {
        &self.resource
    }

    /// What it says; 1 to [`MAX_RULE_LIST`].
    #[must_use]
    pub fn actions(&self) -> &[Action] {
        &self.actions
    }

    /// What it says besides; at most [`MAX_RULE_LIST`].
    #[must_use]
    pub fn attributes(&self) -> &[RuleText] {
        &self.attributes
    }

    fn is_about(&self, resource: &str) -> bool {
        match self.resource.as_str().strip_suffix('*') {
            Some(beginning) => resource.starts_with(beginning),
            None => self.resource.as_str() == resource,
        }
    }

    /// Whether it is about a resource where the case of letters makes no difference; the resource's folded form is given.
    fn is_about_in_any_case(&self, folded: &[u8]) -> bool {
        match self.resource.as_str().strip_suffix('*') {
            Some(beginning) => folded.starts_with(&resource::folded(beginning)),
            None => *resource::folded(self.resource.as_str()) == *folded,
        }
    }

    fn allowed_deeds(&self) -> Deeds {
        let deeds = self.actions.iter().map(|action| match action {
            Action::Any => Deeds::ALL,
            Action::Allow(deed) => Deeds::one(*deed),
            Action::Deny(_) => Deeds::default(),
        });
        deeds.fold(Deeds::default(), Deeds::or)
    }

    fn denied_deeds(&self) -> Deeds {
        let denied = self.actions.iter().filter_map(|action| match action {
            Action::Deny(deed) => Some(*deed),
            Action::Any | Action::Allow(_) => None,
        });
        denied.collect()
    }

    /// Whether it allows something to somebody with these roles.
    fn allows_someone(&self, whose: &Roles<'_>) -> bool {
        !self.allowed_deeds().is_empty() && self.parsed_role.allows(whose)
    }

    /// Whether it denies something to somebody with these roles.
    fn denies_someone(&self, whose: &Roles<'_>) -> bool {
        !self.denied_deeds().is_empty() && self.parsed_role.denies(whose)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn rule(role: &str, resource: &str, actions: &[&str]) -> Rule {
        rule_with(role, resource, actions, &[])
    }

    pub(super) fn rule_with(role: &str, resource: &str, actions: &[&str], attributes: &[&str]) -> Rule {
        let text = |text| RuleText::parse(text).unwrap();
        let actions = actions.iter().map(|name| Action::parse(name).unwrap()).collect();
        let attributes = attributes.iter().map(|name| text(name)).collect();
        Rule::new(text(role), text(resource), actions, attributes).unwrap()
    }

    #[test]
    fn methods_are_deeds() {
        for (method, deed) in [
            ("GET", Some(Deed::Read)),
            ("HEAD", Some(Deed::Read)),
            ("POST", Some(Deed::Create)),
            ("PUT", Some(Deed::Update)),
            ("PATCH", Some(Deed::Update)),
            ("DELETE", Some(Deed::Delete)),
            ("OPTIONS", None),
            ("get", None),
        ] {
            assert_eq!(Deed::of_method(method), deed, "{method}");
        }
    }

    #[test]
    fn texts_and_actions_are_bounded_and_addresses_stay_out_of_debug() {
        for bad in ["", "a b", "a\n", &"x".repeat(MAX_RULE_TEXT_BYTES + 1)] {
            assert_eq!(RuleText::parse(bad), Err(InvalidRule::Text));
        }
        let (x, many) = (RuleText::parse("x").unwrap(), vec![Action::Any; MAX_RULE_LIST + 1]);
        assert_eq!(Rule::new(x.clone(), x.clone(), many, Vec::new()), Err(InvalidRule::TooMany));
        assert_eq!(Rule::new(x.clone(), x, Vec::new(), Vec::new()), Err(InvalidRule::Empty));
        for bad in ["", "READ", "!*", "! read", "write"] {
            assert_eq!(Action::parse(bad), Err(InvalidRule::Action));
            assert_eq!(Deed::parse(bad), Err(InvalidRule::Deed));
        }
        assert!(!format!("{:?}", rule("joe@acme.com", "flows", &["*"])).contains("joe"));
    }
}
