//! `acl audit`: the rules and the users that an upgrade from version 0.1 changes something for.

use std::collections::{BTreeMap, BTreeSet};

use appmixer_core::{
    AclType, Context, Deed, MAX_PAGE, Roles, RouteIndex, Rule, RuleChange, RuleSet, User, changes_since_0_1,
};
use http::Uri;
use serde_json::{Value, json};

use super::acl::{rules, view};
use crate::config::{Config, RouteConfig};
use crate::failure::Failure;
use crate::output::outln;

/// Something that has changed.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Change {
    /// What a rule does to users, by the type and the place of the rule.
    Rule(&'static str, usize, RuleChange),
    /// What is denied behind a prefix of the gateway, because rules apply to the upstream's path as well.
    Gateway { prefix: String, resource: String, actions: Vec<&'static str> },
}

/// The users whom a change affects.
#[derive(Default)]
struct Affected {
    count: u64,
    /// The names of the first ones.
    names: Vec<String>,
}

/// A prefix of the gateway whose upstream gets another path than the client has sent.
struct RewrittenPrefix {
    prefix: String,
    client_resource: String,
    /// What the upstream's path may begin with, as far as rules name it.
    upstream_resources: BTreeSet<String>,
}

pub(super) async fn run(config: &Config, ctx: &Context, named: usize, json: bool) -> Result<(), Failure> {
    let (routes, components) = (rules(ctx, AclType::Routes).await?, rules(ctx, AclType::Components).await?);
    let (index, prefixes) = (RouteIndex::new(routes.rules()), rewritten(config, &routes));
    let mut changes: BTreeMap<Change, Affected> = BTreeMap::new();
    let mut add = |change, user: &User| {
        let affected = changes.entry(change).or_default();
        affected.count += 1;
        if named == 0 || affected.names.len() < named {
            affected.names.push(user.names.username.as_str().to_owned());
        }
    };
    let mut last = None;
    loop {
        let users = ctx.store.list(last, MAX_PAGE).await?;
        let Some(end) = users.last() else { break };
        last = Some(end.id);
        for user in &users {
            let whose = Roles::of_user(user);
            for set in [&routes, &components] {
                for (place, rule) in set.rules().iter().enumerate() {
                    for change in changes_since_0_1(rule, &whose) {
                        add(Change::Rule(set.kind().as_str(), place, change), user);
                    }
                }
            }
            for prefix in &prefixes {
                prefix.denied(&index, &whose).for_each(|change| add(change, user));
            }
        }
    }
    print(&changes, &[routes, components], json);
    Ok(())
}

fn rewritten(config: &Config, routes: &RuleSet) -> Vec<RewrittenPrefix> {
    let named = || {
        let names = routes.rules().iter().map(|rule| rule.resource().as_str());
        names.map(|name| name.strip_suffix('*').unwrap_or(name)).filter(|name| !name.is_empty())
    };
    let of = |(prefix, route): (&String, &RouteConfig)| {
        let behind = if route.strip_prefix && prefix != "/" {
            named().map(str::to_owned).collect()
        } else {
            BTreeSet::new()
        };
        let to = route.to.iter().filter_map(|to| to.parse::<Uri>().ok());
        let fixed: BTreeSet<_> = to.map(|to| first_segment(to.path()).to_owned()).collect();
        // A path in `to` comes before the request's own.
        let mut resources: BTreeSet<_> = fixed.iter().filter(|name| !name.is_empty()).cloned().collect();
        if fixed.contains("") {
            resources.extend(behind);
        }
        let client_resource = first_segment(prefix).to_owned();
        RewrittenPrefix { prefix: prefix.clone(), client_resource, upstream_resources: resources }
    };
    let guarded = config.gateway.routes.iter().filter(|(_, route)| !route.open);
    guarded.map(of).filter(|prefix| !prefix.upstream_resources.is_empty()).collect()
}

fn first_segment(path: &str) -> &str {
    path.split('/').find(|segment| !segment.is_empty()).unwrap_or_default()
}

impl RewrittenPrefix {
    /// What is denied by the upstream's path alone.
    fn denied(&self, index: &RouteIndex, whose: &Roles<'_>) -> impl Iterator<Item = Change> {
        let of = move |resource: &String| {
            let is_new = |deed: &Deed| {
                index.denies(whose, resource, &[*deed])
                    && !index.denies(whose, &self.client_resource, &[*deed])
            };
            let actions: Vec<_> = Deed::ALL.into_iter().filter(is_new).map(Deed::as_str).collect();
            if actions.is_empty() {
                return None;
            }
            Some(Change::Gateway { prefix: self.prefix.clone(), resource: resource.clone(), actions })
        };
        self.upstream_resources.iter().filter_map(of)
    }
}

fn print(changes: &BTreeMap<Change, Affected>, sets: &[RuleSet], json: bool) {
    if changes.is_empty() && !json {
        outln!("no rule applies to any user in another way than in version 0.1");
    }
    for (change, affected) in changes {
        if json {
            outln!("{}", as_json(change, affected, sets));
            continue;
        }
        let users = if affected.count == 1 { "user" } else { "users" };
        let count = affected.count;
        match change {
            Change::Rule(kind, place, change) => {
                outln!("{kind}, rule {}: {} {count} {users}", place + 1, change.as_str());
                if let Some(rule) = rule(sets, kind, *place) {
                    outln!("  {}", view(rule));
                }
            }
            Change::Gateway { prefix, resource, actions } => {
                let actions = actions.join(", ");
                outln!(
                    "gateway, {prefix}: now denies {count} {users} {actions} of the upstream's /{resource}"
                );
            }
        }
        affected.names.iter().for_each(|name| outln!("  {name}"));
        let rest = count - affected.names.len() as u64;
        if rest > 0 {
            outln!("  and {rest} more; --users 0 names all");
        }
    }
}

fn rule<'a>(sets: &'a [RuleSet], kind: &str, place: usize) -> Option<&'a Rule> {
    sets.iter().find(|set| set.kind().as_str() == kind)?.rules().get(place)
}

fn as_json(change: &Change, affected: &Affected, sets: &[RuleSet]) -> Value {
    let Affected { count, names } = affected;
    match change {
        Change::Rule(kind, place, change) => json!({
            "type": kind, "number": place + 1, "rule": rule(sets, kind, *place).map(view),
            "change": change.as_str(), "count": count, "users": names,
        }),
        Change::Gateway { prefix, resource, actions } => json!({
            "type": "gateway", "prefix": prefix, "resource": resource, "actions": actions,
            "change": RuleChange::Denies.as_str(), "count": count, "users": names,
        }),
    }
}
