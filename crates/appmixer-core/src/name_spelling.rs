//! Names whose domains are the same domain in another spelling: with A-labels (`xn--bcher-kva`) or U-labels (`bücher`).
//!
//! A name is stored and found by the spelling that it was given. A *new* name must not be another spelling of a name
//! that is taken: mail to both goes to the same person.

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
        let (_, domain) = self.as_str().rsplit_once('@')?;
        if domain.is_ascii() && !domain.to_ascii_lowercase().contains("xn--") {
            return None;
        }
        let labels = labels(domain)?;
        let canonical: Vec<_> = labels.iter().map(|(ascii, _)| ascii.as_str()).collect();
        let canonical = format!("{local}@{}", canonical.join("."));
        let mut domains = vec![String::new()];
        for (ascii, unicode) in &labels {
            let forms = BTreeSet::from([ascii, unicode]);
            let longer =
                domains.iter().flat_map(|start| forms.iter().map(move |form| format!("{start}.{form}")));
            domains = longer.take(MAX_SPELLINGS).collect();
        }
        let all = domains.into_iter().map(|domain| format!("{local}@{}", domain.trim_start_matches('.')));
        let others = all.filter(|name| name != self.folded()).collect();
        Some(Spellings { canonical, others })
    }
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
    use super::*;

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
        let many = format!("joe@{}", vec!["ü"; 40].join("."));
        assert!(others(&many).len() <= MAX_SPELLINGS);
    }

    #[test]
    fn every_spelling_has_the_same_canonical_one() {
        let canonical = |name: &str| LoginName::parse(name).unwrap().spellings().unwrap().canonical;
        for name in ["joe@bücher.тест", "JOE@xn--bcher-kva.тест", "joe@BÜCHER.xn--e1aybc"] {
            assert_eq!(canonical(name), "joe@xn--bcher-kva.xn--e1aybc");
        }
    }
}
