//! Decides by access rules.

use super::{Deed, Roles, Rule, resource};

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

/// Decides whether somebody with these roles may do this to a path's first segment.
///
/// What [`decide`] would deny if names were the same in any case is denied as well: some services take `/Flows` for
/// `/flows`, and a request for the one must not avoid the rules about the other. At each request,
/// [`RouteIndex::denies`](super::RouteIndex::denies) answers the same without the reasons.
#[must_use]
pub fn decide_route<'a>(rules: &'a [Rule], whose: &Roles<'_>, resource: &str, deed: Deed) -> Decision<'a> {
    let exact = decide(rules, whose, resource, deed);
    if matches!(exact, Decision::Denied(_)) {
        return exact;
    }
    let folded = resource::folded(resource);
    let about = rules.iter().filter(|rule| rule.is_about_in_any_case(&folded));
    match decide_by(about, whose, deed) {
        denied @ Decision::Denied(_) => denied,
        _ => exact,
    }
}

fn decide_by<'a>(about: impl Iterator<Item = &'a Rule>, whose: &Roles<'_>, deed: Deed) -> Decision<'a> {
    let (mut is_named, mut allowing) = (false, Vec::new());
    for rule in about {
        is_named = is_named || rule.resource.as_str() != "*";
        if rule.denied_deeds().has(deed) && rule.parsed_role.denies(whose) {
            return Decision::Denied(Some(rule));
        }
        if rule.allowed_deeds().has(deed) && rule.parsed_role.allows(whose) {
            allowing.push(rule);
        }
    }
    match (allowing.is_empty(), is_named) {
        (false, _) => Decision::Allowed(allowing),
        (true, true) => Decision::Denied(None),
        (true, false) => Decision::Unnamed,
    }
}

#[cfg(test)]
mod tests {
    use super::super::RouteIndex;
    use super::super::tests::rule;
    use super::*;
    use crate::name::LoginName;
    use crate::scope::Scopes;

    fn is_denied(rules: &[Rule], whose: &Roles<'_>, resource: &str, deed: Deed) -> bool {
        RouteIndex::new(rules).denies(whose, resource, &[deed])
    }

    #[test]
    fn rules_decide_as_the_table_says() {
        let email = LoginName::parse("Joe@Acme.com").unwrap();
        let scopes = Scopes::of_new_user();
        let roles = Roles::new(&scopes, &email, true);
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
            (&[rule("@acme.com", "flows", &["*"])], Deed::Read, "allowed"),
            (&[rule("scope:user", "flows", &["*"])], Deed::Read, "allowed"),
            (&[rule("scope:acme.com", "flows", &["*"])], Deed::Read, "denied"),
            (&[rule("group:user", "flows", &["*"])], Deed::Read, "denied"),
            (
                &[rule("user", "flows", &["*"]), rule("group:user", "flows", &["!read"])],
                Deed::Read,
                "allowed",
            ),
            (&[rule("acme.com", "flows", &["*", "!read"])], Deed::Read, "denied"),
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
        let joe = Roles::new(&scopes, &email, true);
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
