//! What every store promises of the access rules.

use std::sync::Arc;

use appmixer_core::{AclType, Action, Beside, Change, Rule, RuleSet, RuleText, Store};
use tokio::task::JoinSet;

use super::Notes;

fn rule(role: &str, resource: &str, actions: &[Action], attributes: &[&str]) -> Rule {
    let text = |text: &str| RuleText::parse(text).unwrap();
    let attributes = attributes.iter().map(|name| text(name)).collect();
    Rule::new(text(role), text(resource), actions.to_vec(), attributes).unwrap()
}

fn rules(kind: AclType, rules: Vec<Rule>) -> RuleSet {
    RuleSet::new(kind, rules).unwrap()
}

pub(crate) async fn access_rules_are_kept_by_type_and_in_their_order(
    store: Arc<dyn Store>,
    notes: Arc<Notes>,
) {
    for kind in AclType::ALL {
        assert_eq!(store.access_rules(kind).await, Ok(None), "nobody has replaced them");
    }
    let routes = rules(
        AclType::Routes,
        vec![
            rule("Žofie@x", "flows", &Action::ALL, &["b", "a"]),
            rule("*", "*", &[Action::Any], &[]),
            rule("Žofie@x", "flows", &Action::ALL, &["b", "a"]),
        ],
    );
    store.replace_access_rules(routes.clone(), Beside::nothing()).await.unwrap();
    assert_eq!(notes.take(), [Change::Config]);
    assert_eq!(store.access_rules(AclType::Routes).await, Ok(Some(routes)));
    assert_eq!(store.access_rules(AclType::Components).await, Ok(None));

    // No rule at all is not the same as the defaults.
    let none = rules(AclType::Routes, Vec::new());
    let components = rules(AclType::Components, vec![rule("user", "a.b", &[Action::Any], &[])]);
    store.replace_access_rules(none.clone(), Beside::nothing()).await.unwrap();
    store.replace_access_rules(components.clone(), Beside::nothing()).await.unwrap();
    assert_eq!(notes.take(), [Change::Config; 2]);
    assert_eq!(store.access_rules(AclType::Routes).await, Ok(Some(none)));
    assert_eq!(store.access_rules(AclType::Components).await, Ok(Some(components)));
}

pub(crate) async fn of_many_replacements_at_once_one_stands_as_a_whole(store: Arc<dyn Store>, _: Arc<Notes>) {
    let all_of = |number: usize| {
        let resource = format!("r{number}");
        rules(AclType::Routes, vec![rule("user", &resource, &[Action::Any], &[]); 1 + number])
    };
    let mut tasks = JoinSet::new();
    for number in 0..50 {
        let store = Arc::clone(&store);
        let rules = all_of(number);
        tasks.spawn(async move { store.replace_access_rules(rules, Beside::nothing()).await });
    }
    assert!(tasks.join_all().await.iter().all(Result::is_ok));
    let kept = store.access_rules(AclType::Routes).await.unwrap().unwrap();
    assert_eq!(kept, all_of(kept.rules().len() - 1));
}
