//! UUID: universally unique identifiers, also known as GUIDs.
//!
//! Grammar (RFC 9562 §4):
//! ```text
//! uuid  = 8HEX "-" 4HEX "-" 4HEX "-" 4HEX "-" 12HEX
//! ```
//! Every variant and version is taken, the nil and the max UUID too: nothing else is written like this. `urn:uuid:` and
//! braces stand outside. Borders: not cut out of a longer word; `_` and `-` may stand beside it (`pvc-550e8400-…`,
//! `550e8400-…_small.png`), and percent-encoding before it (`%7B550e8400-…%7D`). The form without hyphens is left out:
//! it is any 128 bits, such as a hash.
//!
//! The value is in lower case.
//!
//! Cost: stops at hyphens between hexadecimal digits; most are dropped after one more byte.

use std::borrow::Cow;

use super::{Anchor, ByteSet, Bytes, Found, Recognizer, border};

/// Recognizes UUIDs.
#[derive(Debug)]
pub(super) struct Uuid;

const LENGTH: usize = 36;
/// Where the hyphens are.
const HYPHENS: [usize; 4] = [8, 13, 18, 23];

impl Recognizer for Uuid {
    fn label(&self) -> &str {
        "UUID"
    }
    fn description(&self) -> &str {
        "UUIDs"
    }
    fn name(&self) -> &str {
        "uuid"
    }
    fn definition(&self) -> Cow<'_, str> {
        Cow::Borrowed("1")
    }
    fn anchors(&self) -> Vec<Anchor> {
        const HEX: ByteSet = ByteSet::of(b"0123456789abcdefABCDEF");
        let hyphen = Bytes::of(b"-").preceded_by(HEX).followed_by(HEX);
        vec![Anchor::Bytes(hyphen)]
    }
    fn verify(&self, text: &str, at: usize, found: &mut Found<'_>) -> usize {
        let bytes = text.as_bytes();
        // The other hyphens tell the first one apart.
        if HYPHENS
            .iter()
            .any(|i| bytes.get(at + i - HYPHENS[0]) != Some(&b'-'))
        {
            return at + 1;
        }
        let Some(start) = at.checked_sub(HYPHENS[0]) else {
            return at + 1;
        };
        let span = start..start + LENGTH;
        let whole = bytes.get(span.clone()).is_some_and(|uuid| {
            uuid.iter()
                .enumerate()
                .all(|(i, b)| b.is_ascii_hexdigit() || HYPHENS.contains(&i))
        });
        if !whole {
            return at + 1;
        }
        let joins = |c: Option<char>| c != Some('_') && border::joins(c);
        let escaped = matches!(
            bytes[..start],
            [
                ..,
                b'%',
                b'0'..=b'7',
                b'0'..=b'9' | b'A'..=b'F' | b'a'..=b'f',
            ]
        );
        let verdict = match !escaped && joins(border::before(text, start))
            || joins(border::after(text, span.end))
        {
            true => Err("it is part of something longer"),
            false => Ok(()),
        };
        found.decide(span, verdict, at + 1)
    }
    fn value<'a>(&self, entity: &'a str) -> Cow<'a, str> {
        if entity.bytes().any(|b| b.is_ascii_uppercase()) {
            Cow::Owned(entity.to_ascii_lowercase())
        } else {
            Cow::Borrowed(entity)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_linear, assert_table};
    use super::*;

    #[test]
    fn table() {
        let uuid = "f81d4fae-7dec-11d0-a765-00a0c91e6bf6";
        let upper = "F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6";
        let from_upper = format!("{upper} → {uuid}");
        assert_table(
            &Uuid,
            &[
                (uuid, &[uuid]),
                (upper, &[&from_upper]),
                (
                    &format!("urn:uuid:{uuid} {{{upper}}}"),
                    &[uuid, &from_upper],
                ),
                (&format!("编号{uuid}的订单"), &[uuid]),
                (
                    &format!("/users/{uuid}/a pvc-{uuid} {uuid}_s.png"),
                    &[uuid, uuid, uuid],
                ),
                (&format!("{uuid}-{uuid} %7B{uuid}%7D"), &[uuid, uuid, uuid]),
                (&format!("{uuid},{uuid}"), &[uuid, uuid]),
                (
                    "00000000-0000-0000-0000-000000000000",
                    &["00000000-0000-0000-0000-000000000000"],
                ),
                (
                    "ｆ８１ｄ４ｆａｅ－7dec－11d0－a765－00a0c91e6bf6",
                    &[&format!(
                        "ｆ８１ｄ４ｆａｅ－7dec－11d0－a765－00a0c91e6bf6 → {uuid}"
                    )],
                ),
                // No UUID, or only a part of something longer.
                ("", &[]),
                ("- a-b 2026-11-22 f81d4fae-7dec-11d0-a765", &[]),
                (
                    "f81d4fae-7dec-11d0-a765-00a0c91e6bf f81d4fae-7dec-11d0-a765-00a0c91e6bg6",
                    &[],
                ),
                (
                    "f81d4fae-7dec-11d0-a7650-0a0c91e6bf6 81d4fae-7dec-11d0-a765-00a0c91e6bf6",
                    &[],
                ),
                (&format!("0{uuid} {uuid}0 x{uuid} {uuid}é"), &[]),
                ("f81d4fae7dec11d0a76500a0c91e6bf6", &[]),
            ],
        );
    }

    #[test]
    fn hostile_texts_are_linear() {
        assert_linear(
            &Uuid,
            &[
                "-",
                "a-",
                "aaaa-",
                "aaaaaaaa-",
                "aaaa-aaaa-aaaa-aaaa-",
                "f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
                "a",
            ],
        );
    }
}
