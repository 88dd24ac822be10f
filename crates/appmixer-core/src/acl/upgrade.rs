//! What the present meaning of roles changes for users, compared with the one of version 0.1.

use super::{Roles, Rule};
use crate::name::fold;

/// A change of what a rule does to a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RuleChange {
    /// It allowed something to the user, and does not any more.
    NoLongerAllows,
    /// It allows something to the user, and did not before.
    Allows,
    /// It denied something to the user, and does not any more.
    NoLongerDenies,
    /// It denies something to the user, and did not before.
    Denies,
}

impl RuleChange {
    /// For people.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoLongerAllows => "no longer allows",
            Self::Allows => "now allows",
            Self::NoLongerDenies => "no longer denies",
            Self::Denies => "now denies",
        }
    }
}

/// What has changed about a rule for a user with these roles since version 0.1, where any role was compared with the
/// scopes, the address and its domain, and every address counted.
pub fn changes_since_0_1(rule: &Rule, whose: &Roles<'_>) -> impl Iterator<Item = RuleChange> {
    let text = rule.role.as_str();
    let applied = text == "*" || whose.has_scope(text) || whose.has_folded_name(&fold(text));
    let allowance = match (applied && !rule.allowed_deeds().is_empty(), rule.allows_someone(whose)) {
        (true, false) => Some(RuleChange::NoLongerAllows),
        (false, true) => Some(RuleChange::Allows),
        _ => None,
    };
    let denial = match (applied && !rule.denied_deeds().is_empty(), rule.denies_someone(whose)) {
        (true, false) => Some(RuleChange::NoLongerDenies),
        (false, true) => Some(RuleChange::Denies),
        _ => None,
    };
    allowance.into_iter().chain(denial)
}

#[cfg(test)]
mod tests {
    use super::super::tests::rule;
    use super::*;
    use crate::name::LoginName;
    use crate::scope::Scopes;

    #[test]
    fn what_has_changed_about_a_rule_is_told_and_nothing_else() {
        use RuleChange::{Allows, Denies, NoLongerAllows, NoLongerDenies};
        for (role, actions, scopes, email, counts, expected) in [
            ("admin", &["*", "!delete"][..], &["admin"][..], "x@y", false, &[][..]),
            ("*", &["*", "!delete"], &["user"], "x@y", false, &[]),
            ("admin", &["*"], &["user"], "evil@admin", true, &[NoLongerAllows]),
            ("admin", &["!read"], &["user"], "evil@admin", false, &[]),
            ("flows.read", &["*"], &["flows.read"], "x@y", true, &[NoLongerAllows]),
            ("acme.com", &["*"], &["user"], "x@acme.com", true, &[]),
            ("acme.com", &["*", "!read"], &["user"], "x@acme.com", false, &[NoLongerAllows]),
            ("x@acme.com", &["read"], &["user"], "X@acme.com", false, &[NoLongerAllows]),
            ("@acme.com", &["read", "!delete"], &["user"], "x@acme.com", true, &[Allows, Denies]),
            ("scope:user", &["read"], &["user"], "x@y", true, &[Allows]),
            ("group:7", &["!read"], &["group:7"], "x@y", true, &[NoLongerDenies]),
            (
                "strasse.de",
                &["*", "!read"],
                &["user"],
                "x@straße.de",
                true,
                &[NoLongerAllows, NoLongerDenies],
            ),
            ("straße.de", &["*", "!read"], &["user"], "x@straße.de", true, &[]),
            ("xn--strae-oqa.de", &["*", "!read"], &["user"], "x@straße.de", true, &[Allows, Denies]),
        ] {
            let (scopes, email) = (Scopes::parse(scopes).unwrap(), LoginName::parse(email).unwrap());
            let whose = Roles::new(&scopes, &email, counts);
            let changes: Vec<_> = changes_since_0_1(&rule(role, "x", actions), &whose).collect();
            assert_eq!(changes, expected, "{role} {actions:?} {scopes:?} {counts}");
        }
    }
}
