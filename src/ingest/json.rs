//! One JSON object → its fields, borrowed from the line where nothing is escaped.
//!
//! Only the top level is taken apart: an object or array inside stays the JSON text that it is. What the fields mean
//! is `documents.rs`.

use std::borrow::Cow;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// A field's value, as any format has them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Cow<'a, str>),
    /// The JSON text of an object, an array, or a whole number that fits no `i64`.
    Json(Cow<'a, str>),
}

pub(crate) type Fields<'a> = Vec<(Cow<'a, str>, Value<'a>)>;

/// Numbers from here on may have been whole numbers beyond `i64` and `u64` before they became floats.
const BEYOND_INTEGERS: f64 = 9.2e18;

/// Replaces `fields` by those of the object, in its order, names that are there twice included.
///
/// # Errors
/// What is wrong and at which byte of the line.
pub(crate) fn parse<'a>(line: &'a str, fields: &mut Fields<'a>) -> Result<(), String> {
    fields.clear();
    let mut parser = serde_json::Deserializer::from_str(line);
    (&mut parser)
        .deserialize_map(Object(fields))
        .and_then(|()| parser.end())
        .map_err(|error| message(&error))?;
    let vague = |value: &Value<'_>| match value {
        Value::Json(_) => true,
        Value::Float(number) => number.abs() >= BEYOND_INTEGERS,
        _ => false,
    };
    if fields.iter().any(|(_, value)| vague(value)) {
        // Seldom: once more over the line, this time for the raw text of what the parser took apart.
        let mut parser = serde_json::Deserializer::from_str(line);
        let raw = parser
            .deserialize_map(RawValues)
            .map_err(|error| message(&error))?;
        for ((_, value), (_, raw)) in fields.iter_mut().zip(raw) {
            let whole = raw.bytes().all(|b| b.is_ascii_digit() || b == b'-');
            if matches!(value, Value::Json(_)) || (vague(value) && whole) {
                *value = Value::Json(raw.into());
            }
        }
    }
    Ok(())
}

/// The members of an object with their JSON text, in its order.
///
/// # Errors
/// As [`parse`].
pub(crate) fn members(object: &str) -> Result<Vec<(Cow<'_, str>, &str)>, String> {
    let mut parser = serde_json::Deserializer::from_str(object);
    parser
        .deserialize_map(RawValues)
        .map_err(|error| message(&error))
}

/// A value by itself.
///
/// # Errors
/// As [`parse`].
pub(crate) fn value(raw: &str) -> Result<Value<'_>, String> {
    let mut parser = serde_json::Deserializer::from_str(raw);
    let value = Any
        .deserialize(&mut parser)
        .map_err(|error| message(&error))?;
    Ok(match value {
        Value::Json(_) => Value::Json(raw.into()),
        value => value,
    })
}

fn message(error: &serde_json::Error) -> String {
    let message = error.to_string();
    match message.rsplit_once(" at line 1 column ") {
        Some((what, column)) => format!("{what} at byte {column} of the record"),
        None => message,
    }
}

struct Object<'f, 'a>(&'f mut Fields<'a>);

impl<'a> Visitor<'a> for Object<'_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key_seed(Any)? {
            let Value::Text(key) = key else {
                return Err(A::Error::custom("a key that is no string"));
            };
            let value = map.next_value_seed(Any)?;
            self.0.push((key, value));
        }
        Ok(())
    }
}

struct Any;

impl<'a> DeserializeSeed<'a> for Any {
    type Value = Value<'a>;

    fn deserialize<D: Deserializer<'a>>(self, from: D) -> Result<Value<'a>, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'a> Visitor<'a> for Any {
    type Value = Value<'a>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value<'a>, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value<'a>, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value<'a>, E> {
        Ok(Value::Int(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value<'a>, E> {
        Ok(i64::try_from(value).map_or(Value::Json("".into()), Value::Int))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value<'a>, E> {
        Ok(Value::Float(value))
    }

    fn visit_borrowed_str<E>(self, value: &'a str) -> Result<Value<'a>, E> {
        Ok(Value::Text(Cow::Borrowed(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value<'a>, E> {
        Ok(Value::Text(Cow::Owned(value.to_string())))
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut seq: A) -> Result<Value<'a>, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Json("".into()))
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Value<'a>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Value::Json("".into()))
    }
}

struct RawValues;

impl<'a> Visitor<'a> for RawValues {
    type Value = Vec<(Cow<'a, str>, &'a str)>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(name) = map.next_key_seed(Any)? {
            let Value::Text(name) = name else {
                return Err(A::Error::custom("a key that is no string"));
            };
            members.push((name, map.next_value::<&'a RawValue>()?.get()));
        }
        Ok(members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(line: &str) -> Result<Fields<'_>, String> {
        let mut fields = Vec::new();
        parse(line, &mut fields).map(|()| fields)
    }

    #[test]
    fn types_are_kept() {
        let line =
            r#"{"n":null,"b":true,"i":-7,"f":1.5,"s":"中文","e":"a\nb","o":{"x": [1]},"a":[1, 2]}"#;
        let fields = fields(line).unwrap();
        let values: Vec<&Value<'_>> = fields.iter().map(|(_, value)| value).collect();
        assert_eq!(
            values[..4],
            [
                &Value::Null,
                &Value::Bool(true),
                &Value::Int(-7),
                &Value::Float(1.5)
            ]
        );
        assert!(
            matches!(values[4], Value::Text(Cow::Borrowed("中文"))),
            "{:?}",
            values[4]
        );
        assert_eq!(values[5], &Value::Text("a\nb".into()));
        assert_eq!(
            values[6..],
            [
                &Value::Json(r#"{"x": [1]}"#.into()),
                &Value::Json("[1, 2]".into())
            ]
        );
    }

    #[test]
    fn whole_numbers_beyond_i64_keep_their_digits() {
        let fields = fields(
            r#"{"a":9223372036854775807,"b":9223372036854775808,"c":-9223372036854775809,"d":100000000000000000000001,"e":1e300}"#,
        )
        .unwrap();
        let values: Vec<Value<'_>> = fields.into_iter().map(|(_, value)| value).collect();
        assert_eq!(
            values,
            [
                Value::Int(i64::MAX),
                Value::Json("9223372036854775808".into()),
                Value::Json("-9223372036854775809".into()),
                Value::Json("100000000000000000000001".into()),
                Value::Float(1e300),
            ]
        );
    }

    #[test]
    fn what_is_no_object_is_refused_with_the_byte() {
        for line in [
            "[1]",
            "\"x\"",
            "7",
            "{\"a\":}",
            "{\"a\":1",
            "{\"a\":1} x",
            "{\"a\":NaN}",
            "{'a':1}",
            "{\"a\":01}",
        ] {
            let why = fields(line).unwrap_err();
            assert!(why.contains("of the record"), "{line}: {why}");
        }
    }

    #[test]
    fn nesting_of_any_depth_is_kept() {
        let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
        let line = format!("{{\"a\":{deep}}}");
        assert!(fields(&line).unwrap() == [("a".into(), Value::Json(deep.as_str().into()))]);
    }
}
