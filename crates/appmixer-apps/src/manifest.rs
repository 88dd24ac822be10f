//! One manifest: what of it counts.

use serde_json::{Map, Value};
use thiserror::Error;

/// The longest name, in bytes: what an access rule can name.
const MAX_NAME_BYTES: usize = 254;

/// What is wrong with a manifest.
#[derive(Debug, PartialEq, Eq, Error)]
pub(crate) enum BadManifest {
    #[error("is no JSON: {0}")]
    Json(String),
    #[error("is no JSON object")]
    NoObject,
    #[error("has no {0}")]
    Missing(&'static str),
    #[error("{0} must be a text")]
    NoText(&'static str),
    #[error("private must be true or false")]
    Private,
    #[error("name must have 1 to {MAX_NAME_BYTES} bytes, no white space and no control characters")]
    Name,
}

/// The members of a manifest, in their order.
pub(crate) struct Manifest(Map<String, Value>);

impl Manifest {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, BadManifest> {
        match serde_json::from_slice(bytes) {
            Ok(Value::Object(members)) => Ok(Self(members)),
            Ok(_) => Err(BadManifest::NoObject),
            Err(error) => Err(BadManifest::Json(error.to_string())),
        }
    }

    pub(crate) fn name(&self) -> Result<&str, BadManifest> {
        let name = self.required("name")?;
        let forbidden = |c: char| c.is_whitespace() || c.is_control();
        if name.is_empty() || name.len() > MAX_NAME_BYTES || name.contains(forbidden) {
            return Err(BadManifest::Name);
        }
        Ok(name)
    }

    pub(crate) fn required(&self, member: &'static str) -> Result<&str, BadManifest> {
        match self.0.get(member) {
            None | Some(Value::Null) => Err(BadManifest::Missing(member)),
            Some(_) => self.text(member),
        }
    }

    /// A text; empty where there is none.
    pub(crate) fn text(&self, member: &'static str) -> Result<&str, BadManifest> {
        match self.0.get(member) {
            None | Some(Value::Null) => Ok(""),
            Some(Value::String(text)) => Ok(text),
            Some(_) => Err(BadManifest::NoText(member)),
        }
    }

    pub(crate) fn is_private(&self) -> Result<bool, BadManifest> {
        match self.0.get("private") {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Bool(private)) => Ok(*private),
            // What was meant to be hidden must not be shown by mistake.
            Some(_) => Err(BadManifest::Private),
        }
    }

    pub(crate) fn set_icon(&mut self, icon: String) {
        self.0.insert("icon".to_owned(), icon.into());
    }

    /// Compact JSON.
    pub(crate) fn into_json(self) -> String {
        Value::Object(self.0).to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_wrong_is_told() {
        let read = |text: &str| {
            let manifest = Manifest::parse(text.as_bytes())?;
            manifest.name()?;
            manifest.required("label")?;
            manifest.text("icon")?;
            manifest.is_private()
        };
        assert_eq!(read(r#"{"name":"a.b","label":"A"}"#), Ok(false));
        assert_eq!(read(r#"{"name":"a.b","label":"A","icon":null,"private":true}"#), Ok(true));
        assert!(matches!(read("{"), Err(BadManifest::Json(_))));
        assert!(matches!(read(&"[".repeat(100_000)), Err(BadManifest::Json(_))));
        for (text, wrong) in [
            ("[]", BadManifest::NoObject),
            (r#"{"label":"A"}"#, BadManifest::Missing("name")),
            (r#"{"name":"a.b","label":null}"#, BadManifest::Missing("label")),
            (r#"{"name":1,"label":"A"}"#, BadManifest::NoText("name")),
            (r#"{"name":"a b","label":"A"}"#, BadManifest::Name),
            (r#"{"name":"","label":"A"}"#, BadManifest::Name),
            (r#"{"name":"a.b","label":"A","icon":{}}"#, BadManifest::NoText("icon")),
            (r#"{"name":"a.b","label":"A","private":"yes"}"#, BadManifest::Private),
        ] {
            assert_eq!(read(text), Err(wrong), "{text}");
        }
    }

    #[test]
    fn members_keep_their_order_and_an_icon_its_place() {
        let mut manifest = Manifest::parse(br#" { "z" : 1.50, "icon" : "", "a" : [ "x y" ] } "#).unwrap();
        manifest.set_icon("data:".to_owned());
        assert_eq!(manifest.into_json(), r#"{"z":1.5,"icon":"data:","a":["x y"]}"#);
    }

    proptest! {
        #[test]
        fn no_text_panics(bytes: Vec<u8>) {
            if let Ok(manifest) = Manifest::parse(&bytes) {
                let _ = (manifest.name(), manifest.text("icon"), manifest.is_private());
            }
        }
    }
}
