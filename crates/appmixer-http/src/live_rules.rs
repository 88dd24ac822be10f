//! The access rules, read once and again after each change.

use std::sync::Arc;

use appmixer_core::{AccessRules, AclType, RouteIndex, RuleSet, RulesByRole, StoreError};
use arc_swap::ArcSwapOption;

use crate::epochs::Epochs;
use crate::error::ApiError;

/// The rules as one request sees them.
pub(crate) struct RuleSets {
    pub(crate) routes: RuleSet,
    pub(crate) route_index: RouteIndex,
    pub(crate) components: RuleSet,
    /// The rules about components.
    pub(crate) by_role: RulesByRole,
}

struct Snapshot {
    rules: Arc<RuleSets>,
    /// Where the configuration stood when they were read.
    epoch: u64,
}

pub(crate) struct LiveRules(ArcSwapOption<Snapshot>);

impl LiveRules {
    pub(crate) fn new() -> Self {
        Self(ArcSwapOption::empty())
    }

    /// The rules, no older than the last change that was acknowledged. The same ones as long as they say the
    /// same, so that what was made by them can be kept.
    pub(crate) async fn get(
        &self,
        store: &(impl AccessRules + ?Sized),
        epochs: &Epochs,
    ) -> Result<Arc<RuleSets>, ApiError> {
        // First the epoch, then the store: see `epochs`.
        let epoch = epochs.all();
        let last = self.0.load_full();
        if let Some(snapshot) = &last
            && snapshot.epoch == epoch
        {
            return Ok(Arc::clone(&snapshot.rules));
        }
        // Boxed is what is rare: it would have room in the future of every request.
        Box::pin(self.read(store, epoch, last)).await
    }

    async fn read(
        &self,
        store: &(impl AccessRules + ?Sized),
        epoch: u64,
        last: Option<Arc<Snapshot>>,
    ) -> Result<Arc<RuleSets>, ApiError> {
        let routes = rules(store, AclType::Routes).await?;
        let components = rules(store, AclType::Components).await?;
        let same = last.filter(|last| last.rules.routes == routes && last.rules.components == components);
        let rules = same.map_or_else(
            || {
                let route_index = RouteIndex::new(routes.rules());
                let by_role = RulesByRole::new(components.rules());
                Arc::new(RuleSets { routes, route_index, components, by_role })
            },
            |last| Arc::clone(&last.rules),
        );
        self.0.store(Some(Arc::new(Snapshot { rules: Arc::clone(&rules), epoch })));
        Ok(rules)
    }
}

async fn rules(store: &(impl AccessRules + ?Sized), kind: AclType) -> Result<RuleSet, StoreError> {
    Ok(store.access_rules(kind).await?.unwrap_or_else(|| RuleSet::defaults(kind)))
}
