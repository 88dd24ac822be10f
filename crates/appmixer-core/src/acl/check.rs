//! Answers whether somebody may do something, and why, by the very code that enforces the rules.

use super::visible::PRIVATE;
use super::{AclType, Decision, Deed, NamedRoles, Roles, Rule, RuleSet, decide, decide_route, is_visible};
use crate::access::Caller;

/// What is asked.
#[derive(Clone, Copy)]
pub struct Question<'a> {
    /// What would be done.
    pub deed: Deed,
    /// To what: the first segment of a path, or a component's name.
    pub resource: &'a str,
    /// Whether it is a component that is private.
    pub is_private: bool,
}

/// About whom.
pub enum Asked {
    /// A user with all of its roles.
    User(Caller),
    /// Whoever has these roles, be there such a user or not.
    Roles(NamedRoles),
}

impl Asked {
    /// The roles that the rules are compared with.
    #[must_use]
    pub fn roles(&self) -> Roles<'_> {
        match self {
            Self::User(caller) => Roles::of(caller),
            Self::Roles(named) => Roles::named(named),
        }
    }

    /// Whether a private component is seen whatever attributes the rules have.
    fn sees_private(&self, component: &str) -> bool {
        match self {
            Self::User(caller) => {
                caller.scopes.iter().any(|scope| scope.as_str() == PRIVATE)
                    || caller.user.allowed_private_components.iter().any(|name| name.as_str() == component)
            }
            Self::Roles(named) => named.has_scope(PRIVATE),
        }
    }
}

/// Why somebody may do something, or may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Rules allow it.
    Allowed,
    /// A rule denies it.
    Denied,
    /// Rules name the resource, and none of the roles' allows it.
    NotAllowed,
    /// Rules would allow it if the user's email address counted.
    Unconfirmed,
    /// Rules let the component be read, and none of them shows what is private.
    Private,
    /// No rule names the route, so that everybody may.
    Unnamed,
    /// No rule of the roles' reaches the component, so that nobody of them may.
    Unreached,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Allowed,
        Self::Denied,
        Self::NotAllowed,
        Self::Unconfirmed,
        Self::Private,
        Self::Unnamed,
        Self::Unreached,
    ];

    /// For people.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "by these rules",
            Self::Denied => "by this rule",
            Self::NotAllowed => "rules name it, and none of the user's allows it",
            Self::Unconfirmed => "rules allow it by an email address that is not confirmed",
            Self::Private => "what lets it be read does not show what is private",
            Self::Unnamed => "no rule names it",
            Self::Unreached => "no rule of the user's reaches it",
        }
    }

    /// Whether it is one to do it.
    #[must_use]
    pub const fn allows(self) -> bool {
        matches!(self, Self::Allowed | Self::Unnamed)
    }
}

/// Whether somebody may do something, and the rules that decide it, in their order.
#[must_use]
pub fn check<'a>(rules: &'a RuleSet, asked: &Asked, question: Question<'_>) -> (Reason, Vec<&'a Rule>) {
    let decided = decide_for(rules, asked, &asked.roles(), question);
    if decided.0.allows() || decided.0 == Reason::Denied || asked.roles().address_counts() {
        return decided;
    }
    match decide_for(rules, asked, &asked.roles().with_address_counted(), question) {
        (Reason::Allowed, by) => (Reason::Unconfirmed, by),
        _ => decided,
    }
}

fn decide_for<'a>(
    rules: &'a RuleSet,
    asked: &Asked,
    whose: &Roles<'_>,
    question: Question<'_>,
) -> (Reason, Vec<&'a Rule>) {
    let Question { deed, resource, is_private } = question;
    let is_visible = || {
        let sees_private = asked.sees_private(resource);
        is_visible(rules.rules(), whose, resource, is_private, sees_private)
    };
    let decision = match rules.kind() {
        AclType::Routes => decide_route(rules.rules(), whose, resource, deed),
        AclType::Components => decide(rules.rules(), whose, resource, deed),
    };
    match (decision, rules.kind()) {
        (Decision::Allowed(by), AclType::Components) if is_private && !is_visible() => (Reason::Private, by),
        (Decision::Allowed(by), _) => (Reason::Allowed, by),
        (Decision::Denied(Some(rule)), _) => (Reason::Denied, vec![rule]),
        (Decision::Denied(None), _) => (Reason::NotAllowed, Vec::new()),
        (Decision::Unnamed, AclType::Routes) => (Reason::Unnamed, Vec::new()),
        (Decision::Unnamed, AclType::Components) => (Reason::Unreached, Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::rule_with;
    use super::super::{InvalidRule, MAX_RULE_LIST};
    use super::*;

    fn reason(kind: AclType, rules: &[Rule], named: &[&str], is_private: bool) -> Reason {
        let rules = RuleSet::new(kind, rules.to_vec()).unwrap();
        let asked = Asked::Roles(NamedRoles::parse(named).unwrap());
        let (reason, by) = check(&rules, &asked, Question { deed: Deed::Read, resource: "a.b", is_private });
        assert_eq!(matches!(reason, Reason::Allowed | Reason::Denied | Reason::Private), !by.is_empty());
        reason
    }

    #[test]
    fn roles_that_are_named_compare_as_those_of_users_do() {
        let allowed = |role: &str, named: &[&str]| {
            reason(AclType::Routes, &[rule_with(role, "a.b", &["read"], &[])], named, false).allows()
        };
        for (role, named) in [
            ("user", "user"),
            ("*", "x"),
            ("joe@acme.com", "JOE@acme.com"),
            ("Acme.com", "joe@aCME.com"),
            ("@ACME", "joe@acme"),
            ("Acme.com", "acme.com"),
            ("acme.com", "@Acme.com"),
            ("scope:flows.read", "scope:flows.read"),
        ] {
            assert!(allowed(role, &[named]), "{role} {named}");
        }
        for (role, named) in [
            ("User", "user"),
            ("ACME", "joe@acme"),
            ("joe@acme.com", "acme.com"),
            ("com", "joe@acme.com"),
            ("flows.read", "scope:flows.read"),
            ("scope:flows.read", "flows.read"),
            ("group:7", "group:7"),
        ] {
            assert!(!allowed(role, &[named]), "{role} {named}");
        }
        assert!(allowed("*", &[]) && !allowed("user", &[]));
        assert_eq!(NamedRoles::parse(&["a b"]).err(), Some(InvalidRule::Text));
        assert_eq!(NamedRoles::parse(&["a"; MAX_RULE_LIST + 1]).err(), Some(InvalidRule::TooMany));
    }

    #[test]
    fn every_way_to_decide_has_its_reason() {
        let all = |role| rule_with(role, "*", &["*"], &[]);
        let named = |role, action| rule_with(role, "a.*", &[action], &[]);
        let (routes, components) = (AclType::Routes, AclType::Components);
        for (kind, rules, roles, is_private, expected) in [
            (routes, vec![], &["user"][..], false, Reason::Unnamed),
            (routes, vec![all("admin")], &["user"], false, Reason::Unnamed),
            (routes, vec![named("admin", "*")], &["user"], false, Reason::NotAllowed),
            (routes, vec![named("user", "*")], &["user"], true, Reason::Allowed),
            (routes, vec![all("user"), named("user", "!read")], &["user"], false, Reason::Denied),
            (components, vec![], &["user"], false, Reason::Unreached),
            (components, vec![all("user")], &["user"], false, Reason::Allowed),
            (components, vec![all("user")], &["user"], true, Reason::Private),
            (components, vec![all("user")], &["user", "private"], true, Reason::Allowed),
            (
                components,
                vec![rule_with("user", "*", &["*"], &["private"])],
                &["user"],
                true,
                Reason::Allowed,
            ),
        ] {
            assert_eq!(reason(kind, &rules, roles, is_private), expected, "{rules:?} {roles:?}");
        }
    }
}
