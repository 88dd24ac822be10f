//! The parameters of a request's query, taken one by one into typed values.
//!
//! What is wrong is collected, as in [`crate::fields`]. Parameters that nobody asks for are ignored; one that can
//! be given once is refused when it is there twice, since a gateway in front may have read the other one.

use form_urlencoded::parse;
use percent_encoding::percent_decode_str;

use crate::error::{ApiError, Detail};

/// The most parameters of one query. Its length is bounded with the head.
const MAX_PARAMETERS: usize = 64;

pub(crate) struct Query {
    pairs: Vec<(String, String)>,
    wrong: Vec<Detail>,
}

impl Query {
    /// Reads what stands behind the `?`.
    pub(crate) fn parse(text: &str) -> Result<Self, ApiError> {
        // The parser would put U+FFFD in the place of bad bytes.
        if percent_decode_str(text).decode_utf8().is_err() {
            return Err(ApiError::bad_request("Invalid query: not UTF-8"));
        }
        let pairs: Vec<_> = parse(text.as_bytes()).into_owned().take(MAX_PARAMETERS + 1).collect();
        if pairs.len() > MAX_PARAMETERS {
            return Err(ApiError::bad_request(format!(
                "Invalid query: more than {MAX_PARAMETERS} parameters"
            )));
        }
        Ok(Self { pairs, wrong: Vec::new() })
    }

    /// A parameter that can be given once, read by `read`.
    pub(crate) fn one<T, E: ToString>(
        &mut self,
        path: &'static str,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let mut given = self.pairs.iter().filter(|(name, _)| name == path).map(|(_, value)| value);
        let outcome = match (given.next()?, given.next()) {
            (value, None) => read(value).map_err(|error| error.to_string()),
            (_, Some(_)) => Err("must be given once".to_owned()),
        };
        outcome.map_err(|message| self.wrong(path, message)).ok()
    }

    /// A parameter that can be given again and again, each read by `read`; in their order.
    pub(crate) fn many<T, E: ToString>(
        &mut self,
        path: &'static str,
        read: impl FnMut(&str) -> Result<T, E>,
    ) -> Vec<T> {
        let given = self.pairs.iter().filter(|(name, _)| name == path).map(|(_, value)| value.as_str());
        let outcome: Result<Vec<_>, _> = given.map(read).collect();
        outcome.map_err(|error| self.wrong(path, error.to_string())).unwrap_or_default()
    }

    /// A whole number within a range.
    pub(crate) fn number(&mut self, path: &'static str, least: u32, most: u32) -> Option<u32> {
        self.one(path, |text| {
            // `parse` would take a sign.
            let digits = text.bytes().all(|byte| byte.is_ascii_digit());
            let number = text.parse().ok().filter(|number| digits && (least..=most).contains(number));
            number.ok_or_else(|| format!("must be a whole number from {least} to {most}"))
        })
    }

    /// Notes that something is wrong with a parameter.
    pub(crate) fn wrong(&mut self, path: &'static str, message: impl Into<String>) {
        self.wrong.push(Detail { path: path.into(), message: message.into() });
    }

    /// Ends the reading, with what turned out to be there of a required parameter.
    pub(crate) fn finish_with<T>(mut self, required: &'static str, value: Option<T>) -> Result<T, ApiError> {
        if value.is_none() && !self.wrong.iter().any(|detail| detail.path == required) {
            self.wrong(required, "is required");
        }
        match value {
            Some(value) if self.wrong.is_empty() => Ok(value),
            _ => Err(ApiError::invalid(self.wrong)),
        }
    }

    /// Ends the reading.
    pub(crate) fn finish(self) -> Result<(), ApiError> {
        if self.wrong.is_empty() { Ok(()) } else { Err(ApiError::invalid(self.wrong)) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[expect(clippy::unnecessary_wraps, reason = "it stands where others fail")]
    fn text(text: &str) -> Result<String, String> {
        Ok(text.to_owned())
    }

    #[test]
    fn parameters_are_read_as_what_was_typed_and_unknown_ones_are_ignored() {
        let mut query = Query::parse("a=1%2B+%C5%BE&b=x&x&b=y&=&&c").unwrap();
        assert_eq!(query.one("a", text), Some("1+ ž".to_owned()));
        assert_eq!(query.many("b", text), ["x", "y"]);
        assert_eq!(query.one("c", text), Some(String::new()));
        assert_eq!(query.one("d", text), None);
        assert!(query.many("d", text).is_empty());
        assert!(query.finish().is_ok());
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let mut query = Query::parse("a=1&a=1&b=x&b=y&limit=0").unwrap();
        query.one("a", text);
        query.many("b", |_| Err::<(), _>("is bad"));
        query.number("limit", 1, 10);
        let details = query.finish().unwrap_err().details;
        let told: Vec<_> = details.iter().map(|d| (d.path.as_ref(), d.message.as_str())).collect();
        assert_eq!(
            told,
            [("a", "must be given once"), ("b", "is bad"), ("limit", "must be a whole number from 1 to 10"),]
        );
    }

    #[test]
    fn numbers_are_digits_within_their_range() {
        let number = |text: &str| Query::parse(&format!("n={text}")).unwrap().number("n", 1, 1000);
        assert_eq!(number("1"), Some(1));
        assert_eq!(number("1000"), Some(1000));
        for bad in ["", "0", "1001", "%2B1", "-1", "1.0", "1e2", " 1", "99999999999", "%D9%A1"] {
            assert_eq!(number(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_query_is_bounded_and_utf_8() {
        assert!(Query::parse(&"a&".repeat(MAX_PARAMETERS)).is_ok());
        assert!(Query::parse(&"a&".repeat(MAX_PARAMETERS + 1)).is_err());
        assert!(Query::parse("a=%ff").is_err());
    }

    proptest! {
        #[test]
        fn no_query_panics(query in r"[a-c=&%+;0-9ž]{0,40}") {
            if let Ok(mut query) = Query::parse(&query) {
                query.one("a", text);
                query.many("b", text);
                query.number("c", 0, 9);
                let _ = query.finish();
            }
        }

        #[test]
        fn what_was_written_is_read(name in "[a-z]{1,5}", value: String) {
            let written = form_urlencoded::Serializer::new(String::new()).append_pair(&name, &value).finish();
            let mut query = Query::parse(&written).unwrap();
            let name: &'static str = name.leak();
            prop_assert_eq!(query.one(name, text), Some(value));
        }
    }
}
