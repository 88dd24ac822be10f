//! The apps as people see them: rendered once for all who see the same.
//!
//! Which rules are about somebody decides what is seen; so that is what remembered answers are looked up by. All
//! of them go when the apps or the rules change.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use appmixer_apps::{Apps, Catalog};
use appmixer_core::{Applicable, Caller, Roles, is_visible};
use arc_swap::ArcSwapOption;
use bytes::Bytes;
use http::HeaderValue;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use siphasher::sip128::{Hasher128 as _, SipHasher13};
use tokio::time::timeout;

use crate::error::ApiError;
use crate::etag;
use crate::live_rules::RuleSets;
use crate::response;
use crate::views::AppsView;

/// The most memory for rendered answers.
const MOST_BYTES: u64 = 32 * 1024 * 1024;
/// The most groups of people who see the same that are remembered.
const MOST_AUDIENCES: usize = 1024;
/// So few entries that the cache has one part, which can hold a large answer.
const FEW: usize = 32;
/// How long a request waits for the first reading of the folder.
const PATIENCE: Duration = Duration::from_secs(5);
/// The scope that sees private components.
const PRIVATE: &str = "private";

/// Apps, and what is remembered of them.
pub(crate) struct LiveShelf {
    apps: Apps,
    current: ArcSwapOption<Shelf>,
}

impl LiveShelf {
    pub(crate) fn new(apps: Apps) -> Self {
        Self { apps, current: ArcSwapOption::empty() }
    }

    /// The apps as they are now, under these rules.
    pub(crate) async fn get(&self, rules: &Arc<RuleSets>) -> Result<Arc<Shelf>, ApiError> {
        let catalog = timeout(PATIENCE, self.apps.ready()).await.map_err(|_| ApiError::apps_unread())?;
        if let Some(last) = self.current.load_full()
            && Arc::ptr_eq(&last.catalog, &catalog)
            && Arc::ptr_eq(&last.rules, rules)
        {
            return Ok(last);
        }
        let new = Arc::new(Shelf::new(catalog, Arc::clone(rules)));
        self.current.store(Some(Arc::clone(&new)));
        Ok(new)
    }
}

/// What decides what somebody sees. Equal for two who see the same for the same reasons.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Audience {
    /// Everything there is.
    All,
    Ruled {
        /// The rules that apply to them.
        rules: Vec<Applicable>,
        sees_private: bool,
        /// The places of the private components that they see besides.
        allowed: Vec<usize>,
    },
}

/// What somebody sees.
struct Visible {
    /// For each component of the catalogue.
    components: Vec<bool>,
    /// Apps without components as well.
    empty_apps: bool,
    /// The same for the same.
    key: u128,
}

/// An answer, ready to be sent.
#[derive(Clone)]
pub(crate) struct Rendered {
    pub(crate) body: Bytes,
    pub(crate) tag: HeaderValue,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum What {
    Apps,
    Components(usize),
}

#[derive(Clone)]
struct ByBytes;

impl<K> Weighter<K, Rendered> for ByBytes {
    fn weight(&self, _: &K, rendered: &Rendered) -> u64 {
        256 + rendered.body.len() as u64
    }
}

pub(crate) struct Shelf {
    catalog: Arc<Catalog>,
    rules: Arc<RuleSets>,
    audiences: Cache<Audience, Arc<Visible>>,
    answers: Cache<(u128, What), Rendered, ByBytes>,
}

impl Shelf {
    fn new(catalog: Arc<Catalog>, rules: Arc<RuleSets>) -> Self {
        let audiences = Cache::new(MOST_AUDIENCES);
        Self { catalog, rules, audiences, answers: Cache::with_weighter(FEW, MOST_BYTES, ByBytes) }
    }

    /// `GET /apps`. `everything` leaves the rules aside.
    pub(crate) fn apps(&self, caller: &Caller, everything: bool) -> Result<Rendered, ApiError> {
        let visible = self.visible(caller, everything);
        self.answers.get_or_insert_with(&(visible.key, What::Apps), || {
            let shown = |app: &&appmixer_apps::App| {
                (visible.empty_apps && app.components().is_empty())
                    || app.components().iter().any(|place| visible.components[*place])
            };
            let view = AppsView(self.catalog.apps().iter().filter(shown).collect());
            Ok(Rendered::new(response::render(&view)?))
        })
    }

    /// `GET /apps/components`: of an app, or whatever else has the name.
    pub(crate) fn components(&self, caller: &Caller, everything: bool, name: &str) -> Rendered {
        let Some(selection) = self.catalog.select(name) else {
            return Rendered::new(Bytes::from_static(b"[]"));
        };
        let visible = self.visible(caller, everything);
        let what = (visible.key, What::Components(selection.number));
        let rendered = self.answers.get_or_insert_with(&what, || {
            let shown = selection.components.iter().filter(|place| visible.components[**place]);
            let manifests = shown.map(|place| self.catalog.components()[*place].manifest());
            let body = format!("[{}]", manifests.collect::<Vec<_>>().join(","));
            Ok::<_, Infallible>(Rendered::new(body.into()))
        });
        match rendered {
            Ok(rendered) => rendered,
            Err(never) => match never {},
        }
    }

    fn visible(&self, caller: &Caller, everything: bool) -> Arc<Visible> {
        let roles = Roles::of(caller);
        let audience = if everything { Audience::All } else { self.audience(caller, &roles) };
        let outcome = self
            .audiences
            .get_or_insert_with(&audience, || Ok::<_, Infallible>(Arc::new(self.decide(&audience, &roles))));
        match outcome {
            Ok(visible) => visible,
            Err(never) => match never {},
        }
    }

    fn audience(&self, caller: &Caller, roles: &Roles<'_>) -> Audience {
        let sees_private = caller.scopes.iter().any(|scope| scope.as_str() == PRIVATE);
        let mut allowed = Vec::new();
        if !sees_private {
            let names = caller.user.allowed_private_components.iter();
            allowed.extend(names.filter_map(|name| self.catalog.component(name.as_str())));
            allowed.retain(|place| self.catalog.components()[*place].is_private());
            allowed.sort_unstable();
            allowed.dedup();
        }
        let applicable = self.rules.by_role.applicable(self.rules.components.rules(), roles);
        Audience::Ruled { rules: applicable, sees_private, allowed }
    }

    fn decide(&self, audience: &Audience, roles: &Roles<'_>) -> Visible {
        let all = self.catalog.components();
        match audience {
            Audience::All => Visible::new(vec![true; all.len()], true),
            Audience::Ruled { rules, sees_private, allowed } => {
                let about = || rules.iter().map(|rule| &self.rules.components.rules()[rule.place]);
                let sees = |place: usize| *sees_private || allowed.binary_search(&place).is_ok();
                let component = |(place, component): (usize, &appmixer_apps::Component)| {
                    is_visible(about(), roles, component.name(), component.is_private(), sees(place))
                };
                Visible::new(all.iter().enumerate().map(component).collect(), false)
            }
        }
    }
}

impl Visible {
    fn new(components: Vec<bool>, empty_apps: bool) -> Self {
        let mut hasher = SipHasher13::new();
        std::hash::Hash::hash(&(&components, empty_apps), &mut hasher);
        Self { components, empty_apps, key: hasher.finish128().as_u128() }
    }
}

impl Rendered {
    pub(crate) fn new(body: Bytes) -> Self {
        let tag = etag::of(&body);
        Self { body, tag }
    }
}
