//! The rules about routes, indexed by resource and by role.
//!
//! A decision reads a path only as far as rules name something that begins like it, and looks roles up. So
//! it costs about the same for any number of rules and for a path of any length.

use std::collections::{BTreeMap, HashMap};
use std::iter::once;

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
        let is_same = rules
            .iter()
            .all(|rule| *resource::folded(rule.resource.as_str()) == *rule.resource.as_str().as_bytes());
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
        } else if let Some(first) =
            resource::first_byte(resource).filter(|first| !self.folded.root.goes_on_with(*first))
        {
            self.folded.decide(whose, once(first))
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

/// The resources of rules, as a radix tree.
#[derive(Debug, Default)]
struct Patterns {
    root: Node,
    /// The length of the longest.
    longest: usize,
}

/// The resources that begin with the labels and bytes on the way to here.
#[derive(Debug, Default)]
struct Node {
    /// How all of them go on.
    label: Box<[u8]>,
    /// What is said of exactly the resource that ends here.
    whole: Option<ByRole>,
    /// What is said of all of them.
    beginning: Option<ByRole>,
    /// The next bytes, in order, and what follows each.
    bytes: Box<[u8]>,
    children: Box<[Node]>,
}

/// The rules about a resource, and about the resources that begin so.
type Pattern<'r> = (Box<[u8]>, [Vec<&'r Rule>; 2]);

impl Patterns {
    fn new(rules: &[Rule], form: impl Fn(&str) -> Box<[u8]>) -> Self {
        let mut all: BTreeMap<Box<[u8]>, [Vec<&Rule>; 2]> = BTreeMap::new();
        for rule in rules {
            let whole = rule.resource.as_str();
            let name = whole.strip_suffix('*');
            all.entry(form(name.unwrap_or(whole))).or_default()[usize::from(name.is_some())].push(rule);
        }
        let all: Vec<Pattern<'_>> = all.into_iter().collect();
        let longest = all.iter().map(|(text, _)| text.len()).max().unwrap_or(0);
        Self { root: Node::new(&all, 0), longest }
    }

    /// Follows a resource through the tree.
    fn decide(&self, whose: &Roles<'_>, mut resource: impl Iterator<Item = u8>) -> Decided {
        let mut decided = Decided::default();
        let (mut node, mut is_root) = (&self.root, true);
        loop {
            for expected in &node.label {
                work::step();
                if resource.next() != Some(*expected) {
                    return decided;
                }
            }
            if let Some(rules) = &node.beginning {
                decided.is_named |= !is_root || !node.label.is_empty();
                rules.add_to(&mut decided.verdict, whose);
            }
            let Some(byte) = resource.next() else {
                if let Some(rules) = &node.whole {
                    decided.is_named = true;
                    rules.add_to(&mut decided.verdict, whose);
                }
                return decided;
            };
            let found = node.bytes.binary_search_by(|other| {
                work::step();
                other.cmp(&byte)
            });
            let Some(child) = found.ok().and_then(|place| node.children.get(place)) else { return decided };
            (node, is_root) = (child, false);
        }
    }
}

impl Node {
    /// Whether a longer resource may follow with this byte.
    fn goes_on_with(&self, byte: u8) -> bool {
        self.label.first().map_or_else(|| self.bytes.contains(&byte), |first| *first == byte)
    }

    /// Of patterns in their order that are alike up to this depth.
    fn new(mut patterns: &[Pattern<'_>], depth: usize) -> Self {
        let (Some((first, _)), Some((last, _))) = (patterns.first(), patterns.last()) else {
            return Self::default();
        };
        // What the first and the last have in common, all have.
        let common =
            first[depth..].iter().zip(&last[depth..]).take_while(|(one, other)| one == other).count();
        let (label, end) = (first[depth..depth + common].into(), depth + common);
        let by_role = |rules: &[&Rule]| (!rules.is_empty()).then(|| ByRole::new(rules));
        let (mut whole, mut beginning) = (None, None);
        if let Some(((text, rules), longer)) = patterns.split_first()
            && text.len() == end
        {
            [whole, beginning] = [by_role(&rules[0]), by_role(&rules[1])];
            patterns = longer;
        }
        let (mut bytes, mut children) = (Vec::new(), Vec::new());
        for alike in patterns.chunk_by(|(one, _), (other, _)| one[end] == other[end]) {
            bytes.push(alike[0].0[end]);
            children.push(Self::new(alike, end + 1));
        }
        Self { label, whole, beginning, bytes: bytes.into(), children: children.into() }
    }
}

/// What is said to users with some role.
#[derive(Clone, Copy, Debug, Default)]
struct Verdict {
    allowed: Deeds,
    denied: Deeds,
}

impl Verdict {
    const fn is_empty(self) -> bool {
        self.allowed.is_empty() && self.denied.is_empty()
    }

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
        let [mut scopes, mut domains, mut addresses] = <[Verdicts; 3]>::default();
        let add = |to: &mut Verdicts, key: &str, verdict: Verdict| {
            if !verdict.is_empty() {
                to.0.entry(key.into()).or_default().add(verdict);
            }
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

/// Verdicts by role.
#[derive(Debug, Default)]
struct Verdicts(HashMap<Box<str>, Verdict>);

impl Verdicts {
    fn of(&self, role: &str) -> Verdict {
        work::step();
        self.0.get(role).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
