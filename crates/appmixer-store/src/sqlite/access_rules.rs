//! The access rules: one row a type, with all of its rules.

use appmixer_core::{AccessRules, AclType, Beside, Change, RuleSet, StoreError};
use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::error::JobError;
use super::{SqliteStore, beside, sql};
use crate::kept::rules;

#[async_trait]
impl AccessRules for SqliteStore {
    async fn access_rules(&self, kind: AclType) -> Result<Option<RuleSet>, StoreError> {
        self.readers.run(move |db| find(db, kind)).await
    }

    async fn replace_access_rules(&self, rules: RuleSet, beside: Beside) -> Result<(), StoreError> {
        let json = rules::to_json(&rules)?;
        self.writer
            .run(move |db| {
                db.prepare_cached(sql::SET_ACCESS_RULES)?.execute(params![rules.kind().as_str(), json])?;
                beside::keep(db, beside)?;
                Ok(((), Some(Change::Config)))
            })
            .await
    }
}

fn find(db: &Connection, kind: AclType) -> Result<Option<RuleSet>, JobError<StoreError>> {
    let json: Option<String> =
        db.prepare_cached(sql::ACCESS_RULES)?.query_one([kind.as_str()], |row| row.get(0)).optional()?;
    Ok(json.map(|json| rules::read(kind, &json)).transpose()?)
}
