//! Decides by access rules.

use std::collections::HashSet;

use super::{Action, Deed, Rule};
use crate::access::Caller;
use crate::name::{LoginName, fold};
use crate::scope::Scope;

/// The roles of one user: the scopes as they are, the address and its domain folded as names are.
pub struct Roles {
    scopes: HashSet<String>,
    address: String,
}

impl Roles {
    /// The roles that a caller has.
    #[must_use]
    pub fn of(caller: &Caller) -> Self {
        Self::new(caller.scopes.iter().map(Scope::as_str), caller.user.names.email.as_login())
    }

    fn new<'a>(scopes: impl Iterator<Item = &'a str>, email: &LoginName) -> Self {
        Self { scopes: scopes.map(str::to_owned).collect(), address: email.folded().to_owned() }
    }

    fn include(&self, role: &str) -> bool {
        if role == "*" || self.scopes.contains(role) {
            return true;
        }
        let folded = fold(role);
        let domain = self.address.split_once('@').map(|(_, domain)| domain);
        folded == self.address || domain == Some(folded.as_str())
    }
}

/// What the rules say of one deed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision<'a> {
    /// No rule names the resource.
    Unnamed,
    /// It is allowed, by these rules.
    Allowed(Vec<&'a Rule>),
    /// It is not.
    Denied,
}

/// Decides whether somebody with these roles may do this to a resource.
///
/// A denial beats every allowance. `*` as a rule's resource reaches a resource but does not name it, and
/// whatever is neither named nor reached is [`Decision::Unnamed`].
#[must_use]
pub fn decide<'a>(rules: &'a [Rule], whose: &Roles, resource: &str, deed: Deed) -> Decision<'a> {
    let (mut about, mut allowing) = (false, Vec::new());
    for rule in rules.iter().filter(|rule| rule.is_about(resource)) {
        about = about || rule.resource.as_str() == resource;
        if !whose.include(rule.role.as_str()) {
            continue;
        }
        if rule.actions.contains(&Action::Deny(deed)) {
            return Decision::Denied;
        }
        if rule.actions.iter().any(|action| matches!(action, Action::Any) || *action == Action::Allow(deed)) {
            allowing.push(rule);
        }
    }
    match (allowing.is_empty(), about) {
        (false, _) => Decision::Allowed(allowing),
        (true, true) => Decision::Denied,
        (true, false) => Decision::Unnamed,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::rule;
    use super::*;

    #[test]
    fn rules_decide_as_the_table_says() {
        let roles = Roles::new(["user"].into_iter(), &LoginName::parse("Joe@Acme.com").unwrap());
        let table: &[(&[Rule], Deed, &str)] = &[
            (&[], Deed::Read, "unnamed"),
            (&[rule("user", "other", &["*"])], Deed::Read, "unnamed"),
            (&[rule("user", "flows", &["*"])], Deed::Delete, "allowed"),
            (&[rule("user", "flows", &["read"])], Deed::Read, "allowed"),
            (&[rule("user", "flows", &["read"])], Deed::Create, "denied"),
            (&[rule("admin", "flows", &["*"])], Deed::Read, "denied"),
            (&[rule("User", "flows", &["*"])], Deed::Read, "denied"),
            (&[rule("*", "flows", &["update"])], Deed::Update, "allowed"),
            (&[rule("user", "*", &["*"])], Deed::Read, "allowed"),
            (&[rule("JOE@acme.COM", "flows", &["*"])], Deed::Read, "allowed"),
            (&[rule("ACME.com", "flows", &["*"])], Deed::Read, "allowed"),
            (&[rule("cme.com", "flows", &["*"])], Deed::Read, "denied"),
            (&[rule("user", "flows", &["*", "!delete"])], Deed::Delete, "denied"),
            (&[rule("user", "flows", &["*", "!delete"])], Deed::Read, "allowed"),
            (&[rule("user", "flows", &["*"]), rule("acme.com", "*", &["!read"])], Deed::Read, "denied"),
            (&[rule("user", "flows", &["*"]), rule("admin", "flows", &["!read"])], Deed::Read, "allowed"),
        ];
        for (rules, deed, expected) in table {
            let decision = match decide(rules, &roles, "flows", *deed) {
                Decision::Unnamed => "unnamed",
                Decision::Allowed(_) => "allowed",
                Decision::Denied => "denied",
            };
            assert_eq!(decision, *expected, "{deed:?}: {rules:?}");
        }
    }
}
