//! A user as a row, and back.

use appmixer_core::{StoreError, Text, User};
use rusqlite::Row;
use rusqlite::types::{FromSql, ToSqlOutput as Sql, Value, ValueRef};
use serde::Serialize;

use super::error::store_error;
use crate::kept::user::{self as kept, UserRow};

/// Reads a row of the columns that `sql::columns` names.
pub(super) fn user(row: &Row<'_>) -> Result<User, StoreError> {
    UserRow {
        id: get(row, 0)?,
        username: get(row, 1)?,
        email: get(row, 2)?,
        password_hash: get(row, 3)?,
        scope: get(row, 4)?,
        plan: get(row, 5)?,
        is_active: get(row, 6)?,
        vendor: get(row, 7)?,
        allowed_private_components: get(row, 8)?,
        phone_number: get(row, 9)?,
        title: get(row, 10)?,
        metadata: get(row, 11)?,
        created: get(row, 12)?,
        modified: get(row, 13)?,
        generation: get(row, 14)?,
        confirmation_pending: get(row, 15)?,
        address_vouched: get(row, 16)?,
    }
    .read()
}

fn get<T: FromSql>(row: &Row<'_>, column: usize) -> Result<T, StoreError> {
    row.get(column).map_err(|error| store_error(&error))
}

/// The parameters of `INSERT_USER` and `UPDATE_USER`.
pub(super) fn params(user: &User) -> Result<[Sql<'_>; 17], StoreError> {
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
        user.confirmation_pending.into(),
        user.address_vouched.into(),
    ])
}

fn optional(text: Option<&Text>) -> Sql<'_> {
    text.map_or(Sql::Owned(Value::Null), |text| text.as_str().into())
}

fn json(value: &impl Serialize) -> Result<Sql<'static>, StoreError> {
    kept::json(value).map(Sql::from)
}
