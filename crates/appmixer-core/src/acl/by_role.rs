//! Finds the rules that apply to a user without going through all of them.

use std::collections::HashMap;

use super::{Role, Roles, Rule};

/// The places of rules, by their roles.
#[derive(Clone, Debug, Default)]
pub struct RulesByRole {
    any: Vec<usize>,
    scopes: HashMap<Box<str>, Vec<usize>>,
    /// Addresses and domains, in the form by which rules compare.
    names: HashMap<Box<str>, Vec<usize>>,
}

/// A rule that applies to a user. Users to whom the same rules apply in the same way may do the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Applicable {
    /// The rule's place.
    pub place: usize,
    /// Whether its allowances apply.
    pub allows: bool,
    /// Whether its denials apply.
    pub denies: bool,
}

impl RulesByRole {
    /// Takes the rules in.
    #[must_use]
    pub fn new(rules: &[Rule]) -> Self {
        let mut by_role = Self::default();
        for (place, rule) in rules.iter().enumerate() {
            match &rule.parsed_role {
                Role::Any => by_role.any.push(place),
                Role::Group(_) => {}
                Role::Scope(scope) => by_role.scopes.entry(scope.clone()).or_default().push(place),
                Role::Domain(name) | Role::Address(name) => {
                    by_role.names.entry(name.clone()).or_default().push(place);
                }
                Role::Word { scope, domain } => {
                    by_role.scopes.entry(scope.clone()).or_default().push(place);
                    by_role.names.entry(domain.clone()).or_default().push(place);
                }
            }
        }
        by_role
    }

    /// Those of these rules that apply to a user with these roles, in their order. They must be the rules that were taken
    /// in.
    #[must_use]
    pub fn applicable(&self, rules: &[Rule], whose: &Roles<'_>) -> Vec<Applicable> {
        let scopes = whose.scopes().filter_map(|scope| self.scopes.get(scope));
        let names = whose.addresses().chain(whose.domains()).filter_map(|name| self.names.get(name));
        let places = scopes.chain(names).flatten().chain(&self.any).copied();
        let mut all: Vec<_> = places
            .filter_map(|place| {
                let rule = rules.get(place)?;
                let (allows, denies) = (rule.allows_someone(whose), rule.denies_someone(whose));
                (allows || denies).then_some(Applicable { place, allows, denies })
            })
            .collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::rule;
    use super::*;
    use crate::name::LoginName;
    use crate::scope::Scopes;

    #[test]
    fn the_rules_that_are_found_are_those_that_apply() {
        let texts = [
            "*",
            "user",
            "User",
            "joe@acme.com",
            "JOE@ACME.COM",
            "acme.com",
            "@Acme.Com",
            "admin",
            "@user",
            "scope:acme.com",
            "group:user",
            "scope:user",
        ];
        let actions = [&["*"][..], &["!read"], &["*", "!read"]];
        let rules: Vec<_> =
            texts.iter().flat_map(|role| actions.map(|actions| rule(role, "x", actions))).collect();
        let by_role = RulesByRole::new(&rules);
        for (scopes, email) in [
            (&["user"][..], "Joe@Acme.com"),
            (&["User", "admin"], "ann@acme.com"),
            (&[], "x@y"),
            (&["acme.com", "user"], "x@user"),
        ] {
            let email = LoginName::parse(email).unwrap();
            let scopes = Scopes::parse(scopes).unwrap();
            for counts in [false, true] {
                let theirs = Roles::new(&scopes, &email, counts);
                let all = rules.iter().enumerate().map(|(place, rule)| Applicable {
                    place,
                    allows: rule.allows_someone(&theirs),
                    denies: rule.denies_someone(&theirs),
                });
                let expected: Vec<_> = all.filter(|rule| rule.allows || rule.denies).collect();
                assert_eq!(by_role.applicable(&rules, &theirs), expected, "{scopes:?} {email:?}");
            }
        }
    }

    #[test]
    fn users_who_differ_in_what_a_rule_does_to_them_are_told_apart() {
        let rules = [rule("admin", "x", &["*", "!delete"])];
        let by_role = RulesByRole::new(&rules);
        let find = |scopes: &[&str], email: &str| {
            let (scopes, email) = (Scopes::parse(scopes).unwrap(), LoginName::parse(email).unwrap());
            by_role.applicable(&rules, &Roles::new(&scopes, &email, true))
        };
        assert_ne!(find(&["admin"], "x@y"), find(&["user"], "x@admin"));
    }
}
