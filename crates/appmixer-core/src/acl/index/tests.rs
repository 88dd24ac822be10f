//! The index decides as the rules one by one do, and does not work longer for a long path or many rules.

use proptest::prelude::*;

use super::super::tests::rule;
use super::super::{Decision, decide_route};
use super::*;
use crate::name::LoginName;
use crate::scope::Scopes;

const EVERYTHING: &[Deed] = &Deed::ALL;

fn rules() -> impl Strategy<Value = Vec<Rule>> {
    let role = prop::sample::select(vec![
        "*",
        "user",
        "admin",
        "@admin",
        "acme.com",
        "joe@acme.com",
        "scope:a.b",
        "a.b",
        "group:user",
    ]);
    let resource = "(f|fl|F|ß|SS|é|e\u{301}|a|ab|){1,3}\\*?";
    let resource = resource.prop_filter("empty", |text| !text.is_empty());
    let action = prop::sample::select(super::super::Action::ALL.map(super::super::Action::as_str).to_vec());
    let one = (role, resource, prop::collection::vec(action, 1..3));
    let one = one.prop_map(|(role, resource, actions)| rule(role, &resource, &actions));
    prop::collection::vec(one, 0..8)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn the_index_decides_as_the_rules_one_by_one_do(
        rules in rules(),
        resource in "(f|fl|F|L|ß|ẞ|ss|é|E\u{301}|a|B|\u{301}|\\*){0,4}",
        scopes in prop::sample::subsequence(vec!["user", "admin", "a.b"], 0..3),
        email in prop::sample::select(vec!["joe@acme.com", "evil@admin", "x@a.b"]),
        counts: bool,
        deeds in prop::sample::subsequence(EVERYTHING.to_vec(), 1..4),
    ) {
        let (scopes, email) = (Scopes::parse(scopes).unwrap(), LoginName::parse(email).unwrap());
        let whose = Roles::new(&scopes, &email, counts);
        let denied = |deed: &Deed| matches!(decide_route(&rules, &whose, &resource, *deed), Decision::Denied(_));
        let index = RouteIndex::new(&rules);
        prop_assert_eq!(index.denies(&whose, &resource, &deeds), deeds.iter().any(denied));
    }
}

/// How many steps it takes to decide about somebody with many scopes.
fn work_of(index: &RouteIndex, resource: &str) -> usize {
    let scopes: Vec<_> = (0..20).map(|number| format!("scope{number}")).collect();
    let (scopes, email) = (Scopes::parse(&scopes).unwrap(), LoginName::parse("joe@acme.com").unwrap());
    let whose = Roles::new(&scopes, &email, true);
    work::of(|| {
        let _ = index.denies(&whose, resource, EVERYTHING);
    })
}

/// Many rules about a resource each, or about one in many ways.
fn many() -> Vec<Vec<Rule>> {
    let number = |form: fn(usize) -> [String; 2]| -> Vec<_> {
        let rule = |[role, resource]: [String; 2]| rule(&role, &resource, &["*", "!delete"]);
        (0..1000).map(|number| rule(form(number))).collect()
    };
    vec![
        number(|number| ["user".to_owned(), format!("resource-{number}")]),
        number(|number| ["user".to_owned(), format!("Resource-{number}*")]),
        number(|number| ["user".to_owned(), format!("straße-{number}*")]),
        number(|number| [format!("role{number}"), "flows".to_owned()]),
        number(|number| [format!("joe{number}@acme.com"), "flows*".to_owned()]),
        number(|number| [format!("role{number}"), "*".to_owned()]),
    ]
}

#[test]
fn a_long_path_costs_no_more_than_a_short_one() {
    for rules in many() {
        let index = RouteIndex::new(&rules);
        for beginning in ["x", "ß", "s", "flows", "FLOWS", "resource-1", "straße-77", "STRASSE-77", "\u{301}"]
        {
            for filling in ["x", "ß", "é", "\u{301}"] {
                let path = |bytes: usize| format!("{beginning}{}", filling.repeat(bytes / filling.len()));
                let (middle, long) = (work_of(&index, &path(400)), work_of(&index, &path(15 * 1024)));
                assert!(
                    long <= middle,
                    "{beginning:?} {filling:?}: {long} steps, {middle} for a shorter one"
                );
                assert!(long < 300, "{beginning:?} {filling:?}: {long} steps");
            }
        }
    }
}

#[test]
fn a_thousand_rules_cost_hardly_more_than_three() {
    for rules in many() {
        let (few, all) = (RouteIndex::new(&rules[..3]), RouteIndex::new(&rules));
        for resource in ["x", "flows", "FLOWS", "resource-1", "ßtraße-77", "straße-77", "STRASSE-77"] {
            let (few, all) = (work_of(&few, resource), work_of(&all, resource));
            // A byte of a resource is found among those that rules go on with.
            assert!(all <= few + 60, "{resource}: {all} steps, and {few} with three rules");
        }
    }
}
