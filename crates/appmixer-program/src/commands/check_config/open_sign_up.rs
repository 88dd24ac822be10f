//! Access rules that users can reach by choosing their email address.

use appmixer_core::{AclType, Rule};
use appmixer_store::Role;

use super::Findings;
use crate::commands::acl;
use crate::config::Config;
use crate::database::IfMissing;
use crate::failure::Failure;
use crate::workbench::{open_beside, system_config};

/// Warns of rules by an address or a domain while anyone may sign up. The database must have the schema of this version:
/// a check does not bring one up to date.
pub(super) async fn check(config: &Config, findings: &mut Findings) {
    let Some(rules) = findings.add(by_address(config).await) else { return };
    if !rules.is_empty() {
        findings.warnings.push(format!(
            "anyone may sign up, with any email address (API_USER_CREATE_SCOPE is not set), and access rules name \
             addresses or domains: {}; set API_USER_CREATE_SCOPE, or let the rules name scopes",
            rules.join(", ")
        ));
    }
}

async fn by_address(config: &Config) -> Result<Vec<String>, Failure> {
    let ctx = open_beside(config, (Role::Beside, IfMissing::Refuse), config.rules()).await?;
    let mut found = Vec::new();
    if system_config(&ctx).await?.user_create_scopes.is_none() {
        for kind in AclType::ALL {
            let set = acl::rules(&ctx, kind).await?;
            let is_by_address = |(_, rule): &(usize, &Rule)| rule.parsed_role().is_by_address();
            let rules = set.rules().iter().enumerate().filter(is_by_address);
            found.extend(rules.map(|(place, _)| format!("{}, rule {}", kind.as_str(), place + 1)));
        }
    }
    ctx.store.close().await;
    Ok(found)
}
