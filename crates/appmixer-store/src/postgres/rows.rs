//! A user as a row, and back.

use appmixer_core::{StoreError, User};
use tokio_postgres::Row;

use super::error::Stop;
use crate::kept::user::{UserRow, json};

/// The columns of a user, in the order in which [`user`] reads them.
macro_rules! columns {
    () => {
        "users.id, users.username, users.email, users.password_hash, users.scope, users.plan, users.is_active, \
         users.vendor, users.allowed_private_components, users.phone_number, users.title, users.metadata, \
         users.created, users.modified, users.generation, users.confirmation_pending, users.address_vouched, \
         users.number"
    };
}

pub(super) use columns;

/// Reads a user.
pub(super) fn user(row: &Row) -> Result<User, Stop<StoreError>> {
    let row = UserRow {
        id: id(row, 0)?,
        username: row.try_get(1)?,
        email: row.try_get(2)?,
        password_hash: row.try_get(3)?,
        scope: row.try_get(4)?,
        plan: row.try_get(5)?,
        is_active: row.try_get(6)?,
        vendor: row.try_get(7)?,
        allowed_private_components: row.try_get(8)?,
        phone_number: row.try_get(9)?,
        title: row.try_get(10)?,
        metadata: row.try_get(11)?,
        created: row.try_get(12)?,
        modified: row.try_get(13)?,
        generation: small(row, 14)?,
        confirmation_pending: row.try_get(15)?,
        address_vouched: row.try_get(16)?,
    };
    Ok(row.read()?)
}

/// The number under which the user's names and facets are kept.
pub(super) fn number(row: &Row) -> Result<i64, tokio_postgres::Error> {
    row.try_get(17)
}

pub(super) fn id(row: &Row, column: usize) -> Result<[u8; 12], Stop<StoreError>> {
    optional_id(row, column)?.ok_or_else(|| Stop::Refused(damaged(row, column)))
}

pub(super) fn optional_id(row: &Row, column: usize) -> Result<Option<[u8; 12]>, Stop<StoreError>> {
    let bytes: Option<&[u8]> = row.try_get(column)?;
    bytes.map(|bytes| bytes.try_into().map_err(|_| Stop::Refused(damaged(row, column)))).transpose()
}

/// A number that has 32 bits in the domain.
pub(super) fn small(row: &Row, column: usize) -> Result<u32, Stop<StoreError>> {
    let number: i64 = row.try_get(column)?;
    u32::try_from(number).map_err(|_| Stop::Refused(damaged(row, column)))
}

fn damaged(row: &Row, column: usize) -> StoreError {
    let name = row.columns().get(column).map_or("?", tokio_postgres::Column::name);
    StoreError::Corrupt(format!("column {name} has a value that no version of ours writes"))
}

/// Many users, column by column, as `UNNEST` takes them.
#[derive(Default)]
pub(super) struct Columns<'a> {
    pub(super) ids: Vec<&'a [u8]>,
    pub(super) usernames: Vec<&'a str>,
    pub(super) emails: Vec<&'a str>,
    pub(super) password_hashes: Vec<&'a str>,
    pub(super) scopes: Vec<String>,
    pub(super) plans: Vec<&'a str>,
    pub(super) are_active: Vec<bool>,
    pub(super) vendors: Vec<Option<String>>,
    pub(super) allowed_private_components: Vec<String>,
    pub(super) phone_numbers: Vec<Option<&'a str>>,
    pub(super) titles: Vec<Option<&'a str>>,
    pub(super) metadata: Vec<String>,
    pub(super) created: Vec<i64>,
    pub(super) modified: Vec<i64>,
    pub(super) generations: Vec<i64>,
    pub(super) are_pending: Vec<bool>,
    pub(super) are_vouched: Vec<bool>,
}

impl<'a> Columns<'a> {
    pub(super) fn of(users: &'a [User]) -> Result<Self, StoreError> {
        let mut columns = Self::default();
        for user in users {
            columns.ids.push(user.id.as_bytes());
            columns.usernames.push(user.names.username.as_str());
            columns.emails.push(user.names.email.as_str());
            columns.password_hashes.push(user.password_hash.as_phc());
            columns.scopes.push(json(&user.scopes)?);
            columns.plans.push(user.plan.as_str());
            columns.are_active.push(user.is_active);
            columns.vendors.push(user.vendor.as_list().map(|_| json(&user.vendor)).transpose()?);
            columns.allowed_private_components.push(json(&user.allowed_private_components)?);
            columns.phone_numbers.push(user.phone_number.as_ref().map(appmixer_core::Text::as_str));
            columns.titles.push(user.title.as_ref().map(appmixer_core::Text::as_str));
            columns.metadata.push(json(&user.metadata)?);
            columns.created.push(user.created.millis());
            columns.modified.push(user.modified.millis());
            columns.generations.push(user.generation.into());
            columns.are_pending.push(user.confirmation_pending);
            columns.are_vouched.push(user.address_vouched);
        }
        Ok(columns)
    }

    pub(super) fn params(&self) -> [&(dyn tokio_postgres::types::ToSql + Sync); 17] {
        [
            &self.ids,
            &self.usernames,
            &self.emails,
            &self.password_hashes,
            &self.scopes,
            &self.plans,
            &self.are_active,
            &self.vendors,
            &self.allowed_private_components,
            &self.phone_numbers,
            &self.titles,
            &self.metadata,
            &self.created,
            &self.modified,
            &self.generations,
            &self.are_pending,
            &self.are_vouched,
        ]
    }

    /// The parameters of the first user alone.
    pub(super) fn first(&self) -> [&(dyn tokio_postgres::types::ToSql + Sync); 17] {
        [
            &self.ids[0],
            &self.usernames[0],
            &self.emails[0],
            &self.password_hashes[0],
            &self.scopes[0],
            &self.plans[0],
            &self.are_active[0],
            &self.vendors[0],
            &self.allowed_private_components[0],
            &self.phone_numbers[0],
            &self.titles[0],
            &self.metadata[0],
            &self.created[0],
            &self.modified[0],
            &self.generations[0],
            &self.are_pending[0],
            &self.are_vouched[0],
        ]
    }
}
