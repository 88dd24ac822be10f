//! The access rules: one row a type, with all of its rules.

use appmixer_core::{AccessRules, AclType, Beside, Change, RuleSet, StoreError};
use async_trait::async_trait;

use super::db::{Db, Outcome};
use super::error::Stop;
use super::sql::statements;
use super::{PostgresStore, beside};
use crate::kept::rules;

statements! {
    FIND = "SELECT rules FROM access_rules WHERE type = $1", [TEXT];
    SET = "INSERT INTO access_rules (type, rules) VALUES ($1, $2) \
         ON CONFLICT (type) DO UPDATE SET rules = excluded.rules", [TEXT, TEXT];
}

#[async_trait]
impl AccessRules for PostgresStore {
    async fn access_rules(&self, kind: AclType) -> Result<Option<RuleSet>, StoreError> {
        self.db.read(|db| Box::pin(find(db, kind))).await
    }

    async fn replace_access_rules(&self, rules: RuleSet, beside: Beside) -> Result<(), StoreError> {
        let json = rules::to_json(&rules)?;
        self.db.write(|db| Box::pin(replace(db, rules.kind(), &json, &beside))).await
    }
}

async fn find(db: Db<'_>, kind: AclType) -> Result<Option<RuleSet>, Stop<StoreError>> {
    let Some(row) = db.optional(&FIND, &[&kind.as_str()]).await? else { return Ok(None) };
    Ok(Some(rules::read(kind, row.try_get(0)?)?))
}

async fn replace(
    db: Db<'_>,
    kind: AclType,
    json: &str,
    beside: &Beside,
) -> Result<Outcome<()>, Stop<StoreError>> {
    db.run(&SET, &[&kind.as_str(), &json]).await?;
    beside::keep(db, beside).await?;
    Ok(((), Some(Change::Config)))
}
