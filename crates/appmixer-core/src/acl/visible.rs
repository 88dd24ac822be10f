//! Decides who sees a component.

use super::{Decision, Deed, Roles, Rule, decide};

/// The attribute of a rule, and the scope of a user, that show what is private.
pub(super) const PRIVATE: &str = "private";

/// Whether somebody with these roles sees a component (contract, "Access rules").
///
/// Some rule must let it be read. One that is private must besides be shown by an attribute of such a rule, or
/// to this somebody (`sees_private`: the scope `private`, or a list of the user's own).
#[must_use]
pub fn is_visible<'a>(
    rules: impl IntoIterator<Item = &'a Rule>,
    whose: &Roles<'_>,
    component: &str,
    is_private: bool,
    sees_private: bool,
) -> bool {
    let Decision::Allowed(allowing) = decide(rules, whose, component, Deed::Read) else {
        return false;
    };
    let shows_private =
        |rule: &&Rule| rule.attributes().iter().any(|attribute| matches!(attribute.as_str(), PRIVATE | "*"));
    !is_private || sees_private || allowing.iter().any(shows_private)
}

#[cfg(test)]
mod tests {
    use super::super::tests::rule_with;
    use super::*;
    use crate::name::LoginName;
    use crate::scope::Scopes;

    #[test]
    fn components_are_seen_as_the_table_says() {
        let email = LoginName::parse("joe@acme.com").unwrap();
        let scopes = Scopes::of_new_user();
        let roles = Roles::new(&scopes, &email, true);
        let all = || rule_with("user", "*", &["*"], &["non-private"]);
        let private = |resource| rule_with("user", resource, &["*"], &["private"]);
        let denied = |resource| rule_with("user", resource, &["!read"], &["*"]);
        // rules; whether the component is private; whether the user sees what is; seen
        let table: &[(&[Rule], bool, bool, bool)] = &[
            (&[], false, false, false),
            (&[], false, true, false),
            (&[all()], false, false, true),
            (&[all()], true, false, false),
            (&[all()], true, true, true),
            (&[private("*")], false, false, true),
            (&[private("*")], true, false, true),
            (&[private("appmixer.a*")], true, false, true),
            (&[private("appmixer.b*")], true, false, false),
            (&[private("appmixer.a.b.C")], true, false, true),
            (&[all(), private("appmixer.a.b.D")], true, false, false),
            (&[rule_with("user", "*", &["*"], &["*"])], true, false, true),
            (&[rule_with("admin", "*", &["*"], &["*"])], false, false, false),
            (&[rule_with("acme.com", "*", &["read"], &[])], false, false, true),
            (&[rule_with("acme", "*", &["read"], &[])], false, false, false),
            (&[rule_with("scope:acme.com", "*", &["read"], &[])], false, false, false),
            (&[rule_with("acme.com", "*", &["update"], &[])], false, false, false),
            (&[all(), denied("appmixer.a*")], false, false, false),
            (&[private("*"), denied("appmixer.a.b.C")], true, true, false),
            (&[all(), denied("appmixer.b*")], false, false, true),
        ];
        for (row, (rules, is_private, sees_private, seen)) in table.iter().enumerate() {
            let visible = is_visible(*rules, &roles, "appmixer.a.b.C", *is_private, *sees_private);
            assert_eq!(visible, *seen, "row {row}: {rules:?}");
        }
    }
}
