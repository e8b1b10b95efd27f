//! PHONE: telephone numbers of China, of North America, and international ones.
//!
//! Grammar (ITU-T E.164, 11/2010, with the separators of E.123; the Chinese and the North American numbering plan):
//! ```text
//! international = ("+" / "00") country-code groups        as many digits as the country has: plans.rs
//! groups        = digits separated by one of: space - . ( ) or a bracket with a space or hyphen; "(0)" is dropped
//! mobile        = ["86" / "0086" / "(+86)" / …] 1[3-9] and 9 digits, in one piece or 3-4-4 with one separator
//! landline      = "0" area ["-" / sp / " - " / – / — / ——] subscriber / "(0" area ")" subscriber / "86-" area "-" subscriber
//! service       = 400 / 800 and 7 digits, in one piece or three with "-" or sp: `400-810-8888`
//! american      = ["1" separator] area separator exchange separator line, the area in brackets or not
//! extension     = 转 / 分机 / x / ext. / ";ext=" and 1-6 digits, after Chinese landlines and services also "-" and 1-5
//! ```
//! Area codes are checked, subscriber numbers by the area's length (`china.rs`), North American areas and exchanges by
//! their plan's rules (`north_america.rs`). `800-555-0199` is read as North American. Left out: national numbers of
//! other countries, seven digits without an area, short numbers (`110`, `95588`), and letters (`1-800-FLOWERS`): their
//! form alone does not tell. The number of `tel:` URIs (RFC 3966) is found, the scheme is outside.
//!
//! Borders: not cut out of a longer run of digits or groups (a card, an IBAN, a dump), of a decimal, a price, a
//! percentage, an identifier, a message's id or an e-mail address. Only `+` and brackets say where groups begin; a `0`
//! alone before others is of a table.
//!
//! The value is `+` and the digits, and `;ext=801` for an extension (RFC 3966 §3). The score is 1 of what is written as
//! a number is: with `+`, brackets, a leading 1, or the separators of its country; 0.8 of a Chinese mobile in one
//! piece, of 400 and 800 numbers with spaces, of `202-555-0123` and of numbers after `00`; 0.6 of a landline or service
//! in one piece; 0.5 of `202 555 0123` and of one piece after `00`.
//!
//! Cost: stops at runs of digits; at most 64 bytes at each.

mod china;
mod extension;
mod international;
mod north_america;
mod plans;

use std::borrow::Cow;
use std::ops::Range;

use super::numeral::{run, run_before};
use super::{Anchor, DigitRuns, Found, Recognizer, border};

/// Recognizes phone numbers.
#[derive(Debug)]
pub(super) struct Phone;

/// A number as it stands in a text.
#[derive(Debug, Clone)]
struct Parts {
    /// Where the whole begins, prefix and brackets included.
    start: usize,
    /// Where the digits after country code and trunk prefix begin, and where they end.
    national: usize,
    end: usize,
    /// The digits of its extension, which may stand after `end`.
    extension: Option<Range<usize>>,
    score: f32,
}

impl Parts {
    fn of(national: usize, end: usize) -> Self {
        Self {
            start: national,
            national,
            end,
            extension: None,
            score: 1.0,
        }
    }

    fn span(&self) -> Range<usize> {
        self.start
            ..self
                .extension
                .as_ref()
                .map_or(self.end, |digits| digits.end)
    }
}

impl Recognizer for Phone {
    fn label(&self) -> &str {
        "PHONE"
    }
    fn description(&self) -> &str {
        "numbers with a country code, Chinese and North American ones without"
    }
    fn name(&self) -> &str {
        "phone"
    }
    fn definition(&self) -> Cow<'_, str> {
        Cow::Borrowed("3")
    }
    fn anchors(&self) -> Vec<Anchor> {
        // After a plus sign; in one piece; a first group with what can stand after it.
        vec![
            Anchor::Digits(DigitRuns::of_length(1..=15).preceded_by(b"+")),
            Anchor::Digits(DigitRuns::of_length(9..=17)),
            Anchor::Digits(DigitRuns::of_length(3..=3).followed_by(b" -).\xE2\xEF")),
            Anchor::Digits(DigitRuns::of_length(2..=2).followed_by(b" -)\xEF")),
            Anchor::Digits(DigitRuns::of_length(4..=4).followed_by(b" -)\xE2\xEF")),
            Anchor::Digits(DigitRuns::of_length(5..=5).followed_by(b" -")),
        ]
    }
    fn verify(&self, text: &str, at: usize, found: &mut Found<'_>) -> usize {
        let Some((_, parts)) = read(text, at).filter(|(_, parts)| parts.start >= found.floor())
        else {
            return at + 1;
        };
        let span = parts.span();
        if let Err(reason) = stands_alone(text, &span) {
            found.refuse(span, reason);
            return at + 1;
        }
        let end = span.end;
        found.push_scored(span, parts.score);
        end
    }
    fn value<'a>(&self, entity: &'a str) -> Cow<'a, str> {
        let bytes = entity.as_bytes();
        let runs = (0..bytes.len()).filter(|&at| run(bytes, at, 1) > run_before(bytes, at, 1));
        let whole = runs
            .filter_map(|at| read(entity, at))
            .find(|(_, parts)| parts.span() == (0..entity.len()));
        let Some((code, parts)) = whole else {
            return Cow::Borrowed(entity);
        };
        let national = entity[parts.national..parts.end].replace("(0)", "");
        let mut value = format!("+{code}");
        value.extend(national.chars().filter(char::is_ascii_digit));
        if let Some(extension) = parts.extension {
            value += ";ext=";
            value += &entity[extension];
        }
        if value == entity {
            Cow::Borrowed(entity)
        } else {
            Cow::Owned(value)
        }
    }
}

/// The number whose first digits, or whose area's, stand at `at`, and its country code.
fn read(text: &str, at: usize) -> Option<(u32, Parts)> {
    let bytes = text.as_bytes();
    if let Some((prefix, code_at)) = international::prefix(text, at) {
        let (code, parts) = international::after_prefix(text, prefix, code_at)?;
        let score = match bytes[prefix] {
            b'+' => parts.score,
            // A number padded with zeros looks like an American one.
            _ if code == 1 && run(bytes, at, 14) > 4 => return None,
            _ if run(bytes, at, 10) > 9 => 0.5,
            _ => 0.8,
        };
        return Some((code, Parts { score, ..parts }));
    }
    // `++1` is none.
    (!text[..at].ends_with('+')).then_some(())?;
    let american = || north_america::with_area(text, at).map(|parts| (1, parts));
    if let Some((code, parts)) = american().filter(|(_, parts)| parts.start < at) {
        return Some((code, parts));
    }
    let length = run(bytes, at, 18);
    let parts = match (bytes[at], length) {
        (b'1', 3 | 11) => china::national(text, at),
        (b'0', 3 | 4 | 11 | 12) => {
            let bracketed = text[..at].ends_with(['(', '（']);
            let closed = text[at + length..].starts_with([')', '）']);
            china::landline(text, at + 1, bracketed && closed).map(|parts| {
                let open = border::before(text, at).filter(|_| bracketed && closed);
                Parts {
                    start: at - open.map_or(0, char::len_utf8),
                    ..parts
                }
            })
        }
        (b'8', 2 | 13) if bytes[at..].starts_with(b"86") => with_china(text, at, length),
        (b'4' | b'8', 3 | 4 | 10) => china::service(text, at),
        _ => None,
    };
    parts.map(|parts| (86, parts)).or_else(american)
}

/// `86 138 1234 5678`, `(86)13812345678`, `86-10-65529988`: the code stands at `at`.
fn with_china(text: &str, at: usize, length: usize) -> Option<Parts> {
    let whole = (length == 2).then(|| bracketed(text, at..at + 2)).flatten();
    let Range { start, end } = whole.unwrap_or(at..at + 2);
    let apart = length == 2 && matches!(text.as_bytes().get(end), Some(b' ' | b'-'));
    let parts = china::national(text, end + usize::from(apart))?;
    Some(Parts {
        start,
        score: 1.0,
        ..parts
    })
}

/// Brackets around a country code: from `inner`, the wider range, if both stand there.
fn bracketed(text: &str, inner: Range<usize>) -> Option<Range<usize>> {
    let open = border::before(text, inner.start).filter(|c| matches!(c, '(' | '（'))?;
    let close = border::after(text, inner.end).filter(|c| matches!(c, ')' | '）'))?;
    Some(inner.start - open.len_utf8()..inner.end + close.len_utf8())
}

/// Whether what stands at `span` is no part of something longer.
fn stands_alone(text: &str, span: &Range<usize>) -> Result<(), &'static str> {
    let bytes = text.as_bytes();
    let entity = &text[span.clone()];
    let marked = entity.starts_with(['+', '(', '（']);
    // After a number that says its country, a long run of digits is another number.
    let longest = if entity.starts_with("00") { 4 } else { LONG };
    let grouped = entity.contains(' ')
        && !marked
        && (group_before(bytes, span.start) || group_after(bytes, span.end, longest));
    if grouped {
        Err("more groups of digits stand beside it")
    } else if !opens(text, span.start) {
        Err("it is the end of something longer")
    } else if !closes(text, span.end) {
        Err("it is the beginning of something longer")
    } else {
        Ok(())
    }
}

/// Longer than any group.
const LONG: usize = 18;

/// Whether a group of three digits or more, a country code, or a lone 0 stands before a space before `start`.
fn group_before(bytes: &[u8], start: usize) -> bool {
    let Some((b' ', rest)) = bytes[..start].split_last() else {
        return false;
    };
    let digits = rest
        .iter()
        .rev()
        .take(4)
        .take_while(|b| b.is_ascii_digit())
        .count();
    let lone = digits == 1 && rest.ends_with(b"0");
    digits >= 3 || lone || digits > 0 && rest[..rest.len() - digits].ends_with(b"+")
}

/// Whether a group of three digits or more, `longest` at most, stands after a space after `end`.
fn group_after(bytes: &[u8], end: usize, longest: usize) -> bool {
    bytes.get(end) == Some(&b' ') && (3..=longest).contains(&run(bytes, end + 1, LONG))
}

/// Whether a number may begin at `start`.
fn opens(text: &str, start: usize) -> bool {
    let before = border::before(text, start);
    let Some(c) = before else { return true };
    let further = border::before(text, start - c.len_utf8());
    match c {
        '.' => !further.is_some_and(|f| f.is_ascii_digit()),
        '-' => !further.is_some_and(|f| f.is_ascii_alphanumeric()),
        '/' => !further.is_some_and(|f| f.is_ascii_alphabetic()),
        '$' | '¥' | '￥' | '€' | '£' => false,
        _ => !border::joins(before),
    }
}

/// Whether a number may end at `end`.
fn closes(text: &str, end: usize) -> bool {
    let after = border::after(text, end);
    let Some(c) = after else { return true };
    let further = border::after(text, end + c.len_utf8());
    match c {
        '.' => !further.is_some_and(|f| f.is_ascii_alphanumeric()),
        '-' => !further.is_some_and(|f| f.is_ascii_digit()),
        '@' | '%' | '$' => false,
        _ => !border::joins(after),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_linear, assert_table, find};
    use super::*;

    #[test]
    fn table() {
        let cn = "+8613812345678";
        let is = |entity: &str| format!("{entity} → {cn}");
        for entity in [
            "13812345678",
            "138-1234-5678",
            "138 1234 5678",
            "8613812345678",
            "008613812345678",
            "86-13812345678",
            "86 138 1234 5678",
            "0086-138-1234-5678",
            "+86 13812345678",
            "+86-138-1234-5678",
            "+86 138 1234 5678",
            "(+86)13812345678",
            "（+86）138 1234 5678",
            "(86)13812345678",
            "＋8613812345678",
        ] {
            assert_table(
                &Phone,
                &[
                    (entity, &[&is(entity)]),
                    (&format!("电话{entity}转"), &[&is(entity)]),
                ],
            );
        }
        assert_table(
            &Phone,
            &[
                ("+8613812345678", &["+8613812345678"]),
                ("+1 (202) 555-0123", &["+1 (202) 555-0123 → +12025550123"]),
                (
                    "+1-202-555-0123, +12025550123; +1.202.555.0123",
                    &[
                        "+1-202-555-0123 → +12025550123",
                        "+12025550123",
                        "+1.202.555.0123 → +12025550123",
                    ],
                ),
                ("+44 20 7946 0958", &["+44 20 7946 0958 → +442079460958"]),
                (
                    "+44 (0)20 7946 0958",
                    &["+44 (0)20 7946 0958 → +442079460958"],
                ),
                ("+86 10 6552 9988", &["+86 10 6552 9988 → +861065529988"]),
                ("+852 2123 4567.", &["+852 2123 4567 → +85221234567"]),
                (
                    "13812345678,13912345678/13712345678 13612345678",
                    &[
                        "13812345678 → +8613812345678",
                        "13912345678 → +8613912345678",
                        "13712345678 → +8613712345678",
                        "13612345678 → +8613612345678",
                    ],
                ),
                (
                    "tel:13812345678 phone=13812345678",
                    &[
                        "13812345678 → +8613812345678",
                        "13812345678 → +8613812345678",
                    ],
                ),
                (
                    "2026-11-22 12:30 138 1234 5678",
                    &["138 1234 5678 → +8613812345678"],
                ),
                // Chinese landlines and services.
                (
                    "010-65529988 (0755) 2345 6789 （021）22345678 0755-2345-6789，0311 87654321",
                    &[
                        "010-65529988 → +861065529988",
                        "(0755) 2345 6789 → +8675523456789",
                        "（021）22345678 → +862122345678",
                        "0755-2345-6789 → +8675523456789",
                        "0311 87654321 → +8631187654321",
                    ],
                ),
                (
                    "电话01065529988，075523456789、08342812345转",
                    &[
                        "01065529988 → +861065529988",
                        "075523456789 → +8675523456789",
                        "08342812345 → +868342812345",
                    ],
                ),
                (
                    "021-22345678转801 0755-23456789-801，010-65529988 分机 12；010-65529988 ext. 7",
                    &[
                        "021-22345678转801 → +862122345678;ext=801",
                        "0755-23456789-801 → +8675523456789;ext=801",
                        "010-65529988 分机 12 → +861065529988;ext=12",
                        "010-65529988 ext. 7 → +861065529988;ext=7",
                    ],
                ),
                (
                    "86-10-65529988 +86-010-65529988 +86 (0)755 2345 6789 +86 (755) 23456789 (86)10-65529988",
                    &[
                        "86-10-65529988 → +861065529988",
                        "+86-010-65529988 → +861065529988",
                        "+86 (0)755 2345 6789 → +8675523456789",
                        "+86 (755) 23456789 → +8675523456789",
                        "(86)10-65529988 → +861065529988",
                    ],
                ),
                (
                    "400-810-8888 4008108888 4008-108-888，400 810 8888，400-8108888 800-8108-888",
                    &[
                        "400-810-8888 → +864008108888",
                        "4008108888 → +864008108888",
                        "4008-108-888 → +864008108888",
                        "400 810 8888 → +864008108888",
                        "400-8108888 → +864008108888",
                        "800-8108-888 → +868008108888",
                    ],
                ),
                // North America.
                (
                    "(202) 555-0123, (202)555-0123 202-555-0123 202.555.0123，202 555-0123",
                    &[
                        "(202) 555-0123 → +12025550123",
                        "(202)555-0123 → +12025550123",
                        "202-555-0123 → +12025550123",
                        "202.555.0123 → +12025550123",
                        "202 555-0123 → +12025550123",
                    ],
                ),
                (
                    "1-800-555-0199, 1 (800) 555-0199 1.800.555.0199 +1 202-555-0123 (202) 555-0123 x123",
                    &[
                        "1-800-555-0199 → +18005550199",
                        "1 (800) 555-0199 → +18005550199",
                        "1.800.555.0199 → +18005550199",
                        "+1 202-555-0123 → +12025550123",
                        "(202) 555-0123 x123 → +12025550123;ext=123",
                    ],
                ),
                // Other countries.
                (
                    "0044 20 7946 0958, 00442079460958; 00 44 20 7946 0958 008613812345678",
                    &[
                        "0044 20 7946 0958 → +442079460958",
                        "00442079460958 → +442079460958",
                        "00 44 20 7946 0958 → +442079460958",
                        "008613812345678 → +8613812345678",
                    ],
                ),
                (
                    "+44 20 7946 0958 2026 +852 2123 4567 8765 +853 2871 8888 12345 +886 2 2345 6789",
                    &[
                        "+44 20 7946 0958 → +442079460958",
                        "+852 2123 4567 → +85221234567",
                        "+853 2871 8888 → +85328718888",
                        "+886 2 2345 6789 → +886223456789",
                    ],
                ),
                (
                    "tel:+1-202-555-0123;ext=7 tel:+86-10-65529988",
                    &[
                        "+1-202-555-0123;ext=7 → +12025550123;ext=7",
                        "+86-10-65529988 → +861065529988",
                    ],
                ),
                (
                    "+001 407 323 1668, 00852-21234567, 00852 2123 4567; 00353 61 213147",
                    &[
                        "+001 407 323 1668 → +14073231668",
                        "00852-21234567 → +85221234567",
                        "00852 2123 4567 → +85221234567",
                        "00353 61 213147 → +35361213147",
                    ],
                ),
                (
                    "010—65541234，010–65541234；010 - 65541234，0755——23456789",
                    &[
                        "010—65541234 → +861065541234",
                        "010–65541234 → +861065541234",
                        "010 - 65541234 → +861065541234",
                        "0755——23456789 → +8675523456789",
                    ],
                ),
                // No phone, or only a part of something longer.
                (
                    "DE89 3704 0044 0532 0130 00, 0000 0020 5254 0012 3456; 0020 5254 0012 3456 0000",
                    &[],
                ),
                (
                    "1234 0044 20 7946 0958, 0 604 669 3288; <17090200005$1021 00020 1234 5678 010—15541234",
                    &[],
                ),
                (
                    "000-65529988 010-15529988 026-65529988 0399-1234567 010-6552998 01015529988",
                    &[],
                ),
                ("010-65529988-1234567 1010-65529988 010-655299881", &[]),
                (
                    "400-810-888 400-8108-8888 4001234567890 500-810-8888-1",
                    &[],
                ),
                (
                    "102-555-0123 202-155-0123 211-555-0123 202-911-0123 292-555-0123",
                    &[],
                ),
                (
                    "202-555 0123 202.555-0123 (202-555-0123) 2025550123 12-202-555-0123 555-0123",
                    &["202-555-0123 → +12025550123"],
                ),
                ("192.168.0.1 255.255.255.0 0012025550123 00999 123 456", &[]),
                ("", &[]),
                ("1", &[]),
                ("12812345678 1381234567 138123456789", &[]),
                ("13812345678\u{301} 13812345678e\u{301}", &[]),
                ("110101199001011234", &[]),
                ("6222 0213 8123 4567 138 1234 5678 9012", &[]),
                (
                    "6222-0213-8123-4567 138-1234-5678-9012 010-13812345678",
                    &[],
                ),
                ("3.13812345678 13812345678.5 $13812345678 13812345678%", &[]),
                ("id13812345678 x_13812345678 13812345678a", &[]),
                ("13812345678@example.com 13812345678.example.com", &[]),
                ("１13812345678 13812345678１", &[]),
                (
                    "+999 123 456 789 +1 102 555 0123 +1 202 155 0123 +1 202 555",
                    &[],
                ),
                ("3+8613812345678 ++8613812345678 +86138123456789", &[]),
                ("+44 1", &[]),
                ("+1 138 1234 5678", &[]),
                ("138-1234 5678", &[]),
            ],
        );
    }

    #[test]
    fn scores() {
        for (text, score) in [
            ("+8613812345678", 1.0),
            ("138 1234 5678", 1.0),
            ("13812345678", 0.8),
            ("8613812345678", 1.0),
            ("010-65529988", 1.0),
            ("01065529988", 0.6),
            ("400-810-8888", 1.0),
            ("400 810 8888", 0.8),
            ("4008108888", 0.6),
            ("(202) 555-0123", 1.0),
            ("1 202 555 0123", 1.0),
            ("202-555-0123", 0.8),
            ("202 555 0123", 0.5),
            ("0044 20 7946 0958", 0.8),
            ("00442079460958", 0.5),
        ] {
            assert_eq!(find(&Phone, text)[0].score, score, "{text}");
        }
    }

    #[test]
    fn hostile_texts_are_linear() {
        assert_linear(
            &Phone,
            &[
                "1",
                "1 ",
                "+1",
                "+86 ",
                "138 1234 ",
                "13812345678",
                "13812345678 ",
                "+44(0)",
                "(",
                "1-",
                "１1",
                "010-",
                "010-65529988-",
                "(0755) ",
                "400-810-",
                "202-555-",
                "202.555.",
                "00",
                "0044 ",
                "010-65529988转",
                "00852 ",
                "010—",
                "010 - ",
            ],
        );
    }
}
