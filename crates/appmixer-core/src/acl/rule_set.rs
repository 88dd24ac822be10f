//! All rules of one type, kept and replaced together.

use std::collections::HashSet;
use std::hash::Hash;

use super::{AclType, Action, InvalidRule, MAX_RULES, Rule, RuleText};

/// What everybody may see.
const NON_PRIVATE: &str = "non-private";

/// The rules of one type, in their order; at most [`MAX_RULES`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleSet {
    kind: AclType,
    rules: Vec<Rule>,
}

impl RuleSet {
    /// Takes the rules of a type. One about components that has no attributes gets `non-private`.
    ///
    /// # Errors
    /// [`InvalidRule::TooManyRules`].
    pub fn new(kind: AclType, mut rules: Vec<Rule>) -> Result<Self, InvalidRule> {
        if rules.len() > MAX_RULES {
            return Err(InvalidRule::TooManyRules);
        }
        if kind == AclType::Components {
            for rule in rules.iter_mut().filter(|rule| rule.attributes.is_empty()) {
                rule.attributes.push(RuleText(NON_PRIVATE.into()));
            }
        }
        Ok(Self { kind, rules })
    }

    /// The rules of a type that nobody has replaced.
    #[must_use]
    pub fn defaults(kind: AclType) -> Self {
        let (resource, attribute) = match kind {
            AclType::Routes => ("flows", "*"),
            AclType::Components => ("*", NON_PRIVATE),
        };
        let text = |text: &str| RuleText(text.into());
        let rule = |role| Rule::of(text(role), text(resource), vec![Action::Any], vec![text(attribute)]);
        Self { kind, rules: ["admin", "user", "tester"].map(rule).into() }
    }

    /// What they are about.
    #[must_use]
    pub const fn kind(&self) -> AclType {
        self.kind
    }

    /// The rules, in their order.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// What a rule can name: `*`, `flows`, and whatever else a rule names already.
    #[must_use]
    pub fn resources(&self) -> Vec<&str> {
        let named = self.rules.iter().map(|rule| rule.resource.as_str());
        each_once(["*", "flows"].into_iter().chain(named))
    }

    /// The attributes that a rule about a resource can have: `*`, `non-private`, and whatever else such a rule
    /// has already.
    #[must_use]
    pub fn attributes(&self, resource: &RuleText) -> Vec<&str> {
        let about = self.rules.iter().filter(|rule| rule.resource == *resource);
        let there = about.flat_map(|rule| &rule.attributes).map(RuleText::as_str);
        each_once(["*", NON_PRIVATE].into_iter().chain(there))
    }
}

/// In the order in which they first come.
pub(super) fn each_once<T: Clone + Eq + Hash>(texts: impl Iterator<Item = T>) -> Vec<T> {
    let mut seen = HashSet::new();
    texts.filter(|text| seen.insert(text.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> RuleText {
        RuleText::parse(text).unwrap()
    }

    fn rule(resource: &str, attributes: &[&str]) -> Rule {
        let attributes = attributes.iter().map(|name| text(name)).collect();
        Rule::new(text("user"), text(resource), vec![Action::Any], attributes).unwrap()
    }

    #[test]
    fn a_component_rule_without_attributes_shows_what_is_not_private() {
        let given = vec![rule("a", &[]), rule("b", &["private"])];
        let components = RuleSet::new(AclType::Components, given.clone()).unwrap();
        assert_eq!(components.rules(), [rule("a", &["non-private"]), rule("b", &["private"])]);
        assert_eq!(RuleSet::new(AclType::Routes, given.clone()).unwrap().rules(), given);
    }

    #[test]
    fn resources_and_attributes_are_listed_once_and_the_common_ones_first() {
        let given =
            vec![rule("b", &["x", "*", "y"]), rule("flows", &["z"]), rule("b", &["y", "w"]), rule("a", &[])];
        let rules = RuleSet::new(AclType::Routes, given).unwrap();
        assert_eq!(rules.resources(), ["*", "flows", "b", "a"]);
        assert_eq!(rules.attributes(&text("b")), ["*", "non-private", "x", "y", "w"]);
        assert_eq!(rules.attributes(&text("nothing")), ["*", "non-private"]);
    }

    #[test]
    fn the_number_of_rules_is_bounded() {
        let many = vec![rule("a", &[]); MAX_RULES];
        assert!(RuleSet::new(AclType::Routes, many.clone()).is_ok());
        let more = [many, vec![rule("a", &[])]].concat();
        assert_eq!(RuleSet::new(AclType::Routes, more), Err(InvalidRule::TooManyRules));
    }
}
