//! What administrators do, over HTTP or at the machine: each change with its entry in the audit log.

use thiserror::Error;

use crate::acl::RuleSet;
use crate::audit::{AuditDetails, AuditEntry, AuditKind};
use crate::config::{ConfigEntry, ConfigKey, SystemConfig};
use crate::confirm::draft_confirmation;
use crate::context::Context;
use crate::id::{Ticket, UserId};
use crate::message::Message;
use crate::origin::Origin;
use crate::password::HashError;
use crate::store::{StoreError, WriteError};
use crate::user::{User, UserChange};

/// Why a user was not changed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ChangeUserError {
    /// No code could be made for the new address.
    #[error(transparent)]
    Code(#[from] HashError),
    /// The change was not written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// Changes a user. A user with another address who is not said to be active becomes inactive and pending, and is
/// sent a code. Where only active users may sign in, a user who is deactivated is signed out as well.
///
/// # Errors
/// [`ChangeUserError`].
pub async fn change_user(
    ctx: &Context,
    config: &SystemConfig,
    origin: &Origin,
    id: UserId,
    mut change: UserChange,
) -> Result<User, ChangeUserError> {
    change.require_active = ctx.rules.require_active;
    let now = ctx.clock.now();
    let entry = AuditEntry::new(now, AuditKind::UserChanged, origin).about(id);
    let confirmation = if change.email.is_some() && change.is_active.is_none() {
        draft_confirmation(ctx, config)?
    } else {
        None
    };
    Ok(ctx.store.update(id, change, now, ctx.beside(entry).and_confirmation(confirmation)).await?)
}

/// Deletes a user; the ticket tells of it for a day.
///
/// # Errors
/// [`WriteError`].
pub async fn delete_user(
    ctx: &Context,
    config: &SystemConfig,
    origin: &Origin,
    id: UserId,
) -> Result<Ticket, WriteError> {
    // Whoever is told of it is told the names, which the deletion takes along.
    let user = ctx.store.find_by_id(id).await?.ok_or(WriteError::NotFound)?;
    let now = ctx.clock.now();
    let ticket = Ticket::new(ctx.ids.next(now));
    let entry = AuditEntry::new(now, AuditKind::UserDeleted, origin).about(id);
    let message = Message::user_deleted(&ctx.ids, config.open_channels, &user, now);
    ctx.store
        .delete(id, ticket, ctx.rules.require_active, now, ctx.beside(entry).and_message(message))
        .await?;
    Ok(ticket)
}

/// Creates or replaces an entry of the system configuration.
///
/// # Errors
/// [`StoreError`].
pub async fn set_config(ctx: &Context, origin: &Origin, entry: ConfigEntry) -> Result<(), StoreError> {
    let noted = AuditEntry::new(ctx.clock.now(), AuditKind::ConfigSet, origin);
    let noted = noted.with(AuditDetails::key(entry.key()));
    ctx.store.set(entry, ctx.beside(noted)).await
}

/// Removes an entry of the system configuration; answers whether there was one.
///
/// # Errors
/// [`StoreError`].
pub async fn remove_config(ctx: &Context, origin: &Origin, key: ConfigKey) -> Result<bool, StoreError> {
    let noted = AuditEntry::new(ctx.clock.now(), AuditKind::ConfigRemoved, origin);
    let noted = noted.with(AuditDetails::key(&key));
    ctx.store.remove(key, ctx.beside(noted)).await
}

/// Puts these in the place of all access rules of their type.
///
/// # Errors
/// [`StoreError`].
pub async fn replace_rules(ctx: &Context, origin: &Origin, rules: RuleSet) -> Result<(), StoreError> {
    let noted = AuditEntry::new(ctx.clock.now(), AuditKind::RulesReplaced, origin);
    let noted = noted.with(AuditDetails::rules(rules.kind()));
    ctx.store.replace_access_rules(rules, ctx.beside(noted)).await
}
