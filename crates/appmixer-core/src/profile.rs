//! The parts of a user that clients read and administrators set: plan, vendor, metadata, texts.

use serde::ser::Error as _;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use thiserror::Error;

/// The longest plan, vendor, component name, phone number or title, in bytes.
pub const MAX_TEXT_BYTES: usize = 256;
/// The most vendors, or privately allowed components, of one user.
pub const MAX_LIST_LENGTH: usize = 256;
/// The largest metadata, in bytes of compact JSON (contract, `POST /user`).
pub const MAX_METADATA_BYTES: usize = 16 * 1024;

/// Why a value is no part of a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum InvalidProfile {
    /// Empty, or more than [`MAX_TEXT_BYTES`].
    #[error("must have 1 to {MAX_TEXT_BYTES} bytes")]
    TextLength,
    /// A NUL, line break or other control character.
    #[error("must not contain control characters")]
    ControlCharacter,
    /// More than [`MAX_LIST_LENGTH`].
    #[error("must have at most {MAX_LIST_LENGTH} entries")]
    ListLength,
    /// More than [`MAX_METADATA_BYTES`].
    #[error("must be at most {MAX_METADATA_BYTES} bytes of JSON")]
    MetadataSize,
}

/// A short text without control characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Text(Box<str>);

impl Text {
    /// Reads a text.
    ///
    /// # Errors
    /// [`InvalidProfile::TextLength`], [`InvalidProfile::ControlCharacter`].
    pub fn parse(text: &str) -> Result<Self, InvalidProfile> {
        if text.is_empty() || text.len() > MAX_TEXT_BYTES {
            return Err(InvalidProfile::TextLength);
        }
        if text.chars().any(char::is_control) {
            return Err(InvalidProfile::ControlCharacter);
        }
        Ok(Self(text.into()))
    }

    /// Reads a list of texts.
    ///
    /// # Errors
    /// As [`Text::parse`], and [`InvalidProfile::ListLength`].
    pub fn parse_list<I, S>(texts: I) -> Result<Vec<Self>, InvalidProfile>
    where
        I: IntoIterator<Item = S>,
        S: AsRef<str>,
    {
        let list = texts
            .into_iter()
            .take(MAX_LIST_LENGTH + 1)
            .map(|text| Self::parse(text.as_ref()))
            .collect::<Result<Vec<_>, _>>()?;
        if list.len() > MAX_LIST_LENGTH { Err(InvalidProfile::ListLength) } else { Ok(list) }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The plan that a user is on: `free`, `beta`, `subscription`, or any other word of the operator's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Plan(Text);

impl Plan {
    /// Reads a plan.
    ///
    /// # Errors
    /// As [`Text::parse`].
    pub fn parse(text: &str) -> Result<Self, InvalidProfile> {
        Text::parse(text).map(Self)
    }

    /// What a new user is on: `free`.
    #[must_use]
    pub fn free() -> Self {
        Self(Text("free".into()))
    }

    /// The plan's name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// The vendors whose components a user may publish: none (JSON `null`), or a list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Vendor(Option<Vec<Text>>);

impl Vendor {
    /// No vendor, written as `null`.
    pub const NONE: Self = Self(None);

    /// These vendors.
    ///
    /// # Errors
    /// As [`Text::parse_list`].
    pub fn parse<I, S>(texts: I) -> Result<Self, InvalidProfile>
    where
        I: IntoIterator<Item = S>,
        S: AsRef<str>,
    {
        Text::parse_list(texts).map(|list| Self(Some(list)))
    }

    /// The list, if there is one.
    #[must_use]
    pub fn as_list(&self) -> Option<&[Text]> {
        self.0.as_deref()
    }
}

/// What a client keeps with a user: a JSON object of at most [`MAX_METADATA_BYTES`], its keys in the order given.
///
/// Kept as its text, and read where it is written out. A client chooses the shape, and as a tree an object takes up
/// to a hundred times its text: sessions that are remembered, and sign-ups that wait for a hash, would take gigabytes.
#[derive(Clone, PartialEq)]
pub struct Metadata(Box<str>);

impl Metadata {
    /// Takes an object.
    ///
    /// # Errors
    /// [`InvalidProfile::MetadataSize`].
    pub fn new(object: Map<String, Value>) -> Result<Self, InvalidProfile> {
        let text = Value::Object(object).to_string();
        if text.len() > MAX_METADATA_BYTES {
            Err(InvalidProfile::MetadataSize)
        } else {
            Ok(Self(text.into()))
        }
    }
}

impl Default for Metadata {
    fn default() -> Self {
        Self("{}".into())
    }
}

impl Serialize for Metadata {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Not serde_json's `RawValue`: with that feature, a key of its own in any JSON is taken for a command.
        let object: Map<String, Value> = serde_json::from_str(&self.0).map_err(S::Error::custom)?;
        object.serialize(serializer)
    }
}

/// Clients keep personal data here.
impl std::fmt::Debug for Metadata {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metadata(..)")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_are_short_and_printable() {
        assert_eq!(Text::parse(""), Err(InvalidProfile::TextLength));
        assert_eq!(Text::parse(&"x".repeat(257)), Err(InvalidProfile::TextLength));
        assert_eq!(Text::parse("a\0"), Err(InvalidProfile::ControlCharacter));
        assert_eq!(Text::parse("gold plan").unwrap().as_str(), "gold plan");
    }

    #[test]
    fn no_vendor_is_null_and_an_empty_list_stays_one() {
        assert_eq!(serde_json::to_value(Vendor::NONE).unwrap(), json!(null));
        assert_eq!(serde_json::to_value(Vendor::parse([""; 0]).unwrap()).unwrap(), json!([]));
        assert_eq!(Vendor::parse(vec!["v"; 257]), Err(InvalidProfile::ListLength));
    }

    #[test]
    fn metadata_is_bounded_by_its_compact_size() {
        let object = |n: usize| Map::from_iter([("k".to_owned(), json!("x".repeat(n)))]);
        let frame = r#"{"k":""}"#.len();
        assert!(Metadata::new(object(MAX_METADATA_BYTES - frame)).is_ok());
        assert_eq!(Metadata::new(object(MAX_METADATA_BYTES - frame + 1)), Err(InvalidProfile::MetadataSize));
    }

    #[test]
    fn metadata_is_written_as_it_was_given_whatever_its_shape() {
        for text in [
            "{}",
            r#"{"b":1,"a":{"d":null,"c":[[],{},[[0.1,-1e300,18446744073709551615]]]}}"#,
            r#"{"a":{"$serde_json::private::RawValue":"[1]","$serde_json::private::Number":"1"}}"#,
        ] {
            let metadata = Metadata::new(serde_json::from_str(text).unwrap()).unwrap();
            assert_eq!(
                serde_json::to_string(&metadata).unwrap(),
                serde_json::from_str::<Value>(text).unwrap().to_string()
            );
        }
        let nothing = Metadata::new(Map::new()).unwrap();
        assert!(nothing == Metadata::default());
        assert_eq!(serde_json::to_string(&nothing).unwrap(), "{}");
    }
}
