//! MAC: hardware addresses of network interfaces.
//!
//! Grammar (IEEE 802-2014 §8, EUI-48 and EUI-64; and the form of Cisco's devices):
//! ```text
//! mac   = 6 or 8 groups of two hexadecimal digits, between them ":" or "-", everywhere the same
//!       / 4HEX "." 4HEX "." 4HEX
//! ```
//! Borders: not cut out of a longer word, nor of more groups (a key's fingerprint, an IPv6 address). Between hyphens or
//! dots one of the digits is a letter: without any it may be a date, a telephone number or a version.
//!
//! The value is in lower case with colons: `00:1a:2b:3c:4d:5e`.
//!
//! Cost: stops where a second group may begin, at colons, hyphens and dots before a letter and at digits after them;
//! most are dropped after one more byte, none looks further than 30.

use std::borrow::Cow;

use super::{Anchor, ByteSet, Bytes, DigitRuns, Found, Recognizer, border};

/// Recognizes hardware addresses.
#[derive(Debug)]
pub(super) struct Mac;

/// More groups than this are not counted.
const MANY: usize = 9;

impl Recognizer for Mac {
    fn label(&self) -> &str {
        "MAC"
    }
    fn description(&self) -> &str {
        "hardware addresses"
    }
    fn name(&self) -> &str {
        "mac"
    }
    fn definition(&self) -> Cow<'_, str> {
        Cow::Borrowed("1")
    }
    fn anchors(&self) -> Vec<Anchor> {
        const LETTERS: ByteSet = ByteSet::of(b"abcdefABCDEF");
        const HEX: ByteSet = ByteSet::of(b"0123456789abcdefABCDEF");
        // The first separator before a letter, or the digits of the second group.
        let separator = Bytes::of(b":-.").preceded_by(HEX).followed_by(LETTERS);
        let digits =
            |lengths, before: &[u8]| DigitRuns::of_length(lengths).preceded_by(ByteSet::of(before));
        vec![
            Anchor::Bytes(separator),
            Anchor::Digits(digits(1..=3, b":-.").followed_by(LETTERS)),
            Anchor::Digits(digits(2..=2, b":-").followed_by(b":-")),
            Anchor::Digits(digits(4..=4, b".").followed_by(b".")),
        ]
    }
    fn verify(&self, text: &str, at: usize, found: &mut Found<'_>) -> usize {
        let bytes = text.as_bytes();
        let first = at - usize::from(bytes[at].is_ascii_digit());
        let separator = bytes[first];
        let size = if separator == b'.' { 4 } else { 2 };
        if bytes.get(first + size + 1) != Some(&separator) {
            return at + 1;
        }
        let is_group = |end: usize| {
            let group = end
                .checked_sub(size)
                .and_then(|start| bytes.get(start..end));
            group.is_some_and(|group| group.iter().all(u8::is_ascii_hexdigit))
        };
        // The end of a word is no group: `MAC:00:1a:…`.
        if !is_group(first) || border::joins(border::before(text, first - size)) {
            return at + 1;
        }
        let (mut groups, mut end) = (1, first);
        while groups < MANY && bytes.get(end) == Some(&separator) && is_group(end + size + 1) {
            groups += 1;
            end += size + 1;
        }
        let span = first - size..end;
        if !matches!((separator, groups), (b'.', 3) | (b':' | b'-', 6 | 8)) {
            return end.max(at + 1);
        }
        let longer = span.start < found.floor()
            || border::joins(border::after(text, end))
            || group_before(&bytes[..span.start], separator)
            || bytes.get(end) == Some(&separator)
                && bytes.get(end + 1).is_some_and(u8::is_ascii_hexdigit);
        if longer {
            found.refuse(span, "it is part of something longer");
        } else if separator != b':' && !bytes[span.clone()].iter().any(u8::is_ascii_alphabetic) {
            found.refuse(span, "without a letter it may be a date or another number");
        } else {
            found.push(span);
        }
        end
    }
    fn value<'a>(&self, entity: &'a str) -> Cow<'a, str> {
        let canonical = |b: u8| b.is_ascii_digit() || matches!(b, b'a'..=b'f' | b':');
        if entity.bytes().all(canonical) {
            return Cow::Borrowed(entity);
        }
        let mut value = String::with_capacity(entity.len() + 3);
        for digit in entity.chars().filter(char::is_ascii_hexdigit) {
            if value.len() % 3 == 2 {
                value.push(':');
            }
            value.push(digit.to_ascii_lowercase());
        }
        Cow::Owned(value)
    }
}

/// Whether one more group and a separator stand before: `MAC:` is none, `c:` is.
fn group_before(before: &[u8], separator: u8) -> bool {
    let Some(rest) = before.strip_suffix(&[separator]) else {
        return false;
    };
    let word = rest
        .iter()
        .rev()
        .take(5)
        .take_while(|b| b.is_ascii_alphanumeric());
    let (mut length, mut hex) = (0, true);
    for b in word {
        length += 1;
        hex &= b.is_ascii_hexdigit();
    }
    hex && (1..=4).contains(&length)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_linear, assert_table};
    use super::*;

    #[test]
    fn table() {
        let value = "00:1a:2b:3c:4d:5e";
        for entity in [
            "00:1A:2B:3C:4D:5E",
            "00-1A-2B-3C-4D-5E",
            "00-1a-2b-3c-4d-5e",
            "001a.2b3c.4d5e",
            "001A.2B3C.4D5E",
            "００:１Ａ:２Ｂ:３Ｃ:４Ｄ:５Ｅ",
        ] {
            let expected = format!("{entity} → {value}");
            assert_table(
                &Mac,
                &[
                    (entity, &[&expected]),
                    (&format!("网卡{entity}已停用"), &[&expected]),
                    (
                        &format!("MAC:{entity}, HWaddr {entity}."),
                        &[&expected, &expected],
                    ),
                ],
            );
        }
        assert_table(
            &Mac,
            &[
                (value, &[value]),
                ("00:1a:2b:3c:4d:5e: up", &[value]),
                ("01:02:03:04:05:06", &["01:02:03:04:05:06"]),
                ("00:1a:2b:ff:fe:3c:4d:5e", &["00:1a:2b:ff:fe:3c:4d:5e"]),
                ("ffff.ffff.ffff", &["ffff.ffff.ffff → ff:ff:ff:ff:ff:ff"]),
                (
                    "[00:1a:2b:3c:4d:5e]=1 ether:00:1a:2b:3c:4d:5e",
                    &[value, value],
                ),
                // No address, or only a part of something longer.
                ("", &[]),
                (": 1:2 12:36:23 2026-11-22 e.g. a.b-c", &[]),
                ("00:1a:2b:3c:4d 00:1a:2b:3c:4d:5e:6f 00:1a:2b:3c:4d:5", &[]),
                ("00:1a:2b:3c:4d:5e:6f:70:81 1:00:1a:2b:3c:4d:5e", &[]),
                (
                    "00:1a-2b:3c-4d:5e 00:1a:2b:3c:4d:5g x00:1a:2b:3c:4d:5e",
                    &[],
                ),
                (
                    "00:1a:2b:3c:4d:5ef é00:1a:2b:3c:4d:5e 00:1a:2b:3c:4d:5eé",
                    &[],
                ),
                ("01-02-03-04-05-06 1234.5678.9012", &[]),
                (
                    "001a.2b3c.4d5e.6f70 001a.2b3c.4d5 2001:db8:1:2:3:4:5:6",
                    &[],
                ),
                ("43:51:43:a1:b5:fc:8b:b7:0a:3a:a9:b1:0f:66:73:a8", &[]),
            ],
        );
    }

    #[test]
    fn hostile_texts_are_linear() {
        assert_linear(
            &Mac,
            &[
                "a:",
                "aa:",
                "aa-",
                "aaaa.",
                "00:1a:2b:3c:4d:5e",
                "00:1a:2b:3c:4d:5e ",
                "0",
                ":",
                "-",
                ".",
            ],
        );
    }
}
