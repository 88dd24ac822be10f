//! Objects that need one of two members, as a choice of two whole objects.
//!
//! JSON Schema can say "`a` or `b` is required" next to the properties. Generators of clients ignore
//! that or drop the properties, and understand a choice of whole objects.

use schemars::Schema;
use schemars::transform::Transform;
use serde_json::{Map, Value, json};

/// Requires at least one of two optional members: the two alternatives overlap.
///
/// Generators name the types of the alternatives after the title: `SignIn by username`.
pub(super) fn at_least_one(title: &'static str, [first, second]: [&'static str; 2]) -> impl Transform {
    move |schema: &mut Schema| {
        let alternatives = [with(schema, title, first, None), with(schema, title, second, None)];
        replace(schema, alternatives);
    }
}

/// Requires exactly one of two optional members: each alternative has the other one as `null`.
pub(super) fn exactly_one(title: &'static str, [first, second]: [&'static str; 2]) -> impl Transform {
    move |schema: &mut Schema| {
        let alternatives =
            [with(schema, title, first, Some(second)), with(schema, title, second, Some(first))];
        replace(schema, alternatives);
    }
}

/// The object with one member required and not `null`, and another one always `null`.
fn with(schema: &Schema, title: &str, required: &str, absent: Option<&str>) -> Value {
    let mut object = schema.clone().to_value();
    let Some(members) = object.as_object_mut() else { return object };
    members.remove("description");
    members.insert("title".to_owned(), format!("{title} by {required}").into());
    if let Some(properties) = members.get_mut("properties").and_then(Value::as_object_mut) {
        if let Some(member) = properties.get_mut(required) {
            remove_null(member);
        }
        if let Some(member) = absent.and_then(|name| properties.get_mut(name)) {
            *member = json!({ "type": "null", "description": member["description"] });
        }
    }
    if let Some(list) = members.entry("required").or_insert_with(|| json!([])).as_array_mut() {
        list.insert(0, required.into());
    }
    object
}

/// Takes `null` out of the types that a member may have.
pub(super) fn remove_null(member: &mut Value) {
    if let Some([kind, _]) = member["type"].as_array().map(Vec::as_slice) {
        let kind = kind.clone();
        member["type"] = kind;
    }
    if let Some([one, _]) = member["anyOf"].as_array().map(Vec::as_slice) {
        let one = one.clone();
        let description = member["description"].take();
        *member = one;
        if !description.is_null() {
            member["description"] = description;
        }
    }
}

fn replace(schema: &mut Schema, alternatives: [Value; 2]) {
    let mut choice = Map::new();
    if let Some(description) = schema.remove("description") {
        choice.insert("description".to_owned(), description);
    }
    choice.insert("anyOf".to_owned(), alternatives.into_iter().collect());
    *schema = choice.into();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object() -> Schema {
        let member = json!({ "type": ["string", "null"], "description": "it" });
        let schema = json!({
            "type": "object", "description": "both", "required": ["c"],
            "properties": { "a": member, "b": { "anyOf": [{ "type": "array" }, { "type": "null" }] }, "c": {} },
        });
        Schema::try_from(schema).unwrap()
    }

    #[test]
    fn each_alternative_is_a_whole_object_that_requires_its_member() {
        let mut schema = object();
        at_least_one("Both", ["a", "b"]).transform(&mut schema);
        let value = schema.to_value();
        assert_eq!((&value["description"], &value["properties"]), (&json!("both"), &Value::Null));
        let [first, second] = value["anyOf"].as_array().unwrap().as_slice() else { panic!("{value}") };
        assert_eq!(first["title"], "Both by a");
        assert_eq!(first["required"], json!(["a", "c"]));
        assert_eq!(first["properties"]["a"], json!({ "type": "string", "description": "it" }));
        assert_eq!(first["properties"]["b"], json!({ "anyOf": [{ "type": "array" }, { "type": "null" }] }));
        assert_eq!(second["required"], json!(["b", "c"]));
        assert_eq!(second["properties"]["b"], json!({ "type": "array" }));
    }

    #[test]
    fn alternatives_of_exactly_one_exclude_each_other() {
        let mut schema = object();
        exactly_one("Both", ["a", "b"]).transform(&mut schema);
        let value = schema.to_value();
        assert_eq!(value["anyOf"][0]["properties"]["b"]["type"], "null");
        assert_eq!(value["anyOf"][1]["properties"]["a"]["type"], "null");
    }
}
