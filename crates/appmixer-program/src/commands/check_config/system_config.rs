//! What the configuration of the start and the system configuration in the database make of each other.

use appmixer_core::{AclType, Context, Rule, SystemConfig};
use appmixer_store::Role;

use super::Findings;
use crate::commands::acl;
use crate::config::Config;
use crate::database::IfMissing;
use crate::failure::Failure;
use crate::inactive_users;
use crate::workbench::{self, open_beside};

/// Warns of what cannot be meant. The database must have the schema of this version: a check does not bring one up to date.
pub(super) async fn check(config: &Config, findings: &mut Findings) {
    let opened = open_beside(config, (Role::Beside, IfMissing::Refuse), config.rules()).await;
    let Some(ctx) = findings.add(opened) else { return };
    if let Some(warnings) = findings.add(warnings(&ctx).await) {
        findings.warnings.extend(warnings);
    }
    ctx.store.close().await;
}

async fn warnings(ctx: &Context) -> Result<Vec<String>, Failure> {
    let system = workbench::system_config(ctx).await?;
    let by_address = rules_by_address(ctx, &system).await?;
    let open_sign_up = (!by_address.is_empty()).then(|| {
        format!(
            "anyone may sign up, with any email address (API_USER_CREATE_SCOPE is not set), and access rules name \
             addresses or domains: {}; set API_USER_CREATE_SCOPE, or let the rules name scopes",
            by_address.join("; ")
        )
    });
    let inactive = inactive_users::warnings(ctx).await?;
    Ok(open_sign_up.into_iter().chain(inactive.into_iter().map(str::to_owned)).collect())
}

/// Warns as [`check`] does where there is no database yet, which the start creates.
pub(super) fn check_new(config: &Config, findings: &mut Findings) {
    let warning = inactive_users::without_codes(&config.rules(), &SystemConfig::default());
    findings.warnings.extend(warning.map(str::to_owned));
}

/// The rules that users can reach by choosing an email address, where anyone may sign up: a text for each type.
async fn rules_by_address(ctx: &Context, system: &SystemConfig) -> Result<Vec<String>, Failure> {
    let mut found = Vec::new();
    if system.user_create_scopes.is_none() {
        for kind in AclType::ALL {
            let set = acl::rules(ctx, kind).await?;
            let is_by_address = |(_, rule): &(usize, &Rule)| rule.parsed_role().is_by_address();
            let rules = set.rules().iter().enumerate().filter(is_by_address);
            let numbers: Vec<_> = rules.map(|(place, _)| (place + 1).to_string()).collect();
            if !numbers.is_empty() {
                found.push(format!("{} (by number: {})", kind.as_str(), numbers.join(", ")));
            }
        }
    }
    Ok(found)
}
