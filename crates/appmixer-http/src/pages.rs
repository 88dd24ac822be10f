//! Links from a page of a list to the others (RFC 8288).

use appmixer_core::Stretch;
use form_urlencoded::{Serializer, parse};

/// The value of `Link`; none when there is no other page.
///
/// Its targets are relative references that replace the query alone (RFC 3986 section 5.2.2): they hold whatever name
/// and path a proxy in front gives the server.
pub(crate) fn links(query: &str, stretch: Stretch, total: u64) -> Option<String> {
    let Stretch { offset, limit } = stretch;
    let limit = u64::from(limit);
    // Pages that begin where this one does, and so many before and behind.
    let last = if total > offset {
        offset + (total - offset - 1) / limit * limit
    } else {
        total.saturating_sub(limit)
    };
    let mut links = Vec::new();
    let mut link = |relation: &str, offset: u64, limit: u64| {
        links.push(format!("<?{}>; rel=\"{relation}\"", with_page(query, offset, limit)));
    };
    if offset > 0 {
        link("first", 0, limit);
        // The one before the second page may be shorter.
        let previous = offset.min(total).saturating_sub(limit);
        link("prev", previous, limit.min(offset));
    }
    if offset + limit < total {
        link("next", offset + limit, limit);
        link("last", last, limit);
    }
    (!links.is_empty()).then(|| links.join(", "))
}

/// The query with another page.
fn with_page(query: &str, offset: u64, limit: u64) -> String {
    let mut changed = Serializer::new(String::new());
    for (name, value) in parse(query.as_bytes()).filter(|(name, _)| name != "offset" && name != "limit") {
        changed.append_pair(&name, &value);
    }
    changed.append_pair("limit", &limit.to_string()).append_pair("offset", &offset.to_string()).finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(offset: u64, limit: u32, total: u64) -> Vec<String> {
        let links = links("sort=created:-1&offset=7&pattern=%C5%BE%22", Stretch { offset, limit }, total);
        links.map_or_else(Vec::new, |links| links.split(", ").map(str::to_owned).collect())
    }

    #[test]
    fn every_other_page_has_its_link_and_the_question_stays() {
        let link = |offset: u64, relation: &str| {
            format!("<?sort=created%3A-1&pattern=%C5%BE%22&limit=10&offset={offset}>; rel=\"{relation}\"")
        };
        assert_eq!(at(0, 10, 35), [link(10, "next"), link(30, "last")]);
        assert_eq!(at(10, 10, 35), [link(0, "first"), link(0, "prev"), link(20, "next"), link(30, "last")]);
        assert_eq!(at(30, 10, 35), [link(0, "first"), link(20, "prev")]);
        assert_eq!(at(20, 10, 30), [link(0, "first"), link(10, "prev")]);
        assert_eq!(at(0, 10, 10), [""; 0]);
        assert_eq!(at(0, 10, 0), [""; 0]);
    }

    #[test]
    fn a_page_that_begins_between_pages_is_led_back_to_all_before_it() {
        let links = at(3, 10, 35);
        assert!(links[1].contains("limit=3&offset=0>; rel=\"prev\""), "{links:?}");
        assert!(links[3].contains("limit=10&offset=33>; rel=\"last\""), "{links:?}");
    }

    #[test]
    fn behind_the_end_there_is_a_way_back() {
        let links = at(100, 10, 35);
        assert_eq!(links.len(), 2);
        assert!(links[1].contains("offset=25>; rel=\"prev\""), "{links:?}");
    }
}
