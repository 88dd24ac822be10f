//! `acl`: the access rules, from the command line.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use appmixer_core::{AclType, Action, Asked, Caller, Context, Rule, RuleSet, RuleText, check, replace_rules};
use appmixer_http::read_rules;
use serde_json::{Value, json};

use super::table::{Column, Table};
use super::{acl_audit, beside, operator};
use crate::cli::{AclCommand, Question};
use crate::failure::Failure;
use crate::output::outln;
use crate::workbench::find_user;

/// A file of rules that is larger is a mistake.
const LARGEST_FILE: u64 = 16 * 1024 * 1024;

pub(crate) fn run(command: AclCommand) -> Result<(), Failure> {
    match command {
        AclCommand::List { kind, json, common } => {
            beside(&common, async |_, ctx| list(&rules(ctx, kind.into()).await?, json))
        }
        AclCommand::Set { kind, file, common } => {
            let rules = read(kind.into(), &file)?;
            beside(&common, async |_, ctx| replace(ctx, rules).await)
        }
        AclCommand::Reset { kind, common } => {
            beside(&common, async |_, ctx| replace(ctx, RuleSet::defaults(kind.into())).await)
        }
        AclCommand::Audit { users, json, common } => {
            beside(&common, async |config, ctx| acl_audit::run(config, ctx, users, json).await)
        }
        AclCommand::Test(question) => beside(&question.common, async |_, ctx| test(ctx, &question).await),
    }
}

pub(super) async fn rules(ctx: &Context, kind: AclType) -> Result<RuleSet, Failure> {
    Ok(ctx.store.access_rules(kind).await?.unwrap_or_else(|| RuleSet::defaults(kind)))
}

fn list(rules: &RuleSet, json: bool) -> Result<(), Failure> {
    if json {
        outln!("{}", Value::Array(rules.rules().iter().map(view).collect()));
        return Ok(());
    }
    let columns = ["ROLE", "RESOURCE", "ACTION", "ATTRIBUTES", "KIND OF ROLE"].map(Column::new);
    let rows: Vec<_> = rules.rules().iter().map(row).collect();
    Table::new(columns, "\t").print(&rows)
}

fn row(rule: &Rule) -> [String; 5] {
    let actions: Vec<_> = rule.actions().iter().map(|action| action.as_str()).collect();
    let attributes: Vec<_> = rule.attributes().iter().map(RuleText::as_str).collect();
    let text = |text: &RuleText| text.as_str().to_owned();
    let kind = rule.role_kind().to_owned();
    [text(rule.role()), text(rule.resource()), actions.join(", "), attributes.join(", "), kind]
}

/// As the API shows it.
pub(super) fn view(rule: &Rule) -> Value {
    json!({
        "role": rule.role().as_str(),
        "resource": rule.resource().as_str(),
        "action": rule.actions().iter().map(|action| Action::as_str(*action)).collect::<Vec<_>>(),
        "attributes": rule.attributes().iter().map(RuleText::as_str).collect::<Vec<_>>(),
    })
}

fn read(kind: AclType, file: &Path) -> Result<RuleSet, Failure> {
    let source: io::Result<Box<dyn Read>> = match file.to_str() {
        Some("-") => Ok(Box::new(io::stdin())),
        _ => File::open(file).map(|file| Box::new(file) as Box<dyn Read>),
    };
    let mut bytes = Vec::new();
    source
        .and_then(|source| source.take(LARGEST_FILE + 1).read_to_end(&mut bytes))
        .map_err(|error| Failure::refused(format!("{}: {error}", file.display())))?;
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(Failure::refused(format!("{}: has more than {LARGEST_FILE} bytes", file.display())));
    }
    read_rules(kind, &bytes).map_err(|error| Failure::refused(error.to_string()))
}

async fn replace(ctx: &Context, rules: RuleSet) -> Result<(), Failure> {
    let (kind, number) = (rules.kind().as_str(), rules.rules().len());
    replace_rules(ctx, &operator(), rules).await?;
    outln!("rules about {kind}: {number}");
    Ok(())
}

async fn test(ctx: &Context, question: &Question) -> Result<(), Failure> {
    let user = find_user(ctx, &question.user).await?;
    let asked = Asked::User(Caller { scopes: user.scopes.clone(), user: Arc::new(user) });
    let there = rules(ctx, question.kind.into()).await?;
    let (deed, resource) = (question.action.into(), question.resource.as_str());
    let (reason, by) =
        check(&there, &asked, appmixer_core::Question { deed, resource, is_private: question.private });
    let (allowed, why) = (reason.allows(), reason.as_str());
    if question.json {
        let by: Vec<_> = by.into_iter().map(view).collect();
        outln!("{}", json!({"allowed": allowed, "reason": why, "rules": by}));
    } else {
        outln!("{}: {why}", if allowed { "allowed" } else { "denied" });
        for rule in by {
            outln!("{}", view(rule));
        }
    }
    if allowed { Ok(()) } else { Err(Failure::no()) }
}
