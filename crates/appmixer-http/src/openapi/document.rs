//! Puts the OpenAPI 3.1 document together from what the book says.

use std::collections::{BTreeMap, BTreeSet};

use appmixer_core::Rules;
use http::StatusCode;
use serde_json::{Map, Value, json};

use super::book::{Book, Failure, Route, Who};
use super::samples::SAMPLE_ID;
use super::standard;
use crate::error::ApiError;
use crate::router::RESOURCES;
use crate::views::ErrorView;

const ABOUT: &str = "Signs users up and in, hands out access tokens and says whose they are.\n\n\
    Bodies are JSON objects unless a route says otherwise. Members that a route does not know are ignored, and \
    so are parameters of the query; `null` means that a member is absent, unless a route says otherwise. An object \
    that has a key twice is refused.\n\n\
    Every error has the same shape, and names all that is wrong at once. What is wrong is looked for in this \
    order: path, method, token, scope, content type, body, members, and at last what the members ask for.\n\n\
    `HEAD` works wherever `GET` does. `OPTIONS` works on every path: 204 with `Allow`, and for a CORS preflight \
    with what is allowed. Neither is listed for each path. What is not HTTP, or has a head that is too large, is \
    answered with a bare 400 or 431.\n\n\
    The source's `docs/api.md` tells the same with the reasons, and what was decided where Appmixer's documentation is silent.";

/// The headers of answers: name, meaning, example.
const HEADERS: &[(&str, &str, &str)] = &[
    (
        "X-Request-Id",
        "The id that the request came with, or a new one; the log has it too.",
        "f3a9c07d1be25846",
    ),
    ("Cache-Control", "`no-store` on whatever holds a token or personal data.", "no-store"),
    (
        "WWW-Authenticate",
        "What is missing or wrong about the token (RFC 6750 section 3).",
        r#"Bearer realm="appmixer""#,
    ),
    ("Retry-After", "After how many seconds another try makes sense.", "1"),
    (
        "RateLimit-Policy",
        "A quota: its name, how many (`q`) in how many seconds (`w`) (draft-ietf-httpapi-ratelimit-headers). Not for whom nothing is limited.",
        r#""sign-in";q=100;w=3600"#,
    ),
    (
        "RateLimit",
        "What is left of it (`r`), and in how many seconds there is more (`t`).",
        r#""sign-in";r=99;t=36"#,
    ),
    ("Allow", "The methods that work at this path.", "GET, HEAD, POST, PUT, OPTIONS"),
    ("ETag", "The entity tag of the body, for `If-None-Match`.", r#""2f0c4be9d1a7351852a3e1b0c96d77f4""#),
    ("X-User-Id", "Whose token it is.", SAMPLE_ID),
    ("X-User-Scope", "What the caller may do: scopes, with a blank between two.", "user admin"),
    (
        "X-User-Name",
        "The username, percent-encoded but for ASCII letters, digits and `-._~@+`.",
        "abc@example.com",
    ),
    ("X-Total-Count", "How many there are on all pages.", "250"),
    ("Link", "The addresses of the other pages (RFC 8288).", r#"</users?limit=100&offset=100>; rel="next""#),
];

pub(super) fn of(mut book: Book, rules: &Rules) -> Result<Value, ApiError> {
    let error = book.given.subschema_for::<ErrorView<'static>>();
    let error = serde_json::to_value(error).unwrap_or_default();
    let errors = Errors { schema: error, standard: standard::errors() };

    let mut paths = Map::new();
    // The console's own are no part of the API: they are for its page, and change with it.
    for (path, resource) in RESOURCES.iter().filter(|(_, resource)| !resource.is_console()) {
        let mut item = Map::new();
        item.insert("parameters".to_owned(), json!([{ "$ref": "#/components/parameters/X-Request-Id" }]));
        for route in book.routes.iter().filter(|route| route.resource == *resource) {
            item.insert(route.method.to_lowercase(), operation(route, &errors)?);
        }
        paths.insert((*path).to_owned(), item.into());
    }
    let tags: Vec<_> =
        book.subjects.iter().map(|(name, about)| json!({ "name": name, "description": about })).collect();

    let mut schemas = book.given.take_definitions(true);
    for (name, schema) in book.taken.take_definitions(true) {
        if schemas.get(&name).is_some_and(|other| *other != schema) {
            return Err(ApiError::internal(&format_args!("two schemas are called {name}")));
        }
        schemas.insert(name, schema);
    }
    // The operator's own rule.
    if let Some(password) = schemas.get_mut("NewPassword") {
        password["minLength"] = rules.password_policy.min_chars.max(1).into();
    }
    schemas.sort_keys();
    let mut document = json!({
        "openapi": "3.1.1",
        "info": {
            "title": "Appmixer user API",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": "/", "description": "the server that this comes from" }],
        "tags": tags,
        "paths": paths,
        "components": {
            "securitySchemes": { "bearer": {
                "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
                "description": "A token from `POST /user/auth` or `POST /user`, in `Authorization: Bearer TOKEN`. \
                    What it may do is what both its `scope` and the user's present scopes allow.",
            } },
            "parameters": { "X-Request-Id": {
                "name": "X-Request-Id", "in": "header", "required": false, "schema": { "type": "string" },
                "description": "An id to find the request by in the log: 1 to 128 letters, digits and `-_.:/+=`. \
                    Any other is replaced.",
            } },
            "headers": HEADERS.iter().map(|(name, ..)| ((*name).to_owned(), header(name))).collect::<Map<_, _>>(),
            "responses": errors.components()?,
            "schemas": schemas,
        },
    });
    remove_unused(&mut document);
    Ok(document)
}

/// Removes the headers and responses that no route refers to: tools warn of them.
fn remove_unused(document: &mut Value) {
    let mut used = BTreeSet::new();
    collect_references(document, &mut used);
    for kind in ["headers", "responses"] {
        if let Some(components) = document["components"][kind].as_object_mut() {
            components.retain(|name, _| used.contains(&format!("#/components/{kind}/{name}")));
        }
    }
}

fn collect_references(value: &Value, used: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            used.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
            members.values().for_each(|value| collect_references(value, used));
        }
        Value::Array(values) => values.iter().for_each(|value| collect_references(value, used)),
        _ => {}
    }
}

/// What a header is; whole numbers are known by their example.
fn header(name: &str) -> Value {
    let (_, about, example) = HEADERS.iter().find(|(known, ..)| *known == name).unwrap_or(&("", "", ""));
    let (kind, example) = match example.parse::<u64>() {
        Ok(number) => ("integer", json!(number)),
        Err(_) => ("string", json!(example)),
    };
    json!({ "description": about, "required": true, "schema": { "type": kind }, "example": example })
}

fn optional(mut header: Value) -> Value {
    header["required"] = false.into();
    header
}

fn header_references<'a>(names: impl IntoIterator<Item = &'a str>) -> Map<String, Value> {
    let names = std::iter::once("X-Request-Id").chain(names);
    names.map(|name| (name.to_owned(), json!({ "$ref": format!("#/components/headers/{name}") }))).collect()
}

fn operation(route: &Route, errors: &Errors) -> Result<Value, ApiError> {
    let mut operation = json!({
        "operationId": route.id, "tags": [route.subject], "summary": route.summary,
    });
    if !route.about.is_empty() {
        operation["description"] = route.about.into();
    }
    operation["security"] = match route.who {
        Who::Anybody => json!([]),
        Who::AnybodyOrToken => json!([{}, { "bearer": [] }]),
        Who::User => json!([{ "bearer": [] }]),
        Who::Admin => json!([{ "bearer": ["admin"] }]),
    };
    let mut parameters = route.parameters.clone();
    if route.answer.tagged {
        parameters.push(json!({
            "name": "If-None-Match", "in": "header", "required": false, "schema": { "type": "string" },
            "description": "The `ETag` of what the client has; 304 when it is still the same.",
        }));
    }
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    if !route.bodies.is_empty() {
        let media = |(media_type, schema, example): &(&str, schemars::Schema, Value)| {
            ((*media_type).to_owned(), json!({ "schema": schema, "example": example }))
        };
        let content: Map<_, _> = route.bodies.iter().map(media).collect();
        operation["requestBody"] = json!({ "required": true, "content": content });
    }
    operation["responses"] = responses(route, errors)?.into();
    Ok(operation)
}

fn responses(route: &Route, errors: &Errors) -> Result<Map<String, Value>, ApiError> {
    let answer = &route.answer;
    let mut media = json!({ "schema": answer.schema });
    if let Some(example) = &answer.example {
        media["example"] = example.clone();
    }
    let mut headers = header_references(answer.headers.iter().copied());
    for name in &answer.sometimes {
        headers.insert((*name).to_owned(), optional(header(name)));
    }
    let mut ok = json!({ "description": answer.about, "headers": headers });
    let mut status = "204";
    if !answer.media_type.is_empty() {
        status = "200";
        ok["content"] = json!({ answer.media_type: media });
    }
    if !route.links.is_empty() {
        let link = |link: &super::book::Link| {
            let parameters: BTreeMap<_, _> = link.parameters.iter().copied().collect();
            (link.to.to_owned(), json!({ "operationId": link.to, "parameters": parameters }))
        };
        ok["links"] = route.links.iter().map(link).collect::<Map<_, _>>().into();
    }
    let mut responses = Map::new();
    responses.insert(status.to_owned(), ok);
    if answer.tagged {
        let about = "The client has it already.";
        let headers = header_references(answer.headers.iter().copied());
        responses.insert("304".to_owned(), json!({ "description": about, "headers": headers }));
    }
    for (status, response) in errors.of(route)? {
        responses.insert(status.as_str().to_owned(), response);
    }
    Ok(responses)
}

struct Errors {
    schema: Value,
    standard: Vec<(standard::Applies, Failure)>,
}

impl Errors {
    /// The errors of a route by their status: a reference to the standard ones where there are no others.
    fn of(&self, route: &Route) -> Result<BTreeMap<StatusCode, Value>, ApiError> {
        let standard = self.standard.iter().filter(|(applies, _)| applies.to(route));
        let mut all: BTreeMap<StatusCode, Value> = standard
            .map(|(_, failure)| failure.error.status)
            .map(|status| (status, json!({ "$ref": format!("#/components/responses/{}", name(status)) })))
            .collect();
        for (status, failures) in by_status(route.errors.iter()) {
            let mut response = self.response(&failures)?;
            if all.contains_key(&status) {
                response["description"] = format!(
                    "{} Or what any route of this kind may answer: `{}` of the components.",
                    response["description"].as_str().unwrap_or_default(),
                    name(status)
                )
                .into();
            }
            all.insert(status, response);
        }
        Ok(all)
    }

    fn components(&self) -> Result<Map<String, Value>, ApiError> {
        let all = by_status(self.standard.iter().map(|(_, failure)| failure));
        all.into_iter().map(|(status, failures)| Ok((name(status), self.response(&failures)?))).collect()
    }

    fn response(&self, failures: &[&Failure]) -> Result<Value, ApiError> {
        let mut names = vec!["Cache-Control"];
        let mut examples = Map::new();
        let mut about = Vec::new();
        for failure in failures {
            let error = &failure.error;
            let needed = [
                ("WWW-Authenticate", error.challenge.is_some()),
                ("Retry-After", error.retry_after.is_some()),
                ("RateLimit-Policy", error.rate.is_some()),
                ("RateLimit", error.rate.is_some()),
                ("Allow", error.allow.is_some()),
            ];
            names.extend(needed.iter().filter(|(_, needed)| *needed).map(|(name, _)| *name));
            about.push(format!("`{}`: {}.", error.message, failure.when));
            let value =
                serde_json::to_value(ErrorView::of(error)).map_err(|error| ApiError::internal(&error))?;
            examples.insert(slug(&error.message), json!({ "summary": failure.when, "value": value }));
        }
        let mut headers = header_references(names.iter().copied());
        // Not every 403 is about the token.
        if failures.iter().any(|failure| failure.error.challenge.is_none())
            && let Some(challenge) = headers.get_mut("WWW-Authenticate")
        {
            *challenge = optional(header("WWW-Authenticate"));
        }
        Ok(json!({
            "description": about.join(" "),
            "headers": headers,
            "content": { "application/json": { "schema": self.schema, "examples": examples } },
        }))
    }
}

fn by_status<'f>(failures: impl Iterator<Item = &'f Failure>) -> BTreeMap<StatusCode, Vec<&'f Failure>> {
    let mut all = BTreeMap::<_, Vec<_>>::new();
    for failure in failures {
        all.entry(failure.error.status).or_default().push(failure);
    }
    all
}

/// `NotFound` of 404.
fn name(status: StatusCode) -> String {
    status.canonical_reason().unwrap_or_default().split([' ', '-']).collect()
}

/// The name of an example (components' names have no other characters).
fn slug(message: &str) -> String {
    let words = message.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-").to_lowercase()
}
