//! The document as a page for people: HTML, made once, without scripts.
//!
//! It reads the finished document and nothing else, so it says what the document says. `html!` escapes every
//! text.

mod example;
mod schema;
mod words;

use maud::{DOCTYPE, Markup, html};
use serde_json::{Map, Value};

use self::schema::members;
use self::words::{prose, text};

/// The page's bytes.
pub(super) fn render(document: &Value) -> String {
    let info = &document["info"];
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (text(&info["title"])) }
                link rel="stylesheet" href="/docs/style.css";
            }
            body {
                a.skip href="#content" { "Skip to the content" }
                header {
                    h1 { (text(&info["title"])) " " small { (text(&info["version"])) } }
                    p { a href="/openapi.json" { "The same as OpenAPI " (text(&document["openapi"])) } }
                }
                (navigation(document))
                main #content {
                    (introduction(document))
                    @for subject in list(&document["tags"]) { (section(document, subject)) }
                    (everywhere(document))
                }
            }
        }
    }
    .into_string()
}

fn navigation(document: &Value) -> Markup {
    html! {
        nav aria-label="Routes" tabindex="0" {
            ul {
                li { a href="#authorization" { "Authorization" } }
                li { a href="#everywhere" { "Errors of every route" } }
            }
            @for subject in list(&document["tags"]) {
                h2 { a href={ "#" (anchor(text(&subject["name"]))) } { (text(&subject["name"])) } }
                ul {
                    @for (path, method, operation) in operations(document, subject) {
                        li {
                            a href={ "#" (text(&operation["operationId"])) } {
                                span.method { (method.to_uppercase()) } " " code { (breakable(path)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn introduction(document: &Value) -> Markup {
    let bearer = &document["components"]["securitySchemes"]["bearer"];
    html! {
        (prose(text(&document["info"]["description"])))
        section #authorization {
            h2 { "Authorization" }
            (prose(text(&bearer["description"])))
            pre tabindex="0" { code { "Authorization: Bearer TOKEN" } }
        }
    }
}

fn section(document: &Value, subject: &Value) -> Markup {
    let name = text(&subject["name"]);
    html! {
        section id=(anchor(name)) {
            h2 { (name) }
            (prose(text(&subject["description"])))
            @for (path, method, operation) in operations(document, subject) {
                (article(document, path, method, operation))
            }
        }
    }
}

fn article(document: &Value, path: &str, method: &str, operation: &Value) -> Markup {
    let id = text(&operation["operationId"]);
    let (all_is_well, errors) = (all_is_well(operation), errors(operation));
    html! {
        article id=(id) aria-labelledby={ (id) "-title" } {
            h3 id={ (id) "-title" } {
                a href={ "#" (id) } { span.method { (method.to_uppercase()) } " " code { (breakable(path)) } }
            }
            p { strong { (text(&operation["summary"])) } " · " (who(operation)) }
            (prose(text(&operation["description"])))
            @if let Some(parameters) = operation["parameters"].as_array() { (schema::parameters(parameters)) }
            (bodies(document, &operation["requestBody"]["content"]))
            h4 { "Example" }
            pre tabindex="0" { code { (example::curl(path, method, operation)) } }
            @if let Some((status, response)) = all_is_well { (good(document, status, response)) }
            h4 { "Other answers" }
            @if errors.iter().any(|(_, response)| response.get("$ref").is_none()) {
                (failures(errors.iter().filter(|(_, response)| response.get("$ref").is_none())))
            }
            p {
                a href="#everywhere" { "As everywhere" } ": "
                @for (place, (status, _)) in errors.iter().filter(|(_, r)| r.get("$ref").is_some()).enumerate() {
                    @if place > 0 { ", " }
                    (status)
                }
            }
        }
    }
}

/// The answer when all goes well.
fn good(document: &Value, status: &str, response: &Value) -> Markup {
    html! {
        h4 { (status) }
        (prose(text(&response["description"])))
        @for (media_type, body) in entries(&response["content"]) {
            @if let Some(example) = body.get("example") {
                pre tabindex="0" { code { (example::json(example)) } }
                (schema::folded(document, &body["schema"]))
            } @else {
                p { code { (media_type) } }
            }
        }
        (headers(response))
    }
}

/// The forms that a body may have; one with the members of the first is named alone.
fn bodies(document: &Value, content: &Value) -> Markup {
    let first = entries(content).next().map(|(_, body)| schema::names(document, &body["schema"]));
    html! {
        @for (place, (media_type, body)) in entries(content).enumerate() {
            @if place > 0 && first.as_ref() == Some(&schema::names(document, &body["schema"])) {
                p { "Or the same as " code { (media_type) } "." }
            } @else {
                h4 { "Body: " code { (media_type) } }
                (members(document, &body["schema"]))
            }
        }
    }
}

/// The errors that routes of a kind share.
fn everywhere(document: &Value) -> Markup {
    let shared: Vec<_> = entries(&document["components"]["responses"])
        .map(|(_, response)| {
            let first = entries(&response["content"]["application/json"]["examples"]).next();
            (
                first.map_or_else(String::new, |(_, example)| example["value"]["statusCode"].to_string()),
                response,
            )
        })
        .collect();
    html! {
        section #everywhere {
            h2 { "Errors of every route" }
            (members(document, &serde_json::json!({ "$ref": "#/components/schemas/Error" })))
            (failures(shared.iter()))
            h3 { "Headers" }
            dl {
                @for (name, header) in entries(&document["components"]["headers"]) {
                    dt { code { (name) } }
                    dd { (words::inline(text(&header["description"]))) }
                }
            }
        }
    }
}

fn failures<'d>(responses: impl Iterator<Item = &'d (String, &'d Value)>) -> Markup {
    html! {
        div.scrolls tabindex="0" role="group" aria-label="Errors" {
            table {
                thead { tr { th scope="col" { "Status" } th scope="col" { "Message" } th scope="col" { "When" } } }
                tbody {
                    @for (status, response) in responses {
                        @let content = &response["content"]["application/json"];
                        @if content.is_null() {
                            tr { th scope="row" { (status) } td {} td { (words::inline(text(&response["description"]))) } }
                        }
                        @for (_, example) in entries(&content["examples"]) {
                            tr {
                                th scope="row" { (status) }
                                td { code { (text(&example["value"]["message"])) } }
                                td { (words::inline(text(&example["summary"]))) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Names the headers beyond the one that every answer has.
fn headers(response: &Value) -> Markup {
    let names: Vec<_> =
        entries(&response["headers"]).map(|(name, _)| name).filter(|n| *n != "X-Request-Id").collect();
    html! {
        @if !names.is_empty() {
            p { "Headers: " @for (place, name) in names.iter().enumerate() { @if place > 0 { ", " } code { (name) } } }
        }
    }
}

fn who(operation: &Value) -> &'static str {
    let ways = list(&operation["security"]);
    match ways.first().map(|way| &way["bearer"]) {
        None => "anybody",
        Some(Value::Null) => "anybody, unless restricted",
        Some(scopes) if list(scopes).is_empty() => "any user",
        Some(_) => "administrators",
    }
}

fn all_is_well(operation: &Value) -> Option<(&str, &Value)> {
    entries(&operation["responses"]).find(|(status, _)| status.starts_with('2'))
}

fn errors(operation: &Value) -> Vec<(String, &Value)> {
    let responses = entries(&operation["responses"]).filter(|(status, _)| !status.starts_with('2'));
    responses.map(|(status, response)| (status.to_owned(), response)).collect()
}

/// The path, method and operation of each route of a subject.
fn operations<'d>(document: &'d Value, subject: &'d Value) -> Vec<(&'d str, &'d str, &'d Value)> {
    let all = entries(&document["paths"])
        .flat_map(|(path, item)| entries(item).map(move |(method, operation)| (path, method, operation)));
    all.filter(|(_, _, operation)| operation["tags"][0] == subject["name"]).collect()
}

/// A path that may break behind each slash.
fn breakable(path: &str) -> Markup {
    html! { @for part in path.split_inclusive('/') { (part) wbr; } }
}

fn anchor(name: &str) -> String {
    name.to_lowercase().replace(' ', "-")
}

fn entries(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter).map(|(name, value)| (name.as_str(), value))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use appmixer_core::Rules;

    use super::*;

    fn document() -> Value {
        crate::openapi::document(&Rules::default()).unwrap()
    }

    #[test]
    fn every_route_of_the_document_is_on_the_page() {
        let document = document();
        let page = render(&document);
        let routes = entries(&document["paths"]).flat_map(|(_, item)| entries(item));
        let mut count = 0;
        for (_, operation) in routes.filter(|(method, _)| *method != "parameters") {
            let id = text(&operation["operationId"]);
            assert!(page.contains(&format!("<article id=\"{id}\"")), "{id}");
            count += 1;
        }
        assert_eq!(page.matches("<article").count(), count);
    }

    #[test]
    fn every_text_is_escaped() {
        let mut document = document();
        let nasty = "<script>alert(\"`x`\" & 'y')</script>";
        document["info"]["title"] = nasty.into();
        document["info"]["description"] = nasty.into();
        document["tags"][0]["description"] = nasty.into();
        let operation = &mut document["paths"]["/user"]["get"];
        operation["summary"] = nasty.into();
        operation["description"] = nasty.into();
        operation["responses"]["200"]["content"]["application/json"]["example"] = nasty.into();
        operation["responses"]["404"]["content"]["application/json"]["examples"]["x"]["value"]["message"] =
            nasty.into();
        document["components"]["schemas"]["SignIn"]["properties"][nasty] =
            serde_json::json!({ "description": nasty });
        assert!(!render(&document).contains("<script"));
    }

    #[test]
    fn the_page_asks_nobody_else_for_anything() {
        let page = render(&document());
        for (at, _) in page.match_indices("href=\"").chain(page.match_indices("src=\"")) {
            let target = page[at..].split('"').nth(1).unwrap();
            assert!(target.starts_with('#') || target.starts_with('/'), "{target}");
        }
        assert!(!page.contains("style=") && !page.contains(" onclick"));
        assert!(page.len() < 200_000, "{}", page.len());
    }

    #[test]
    fn every_link_within_the_page_leads_somewhere() {
        let page = render(&document());
        for (at, _) in page.match_indices("href=\"#") {
            let target = page[at + 7..].split('"').next().unwrap();
            assert!(page.contains(&format!("id=\"{target}\"")), "{target}");
        }
    }
}
