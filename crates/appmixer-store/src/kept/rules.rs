//! The access rules of a type: JSON, an array of `{"role","resource","action","attributes"}`.

use appmixer_core::{AclType, Action, InvalidRule, Rule, RuleSet, RuleText, StoreError};
use serde::{Deserialize, Serialize};

/// A rule as it is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    role: String,
    resource: String,
    action: Vec<String>,
    attributes: Vec<String>,
}

impl Kept {
    fn of(rule: &Rule) -> Self {
        Self {
            role: rule.role().as_str().to_owned(),
            resource: rule.resource().as_str().to_owned(),
            action: rule.actions().iter().map(|action| action.as_str().to_owned()).collect(),
            attributes: rule.attributes().iter().map(|text| text.as_str().to_owned()).collect(),
        }
    }

    fn read(&self) -> Result<Rule, InvalidRule> {
        let actions = self.action.iter().map(|name| Action::parse(name)).collect::<Result<_, _>>()?;
        let attributes =
            self.attributes.iter().map(|text| RuleText::parse(text)).collect::<Result<_, _>>()?;
        Rule::new(RuleText::parse(&self.role)?, RuleText::parse(&self.resource)?, actions, attributes)
    }
}

pub(crate) fn to_json(rules: &RuleSet) -> Result<String, StoreError> {
    let kept: Vec<_> = rules.rules().iter().map(Kept::of).collect();
    serde_json::to_string(&kept).map_err(|error| StoreError::Internal(error.to_string()))
}

pub(crate) fn read(kind: AclType, json: &str) -> Result<RuleSet, StoreError> {
    let damaged = |why: &str| StoreError::Corrupt(format!("access_rules, {}: {why}", kind.as_str()));
    // What serde says could repeat a value.
    let kept: Vec<Kept> = serde_json::from_str(json).map_err(|_| damaged("no rules"))?;
    let rules = kept.iter().map(Kept::read).collect::<Result<_, _>>();
    rules.and_then(|rules| RuleSet::new(kind, rules)).map_err(|error| damaged(&error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damaged_rules_are_an_error_and_neither_the_defaults_nor_shown() {
        for damaged in [
            "",
            "{}",
            r#"[{"role":"joe@acme","resource":"flows"}]"#,
            r#"[{"role":"joe@acme","resource":"flows","action":["joe@acme"],"attributes":[]}]"#,
            r#"[{"role":"joe@acme","resource":"flows","action":[],"attributes":[]}]"#,
        ] {
            let Err(StoreError::Corrupt(text)) = read(AclType::Routes, damaged) else {
                panic!("{damaged}");
            };
            assert!(text.starts_with("access_rules, routes: ") && !text.contains("joe"), "{text}");
        }
    }
}
