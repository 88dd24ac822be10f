//! A user as a row, and back.

use std::fmt::Display;

use appmixer_core::{
    Email, Metadata, Names, PasswordHash, Plan, Scopes, StoreError, Text, Timestamp, User, UserId, Username,
    Vendor,
};
use rusqlite::Row;
use rusqlite::types::{FromSql, ToSqlOutput as Sql, Value, ValueRef};
use serde::Serialize;
use serde_json::{Map, Value as Json};

use super::error::store_error;

/// Reads a row of the columns that `sql::columns` names.
pub(super) fn user(row: &Row<'_>) -> Result<User, StoreError> {
    let id = UserId::from_bytes(get(row, 0)?);
    let damaged = |column: &'static str| move |error: &dyn Display| corrupt(id, column, error);
    let username: String = get(row, 1)?;
    let email: String = get(row, 2)?;
    Ok(User {
        id,
        names: Names {
            username: Username::parse(&username).map_err(|e| damaged("username")(&e))?,
            email: Email::parse(&email).map_err(|e| damaged("email")(&e))?,
        },
        password_hash: PasswordHash::from_phc(get(row, 3)?),
        scopes: Scopes::parse(list(id, "scope", &get::<String>(row, 4)?)?)
            .map_err(|e| damaged("scope")(&e))?,
        plan: Plan::parse(&get::<String>(row, 5)?).map_err(|e| damaged("plan")(&e))?,
        is_active: get(row, 6)?,
        vendor: match get::<Option<String>>(row, 7)? {
            Some(json) => Vendor::parse(list(id, "vendor", &json)?).map_err(|e| damaged("vendor")(&e))?,
            None => Vendor::NONE,
        },
        allowed_private_components: {
            const COLUMN: &str = "allowed_private_components";
            Text::parse_list(list(id, COLUMN, &get::<String>(row, 8)?)?).map_err(|e| damaged(COLUMN)(&e))?
        },
        phone_number: text(id, "phone_number", get(row, 9)?)?,
        title: text(id, "title", get(row, 10)?)?,
        metadata: {
            let object: Map<String, Json> = serde_json::from_str(&get::<String>(row, 11)?)
                .map_err(|_| corrupt(id, "metadata", &"no object"))?;
            Metadata::new(object).map_err(|e| damaged("metadata")(&e))?
        },
        created: Timestamp::from_millis(get(row, 12)?),
        modified: Timestamp::from_millis(get(row, 13)?),
        generation: get(row, 14)?,
    })
}

fn get<T: FromSql>(row: &Row<'_>, column: usize) -> Result<T, StoreError> {
    row.get(column).map_err(|error| store_error(&error))
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

/// The parameters of `INSERT_USER` and `UPDATE_USER`.
pub(super) fn params(user: &User) -> Result<[Sql<'_>; 15], StoreError> {
    Ok([
        Sql::Borrowed(ValueRef::Blob(user.id.as_bytes())),
        user.names.username.as_str().into(),
        user.names.email.as_str().into(),
        user.password_hash.as_phc().into(),
        json(&user.scopes)?,
        user.plan.as_str().into(),
        user.is_active.into(),
        if user.vendor.as_list().is_some() { json(&user.vendor)? } else { Sql::Owned(Value::Null) },
        json(&user.allowed_private_components)?,
        optional(user.phone_number.as_ref()),
        optional(user.title.as_ref()),
        json(&user.metadata)?,
        user.created.millis().into(),
        user.modified.millis().into(),
        user.generation.into(),
    ])
}

fn optional(text: Option<&Text>) -> Sql<'_> {
    text.map_or(Sql::Owned(Value::Null), |text| text.as_str().into())
}

fn json(value: &impl Serialize) -> Result<Sql<'static>, StoreError> {
    serde_json::to_string(value).map(Sql::from).map_err(|error| StoreError::Internal(error.to_string()))
}
