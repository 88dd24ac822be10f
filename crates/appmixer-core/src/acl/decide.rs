//! Decides by access rules.

use super::{Action, Deed, Rule};
use crate::access::Caller;
use crate::name::{LoginName, fold};
use crate::scope::Scope;

/// The roles of one user: the scopes as they are, the address and its domain folded as names are.
pub struct Roles<'a> {
    pub(super) scopes: Vec<&'a str>,
    pub(super) address: &'a str,
}

impl<'a> Roles<'a> {
    /// The roles that a caller has.
    #[must_use]
    pub fn of(caller: &'a Caller) -> Self {
        Self::new(caller.scopes.iter().map(Scope::as_str), caller.user.names.email.as_login())
    }

    pub(super) fn new(scopes: impl Iterator<Item = &'a str>, email: &'a LoginName) -> Self {
        Self { scopes: scopes.collect(), address: email.folded() }
    }

    pub(super) fn domain(&self) -> Option<&'a str> {
        self.address.split_once('@').map(|(_, domain)| domain)
    }

    pub(super) fn include(&self, role: &str) -> bool {
        if role == "*" || self.scopes.contains(&role) {
            return true;
        }
        let folded = fold(role);
        folded == self.address || self.domain() == Some(folded.as_str())
    }
}

/// What the rules say of one deed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision<'a> {
    /// No rule names the resource.
    Unnamed,
    /// It is allowed, by these rules.
    Allowed(Vec<&'a Rule>),
    /// It is not: by this rule, or because no rule of those that name the resource allows it.
    Denied(Option<&'a Rule>),
}

/// Decides whether somebody with these roles may do this to a resource.
///
/// A denial beats every allowance. A rule's resource is a name, or the beginning of names and a `*`, as in
/// `appmixer.google*`. A bare `*` reaches every resource but names none, and whatever is neither named nor
/// reached is [`Decision::Unnamed`].
#[must_use]
pub fn decide<'a>(
    rules: impl IntoIterator<Item = &'a Rule>,
    whose: &Roles<'_>,
    resource: &str,
    deed: Deed,
) -> Decision<'a> {
    let (mut about, mut allowing) = (false, Vec::new());
    for rule in rules.into_iter().filter(|rule| rule.is_about(resource)) {
        about = about || rule.resource.as_str() != "*";
        if !whose.include(rule.role.as_str()) {
            continue;
        }
        if rule.actions.contains(&Action::Deny(deed)) {
            return Decision::Denied(Some(rule));
        }
        if rule.actions.iter().any(|action| matches!(action, Action::Any) || *action == Action::Allow(deed)) {
            allowing.push(rule);
        }
    }
    match (allowing.is_empty(), about) {
        (false, _) => Decision::Allowed(allowing),
        (true, true) => Decision::Denied(None),
        (true, false) => Decision::Unnamed,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::rule;
    use super::*;

    #[test]
    fn rules_decide_as_the_table_says() {
        let email = LoginName::parse("Joe@Acme.com").unwrap();
        let roles = Roles::new(["user"].into_iter(), &email);
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
            (&[rule("user", "flo*", &["*"])], Deed::Read, "allowed"),
            (&[rule("user", "flows*", &["*"])], Deed::Read, "allowed"),
            (&[rule("admin", "flo*", &["*"])], Deed::Read, "denied"),
            (&[rule("user", "flows.*", &["*"])], Deed::Read, "unnamed"),
            (&[rule("user", "f*s", &["*"])], Deed::Read, "unnamed"),
            (&[rule("user", "*", &["*"]), rule("user", "flo*", &["!read"])], Deed::Read, "denied"),
            (&[rule("admin", "*", &["*"])], Deed::Read, "unnamed"),
            (&[rule("JOE@acme.COM", "flows", &["*"])], Deed::Read, "allowed"),
            (&[rule("ACME.com", "flows", &["*"])], Deed::Read, "allowed"),
            (&[rule("cme.com", "flows", &["*"])], Deed::Read, "denied"),
            (&[rule("user", "flows", &["*", "!delete"])], Deed::Delete, "denied"),
            (&[rule("user", "flows", &["*", "!delete"])], Deed::Read, "allowed"),
            (&[rule("user", "flows", &["*"]), rule("acme.com", "*", &["!read"])], Deed::Read, "denied"),
            (&[rule("user", "flows", &["*"]), rule("admin", "flows", &["!read"])], Deed::Read, "allowed"),
        ];
        for (rules, deed, expected) in table {
            let decision = match decide(*rules, &roles, "flows", *deed) {
                Decision::Unnamed => "unnamed",
                Decision::Allowed(_) => "allowed",
                Decision::Denied(_) => "denied",
            };
            assert_eq!(decision, *expected, "{deed:?}: {rules:?}");
        }
    }
}
