//! Finds the rules that are about somebody without going through all of them.

use std::collections::HashMap;

use super::{Roles, Rule};

/// The places of rules, by their roles.
///
/// Two people whom the same rules are about may do the same, whatever else they are.
#[derive(Clone, Debug, Default)]
pub struct RulesByRole {
    /// Scopes compare as they are.
    exact: HashMap<Box<str>, Vec<usize>>,
    /// Addresses and domains compare folded.
    folded: HashMap<Box<str>, Vec<usize>>,
}

impl RulesByRole {
    /// Takes the rules in.
    #[must_use]
    pub fn new(rules: &[Rule]) -> Self {
        let mut by_role = Self::default();
        for (place, rule) in rules.iter().enumerate() {
            by_role.exact.entry(rule.role.as_str().into()).or_default().push(place);
            by_role.folded.entry(rule.folded_role.as_str().into()).or_default().push(place);
        }
        by_role
    }

    /// The places of the rules that are about somebody with these roles, in their order.
    #[must_use]
    pub fn about(&self, whose: &Roles<'_>) -> Vec<usize> {
        let exact = whose.scopes().chain(["*"]).filter_map(|role| self.exact.get(role));
        let folded = [Some(whose.address), whose.domain()].into_iter().flatten().chain(whose.others());
        let folded = folded.filter_map(|role| self.folded.get(role));
        let mut places: Vec<_> = exact.chain(folded).flatten().copied().collect();
        places.sort_unstable();
        places.dedup();
        places
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::rule;
    use super::*;
    use crate::name::LoginName;
    use crate::scope::Scopes;

    #[test]
    fn the_rules_that_are_found_are_those_whose_roles_somebody_has() {
        let named = ["*", "user", "User", "joe@acme.com", "JOE@ACME.COM", "acme.com", "Acme.Com", "admin"];
        let rules: Vec<_> = named.iter().map(|role| rule(role, "x", &["*"])).collect();
        let by_role = RulesByRole::new(&rules);
        for (scopes, email) in [
            (&["user"][..], "Joe@Acme.com"),
            (&["User", "admin"], "ann@acme.com"),
            (&[], "x@y"),
            (&["acme.com", "user"], "x@user"),
        ] {
            let email = LoginName::parse(email).unwrap();
            let scopes = Scopes::parse(scopes).unwrap();
            let theirs = Roles::new(&scopes, &email);
            let all = rules.iter().enumerate();
            let expected: Vec<_> =
                all.filter(|(_, rule)| theirs.include(rule)).map(|(place, _)| place).collect();
            assert_eq!(by_role.about(&theirs), expected, "{scopes:?} {email:?}");
        }
    }
}
