//! MongoDB's Extended JSON (version 2, canonical and relaxed, and version 1's times), made plain.

use serde_json::{Map, Number, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The value with every wrapped type in it replaced by what plain JSON has for it: ids, times, UUIDs, binaries
/// and decimals become texts, numbers become numbers. What has no counterpart, as infinity, becomes `null`;
/// what is not known stays as it is.
///
/// The depth is what `serde_json` allows.
pub(crate) fn plain(value: Value) -> Value {
    match value {
        Value::Array(values) => values.into_iter().map(plain).collect(),
        Value::Object(object) => match unwrapped(&object) {
            Some(value) => value,
            None => {
                object.into_iter().map(|(name, value)| (name, plain(value))).collect::<Map<_, _>>().into()
            }
        },
        other => other,
    }
}

/// What an object such as `{"$numberInt":"5"}` stands for; `None` for any other object.
fn unwrapped(object: &Map<String, Value>) -> Option<Value> {
    let (name, value) = object.iter().next().filter(|_| object.len() == 1)?;
    match (name.strip_prefix('$')?, value) {
        ("oid" | "numberDecimal" | "uuid" | "symbol", Value::String(text)) => Some(text.as_str().into()),
        ("numberInt" | "numberLong", Value::String(text)) => text.parse::<i64>().ok().map(Value::from),
        ("numberDouble", Value::String(text)) => {
            text.parse().ok().map(|number| Number::from_f64(number).map_or(Value::Null, Value::Number))
        }
        ("date", value) => date(value),
        ("binary", Value::Object(binary)) => binary.get("base64").filter(|text| text.is_string()).cloned(),
        ("undefined", _) | ("minKey" | "maxKey", Value::Number(_)) => Some(Value::Null),
        _ => None,
    }
}

/// As ISO 8601, whether it is that already or milliseconds since 1970, before or after.
fn date(value: &Value) -> Option<Value> {
    let millis = match value {
        Value::String(text) => return Some(text.as_str().into()),
        Value::Number(number) => number.as_i64()?,
        Value::Object(object) => unwrapped(object)?.as_i64()?,
        _ => return None,
    };
    let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000).ok()?;
    time.format(&Rfc3339).ok().map(Value::from)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn wrapped_types_become_plain_at_any_depth() {
        for (extended, expected) in [
            (json!({"$oid": "5c88c7cc04a917256c726c3d"}), json!("5c88c7cc04a917256c726c3d")),
            (json!({"$numberInt": "-5"}), json!(-5)),
            (json!({"$numberLong": "9007199254740993"}), json!(9_007_199_254_740_993_i64)),
            (json!({"$numberDouble": "1.5"}), json!(1.5)),
            (json!({"$numberDouble": "Infinity"}), json!(null)),
            (json!({"$numberDouble": "NaN"}), json!(null)),
            (json!({"$numberDecimal": "1.10"}), json!("1.10")),
            (json!({"$date": "2026-01-31T08:15:30.123Z"}), json!("2026-01-31T08:15:30.123Z")),
            (json!({"$date": {"$numberLong": "1769847330123"}}), json!("2026-01-31T08:15:30.123Z")),
            (json!({"$date": 1_769_847_330_123_i64}), json!("2026-01-31T08:15:30.123Z")),
            (json!({"$date": {"$numberLong": "-1000"}}), json!("1969-12-31T23:59:59Z")),
            (json!({"$binary": {"base64": "AQI=", "subType": "00"}}), json!("AQI=")),
            (json!({"$undefined": true}), json!(null)),
            (json!({"$minKey": 1}), json!(null)),
            (json!([{"a": {"$numberInt": "1"}}, "x", null]), json!([{"a": 1}, "x", null])),
        ] {
            assert_eq!(plain(extended.clone()), expected, "{extended}");
        }
    }

    #[test]
    fn what_is_not_known_stays_as_it_is() {
        for value in [
            json!({"$numberInt": 5}),
            json!({"$numberInt": "five"}),
            json!({"$oid": "x", "$more": 1}),
            json!({"$date": 9_223_372_036_854_775_807_i64}),
            json!({"$regularExpression": {"pattern": "a", "options": ""}}),
            json!({"$": 1}),
            json!({"oid": "x"}),
            json!({}),
        ] {
            assert_eq!(plain(value.clone()), value);
        }
    }
}
