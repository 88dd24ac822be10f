//! Names whose domains are the same domain in another spelling: with A-labels (`xn--bcher-kva`) or U-labels (`bücher`).
//!
//! A name is stored and found by the spelling that it was given. A *new* name must not be another spelling of a name
//! that is taken: mail to both goes to the same person. A store looks the other spellings up, so a new name must itself
//! be one of those that are looked up: fullwidth letters, an ideographic full stop or a dot at the end are refused.

use std::collections::BTreeSet;

use idna::AsciiDenyList;

use crate::name::{LoginName, Names, fold};

/// The most spellings that are tried, for domains with several labels that have two.
const MAX_SPELLINGS: usize = 32;

/// The spellings of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spellings {
    /// The one with A-labels alone, which is the same for all of them.
    pub canonical: String,
    /// All but the name's own, folded.
    pub others: Vec<String>,
}

impl LoginName {
    /// The name's spellings; `None` if it has one alone, as nearly every name.
    #[must_use]
    pub fn spellings(&self) -> Option<Spellings> {
        let (local, _) = self.folded().split_once('@')?;
        let (canonical, domains) = domains(self.domain())?;
        let canonical = format!("{local}@{canonical}");
        let all = domains.into_iter().map(|domain| format!("{local}@{domain}"));
        let others = all.filter(|name| name != self.folded()).collect();
        Some(Spellings { canonical, others })
    }

    /// Whether the name is found when a user wants it in another spelling: its domain has A-labels or U-labels as
    /// they are, in any case, and no dot at its end. A domain that is not valid is no other domain's spelling.
    pub(crate) fn has_usual_domain(&self) -> bool {
        let folded = self.folded().split_once('@').map_or("", |(_, domain)| domain);
        !folded.ends_with('.') && domains(self.domain()).is_none_or(|(_, all)| all.contains(folded))
    }

    /// The domain as it was given.
    fn domain(&self) -> &str {
        self.as_str().split_once('@').map_or("", |(_, domain)| domain)
    }
}

/// The spelling of a domain with A-labels alone, and the spellings that are looked up, folded. They are the same for each
/// spelling that is given. `None` if the domain has one spelling alone, or is not valid.
fn domains(domain: &str) -> Option<(String, BTreeSet<String>)> {
    if domain.is_ascii() && !domain.to_ascii_lowercase().contains("xn--") {
        return None;
    }
    let labels = labels(domain)?;
    let (ascii, unicode): (Vec<_>, Vec<_>) = labels.iter().map(|(a, u)| (a.as_str(), u.as_str())).unzip();
    // Whatever is cut off below, these two are there.
    let (ascii, unicode) = (ascii.join("."), unicode.join("."));
    let mut starts = vec![String::new()];
    for (ascii, unicode) in &labels {
        let forms = BTreeSet::from([ascii, unicode]);
        let longer = starts.iter().flat_map(|start| forms.iter().map(move |form| format!("{start}{form}.")));
        starts = longer.take(MAX_SPELLINGS - 2).collect();
    }
    let mut all: BTreeSet<_> =
        starts.into_iter().filter_map(|domain| domain.strip_suffix('.').map(str::to_owned)).collect();
    all.extend([ascii.clone(), unicode]);
    Some((ascii, all))
}

/// Each label as A-label, and as folded U-label. `None` if the domain is not valid (UTS 46).
fn labels(domain: &str) -> Option<Vec<(String, String)>> {
    let ascii = idna::domain_to_ascii_cow(domain.as_bytes(), AsciiDenyList::URL).ok()?;
    let (unicode, valid) = idna::domain_to_unicode(&ascii);
    valid.ok()?;
    let pairs = ascii.split('.').zip(unicode.split('.'));
    Some(pairs.map(|(ascii, unicode)| (ascii.to_owned(), fold(unicode))).collect())
}

impl Names {
    /// The spellings of both names, those with the same canonical one together, in the order of that.
    #[must_use]
    pub fn spellings(&self) -> Vec<Spellings> {
        let mut all: Vec<_> = self.logins().filter_map(LoginName::spellings).collect();
        all.sort_by(|one, other| one.canonical.cmp(&other.canonical));
        all
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::ascii_domain;

    fn others(name: &str) -> Vec<String> {
        let spellings = LoginName::parse(name).unwrap().spellings();
        let mut others = spellings.map_or_else(Vec::new, |spellings| spellings.others);
        others.sort();
        others
    }

    #[test]
    fn a_domain_is_found_in_each_of_its_spellings() {
        for (name, expected) in [
            ("joe@acme.example", vec![]),
            ("joe@acme_x", vec![]),
            ("joe@bücher.example", vec!["joe@xn--bcher-kva.example"]),
            ("JOE@BÜCHER.Example", vec!["joe@xn--bcher-kva.example"]),
            ("joe@xn--bcher-kva.example", vec!["joe@bücher.example"]),
            ("joe@XN--BCHER-KVA.example", vec!["joe@bücher.example"]),
            ("joe@bücher。example", vec!["joe@bücher.example", "joe@xn--bcher-kva.example"]),
            ("joe@ａcme.example", vec!["joe@acme.example"]),
            ("joe@straße.example", vec!["joe@xn--strae-oqa.example"]),
            ("joe@xn--strae-oqa.example", vec!["joe@strasse.example"]),
            (
                "joe@bücher.xn--e1aybc",
                vec!["joe@bücher.тест", "joe@xn--bcher-kva.xn--e1aybc", "joe@xn--bcher-kva.тест"],
            ),
            // Not valid, so nobody else's.
            ("joe@xn--a.example", vec![]),
            ("joe@a\u{301b}<.example", vec![]),
        ] {
            assert_eq!(others(name), expected, "{name}");
        }
        let [unicode, ascii] = ["ü", "xn--tda"].map(|label| format!("joe@{}", vec![label; 30].join(".")));
        for (one, other) in [(&unicode, &ascii), (&ascii, &unicode)] {
            assert!(others(one).len() <= MAX_SPELLINGS && others(one).contains(other));
        }
    }

    #[test]
    fn a_new_name_has_the_domain_in_a_spelling_that_is_looked_up() {
        let is_usual = |name: &str| LoginName::parse(name).unwrap().has_usual_domain();
        for name in [
            "joe@acme",
            "JOE@Acme.COM",
            "joe@acme_x",
            "joe@BÜCHER.Example",
            "joe@bu\u{308}cher.example",
            "joe@XN--BCHER-KVA.example",
            "joe@bücher.xn--e1aybc",
            "joe@straße.example",
            "joe@STRASSE.example",
            "joe@例子.中国",
            "ｊoe@acme.com",
            // Folded, it is the same name as that with `office`.
            "joe@oﬃce.example",
            "joe@xn--a.example",
            "joe@a\u{301b}<.example",
        ] {
            assert!(is_usual(name), "{name}");
        }
        for name in [
            "joe@ａcme.com",
            "joe@acme。com",
            "joe@acme．com",
            "joe@acme.com.",
            "joe@acme.com..",
            "joe@bücher.example.",
            "joe@bücher.example。",
            "joe@ⓐcme.com",
        ] {
            assert!(!is_usual(name), "{name}");
        }
        let mixed = format!("joe@{}.xn--tda", vec!["ü"; 20].join("."));
        assert!(!is_usual(&mixed));
    }

    #[test]
    fn every_spelling_has_the_same_canonical_one() {
        let canonical = |name: &str| LoginName::parse(name).unwrap().spellings().unwrap().canonical;
        for name in ["joe@bücher.тест", "JOE@xn--bcher-kva.тест", "joe@BÜCHER.xn--e1aybc"] {
            assert_eq!(canonical(name), "joe@xn--bcher-kva.xn--e1aybc");
        }
    }

    proptest! {
        #[test]
        fn of_two_new_names_that_are_one_each_is_found_by_the_other(
            one in DOMAIN, other in DOMAIN, spelling in 0..4,
        ) {
            let ascii = ascii_domain(&one);
            let other = match (spelling, ascii) {
                (0, _) => other,
                (1, Some(ascii)) => ascii.into_owned(),
                (2, _) => one.to_uppercase(),
                _ => one.to_lowercase(),
            };
            let [one, other] = [one, other].map(|domain| LoginName::parse(&format!("x@{domain}")).unwrap());
            let ascii = |name: &LoginName| ascii_domain(name.domain()).map(|ascii| ascii.to_ascii_lowercase());
            let are_one = ascii(&one).is_some() && ascii(&one) == ascii(&other) && one != other;
            if are_one && one.has_usual_domain() && other.has_usual_domain() {
                for (new, stored) in [(&one, &other), (&other, &one)] {
                    let found = new.spellings().is_some_and(|all| all.others.iter().any(|name| name == stored.folded()));
                    prop_assert!(found, "{} {}", new.as_str(), stored.as_str());
                }
            }
        }
    }

    /// Some labels that UTS 46 maps to others, with separators that it takes for dots.
    const DOMAIN: &str =
        "(ü|Ü|u\u{308}|ａ|a|A|ß|ss|ſ|ﬁ|xn--tda|XN--ZCA|⑴){1,2}([.。．](ü|a|xn--tda)){0,2}[.。]?";
}
