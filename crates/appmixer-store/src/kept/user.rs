//! A user's columns. Lists are JSON; times are milliseconds since 1970.

use std::fmt::Display;

use appmixer_core::{
    Email, Metadata, Names, PasswordHash, Plan, Scopes, StoreError, Text, Timestamp, User, UserId, Username,
    Vendor,
};
use serde::Serialize;
use serde_json::{Map, Value as Json};

/// A row as it was read.
pub(crate) struct UserRow {
    pub(crate) id: [u8; 12],
    pub(crate) username: String,
    pub(crate) email: String,
    pub(crate) password_hash: String,
    pub(crate) scope: String,
    pub(crate) plan: String,
    pub(crate) is_active: bool,
    pub(crate) vendor: Option<String>,
    pub(crate) allowed_private_components: String,
    pub(crate) phone_number: Option<String>,
    pub(crate) title: Option<String>,
    pub(crate) metadata: String,
    pub(crate) created: i64,
    pub(crate) modified: i64,
    pub(crate) generation: u32,
    pub(crate) confirmation_pending: bool,
    pub(crate) address_vouched: bool,
}

impl UserRow {
    pub(crate) fn read(self) -> Result<User, StoreError> {
        let id = UserId::from_bytes(self.id);
        let damaged = |column: &'static str| move |error: &dyn Display| corrupt(id, column, error);
        Ok(User {
            id,
            names: Names {
                username: Username::parse(&self.username).map_err(|e| damaged("username")(&e))?,
                email: Email::parse(&self.email).map_err(|e| damaged("email")(&e))?,
            },
            password_hash: PasswordHash::from_phc(self.password_hash),
            scopes: Scopes::parse(list(id, "scope", &self.scope)?).map_err(|e| damaged("scope")(&e))?,
            plan: Plan::parse(&self.plan).map_err(|e| damaged("plan")(&e))?,
            is_active: self.is_active,
            vendor: match self.vendor {
                Some(json) => Vendor::parse(list(id, "vendor", &json)?).map_err(|e| damaged("vendor")(&e))?,
                None => Vendor::NONE,
            },
            allowed_private_components: {
                const COLUMN: &str = "allowed_private_components";
                Text::parse_list(list(id, COLUMN, &self.allowed_private_components)?)
                    .map_err(|e| damaged(COLUMN)(&e))?
            },
            phone_number: text(id, "phone_number", self.phone_number)?,
            title: text(id, "title", self.title)?,
            metadata: {
                let object: Map<String, Json> = serde_json::from_str(&self.metadata)
                    .map_err(|_| corrupt(id, "metadata", &"no object"))?;
                Metadata::new(object).map_err(|e| damaged("metadata")(&e))?
            },
            created: Timestamp::from_millis(self.created),
            modified: Timestamp::from_millis(self.modified),
            generation: self.generation,
            confirmation_pending: self.confirmation_pending,
            address_vouched: self.address_vouched,
        })
    }
}

fn list(id: UserId, column: &'static str, json: &str) -> Result<Vec<String>, StoreError> {
    serde_json::from_str(json).map_err(|_| corrupt(id, column, &"no array of strings"))
}

fn text(id: UserId, column: &'static str, text: Option<String>) -> Result<Option<Text>, StoreError> {
    text.map(|text| Text::parse(&text).map_err(|error| corrupt(id, column, &error))).transpose()
}

/// Names the place, not what stands there.
fn corrupt(id: UserId, column: &'static str, error: &dyn Display) -> StoreError {
    StoreError::Corrupt(format!("user {id}, {column}: {error}"))
}

/// A value as its column has it.
pub(crate) fn json(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Internal(error.to_string()))
}
