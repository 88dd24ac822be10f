//! What administrators do, over HTTP or at the machine: each change with its entry in the audit log.

use crate::acl::RuleSet;
use crate::audit::{AuditDetails, AuditEntry, AuditKind};
use crate::config::{ConfigEntry, ConfigKey, SystemConfig};
use crate::context::Context;
use crate::id::{Ticket, UserId};
use crate::message::Message;
use crate::origin::Origin;
use crate::scope::Scope;
use crate::store::{StoreError, WriteError};
use crate::user::{User, UserChange};
use crate::user_query::{Filter, UserQuery};

/// Changes a user. Where only active users may sign in, one who is deactivated is signed out as well.
///
/// # Errors
/// [`WriteError`].
pub async fn change_user(
    ctx: &Context,
    origin: &Origin,
    id: UserId,
    mut change: UserChange,
) -> Result<User, WriteError> {
    change.revoke_tokens |= ctx.rules.require_active && change.is_active == Some(false);
    let now = ctx.clock.now();
    if ctx.rules.require_active && (change.is_active.is_some() || change.scopes.is_some()) {
        let user = ctx.store.find_by_id(id).await?.ok_or(WriteError::NotFound)?;
        keep_an_active_administrator(ctx, &user, Some(&user.changed(&change, now))).await?;
    }
    let entry = AuditEntry::new(now, AuditKind::UserChanged, origin).about(id);
    ctx.store.update(id, change, now, ctx.beside(entry)).await
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
    keep_an_active_administrator(ctx, &user, None).await?;
    let now = ctx.clock.now();
    let ticket = Ticket::new(ctx.ids.next(now));
    let entry = AuditEntry::new(now, AuditKind::UserDeleted, origin).about(id);
    let message = Message::user_deleted(&ctx.ids, config.open_channels, &user, now);
    ctx.store.delete(id, ticket, now, ctx.beside(entry).and_message(message)).await?;
    Ok(ticket)
}

/// Goes on unless the last administrator who may sign in would go. Stores see to it that there is an administrator, and
/// not whether that one is active, which is nothing to them: of two who take it from each other at the same moment, each
/// may succeed, and the command line is the way back.
async fn keep_an_active_administrator(
    ctx: &Context,
    user: &User,
    changed: Option<&User>,
) -> Result<(), WriteError> {
    let may_administer = |user: &User| user.scopes.has_admin() && user.is_active;
    if !ctx.rules.require_active || !may_administer(user) || changed.is_some_and(may_administer) {
        return Ok(());
    }
    let filters = vec![Filter::Scope(Scope::admin()), Filter::IsActive(true)];
    let all = ctx.store.count(UserQuery { filters, pattern: None }).await?;
    if all > 1 { Ok(()) } else { Err(WriteError::LastAdmin) }
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
