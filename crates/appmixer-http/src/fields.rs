//! The members of a request's object, taken one by one into typed values.
//!
//! What is wrong is collected, so that a client learns all of it at once. `null` means absent (contract,
//! `POST /user`), members that nobody asks for are ignored.

use serde_json::{Map, Value};

use crate::error::{ApiError, Detail};

pub(crate) struct Fields {
    object: Map<String, Value>,
    wrong: Vec<Detail>,
}

impl Fields {
    pub(crate) const fn new(object: Map<String, Value>) -> Self {
        Self { object, wrong: Vec::new() }
    }

    /// The member as it came, if it is there and not `null`.
    pub(crate) fn value(&mut self, path: &str) -> Option<Value> {
        // Looking every member up again is cheaper than it sounds: no route has more than a dozen.
        self.object.get_mut(path).map(Value::take).filter(|value| !value.is_null())
    }

    /// Whether the member is there at all; `null` counts.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.object.contains_key(path)
    }

    /// Whether the member is there and `null`.
    pub(crate) fn is_null(&self, path: &str) -> bool {
        self.object.get(path).is_some_and(Value::is_null)
    }

    /// A text, read by `parse`.
    pub(crate) fn text<T, E: ToString>(
        &mut self,
        path: &'static str,
        parse: impl FnOnce(String) -> Result<T, E>,
    ) -> Option<T> {
        self.typed(path, |value| match value {
            Value::String(text) => parse(text).map_err(|error| error.to_string()),
            _ => Err("must be a string".to_owned()),
        })
    }

    /// A list of texts, read by `parse`.
    pub(crate) fn texts<T, E: ToString>(
        &mut self,
        path: &'static str,
        parse: impl FnOnce(Vec<String>) -> Result<T, E>,
    ) -> Option<T> {
        self.typed(path, |value| parse(strings(value)?).map_err(|error| error.to_string()))
    }

    /// A list of texts, or one text in its place.
    pub(crate) fn text_or_texts<T, E: ToString>(
        &mut self,
        path: &'static str,
        parse: impl FnOnce(Vec<String>) -> Result<T, E>,
    ) -> Option<T> {
        self.typed(path, |value| {
            let texts = match value {
                Value::String(text) => vec![text],
                Value::Array(_) => strings(value)?,
                _ => return Err("must be a string or an array of strings".to_owned()),
            };
            parse(texts).map_err(|error| error.to_string())
        })
    }

    /// `true` or `false`.
    pub(crate) fn boolean(&mut self, path: &'static str) -> Option<bool> {
        self.typed(path, |value| value.as_bool().ok_or_else(|| "must be true or false".to_owned()))
    }

    /// An object, read by `parse`.
    pub(crate) fn object<T, E: ToString>(
        &mut self,
        path: &'static str,
        parse: impl FnOnce(Map<String, Value>) -> Result<T, E>,
    ) -> Option<T> {
        self.typed(path, |value| match value {
            Value::Object(object) => parse(object).map_err(|error| error.to_string()),
            _ => Err("must be an object".to_owned()),
        })
    }

    fn typed<T>(&mut self, path: &'static str, read: impl FnOnce(Value) -> Result<T, String>) -> Option<T> {
        match read(self.value(path)?) {
            Ok(value) => Some(value),
            Err(message) => {
                self.wrong(path, message);
                None
            }
        }
    }

    /// Notes that something is wrong with a member.
    pub(crate) fn wrong(&mut self, path: &'static str, message: impl Into<String>) {
        self.wrong.push(Detail { path: path.into(), message: message.into() });
    }

    /// Notes that a member is missing, unless something is wrong with it already.
    fn missing(&mut self, path: &'static str) {
        if !self.wrong.iter().any(|detail| detail.path == path) {
            self.wrong(path, "is required");
        }
    }

    /// Ends the reading where no member is required.
    pub(crate) fn finish_optional(self) -> Result<(), ApiError> {
        if self.wrong.is_empty() { Ok(()) } else { Err(ApiError::invalid(self.wrong)) }
    }

    /// Ends the reading, with what turned out to be there of a required member.
    pub(crate) fn finish<T>(mut self, required: &'static str, value: Option<T>) -> Result<T, ApiError> {
        match value {
            Some(value) if self.wrong.is_empty() => Ok(value),
            Some(_) => Err(ApiError::invalid(self.wrong)),
            None => {
                self.missing(required);
                Err(ApiError::invalid(self.wrong))
            }
        }
    }

    /// The same with two required members.
    pub(crate) fn finish2<T, U>(
        mut self,
        required: (&'static str, Option<T>),
        also: (&'static str, Option<U>),
    ) -> Result<(T, U), ApiError> {
        if required.1.is_none() {
            self.missing(required.0);
        }
        let first = required.1;
        let second = self.finish(also.0, also.1)?;
        // `finish` has answered if the first was missing: it was noted as wrong.
        first.map(|first| (first, second)).ok_or_else(|| ApiError::invalid_one(required.0, &"is required"))
    }

    /// The same with three.
    pub(crate) fn finish3<T, U, V>(
        mut self,
        required: (&'static str, Option<T>),
        second: (&'static str, Option<U>),
        third: (&'static str, Option<V>),
    ) -> Result<(T, U, V), ApiError> {
        if required.1.is_none() {
            self.missing(required.0);
        }
        let (second, third) = self.finish2(second, third)?;
        let first = required.1.ok_or_else(|| ApiError::invalid_one(required.0, &"is required"))?;
        Ok((first, second, third))
    }
}

fn strings(value: Value) -> Result<Vec<String>, String> {
    const WANTED: &str = "must be an array of strings";
    let Value::Array(values) = value else {
        return Err(WANTED.to_owned());
    };
    let text = |value| match value {
        Value::String(text) => Ok(text),
        _ => Err(WANTED.to_owned()),
    };
    values.into_iter().map(text).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields(value: &Value) -> Fields {
        Fields::new(value.as_object().unwrap().clone())
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let mut fields = fields(&json!({"username": 1, "isActive": "yes"}));
        let username = fields.text("username", Ok::<_, String>);
        fields.boolean("isActive");
        let password = fields.text("password", Ok::<_, String>);
        let error = fields.finish2(("username", username), ("password", password)).unwrap_err();
        let paths: Vec<_> = error.details.iter().map(|detail| detail.path.as_ref()).collect();
        assert_eq!(paths, ["username", "isActive", "password"]);
    }

    #[test]
    fn null_means_absent_and_unknown_members_are_ignored() {
        let mut fields = fields(&json!({"email": null, "shoeSize": 47, "password": "x"}));
        assert_eq!(fields.text("email", Ok::<_, String>), None);
        let password = fields.text("password", Ok::<_, String>);
        assert_eq!(fields.finish("password", password).unwrap(), "x");
    }

    #[test]
    fn a_vendor_may_be_one_text_and_a_scope_may_not() {
        let mut fields = fields(&json!({"vendor": "acme", "scope": "admin"}));
        assert_eq!(fields.text_or_texts("vendor", Ok::<_, String>), Some(vec!["acme".to_owned()]));
        assert_eq!(fields.texts("scope", Ok::<_, String>), None);
        assert!(fields.finish("vendor", Some(())).is_err());
    }
}
