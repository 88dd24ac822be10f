//! Decides by access rules.

use super::check::NamedRoles;
use super::rule_set::each_once;
use super::{Action, Deed, Rule, RuleText};
use crate::access::Caller;
use crate::name::LoginName;
use crate::scope::{Scope, Scopes};

/// The roles of one user: the scopes as they are, the address and its domain folded as names are.
pub struct Roles<'a> {
    scopes: &'a Scopes,
    /// Empty where it is not about a user.
    pub(super) address: &'a str,
    named: Option<&'a NamedRoles>,
}

impl<'a> Roles<'a> {
    /// The roles that a caller has.
    #[must_use]
    pub fn of(caller: &'a Caller) -> Self {
        Self::new(&caller.scopes, caller.user.names.email.as_login())
    }

    pub(super) fn new(scopes: &'a Scopes, email: &'a LoginName) -> Self {
        Self { scopes, address: email.folded(), named: None }
    }

    /// Those that are not read from a user.
    pub(super) fn named(roles: &'a NamedRoles) -> Self {
        Self { scopes: &roles.no_scopes, address: "", named: Some(roles) }
    }

    /// All of them, each once: the scopes, the address and its domain.
    #[must_use]
    pub fn list(&self) -> Vec<&'a str> {
        let address = Some(self.address).filter(|address| !address.is_empty());
        each_once(self.scopes().chain(address).chain(self.domain()).chain(self.others()))
    }

    /// What compares as it is.
    pub(super) fn scopes(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let named = self.named.map_or(&[][..], |named| &named.texts);
        self.scopes.iter().map(Scope::as_str).chain(named.iter().map(RuleText::as_str))
    }

    /// What compares folded, besides the address and the domain.
    pub(super) fn others(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.named.map_or(&[][..], |named| &named.folded).iter().map(String::as_str)
    }

    pub(super) fn domain(&self) -> Option<&'a str> {
        self.address.split_once('@').map(|(_, domain)| domain)
    }

    /// Whether a rule is about somebody with these roles.
    pub(super) fn include(&self, rule: &Rule) -> bool {
        let (exact, folded) = (rule.role.as_str(), rule.folded_role.as_str());
        exact == "*"
            || self.scopes().any(|scope| scope == exact)
            || folded == self.address
            || self.domain() == Some(folded)
            || self.others().any(|other| other == folded)
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
    decide_by(rules.into_iter().filter(|rule| rule.is_about(resource)), whose, deed)
}

/// The same of a path's first segment. What [`decide`] would deny if names were the same in any case is denied as well:
/// some services take `/Flows` for `/flows`, and whoever asks for the one must not get by the rules about the other.
#[must_use]
pub fn decide_route<'a>(rules: &'a [Rule], whose: &Roles<'_>, resource: &str, deed: Deed) -> Decision<'a> {
    let exact = decide(rules, whose, resource, deed);
    if matches!(exact, Decision::Denied(_)) {
        return exact;
    }
    let about = rules.iter().filter(|rule| rule.is_about_in_any_case(resource));
    match decide_by(about, whose, deed) {
        denied @ Decision::Denied(_) => denied,
        _ => exact,
    }
}

fn decide_by<'a>(about: impl Iterator<Item = &'a Rule>, whose: &Roles<'_>, deed: Deed) -> Decision<'a> {
    let mut allowing = Vec::new();
    match weigh(about, whose, deed, |rule| allowing.push(rule)) {
        Weighed::Unnamed => Decision::Unnamed,
        Weighed::Allowed => Decision::Allowed(allowing),
        Weighed::Denied(rule) => Decision::Denied(rule),
    }
}

/// Whether [`decide_route`] denies it, for whoever asks with each request: for a name in ASCII it allocates nothing.
#[must_use]
pub fn is_denied(rules: &[Rule], whose: &Roles<'_>, resource: &str, deed: Deed) -> bool {
    let denied = |about: &dyn Fn(&Rule) -> bool| {
        matches!(weigh(rules.iter().filter(|rule| about(rule)), whose, deed, |_| {}), Weighed::Denied(_))
    };
    denied(&|rule| rule.is_about(resource)) || denied(&|rule| rule.is_about_in_any_case(resource))
}

enum Weighed<'a> {
    Unnamed,
    Allowed,
    Denied(Option<&'a Rule>),
}

/// By the rules that are about the resource; tells each that allows it.
fn weigh<'a>(
    rules: impl Iterator<Item = &'a Rule>,
    whose: &Roles<'_>,
    deed: Deed,
    mut tell: impl FnMut(&'a Rule),
) -> Weighed<'a> {
    let (mut about, mut allowed) = (false, false);
    for rule in rules {
        about = about || rule.resource.as_str() != "*";
        if !whose.include(rule) {
            continue;
        }
        if rule.actions.contains(&Action::Deny(deed)) {
            return Weighed::Denied(Some(rule));
        }
        if rule.actions.iter().any(|action| matches!(action, Action::Any) || *action == Action::Allow(deed)) {
            allowed = true;
            tell(rule);
        }
    }
    match (allowed, about) {
        (true, _) => Weighed::Allowed,
        (false, true) => Weighed::Denied(None),
        (false, false) => Weighed::Unnamed,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::rule;
    use super::*;

    #[test]
    fn rules_decide_as_the_table_says() {
        let email = LoginName::parse("Joe@Acme.com").unwrap();
        let scopes = Scopes::of_new_user();
        let roles = Roles::new(&scopes, &email);
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
            for resource in ["flows", "Flows", "FLOWS"] {
                assert_eq!(is_denied(rules, &roles, resource, *deed), decision == "denied", "{rules:?}");
                let route = decide_route(rules, &roles, resource, *deed);
                assert_eq!(matches!(route, Decision::Denied(_)), decision == "denied", "{rules:?}");
            }
        }
    }

    #[test]
    fn another_case_of_a_name_does_not_get_by_its_rules_and_makes_nobody_s_rules_wider() {
        let (email, scopes) = (LoginName::parse("joe@acme.com").unwrap(), Scopes::of_new_user());
        let joe = Roles::new(&scopes, &email);
        let rules = [
            rule("admin", "Größe", &["*"]),
            rule("admin", "acme.Sto*", &["*"]),
            rule("*", "*", &["*"]),
            rule("user", "x", &["!read"]),
        ];
        for resource in ["größe", "GRÖSSE", "acme.stores", "ACME.STO", "acme.Stores"] {
            assert!(is_denied(&rules[..2], &joe, resource, Deed::Read), "{resource}");
        }
        for resource in ["", "größe2", "acme.st", "stores", "gr"] {
            assert!(!is_denied(&rules[..2], &joe, resource, Deed::Read), "{resource}");
        }
        assert!(is_denied(&rules, &joe, "X", Deed::Read) && !is_denied(&rules, &joe, "X", Deed::Create));
        // Each is for those whom its own rule names.
        let two = [rule("admin", "Stores", &["*"]), rule("user", "stores", &["*"])];
        assert!(is_denied(&two, &joe, "Stores", Deed::Read) && !is_denied(&two, &joe, "stores", Deed::Read));
    }
}
