//! The system configuration, the access rules and the keys that sign tokens, in memory.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use async_trait::async_trait;

use super::{MemoryStore, State};
use crate::acl::{AclType, RuleSet};
use crate::audit::Beside;
use crate::config::{ConfigEntry, ConfigKey, MAX_ENTRIES};
use crate::key_plan::{self, KeyStep};
use crate::mail_target::{ConfigWrite, config_writes};
use crate::signing_key::{AddKey, KeyId, KeyRecord, OWN_SECRETS, Retired, SigningKeys};
use crate::store::{AccessRules, Change, Settings, StoreError};
use crate::time::Timestamp;

pub(super) struct Configuration {
    entries: BTreeMap<String, ConfigEntry>,
    rules: HashMap<AclType, RuleSet>,
    /// Oldest first.
    keys: Vec<KeyRecord>,
}

impl Default for Configuration {
    fn default() -> Self {
        let own = KeyId::parse(OWN_SECRETS).ok().map(|id| KeyRecord {
            id,
            algorithm: "HS256".to_owned(),
            sealed: Vec::new(),
            created: Timestamp::from_millis(0),
            activates: Timestamp::from_millis(0),
            ends: None,
            lifetime: Duration::ZERO,
        });
        Self { entries: BTreeMap::new(), rules: HashMap::new(), keys: own.into_iter().collect() }
    }
}

impl State {
    fn write_config(&mut self, write: ConfigWrite, mut beside: Beside) {
        let before: Vec<_> = self.configuration.entries.values().cloned().collect();
        for (key, value) in config_writes(&before, write, &mut beside) {
            match value {
                Some(value) => {
                    let name = key.as_str().to_owned();
                    self.configuration.entries.insert(name, ConfigEntry::from_store(key, value));
                }
                None => drop(self.configuration.entries.remove(key.as_str())),
            }
        }
        self.keep(beside);
    }

    fn set(&mut self, entry: &ConfigEntry, beside: Beside) -> Result<(), StoreError> {
        let entries = &self.configuration.entries;
        let is_other =
            |found: &&ConfigEntry| !found.key().is_known() && found.key().as_str() != entry.key().as_str();
        if !entry.key().is_known() && entries.values().filter(is_other).count() >= MAX_ENTRIES {
            return Err(StoreError::TooMany(MAX_ENTRIES));
        }
        self.write_config((entry.key().clone(), Some(entry.value().clone())), beside);
        Ok(())
    }

    fn carry_out(&mut self, steps: Vec<KeyStep>) {
        let keys = &mut self.configuration.keys;
        for step in steps {
            match step {
                KeyStep::End(id, at) => {
                    keys.iter_mut().filter(|key| key.id == id).for_each(|key| key.ends = at);
                }
                KeyStep::Lifetime(id, lifetime) => {
                    keys.iter_mut().filter(|key| key.id == id).for_each(|key| key.lifetime = lifetime);
                }
                KeyStep::Delete(id) => keys.retain(|key| key.id != id),
            }
        }
    }
}

#[async_trait]
impl Settings for MemoryStore {
    async fn entries(&self) -> Result<Vec<ConfigEntry>, StoreError> {
        Ok(self.read()?.configuration.entries.values().cloned().collect())
    }

    async fn set(&self, entry: ConfigEntry, beside: Beside) -> Result<(), StoreError> {
        self.write(|state| state.set(&entry, beside).map(|()| ((), Some(Change::Config))))
    }

    async fn set_if_absent(&self, entry: ConfigEntry) -> Result<ConfigEntry, StoreError> {
        self.write(|state| {
            let found = state.configuration.entries.get(entry.key().as_str());
            if let Some(found) = found.filter(|found| !found.value().is_null()) {
                return Ok((found.clone(), None));
            }
            state.set(&entry, Beside::nothing())?;
            Ok((entry, Some(Change::Config)))
        })
    }

    async fn remove(&self, key: ConfigKey, beside: Beside) -> Result<bool, StoreError> {
        self.write(|state| {
            let exists = state.configuration.entries.contains_key(key.as_str());
            if exists {
                state.write_config((key, None), beside);
            }
            Ok((exists, exists.then_some(Change::Config)))
        })
    }
}

#[async_trait]
impl AccessRules for MemoryStore {
    async fn access_rules(&self, kind: AclType) -> Result<Option<RuleSet>, StoreError> {
        Ok(self.read()?.configuration.rules.get(&kind).cloned())
    }

    async fn replace_access_rules(&self, rules: RuleSet, beside: Beside) -> Result<(), StoreError> {
        self.write(|state| {
            state.configuration.rules.insert(rules.kind(), rules);
            state.keep(beside);
            Ok(((), Some(Change::Config)))
        })
    }
}

#[async_trait]
impl SigningKeys for MemoryStore {
    async fn signing_keys(&self) -> Result<Vec<KeyRecord>, StoreError> {
        Ok(self.read()?.configuration.keys.clone())
    }

    async fn add_signing_key(
        &self,
        key: KeyRecord,
        others_end: Timestamp,
        when: AddKey,
        beside: Beside,
    ) -> Result<Option<Timestamp>, StoreError> {
        self.write(|state| {
            let Some((steps, end)) = key_plan::adding(&state.configuration.keys, &key, others_end, when)?
            else {
                return Ok((None, None));
            };
            state.carry_out(steps);
            state.configuration.keys.push(KeyRecord { ends: None, ..key });
            state.keep(beside);
            Ok((Some(end), Some(Change::Config)))
        })
    }

    async fn record_lifetime(&self, ids: Vec<KeyId>, lifetime: Duration) -> Result<(), StoreError> {
        self.write(|state| {
            let steps = key_plan::recording(&state.configuration.keys, &ids, lifetime);
            let change = (!steps.is_empty()).then_some(Change::Config);
            state.carry_out(steps);
            Ok(((), change))
        })
    }

    async fn retire_signing_key(
        &self,
        id: KeyId,
        may_sign: bool,
        now: Timestamp,
        beside: Beside,
    ) -> Result<Retired, StoreError> {
        self.write(|state| {
            let (outcome, steps) = key_plan::retiring(&state.configuration.keys, &id, may_sign, now);
            if outcome != Retired::Done {
                return Ok((outcome, None));
            }
            state.carry_out(steps);
            state.keep(beside);
            Ok((outcome, Some(Change::Config)))
        })
    }

    async fn reseal_signing_key(&self, id: KeyId, old: Vec<u8>, new: Vec<u8>) -> Result<bool, StoreError> {
        self.write(|state| {
            let key = state.configuration.keys.iter_mut().find(|key| key.id == id && key.sealed == old);
            let resealed = key.is_some();
            if let Some(key) = key {
                key.sealed = new;
            }
            Ok((resealed, resealed.then_some(Change::Config)))
        })
    }

    async fn forget_ended_keys(&self, now: Timestamp) -> Result<u32, StoreError> {
        self.write(|state| {
            let steps = key_plan::forgetting(&state.configuration.keys, now);
            let forgotten = u32::try_from(steps.len()).unwrap_or(u32::MAX);
            state.carry_out(steps);
            Ok((forgotten, (forgotten > 0).then_some(Change::Config)))
        })
    }
}
