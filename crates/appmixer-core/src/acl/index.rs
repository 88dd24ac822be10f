//! The rules about routes, indexed by resource and by role.
//!
//! A decision reads a path only as far as rules name something that begins like it, and finds roles by binary search. So
//! it costs about the same for any number of rules and for a path of any length.

use std::collections::BTreeMap;

use super::role::is_domain;
use super::{Deed, Deeds, Role, Roles, Rule, resource, work};

/// The rules about routes, for decisions at each request.
#[derive(Debug, Default)]
pub struct RouteIndex {
    exact: Patterns,
    /// The same patterns as they compare in any case.
    folded: Patterns,
    /// Whether no pattern has another form in `exact`.
    is_same: bool,
}

impl RouteIndex {
    /// Indexes rules about routes.
    #[must_use]
    pub fn new(rules: &[Rule]) -> Self {
        let exact = Patterns::new(rules, |name| name.as_bytes().into());
        let folded = Patterns::new(rules, resource::folded);
        let is_same = exact.all.iter().map(|pattern| &pattern.text).eq(folded.all.iter().map(|it| &it.text));
        Self { exact, folded, is_same }
    }

    /// Whether [`decide_route`](super::decide_route) denies one of these, in one pass over the path's beginning. Allocates
    /// nothing.
    #[must_use]
    pub fn denies(&self, whose: &Roles<'_>, resource: &str, deeds: &[Deed]) -> bool {
        let wanted = deeds.iter().copied().collect();
        if self.exact.decide(whose, resource.bytes()).denies(wanted) {
            return true;
        }
        // No pattern is longer than that, so that nothing behind it is read.
        let longest = self.folded.longest;
        let beginning = resource.as_bytes().get(..=longest).unwrap_or(resource.as_bytes());
        if self.is_same && resource::is_folded(beginning) {
            return false;
        }
        let decided = if beginning.is_ascii() {
            self.folded.decide(whose, resource.bytes().map(|byte| byte.to_ascii_lowercase()))
        } else {
            // At most four characters compose to one.
            self.folded.decide(whose, resource::fold(resource, 4 * (longest + 8)))
        };
        decided.denies(wanted)
    }
}

/// What the rules that are about a resource say.
#[derive(Default)]
struct Decided {
    is_named: bool,
    verdict: Verdict,
}

impl Decided {
    fn denies(&self, wanted: Deeds) -> bool {
        let Verdict { allowed, denied } = self.verdict;
        denied.intersects(wanted) || self.is_named && !allowed.includes(wanted)
    }
}

/// The resources of rules, in order.
#[derive(Debug, Default)]
struct Patterns {
    all: Vec<Pattern>,
    /// The length of the longest.
    longest: usize,
}

/// A resource that rules name.
#[derive(Debug)]
struct Pattern {
    text: Box<[u8]>,
    /// What is said of exactly this resource.
    whole: Option<ByRole>,
    /// What is said of resources that begin so.
    beginning: Option<ByRole>,
}

impl Patterns {
    fn new(rules: &[Rule], form: impl Fn(&str) -> Box<[u8]>) -> Self {
        let mut all: BTreeMap<_, [Vec<&Rule>; 2]> = BTreeMap::new();
        for rule in rules {
            let whole = rule.resource.as_str();
            let name = whole.strip_suffix('*');
            all.entry(form(name.unwrap_or(whole))).or_default()[usize::from(name.is_some())].push(rule);
        }
        let by_role = |rules: &[&Rule]| (!rules.is_empty()).then(|| ByRole::new(rules));
        let all = all.into_iter().map(|(text, [whole, beginning])| Pattern {
            text,
            whole: by_role(&whole),
            beginning: by_role(&beginning),
        });
        let all: Vec<_> = all.collect();
        let longest = all.iter().map(|pattern| pattern.text.len()).max().unwrap_or(0);
        Self { all, longest }
    }

    /// Follows a resource byte by byte, through fewer and fewer patterns that begin like it.
    fn decide(&self, whose: &Roles<'_>, mut resource: impl Iterator<Item = u8>) -> Decided {
        let mut decided = Decided::default();
        let mut left = &self.all[..];
        for depth in 0.. {
            // The one that ends here is the first of those that begin so.
            let here = left.split_first().filter(|(first, _)| first.text.len() == depth);
            if let Some((first, longer)) = here {
                left = longer;
                if let Some(rules) = &first.beginning {
                    decided.is_named |= depth > 0;
                    rules.add_to(&mut decided.verdict, whose);
                }
            }
            let Some(byte) = resource.next() else {
                if let Some(rules) = here.and_then(|(first, _)| first.whole.as_ref()) {
                    decided.is_named = true;
                    rules.add_to(&mut decided.verdict, whose);
                }
                break;
            };
            work::step();
            left = with_byte(left, depth, byte);
            if left.is_empty() {
                break;
            }
        }
        decided
    }
}

/// Those of the patterns, which are longer than `depth` and alike up to there, that go on with this byte.
fn with_byte(patterns: &[Pattern], depth: usize, byte: u8) -> &[Pattern] {
    let at = |pattern: &Pattern| {
        work::step();
        pattern.text.get(depth).copied()
    };
    let (Some(first), Some(last)) = (patterns.first(), patterns.last()) else { return patterns };
    if at(first) == at(last) {
        return if at(first) == Some(byte) { patterns } else { &[] };
    }
    let start = patterns.partition_point(|pattern| at(pattern) < Some(byte));
    let patterns = &patterns[start..];
    &patterns[..patterns.partition_point(|pattern| at(pattern) == Some(byte))]
}

/// What is said to users with some role.
#[derive(Clone, Copy, Debug, Default)]
struct Verdict {
    allowed: Deeds,
    denied: Deeds,
}

impl Verdict {
    fn add(&mut self, other: Self) {
        self.allowed = self.allowed.or(other.allowed);
        self.denied = self.denied.or(other.denied);
    }
}

/// What the rules about one resource say, by role.
#[derive(Debug)]
struct ByRole {
    any: Verdict,
    scopes: Verdicts,
    domains: Verdicts,
    addresses: Verdicts,
}

impl ByRole {
    fn new(rules: &[&Rule]) -> Self {
        let mut any = Verdict::default();
        let [mut scopes, mut domains, mut addresses] = [const { BTreeMap::new() }; 3];
        let add = |to: &mut BTreeMap<Box<str>, Verdict>, key: &str, verdict| {
            to.entry(key.into()).or_default().add(verdict);
        };
        for rule in rules {
            let (allowed, denied) = (rule.allowed_deeds(), rule.denied_deeds());
            let both = Verdict { allowed, denied };
            match &rule.parsed_role {
                Role::Any => any.add(both),
                Role::Group(_) => {}
                Role::Scope(scope) => add(&mut scopes, scope, both),
                Role::Domain(domain) => add(&mut domains, domain, both),
                Role::Address(address) => add(&mut addresses, address, both),
                Role::Word { scope, domain } => {
                    let denials = Verdict { allowed: Deeds::default(), denied };
                    let (of_scope, of_domain) =
                        if is_domain(scope) { (denials, both) } else { (both, denials) };
                    add(&mut scopes, scope, of_scope);
                    add(&mut domains, domain, of_domain);
                }
            }
        }
        let [scopes, domains, addresses] = [scopes, domains, addresses].map(Verdicts::new);
        Self { any, scopes, domains, addresses }
    }

    fn add_to(&self, verdict: &mut Verdict, whose: &Roles<'_>) {
        verdict.add(self.any);
        for scope in whose.scopes() {
            verdict.add(self.scopes.of(scope));
        }
        let mut add = |by_address: Verdict| {
            let allowed = if whose.address_counts() { by_address.allowed } else { Deeds::default() };
            verdict.add(Verdict { allowed, ..by_address });
        };
        whose.domains().for_each(|domain| add(self.domains.of(domain)));
        whose.addresses().for_each(|address| add(self.addresses.of(address)));
    }
}

/// Verdicts by role, in the order of roles.
#[derive(Debug)]
struct Verdicts(Box<[(Box<str>, Verdict)]>);

impl Verdicts {
    fn new(verdicts: BTreeMap<Box<str>, Verdict>) -> Self {
        Self(verdicts.into_iter().collect())
    }

    fn of(&self, role: &str) -> Verdict {
        let found = self.0.binary_search_by(|(other, _)| {
            work::step();
            (**other).cmp(role)
        });
        found.ok().and_then(|place| self.0.get(place)).map_or(Verdict::default(), |(_, verdict)| *verdict)
    }
}

#[cfg(test)]
mod tests;
