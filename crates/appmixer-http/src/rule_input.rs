//! Access rules from JSON.

use appmixer_core::{AclType, Action, InvalidRule, MAX_RULE_LIST, MAX_RULES, Rule, RuleSet, RuleText};
use serde_json::Value;
use thiserror::Error;

use crate::error::{ApiError, Detail};
use crate::fields::Fields;
use crate::json;

/// What is wrong with rules, as the API would tell it.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct InvalidRules(String);

/// Reads all rules of a type from a JSON array, exactly as `POST /acl/:type` does.
///
/// # Errors
/// [`InvalidRules`].
pub fn read_rules(kind: AclType, bytes: &[u8]) -> Result<RuleSet, InvalidRules> {
    match json::parse(bytes) {
        Ok(Value::Array(values)) => {
            read(kind, values).map_err(|error| InvalidRules(error.message.into_owned()))
        }
        Ok(_) => Err(InvalidRules("the rules must be a JSON array".to_owned())),
        Err(error) => Err(InvalidRules(format!("the rules must be JSON: {error}"))),
    }
}

/// Reads all rules of a type; what is wrong is named as `[3].action`.
pub(crate) fn read(kind: AclType, values: Vec<Value>) -> Result<RuleSet, ApiError> {
    // Before any of them is read: what is wrong with each would make a long answer.
    if values.len() > MAX_RULES {
        let message = format!("is one too many: there may be at most {MAX_RULES} rules");
        return Err(ApiError::invalid_one(format!("[{MAX_RULES}]"), &message));
    }
    let (mut rules, mut wrong) = (Vec::with_capacity(values.len()), Vec::new());
    for (place, value) in values.into_iter().enumerate() {
        let Value::Object(object) = value else {
            wrong.push(Detail { path: format!("[{place}]").into(), message: "must be an object".to_owned() });
            continue;
        };
        match rule(Fields::new(object)) {
            Ok(rule) => rules.push(rule),
            Err(error) => wrong.extend(error.details.into_iter().map(|detail| Detail {
                path: format!("[{place}].{}", detail.path).into(),
                message: detail.message,
            })),
        }
    }
    if !wrong.is_empty() {
        return Err(ApiError::invalid(wrong));
    }
    RuleSet::new(kind, rules).map_err(|error| ApiError::bad_request(error.to_string()))
}

fn rule(mut fields: Fields) -> Result<Rule, ApiError> {
    let role = fields.text("role", |text| RuleText::parse(&text));
    let resource = fields.text("resource", |text| RuleText::parse(&text));
    let actions = fields.texts("action", |names| {
        bounded(&names, 1)?;
        names.iter().map(|name| Action::parse(name)).collect::<Result<Vec<_>, _>>()
    });
    let attributes = attributes(&mut fields);
    let (role, resource, actions) =
        fields.finish3(("role", role), ("resource", resource), ("action", actions))?;
    Rule::new(role, resource, actions, attributes.unwrap_or_default())
        .map_err(|error| ApiError::invalid_one("action", &error))
}

/// At most [`MAX_RULE_LIST`] of them; none where there are none.
pub(crate) fn attributes(fields: &mut Fields) -> Option<Vec<RuleText>> {
    fields.texts("attributes", |texts| {
        bounded(&texts, 0)?;
        texts.iter().map(|text| RuleText::parse(text)).collect::<Result<Vec<_>, _>>()
    })
}

/// The same bounds as [`Rule::new`], where it is still known which of the lists breaks them.
fn bounded(list: &[String], least: usize) -> Result<(), InvalidRule> {
    match list.len() {
        length if length < least => Err(InvalidRule::Empty),
        length if length > MAX_RULE_LIST => Err(InvalidRule::TooMany),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::views::RuleView;

    fn rule() -> impl Strategy<Value = Rule> {
        let text = || "[a-z0-9@.:-]{1,20}\\*?|\\*".prop_map(|text| RuleText::parse(&text).unwrap());
        let actions = prop::collection::vec(prop::sample::select(&Action::ALL[..]), 1..9);
        let attributes = prop::collection::vec(text(), 0..4);
        (text(), text(), actions, attributes).prop_map(|(role, resource, actions, attributes)| {
            Rule::new(role, resource, actions, attributes).unwrap()
        })
    }

    proptest! {
        #[test]
        fn all_rules_survive_their_json(rules in prop::collection::vec(rule(), 0..6)) {
            for kind in AclType::ALL {
                let rules = RuleSet::new(kind, rules.clone()).unwrap();
                let json = serde_json::to_vec(&RuleView::of_all(&rules)).unwrap();
                prop_assert_eq!(read_rules(kind, &json).unwrap(), rules);
            }
        }

        #[test]
        fn no_json_panics(text in r#"\[(\{("(role|resource|action|attributes|x)":("[a-z*!]{0,8}"|1|null|\["\*"\]|\[1\]|\[\]),?){0,5}\},?){0,3}\]"#) {
            let _ = read_rules(AclType::Routes, text.as_bytes());
        }
    }
}
