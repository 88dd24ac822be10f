//! Warnings where `users.require_active` keeps users out who cannot help it.

use appmixer_core::{
    Context, Filter, Rules, Scope, StoreError, SystemConfig, UserQuery, can_send_confirmations,
};

use crate::failure::Failure;
use crate::workbench;

const NO_CODES: &str = "users.require_active is set, and no code can be sent to new users: they cannot sign in until an \
     administrator activates them; set MAIL_SMTP_HOST or WEBHOOK_USER_CONFIRM";

const NO_ADMINISTRATOR: &str = "users.require_active is set, and no administrator is active: none can sign in; activate one \
     with `user set NAME --active true`";

/// All that an operator should know of it.
pub(crate) async fn warnings(ctx: &Context) -> Result<Vec<&'static str>, Failure> {
    if !ctx.rules.require_active {
        return Ok(Vec::new());
    }
    let codes = without_codes(&ctx.rules, &workbench::system_config(ctx).await?);
    let administrators = ctx.store.any_admin().await? && !any_active_admin(ctx).await?;
    Ok(codes.into_iter().chain(administrators.then_some(NO_ADMINISTRATOR)).collect())
}

/// The warning where new users have to confirm their address, and no code can be sent to them.
pub(crate) fn without_codes(rules: &Rules, system: &SystemConfig) -> Option<&'static str> {
    (rules.require_active && !can_send_confirmations(system)).then_some(NO_CODES)
}

async fn any_active_admin(ctx: &Context) -> Result<bool, StoreError> {
    let filters = vec![Filter::Scope(Scope::admin()), Filter::IsActive(true)];
    Ok(ctx.store.count(UserQuery { filters, pattern: None }).await? > 0)
}
