//! From a record to a user.
//!
//! Both forms have the same members and differ in how some are called and written; what is missing takes the
//! value that a new user would have.

use std::fmt::Display;

use appmixer_core::{
    Email, MAX_IMPORTED_GENERATION, Metadata, Names, PasswordHash, Plan, Scopes, Text, Timestamp, User,
    UserId, Username, Vendor,
};
use appmixer_password::can_verify;
use serde_json::error::Category;
use serde_json::{Map, Value};

use crate::extended::plain;
use crate::{Reason, Refusal};

/// How a record is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Our own: what [`write_user`](crate::write_user) writes.
    Own,
    /// A document of Appmixer's `users` collection, as `mongoexport` writes it.
    Mongo,
}

/// How records are to be read.
#[derive(Clone, Debug, Default)]
pub struct ReadOptions {
    /// The form; without one, a record with the member `_id` is a MongoDB document.
    pub format: Option<Format>,
    /// The hash for a user who brings none that can be verified; without one, such a user is refused.
    pub locked: Option<PasswordHash>,
}

/// A record that was read.
#[derive(Debug)]
pub struct Read {
    /// The user.
    pub user: User,
    /// Names of members that have no place here.
    pub unknown: Vec<String>,
    /// Whether the user brought no hash that can be verified, and got [`ReadOptions::locked`].
    pub is_locked: bool,
}

/// Makes a user of a record.
///
/// # Errors
/// [`Refusal`] says why not, and whose record it is as far as that can be told.
pub fn read_user(record: &[u8], options: &ReadOptions) -> Result<Read, Box<Refusal>> {
    let nameless = |reason| Box::new(Refusal { id: None, username: None, reason });
    let value: Value = serde_json::from_slice(record).map_err(|error| nameless(no_json(&error)))?;
    let Value::Object(object) = value else { return Err(nameless(Reason::NoObject)) };
    let members = Members::sort(object, options.format);
    let id = members.id();
    let username = members.username.as_ref().and_then(Value::as_str).map(str::to_owned);
    members.into_user(options).map_err(|reason| Box::new(Refusal { id: id.ok(), username, reason }))
}

/// What is wrong with the text, without repeating any of it.
pub(crate) fn no_json(error: &serde_json::Error) -> Reason {
    match error.classify() {
        Category::Eof => Reason::CutOff,
        // Messages about syntax name what was expected, and never what stood there.
        _ => Reason::NotJson(error.to_string()),
    }
}

fn wrong(member: &'static str, why: &dyn Display) -> Reason {
    Reason::Member { member, why: why.to_string() }
}

/// The members of a record, unread. What is `null`, is not there.
#[derive(Default)]
struct Members {
    is_mongo: bool,
    id: Option<Value>,
    username: Option<Value>,
    email: Option<Value>,
    password_hash: Option<Value>,
    scope: Option<Value>,
    plan: Option<Value>,
    is_active: Option<Value>,
    vendor: Option<Value>,
    allowed_private_components: Option<Value>,
    phone_number: Option<Value>,
    title: Option<Value>,
    metadata: Option<Value>,
    created: Option<Value>,
    modified: Option<Value>,
    generation: Option<Value>,
    confirmation_pending: Option<Value>,
    address_vouched: Option<Value>,
    unknown: Vec<String>,
}

impl Members {
    fn sort(object: Map<String, Value>, format: Option<Format>) -> Self {
        let is_mongo = match format {
            Some(format) => format == Format::Mongo,
            None => object.contains_key("_id"),
        };
        let mut members = Self { is_mongo, ..Self::default() };
        for (name, value) in object {
            let value = if is_mongo { plain(value) } else { value };
            match members.place(&name) {
                // Appmixer keeps an empty text where there is none.
                Some(_) if value.is_null() || is_mongo && value == "" => {}
                Some(place) => *place = Some(value),
                None => members.unknown.push(name),
            }
        }
        members
    }

    fn place(&mut self, name: &str) -> Option<&mut Option<Value>> {
        Some(match (name, self.is_mongo) {
            ("id", false) | ("_id", true) => &mut self.id,
            ("username", _) => &mut self.username,
            ("email", _) => &mut self.email,
            ("passwordHash", _) | ("password", true) => &mut self.password_hash,
            ("scope", _) => &mut self.scope,
            ("plan", _) => &mut self.plan,
            ("isActive", _) => &mut self.is_active,
            ("vendor", _) => &mut self.vendor,
            ("allowedPrivateComponents", _) => &mut self.allowed_private_components,
            ("phoneNumber", _) => &mut self.phone_number,
            ("title", _) => &mut self.title,
            ("metadata", _) => &mut self.metadata,
            ("created", _) => &mut self.created,
            ("modified", false) | ("mtime", true) => &mut self.modified,
            ("generation", false) => &mut self.generation,
            ("confirmationPending", false) => &mut self.confirmation_pending,
            ("addressVouched", false) => &mut self.address_vouched,
            _ => return None,
        })
    }

    fn id(&self) -> Result<UserId, Reason> {
        let member = if self.is_mongo { "_id" } else { "id" };
        let text = self.id.as_ref().map_or(Some(""), Value::as_str).unwrap_or_default();
        let text = if self.is_mongo { &text.to_ascii_lowercase() } else { text };
        text.parse().map_err(|error| wrong(member, &error))
    }

    fn into_user(self, options: &ReadOptions) -> Result<Read, Reason> {
        let id = self.id()?;
        let username = one("username", self.username, Username::parse)?;
        let email = one("email", self.email, Email::parse)?;
        let names =
            Names::new(username, email).ok_or_else(|| wrong("username", &"must be there, or email"))?;
        let (password_hash, is_locked) = hash(self.password_hash, options.locked.as_ref())?;
        let created = time("created", self.created)?;
        // The first four bytes of an ObjectId are the second in which it was made.
        let created = created.unwrap_or_else(|| {
            let [s0, s1, s2, s3, ..] = *id.as_bytes();
            Timestamp::from_seconds(u32::from_be_bytes([s0, s1, s2, s3]).into())
        });
        let modified = if self.is_mongo { "mtime" } else { "modified" };
        let is_active = boolean("isActive", self.is_active.as_ref())?.unwrap_or(false);
        let confirmation_pending = boolean("confirmationPending", self.confirmation_pending.as_ref())?;
        let user = User {
            id,
            names,
            password_hash,
            // Reserved scopes are what the user had elsewhere; rules and upstreams ignore them.
            scopes: list("scope", self.scope)?
                .map_or(Ok(Scopes::of_new_user()), Scopes::parse)
                .map_err(|error| wrong("scope", &error))?,
            plan: one("plan", self.plan, Plan::parse)?.unwrap_or_else(Plan::free),
            is_active,
            vendor: list("vendor", self.vendor)?
                .map_or(Ok(Vendor::NONE), Vendor::parse)
                .map_err(|error| wrong("vendor", &error))?,
            allowed_private_components: {
                const MEMBER: &str = "allowedPrivateComponents";
                let list = list(MEMBER, self.allowed_private_components)?.unwrap_or_default();
                Text::parse_list(list).map_err(|error| wrong(MEMBER, &error))?
            },
            phone_number: one("phoneNumber", self.phone_number, Text::parse)?,
            title: one("title", self.title, Text::parse)?,
            metadata: match self.metadata {
                None => Metadata::default(),
                Some(Value::Object(object)) => {
                    Metadata::new(object).map_err(|error| wrong("metadata", &error))?
                }
                Some(_) => return Err(wrong("metadata", &"must be an object")),
            },
            created,
            modified: time(modified, self.modified)?.unwrap_or(created),
            generation: match self.generation.as_ref().map(Value::as_u64) {
                None => 0,
                Some(number) => number
                    .and_then(|number| u32::try_from(number).ok())
                    .filter(|number| *number <= MAX_IMPORTED_GENERATION)
                    .ok_or_else(|| {
                        let most = MAX_IMPORTED_GENERATION;
                        wrong("generation", &format!("must be a whole number from 0 to {most}"))
                    })?,
            },
            confirmation_pending: confirmation_pending.unwrap_or(true) && !is_active,
            // Who imports users vouches for them, unless the file says otherwise.
            address_vouched: boolean("addressVouched", self.address_vouched.as_ref())?.unwrap_or(true),
        };
        Ok(Read { user, unknown: self.unknown, is_locked })
    }
}

/// A member that is a text.
fn one<T, E: Display>(
    member: &'static str,
    value: Option<Value>,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<Option<T>, Reason> {
    match value {
        None => Ok(None),
        Some(Value::String(text)) => parse(&text).map(Some).map_err(|error| wrong(member, &error)),
        Some(_) => Err(wrong(member, &"must be a text")),
    }
}

/// A member that is true or false.
fn boolean(member: &'static str, value: Option<&Value>) -> Result<Option<bool>, Reason> {
    match value {
        None => Ok(None),
        Some(Value::Bool(value)) => Ok(Some(*value)),
        Some(_) => Err(wrong(member, &"must be true or false")),
    }
}

/// A member that is a list of texts, or one text in its place.
fn list(member: &'static str, value: Option<Value>) -> Result<Option<Vec<String>>, Reason> {
    let values = match value {
        None => return Ok(None),
        Some(Value::Array(values)) => values,
        Some(text) => vec![text],
    };
    let text = |value| match value {
        Value::String(text) => Ok(text),
        _ => Err(wrong(member, &"must be a list of texts")),
    };
    values.into_iter().map(text).collect::<Result<_, _>>().map(Some)
}

/// A member that is a time: ISO 8601, or milliseconds since 1970.
fn time(member: &'static str, value: Option<Value>) -> Result<Option<Timestamp>, Reason> {
    let time = match value {
        None => return Ok(None),
        Some(Value::String(text)) => Timestamp::parse(&text),
        Some(other) => millis(&other).ok_or(appmixer_core::InvalidTime).and_then(Timestamp::try_from),
    };
    time.map(Some).map_err(|error| wrong(member, &error))
}

fn millis(value: &Value) -> Option<i64> {
    // A double from MongoDB's shell holds them without loss.
    #[expect(clippy::cast_possible_truncation, reason = "out of range saturates, and is refused")]
    value.as_i64().or_else(|| value.as_f64().map(|millis| millis as i64))
}

/// The hash, and whether it is the one that locks.
fn hash(value: Option<Value>, locked: Option<&PasswordHash>) -> Result<(PasswordHash, bool), Reason> {
    let reason = match value {
        Some(Value::String(text)) => {
            let hash = PasswordHash::from_phc(text);
            if can_verify(&hash) {
                return Ok((hash, false));
            }
            Reason::UnusableHash
        }
        Some(_) => Reason::UnusableHash,
        None => Reason::NoPassword,
    };
    locked.map(|locked| (locked.clone(), true)).ok_or(reason)
}

#[cfg(test)]
mod tests;
