//! Collects what is said about each route.

use std::borrow::Cow;

use appmixer_core::InvalidId;
use appmixer_limits::Quota;
use schemars::generate::{SchemaGenerator, SchemaSettings};
use schemars::{JsonSchema, Schema};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::alternatives::remove_null;
use super::samples::SAMPLE_ID;
use crate::error::ApiError;
use crate::limits::RateLimit;
use crate::router::{RESOURCES, Resource};

/// Who may call a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    /// No token is asked for.
    Anybody,
    /// A token may come along, and the system configuration may ask for one.
    AnybodyOrToken,
    /// A good token.
    User,
    /// A good token with the scope `admin`.
    Admin,
}

/// One route with everything that is known about it.
pub(super) struct Route {
    pub(super) resource: Resource,
    pub(super) method: &'static str,
    pub(super) id: &'static str,
    pub(super) who: Who,
    pub(super) subject: &'static str,
    pub(super) summary: &'static str,
    pub(super) about: &'static str,
    pub(super) parameters: Vec<Value>,
    /// A media type, a schema and an example for each form that a body may have.
    pub(super) bodies: Vec<(&'static str, Schema, Value)>,
    pub(super) answer: Answer,
    pub(super) errors: Vec<Failure>,
    pub(super) links: Vec<Link>,
}

/// The answer of a route when all goes well.
#[derive(Default)]
pub(super) struct Answer {
    pub(super) about: &'static str,
    /// Empty where there is no body.
    pub(super) media_type: &'static str,
    pub(super) schema: Schema,
    pub(super) example: Option<Value>,
    pub(super) headers: Vec<&'static str>,
    /// Headers that it does not always have.
    pub(super) sometimes: Vec<&'static str>,
    /// Whether a client that has it already is answered with 304.
    pub(super) tagged: bool,
}

/// One way in which a route fails.
pub(super) struct Failure {
    pub(super) error: ApiError,
    pub(super) when: Cow<'static, str>,
}

/// A value of the answer that is a parameter of another route.
pub(super) struct Link {
    pub(super) to: &'static str,
    pub(super) parameters: Vec<(&'static str, &'static str)>,
}

impl Route {
    /// The path, from the router's table.
    pub(super) fn path(&self) -> &'static str {
        RESOURCES.iter().find(|(_, resource)| *resource == self.resource).map_or("", |(path, _)| path)
    }
}

/// All that is written so far.
pub(super) struct Book {
    /// The schemas of what is answered.
    pub(super) given: SchemaGenerator,
    /// The schemas of what is asked: there, `Option` may be left out.
    pub(super) taken: SchemaGenerator,
    /// Each with what it is about.
    pub(super) subjects: Vec<(&'static str, &'static str)>,
    pub(super) routes: Vec<Route>,
}

impl Book {
    pub(super) fn new() -> Self {
        let settings = SchemaSettings::draft2020_12().with(|settings| {
            settings.definitions_path = "/components/schemas".into();
        });
        let given = settings.clone().for_serialize().into_generator();
        let taken = settings.for_deserialize().into_generator();
        Self { given, taken, subjects: Vec::new(), routes: Vec::new() }
    }

    /// Begins a subject: what is written from here on belongs to it.
    pub(super) fn subject(&mut self, name: &'static str, about: &'static str) {
        self.subjects.push((name, about));
    }

    /// Begins a route.
    pub(super) fn route(
        &mut self,
        method: &'static str,
        resource: Resource,
        id: &'static str,
        summary: &'static str,
        who: Who,
    ) -> Writing<'_> {
        let subject = self.subjects.last().map_or("", |(name, _)| name);
        let (parameters, bodies, errors, links) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let (about, answer) = ("", Answer::default());
        let route = Route {
            resource,
            method,
            id,
            who,
            subject,
            summary,
            about,
            parameters,
            bodies,
            answer,
            errors,
            links,
        };
        Writing { route, book: self }
    }
}

/// A route that is being written; it goes into the book at its end.
pub(super) struct Writing<'b> {
    route: Route,
    book: &'b mut Book,
}

impl Writing<'_> {
    /// What there is to know beyond the summary; backticks mark what is written as it stands.
    pub(super) fn about(mut self, text: &'static str) -> Self {
        self.route.about = text;
        self
    }

    /// A parameter of the path.
    pub(super) fn path<T: JsonSchema>(self, name: &'static str, about: &'static str, example: &str) -> Self {
        self.parameter::<T>("path", name, about, true, &example.into())
    }

    /// An optional parameter of the query.
    pub(super) fn query<T: JsonSchema>(
        self,
        name: &'static str,
        about: &'static str,
        example: impl Into<Value>,
    ) -> Self {
        self.parameter::<T>("query", name, about, false, &example.into())
    }

    /// A parameter of the query that must be there.
    pub(super) fn required_query<T: JsonSchema>(
        self,
        name: &'static str,
        about: &'static str,
        example: impl Into<Value>,
    ) -> Self {
        self.parameter::<T>("query", name, about, true, &example.into())
    }

    fn parameter<T: JsonSchema>(
        mut self,
        place: &str,
        name: &str,
        about: &str,
        required: bool,
        example: &Value,
    ) -> Self {
        let schema = self.book.taken.subschema_for::<T>();
        self.route.parameters.push(json!({
            "name": name, "in": place, "required": required, "description": about,
            "schema": bare(schema), "example": example,
        }));
        self
    }

    /// A path parameter that is an id, with the error of one that is none.
    pub(super) fn id(self, name: &'static str, about: &'static str) -> Self {
        self.path::<super::wire::Id>(name, about, SAMPLE_ID)
            .fails(ApiError::invalid_one(name, &InvalidId), "it is no id")
    }

    /// A JSON body.
    pub(super) fn body<T: JsonSchema>(mut self, example: Value) -> Self {
        let schema = self.book.taken.subschema_for::<T>();
        self.route.bodies.push(("application/json", schema, example));
        self
    }

    /// A form that is taken as well. It has no way to say `null`.
    pub(super) fn form<T: JsonSchema>(mut self, example: Value) -> Self {
        let mut schema = T::json_schema(&mut self.book.taken);
        as_form(schema.ensure_object());
        self.route.bodies.push(("application/x-www-form-urlencoded", schema, example));
        self
    }

    /// 200 with JSON that is nobody else's business. The value gives the schema, and is the example.
    pub(super) fn answers<T: Serialize + JsonSchema>(self, about: &'static str, value: &T) -> Self {
        self.answers_as::<T>(about, value)
    }

    /// The same where the rendered type has no schema of its own; a test holds `S` against the value.
    pub(super) fn answers_as<S: JsonSchema>(self, about: &'static str, value: &impl Serialize) -> Self {
        self.json::<S>(about, value).header("Cache-Control")
    }

    /// 200 with JSON that caches may keep.
    pub(super) fn answers_everybody<T: Serialize + JsonSchema>(self, about: &'static str, value: &T) -> Self {
        self.json::<T>(about, value)
    }

    fn json<S: JsonSchema>(mut self, about: &'static str, value: &impl Serialize) -> Self {
        self.route.answer = Answer {
            about,
            media_type: "application/json",
            schema: self.book.given.subschema_for::<S>(),
            // Texts, numbers and lists of them: there is nothing in it that could fail to serialise.
            example: serde_json::to_value(value).ok(),
            ..Answer::default()
        };
        self
    }

    /// 200 with something else than our JSON.
    pub(super) fn answers_with(
        mut self,
        about: &'static str,
        media_type: &'static str,
        schema: Schema,
    ) -> Self {
        self.route.answer = Answer { about, media_type, schema, ..Answer::default() };
        self
    }

    /// 204: all that there is to say is in headers, or in the status.
    pub(super) fn answers_nothing(mut self, about: &'static str) -> Self {
        self.route.answer = Answer { about, ..Answer::default() };
        self
    }

    /// A header of the answer; `document.rs` knows what each is.
    pub(super) fn header(mut self, name: &'static str) -> Self {
        self.route.answer.headers.push(name);
        self
    }

    /// A header that the answer has where there is something to say.
    pub(super) fn may_have(mut self, name: &'static str) -> Self {
        self.route.answer.sometimes.push(name);
        self
    }

    /// The answer has an entity tag.
    pub(super) fn tagged(mut self) -> Self {
        self.route.answer.tagged = true;
        self.header("ETag").header("Cache-Control")
    }

    /// The route has a quota of so many an hour, and tells what is left of it.
    pub(super) fn limited(self, policy: &'static str, hourly: u32, when: &'static str) -> Self {
        let rate = RateLimit::sample(policy, Quota::hourly(hourly));
        self.may_have("RateLimit-Policy").may_have("RateLimit").fails(ApiError::limited(rate), when)
    }

    /// A way to fail that not every route has: the error itself, and when it happens.
    pub(super) fn fails(mut self, error: impl Into<ApiError>, when: impl Into<Cow<'static, str>>) -> Self {
        self.route.errors.push(Failure { error: error.into(), when: when.into() });
        self
    }

    /// Members of the answer that are parameters of another route.
    pub(super) fn leads_to(mut self, to: &'static str, parameters: &[(&'static str, &'static str)]) -> Self {
        self.route.links.push(Link { to, parameters: parameters.to_vec() });
        self
    }

    /// The end of it.
    pub(super) fn done(self) {
        self.book.routes.push(self.route);
    }
}

/// Takes `null` out of the members of an object: a form has no way to say it.
fn as_form(object: &mut Map<String, Value>) {
    if let Some(alternatives) = object.get_mut("anyOf").and_then(Value::as_array_mut) {
        return alternatives.iter_mut().filter_map(Value::as_object_mut).for_each(as_form);
    }
    let members = object.get_mut("properties").and_then(Value::as_object_mut);
    members.into_iter().flat_map(Map::values_mut).for_each(remove_null);
}

/// Without the description, where the place has one of its own.
fn bare(mut schema: Schema) -> Schema {
    schema.remove("description");
    schema
}
