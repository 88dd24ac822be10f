//! What the API says of itself: the OpenAPI document, and the page that people read.
//!
//! It cannot drift far. The paths and methods are the router's own table. The schemas of answers are those of
//! the very types that are rendered, and the examples are rendered by them; statuses and messages of errors
//! are those of the one mapping in `error.rs`. `chapters/` adds what a type cannot say: which type a route
//! answers with, which errors it has, and when.
//!
//! Both are rendered and compressed when somebody first asks for one of them, and kept.

mod alternatives;
mod book;
mod chapters;
mod document;
mod page;
mod samples;
mod standard;
pub(crate) mod wire;

use appmixer_core::Rules;
use serde_json::Value;

use self::book::Book;
use self::samples::Samples;
use crate::content_coding::Encoded;
use crate::error::ApiError;
use crate::response;

/// The document and the page, rendered and compressed.
pub(crate) struct Reference {
    pub(crate) document: Encoded,
    pub(crate) page: Encoded,
}

impl Reference {
    /// Renders both, for a server with these rules.
    pub(crate) fn new(rules: &Rules) -> Result<Self, ApiError> {
        let document = document(rules)?;
        Ok(Self {
            document: Encoded::new(response::render(&document)?),
            page: Encoded::new(page::render(&document).into()),
        })
    }
}

fn document(rules: &Rules) -> Result<Value, ApiError> {
    document::of(written()?, rules)
}

fn written() -> Result<Book, ApiError> {
    let mut book = Book::new();
    let samples = Samples::new().map_err(|error| ApiError::internal(&error))?;
    chapters::write(&mut book, &samples);
    Ok(book)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::router::RESOURCES;

    /// What the router knows, but for the console, which is no part of the API (see `docs/api.md`), and for `HEAD` and
    /// `OPTIONS`, which every path answers alike.
    fn routed() -> BTreeSet<(String, String)> {
        let methods = |methods: &str| methods.split(", ").map(str::to_lowercase).collect::<Vec<_>>();
        let api = RESOURCES.iter().filter(|(_, resource)| !resource.is_console());
        let routes = api.flat_map(|(path, resource)| {
            methods(resource.methods()).into_iter().map(move |method| ((*path).to_owned(), method))
        });
        routes.filter(|(_, method)| method != "head" && method != "options").collect()
    }

    fn documented() -> BTreeSet<(String, String)> {
        let book = written().unwrap();
        book.routes.iter().map(|route| (route.path().to_owned(), route.method.to_lowercase())).collect()
    }

    #[test]
    fn every_route_is_in_the_document_and_nothing_else_is() {
        let missing: Vec<_> = routed().difference(&documented()).cloned().collect();
        assert!(missing.is_empty(), "not in the document (see openapi/chapters): {missing:?}");
        let unknown: Vec<_> = documented().difference(&routed()).cloned().collect();
        assert!(unknown.is_empty(), "in the document, and the router does not know them: {unknown:?}");

        let document = document(&Rules::default()).unwrap();
        let paths = document["paths"].as_object().unwrap();
        let in_json = paths.iter().flat_map(|(path, item)| {
            let methods = item.as_object().unwrap().keys().filter(|key| *key != "parameters");
            methods.map(move |method| (path.clone(), method.clone()))
        });
        assert_eq!(in_json.collect::<BTreeSet<_>>(), routed());
    }

    #[test]
    fn a_route_is_described_once_and_has_a_name_of_its_own() {
        let book = written().unwrap();
        let names: BTreeSet<_> = book.routes.iter().map(|route| route.id).collect();
        assert_eq!(names.len(), book.routes.len());
        assert_eq!(documented().len(), book.routes.len());
    }

    #[test]
    fn every_parameter_of_a_path_is_described_by_its_name() {
        let book = written().unwrap();
        for route in &book.routes {
            let in_path: Vec<_> =
                route.path().split('{').skip(1).filter_map(|rest| rest.split_once('}')).collect();
            let in_path: Vec<_> = in_path.iter().map(|(name, _)| *name).collect();
            let described: Vec<_> =
                route.parameters.iter().filter(|p| p["in"] == "path").map(|p| &p["name"]).collect();
            assert_eq!(described, in_path, "{}", route.id);
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn check(document: &Value, value: &Value) {
            match value {
                Value::Object(object) => {
                    if let Some(Value::String(reference)) = object.get("$ref") {
                        let pointer = reference.strip_prefix('#').unwrap();
                        assert!(document.pointer(pointer).is_some(), "{reference}");
                    }
                    object.values().for_each(|value| check(document, value));
                }
                Value::Array(values) => values.iter().for_each(|value| check(document, value)),
                _ => {}
            }
        }
        let document = document(&Rules::default()).unwrap();
        check(&document, &document);
    }

    /// The one example is rendered, and the schema is derived or written: they must name the same members.
    #[test]
    fn what_is_answered_has_the_members_that_its_schema_says() {
        fn check(document: &Value, schema: &Value, value: &Value, whose: &str) {
            let reference = schema["$ref"].as_str().map(|reference| &reference[1..]);
            let schema = reference.map_or(schema, |pointer| document.pointer(pointer).unwrap());
            if let Some(items) = value.as_array().filter(|_| schema["items"].is_object()) {
                return items.iter().for_each(|item| check(document, &schema["items"], item, whose));
            }
            let (Some(described), Some(shown)) = (schema["properties"].as_object(), value.as_object()) else {
                return;
            };
            for name in shown.keys() {
                assert!(described.contains_key(name), "{whose}: {name} is not in the schema");
                check(document, &described[name], &shown[name], whose);
            }
            for name in schema["required"].as_array().into_iter().flatten() {
                assert!(shown.contains_key(name.as_str().unwrap()), "{whose}: {name} is not in the answer");
            }
        }
        let document = document(&Rules::default()).unwrap();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let answer = &operation["responses"]["200"]["content"]["application/json"];
                check(&document, &answer["schema"], &answer["example"], &format!("{method} {path}"));
            }
        }
    }

    #[test]
    fn what_is_linked_to_exists() {
        let book = written().unwrap();
        let names: BTreeSet<_> = book.routes.iter().map(|route| route.id).collect();
        for (from, link) in
            book.routes.iter().flat_map(|route| route.links.iter().map(move |l| (route.id, l)))
        {
            assert!(names.contains(link.to), "{from} links to {}", link.to);
        }
    }
}
