//! A field that lies inside of others, by its path: `body.content`.
//!
//! It becomes a field of the record under that name, and what is left of the object around it stays where it was, so
//! that nothing is kept twice. A field that has the whole path for its name comes first.

use std::borrow::Cow;

use super::json::{self, Fields, Value};

/// Makes the field at `path` one of the record's own, if it is there.
pub(crate) fn lift<'a>(fields: &mut Fields<'a>, path: &str) {
    let Some((first, rest)) = path.split_once('.') else {
        return;
    };
    if fields.iter().any(|(name, _)| name == path) {
        return;
    }
    let Some(at) = fields.iter().rposition(|(name, _)| name == first) else {
        return;
    };
    if let Value::Json(Cow::Borrowed(object)) = fields[at].1
        && let Some((value, left)) = take(object, rest)
    {
        fields[at].1 = left.map_or(Value::Null, |left| Value::Json(Cow::Owned(left)));
        fields.push((Cow::Owned(path.to_string()), value));
    }
}

/// The value at `path` in an object, and the object without it, if anything is left.
fn take<'a>(object: &'a str, path: &str) -> Option<(Value<'a>, Option<String>)> {
    let mut members: Vec<(Cow<'a, str>, Cow<'a, str>)> = json::members(object)
        .ok()?
        .into_iter()
        .map(|(name, raw)| (name, Cow::Borrowed(raw)))
        .collect();
    let value = match members.iter().rposition(|(name, _)| name == path) {
        Some(at) => {
            let (_, raw) = members.remove(at);
            match raw {
                Cow::Borrowed(raw) => json::value(raw).ok()?,
                Cow::Owned(_) => return None,
            }
        }
        None => {
            let (first, rest) = path.split_once('.')?;
            let at = members.iter().rposition(|(name, _)| name == first)?;
            let Cow::Borrowed(inner) = members[at].1 else {
                return None;
            };
            let (value, left) = take(inner, rest)?;
            match left {
                Some(left) => members[at].1 = Cow::Owned(left),
                None => drop(members.remove(at)),
            }
            value
        }
    };
    if members.is_empty() {
        return Some((value, None));
    }
    let members: Vec<String> = members
        .iter()
        .map(|(name, raw)| format!("{}:{raw}", serde_json::Value::from(name.as_ref())))
        .collect();
    Some((value, Some(format!("{{{}}}", members.join(",")))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lifted(line: &'static str, path: &str) -> Fields<'static> {
        let mut fields = Vec::new();
        json::parse(line, &mut fields).unwrap();
        lift(&mut fields, path);
        fields
    }

    #[test]
    fn a_field_inside_becomes_one_of_its_own() {
        let fields = lifted(r#"{"a":{"b":{"c":"x\n","d":1.50},"e":[2]}}"#, "a.b.c");
        assert_eq!(
            fields,
            [
                (
                    "a".into(),
                    Value::Json(r#"{"b":{"d":1.50},"e":[2]}"#.into())
                ),
                ("a.b.c".into(), Value::Text("x\n".into())),
            ]
        );
        let fields = lifted(r#"{"a":{"b":"x"},"n":1}"#, "a.b");
        assert_eq!(fields[0], ("a".into(), Value::Null));
        assert_eq!(fields[2], ("a.b".into(), Value::Text("x".into())));
    }

    #[test]
    fn names_with_dots_come_first() {
        let whole = lifted(r#"{"a":{"b":"x"},"a.b":"y"}"#, "a.b");
        assert_eq!(whole.len(), 2);
        let inner = lifted(r#"{"a":{"b.c":"x","b":{"c":"y"}}}"#, "a.b.c");
        assert_eq!(inner[1].1, Value::Text("x".into()));
    }

    #[test]
    fn what_is_not_there_changes_nothing() {
        for (line, path) in [
            (r#"{"a":{"b":1}}"#, "a.c"),
            (r#"{"a":{"b":1}}"#, "x.b"),
            (r#"{"a":[{"b":1}]}"#, "a.b"),
            (r#"{"a":"b"}"#, "a.b"),
            (r#"{"a":1}"#, "a"),
        ] {
            let mut fields = Vec::new();
            json::parse(line, &mut fields).unwrap();
            let before = fields.clone();
            lift(&mut fields, path);
            assert_eq!(fields, before, "{line} {path}");
        }
    }
}
