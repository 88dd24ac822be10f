//! `/apps`: what there is to build with.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde_json::{Map, Value, json};

use crate::error::ApiError;
use crate::openapi::book::{Book, Who, Writing};
use crate::openapi::samples::Samples;
use crate::router::Resource;
use crate::views::AppView;

/// A component's manifest as it stands in its file, and the icon beside it.
#[derive(JsonSchema)]
#[schemars(rename = "Component")]
#[expect(dead_code, reason = "only its schema is asked for")]
struct Manifest(Map<String, Value>);

/// The name of an app.
#[derive(JsonSchema)]
#[schemars(inline, extend("minLength" = 1))]
#[expect(dead_code, reason = "only its schema is asked for")]
struct AppName(String);

pub(super) fn write(book: &mut Book, _: &Samples) {
    fn shown(route: Writing<'_>) -> Writing<'_> {
        route
            .query::<bool>(
                "ignoreACL",
                "`true` shows everything, whatever the rules. For administrators.",
                false,
            )
            .tagged()
            .fails(ApiError::invalid_one("ignoreACL", &"must be true or false"), "it is something else")
            .fails(
                ApiError::invalid_one("ignoreACL", &"is for administrators"),
                "it is `true`, from somebody else",
            )
            .fails(
                ApiError::denied(),
                "the rules about `routes` name `apps`, and do not let the caller read it",
            )
            .fails(
                ApiError::apps_unread(),
                "the folder has not been read yet, five seconds after the request",
            )
    }
    let name = "appmixer.asana";
    let icon = "data:image/svg+xml;base64,PHN2Zy8+";
    let (label, category, description) = ("Asana", "applications", "Tasks and projects.");
    let app = AppView { name, label, category, description, icon };

    book.subject("Apps", "What there is to build with: shown as far as the access rules go.");
    shown(book.route("GET", Resource::Apps, "listApps", "The apps", Who::User).answers(
        "The apps of which the caller sees a component, by their names.",
        &BTreeMap::from([(name, app)]),
    ))
    .done();
    shown(
        book.route("GET", Resource::AppComponents, "listComponents", "The components of an app", Who::User)
            .required_query::<AppName>("app", "The name of an app, of a service or of one component.", name)
            .answers_as::<Vec<Manifest>>(
                "The manifests that the caller sees; none for what is not there.",
                &json!([{ "name": "appmixer.asana.tasks.NewTask", "description": "Fires for each new task." }]),
            ),
    )
    .fails(ApiError::invalid_one("app", &"is required"), "it is missing")
    .fails(ApiError::invalid_one("app", &"must not be empty"), "it is")
    .done();
}
