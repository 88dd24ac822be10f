//! Schemas in words: what a member may be.

use maud::{Markup, html};
use serde_json::Value;

use super::words::{inline, text};
use super::{entries, list};

/// The parameters of a route.
pub(super) fn parameters(parameters: &[Value]) -> Markup {
    html! {
        h4 { "Parameters" }
        dl {
            @for parameter in parameters {
                dt {
                    code { (text(&parameter["name"])) } " "
                    small { (text(&parameter["in"])) ", " (kind(&Value::Null, &parameter["schema"])) (limits(&parameter["schema"])) }
                }
                dd { (inline(text(&parameter["description"]))) }
            }
        }
    }
}

/// What the members of an object are called.
pub(super) fn names<'d>(document: &'d Value, schema: &'d Value) -> Vec<&'d str> {
    let object = alternatives(resolve(document, schema))[0];
    entries(&object["properties"]).map(|(name, _)| name).collect()
}

/// The alternatives of a choice between whole objects, which have the same members; otherwise the schema alone.
fn alternatives(schema: &Value) -> Vec<&Value> {
    match schema["anyOf"]
        .as_array()
        .filter(|objects| objects.iter().all(|object| object["properties"].is_object()))
    {
        Some(objects) if !objects.is_empty() => objects.iter().collect(),
        _ => vec![schema],
    }
}

/// The members of an object, or of the objects of a list.
pub(super) fn members(document: &Value, schema: &Value) -> Markup {
    let schema = resolve(document, schema);
    if schema["type"] == "array" {
        let items = resolve(document, &schema["items"]);
        return html! {
            p { "A list" (limits(schema)) ". " @if items["properties"].is_object() { "Of each:" } @else { (kind(document, items)) } }
            (members(document, items))
        };
    }
    let objects = alternatives(schema);
    let requires = |object: &Value, name: &str| list(&object["required"]).iter().any(|one| one == name);
    html! {
        (super::prose(text(&schema["description"])))
        dl {
            @for (name, member) in entries(&objects[0]["properties"]) {
                @let is_required = objects.iter().all(|object| requires(object, name));
                @let member = if is_required { member } else { widest(&objects, name) };
                @let resolved = resolve(document, member);
                dt {
                    code { (name) } " "
                    small {
                        (kind(document, member)) (limits(resolved))
                        @if is_required { ", " strong { "required" } }
                    }
                }
                dd { (inline(text(described(member, resolved)))) }
            }
        }
    }
}

/// A member in the alternative that restricts it least.
fn widest<'d>(objects: &[&'d Value], name: &str) -> &'d Value {
    let members = objects.iter().map(|object| &object["properties"][name]);
    // A type with `null` in it is a list of types.
    let width = |member: &&Value| match &member["type"] {
        Value::String(one) if one == "null" => 0,
        Value::String(_) => 1,
        _ => 2,
    };
    members.max_by_key(width).unwrap_or(&Value::Null)
}

/// The same, to be unfolded.
pub(super) fn folded(document: &Value, schema: &Value) -> Markup {
    let resolved = resolve(document, schema);
    let object = if resolved["type"] == "array" { resolve(document, &resolved["items"]) } else { resolved };
    html! {
        @if alternatives(object)[0]["properties"].is_object() {
            details { summary { "Members" } (members(document, schema)) }
        }
    }
}

fn described<'d>(member: &'d Value, resolved: &'d Value) -> &'d Value {
    if member["description"].is_null() { &resolved["description"] } else { &member["description"] }
}

fn resolve<'d>(document: &'d Value, schema: &'d Value) -> &'d Value {
    let target = schema["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
    target.and_then(|pointer| document.pointer(pointer)).unwrap_or(schema)
}

/// The type in a few words.
fn kind(document: &Value, schema: &Value) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        let resolved = resolve(document, schema);
        let name = reference.rsplit('/').next().unwrap_or_default();
        return if alternatives(resolved)[0]["type"] == "object" {
            name.to_owned()
        } else {
            kind(document, resolved)
        };
    }
    if let Some(choices) = schema["enum"].as_array() {
        return choices.iter().map(text).collect::<Vec<_>>().join(" | ");
    }
    if let Some(choices) = schema["anyOf"].as_array().filter(|_| schema["type"].is_null()) {
        return choices.iter().map(|choice| kind(document, choice)).collect::<Vec<_>>().join(" or ");
    }
    let name = |name: &str| match name {
        "array" => format!("list of {}", kind(document, &schema["items"])),
        "string" => "text".to_owned(),
        other => other.to_owned(),
    };
    match &schema["type"] {
        Value::String(one) => name(one),
        Value::Array(several) => several.iter().map(|one| name(text(one))).collect::<Vec<_>>().join(" or "),
        _ => "anything".to_owned(),
    }
}

/// How long, how many, how much.
fn limits(schema: &Value) -> String {
    let range = |least: &str, most: &str, what: &str| match (schema[least].as_u64(), schema[most].as_u64()) {
        (Some(least), Some(most)) => format!(", {least} to {most}{what}"),
        (Some(least), None) => format!(", at least {least}{what}"),
        (None, Some(most)) => format!(", at most {most}{what}"),
        (None, None) => String::new(),
    };
    [
        range("minLength", "maxLength", " characters"),
        range("minItems", "maxItems", " entries"),
        range("minimum", "maximum", ""),
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_schema_is_told_in_a_few_words() {
        let document = json!({ "components": { "schemas": {
            "Word": { "type": "string" }, "Thing": { "type": "object" },
        } } });
        for (schema, words) in [
            (json!({ "type": ["array", "null"], "items": { "type": "string" } }), "list of text or null"),
            (
                json!({ "anyOf": [{ "$ref": "#/components/schemas/Word" }, { "type": "null" }] }),
                "text or null",
            ),
            (json!({ "$ref": "#/components/schemas/Thing" }), "Thing"),
            (json!({ "enum": ["a", "b"], "type": "string" }), "a | b"),
            (json!(true), "anything"),
        ] {
            assert_eq!(kind(&document, &schema), words);
        }
        assert_eq!(limits(&json!({ "minLength": 1, "maxLength": 9 })), ", 1 to 9 characters");
        assert_eq!(limits(&json!({ "maxItems": 9 })), ", at most 9 entries");
    }
}
