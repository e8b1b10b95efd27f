//! PHONE: international numbers, and Chinese mobiles.
//!
//! Grammar (ITU-T E.164, 11/2010, with the separators of E.123; the Chinese numbering plan's mobile ranges):
//! ```text
//! international = "+" country-code groups      7-15 digits together
//! groups        = digits separated by one of: space - . ( ) or a bracket with a space or hyphen; "(0)" is dropped
//! mobile        = ["86" / "0086" / "(+86)" / …] 1[3-9] and 9 digits, in one piece or 3-4-4 with one separator
//! ```
//! Country codes are those assigned in ITU's list of 2016 and since (`COUNTRY_CODES` below). Lengths are checked
//! for +1 (10 national digits, neither area nor exchange starting with 0 or 1) and +86 (9-11); for others E.164's
//! bounds are all there is, so a number that follows one after a space may be taken for its last group.
//! National numbers without `+` other than Chinese mobiles are left out: their digits alone do not tell.
//!
//! Borders: not cut out of a longer run of digits or groups (a card, an identity number), of a decimal, a price, a
//! percentage, an identifier or an e-mail address.
//!
//! The value is `+` and the digits.
//!
//! Cost: stops at runs of digits; at most 64 bytes at each.

use std::borrow::Cow;
use std::ops::Range;

use super::{Anchor, DigitRuns, Found, Recognizer, border};

/// Recognizes phone numbers.
#[derive(Debug)]
pub(super) struct Phone;

const MAX_DIGITS: usize = 15;
const MIN_DIGITS: usize = 7;

impl Recognizer for Phone {
    fn label(&self) -> &str {
        "PHONE"
    }
    fn name(&self) -> &str {
        "phone"
    }
    fn definition(&self) -> Cow<'_, str> {
        Cow::Borrowed("1")
    }
    fn anchors(&self) -> Vec<Anchor> {
        // After a plus sign; a mobile in one piece; its first group; a country
        // code with what can stand after it.
        vec![
            Anchor::Digits(DigitRuns::of_length(1..=15).preceded_by(b"+")),
            Anchor::Digits(DigitRuns::of_length(11..=11)),
            Anchor::Digits(DigitRuns::of_length(13..=13)),
            Anchor::Digits(DigitRuns::of_length(15..=15)),
            Anchor::Digits(DigitRuns::of_length(3..=3).followed_by(b" -")),
            Anchor::Digits(DigitRuns::of_length(2..=2).followed_by(b" -)\xEF")),
            Anchor::Digits(DigitRuns::of_length(4..=4).followed_by(b" -)\xEF")),
        ]
    }
    fn verify(&self, text: &str, at: usize, found: &mut Found<'_>) -> usize {
        let span = match plus_before(text, at) {
            Some(plus) => international(text, plus, at),
            None => mobile(text, at),
        };
        match span.filter(|span| span.start >= found.floor()) {
            None => at + 1,
            Some(span) => {
                let end = span.end;
                found.push(span);
                end
            }
        }
    }
    fn value<'a>(&self, entity: &'a str) -> Cow<'a, str> {
        let digits: String = entity
            .replace("(0)", "")
            .chars()
            .filter(char::is_ascii_digit)
            .collect();
        let value = if entity.contains('+') {
            format!("+{digits}")
        } else {
            format!("+86{}", &digits[digits.len().saturating_sub(11)..])
        };
        if value == entity {
            Cow::Borrowed(entity)
        } else {
            Cow::Owned(value)
        }
    }
}

/// The length of the digit run at `at`, counted no further than matters.
fn run(bytes: &[u8], at: usize) -> usize {
    bytes
        .get(at..)
        .unwrap_or_default()
        .iter()
        .take(MAX_DIGITS + 2)
        .take_while(|b| b.is_ascii_digit())
        .count()
}

/// Where the plus sign directly before `at` stands.
fn plus_before(text: &str, at: usize) -> Option<usize> {
    text[..at].ends_with('+').then(|| at - 1)
}

/// Brackets around a country code: from `inner`, the wider range, if both stand there.
fn bracketed(text: &str, inner: Range<usize>) -> Option<Range<usize>> {
    let open = border::before(text, inner.start).filter(|c| matches!(c, '(' | '（'))?;
    let close = border::after(text, inner.end).filter(|c| matches!(c, ')' | '）'))?;
    Some(inner.start - open.len_utf8()..inner.end + close.len_utf8())
}

/// A Chinese mobile whose first digits stand at `at`, with no plus sign before.
fn mobile(text: &str, at: usize) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let length = run(bytes, at);
    let prefix = match length {
        2 | 13 if bytes[at..].starts_with(b"86") => 2,
        4 | 15 if bytes[at..].starts_with(b"0086") => 4,
        _ => 0,
    };
    let mut start = at;
    let mut national = at + prefix;
    if prefix == length {
        if let Some(whole) = bracketed(text, at..national) {
            start = whole.start;
            national = whole.end;
        }
        national += usize::from(matches!(bytes.get(national), Some(b' ' | b'-')));
    }
    let (end, separator) = national_mobile(bytes, national)?;
    let grouped =
        separator == Some(b' ') && (group_before(bytes, start) || group_after(bytes, end));
    (!grouped && opens(text, start) && closes(text, end)).then_some(start..end)
}

/// Where the eleven digits that begin at `at` end, and what separates them.
fn national_mobile(bytes: &[u8], at: usize) -> Option<(usize, Option<u8>)> {
    if bytes.get(at) != Some(&b'1') || !matches!(bytes.get(at + 1), Some(b'3'..=b'9')) {
        return None;
    }
    match run(bytes, at) {
        11 => Some((at + 11, None)),
        3 => {
            let separator = *bytes.get(at + 3).filter(|b| matches!(b, b' ' | b'-'))?;
            let fine = run(bytes, at + 4) == 4
                && bytes.get(at + 8) == Some(&separator)
                && run(bytes, at + 9) == 4;
            fine.then_some((at + 13, Some(separator)))
        }
        _ => None,
    }
}

/// Whether a group of three digits or more, or a country code, stands before a space before `start`.
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
    digits >= 3 || digits > 0 && rest[..rest.len() - digits].ends_with(b"+")
}

/// Whether a group of three digits or more stands after a space after `end`.
fn group_after(bytes: &[u8], end: usize) -> bool {
    bytes.get(end) == Some(&b' ') && run(bytes, end + 1) >= 3
}

/// An international number whose plus sign and first digits stand at `plus` and `at`.
fn international(text: &str, plus: usize, at: usize) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let first = run(bytes, at);
    let code = (1..=first.min(3)).find(|&n| is_country_code(number(&bytes[at..at + n])))?;
    let (mut start, mut after_code) = (plus, at + code);
    if first == code
        && let Some(whole) = bracketed(text, plus..after_code)
    {
        start = whole.start;
        after_code = whole.end;
    }
    if !opens(text, start) || plus_before(text, start).is_some() {
        return None;
    }
    let national = after_code
        + usize::from(first == code && matches!(bytes.get(after_code), Some(b' ' | b'-')));
    let end = match &bytes[at..at + code] {
        b"86" if let Some((end, _)) = national_mobile(bytes, national) => end,
        b"86" => groups_end(bytes, after_code, code, 11..=13)?,
        b"1" => groups_end(bytes, after_code, code, 11..=11)
            .filter(|&end| is_north_american(&bytes[after_code..end]))?,
        _ => groups_end(bytes, after_code, code, MIN_DIGITS..=MAX_DIGITS)?,
    };
    closes(text, end).then_some(start..end)
}

/// Where the last group ends that keeps the number, `code` digits so far, within `allowed` digits.
fn groups_end(
    bytes: &[u8],
    start: usize,
    code: usize,
    allowed: std::ops::RangeInclusive<usize>,
) -> Option<usize> {
    let (mut at, mut digits, mut open) = (start, code, false);
    let mut best = None;
    loop {
        let group = run(bytes, at);
        digits += group;
        at += group;
        if digits > *allowed.end() {
            break;
        }
        if !open && allowed.contains(&digits) {
            best = Some(at);
        }
        let Some((next, opened)) = separator_end(bytes, at, open) else {
            break;
        };
        (at, open) = (next, opened);
    }
    // More digits may follow after a space (another number), not after what joins groups or directly.
    best.filter(|&end| !bytes.get(end).is_some_and(u8::is_ascii_digit))
}

/// Where the separator at `at` ends, before a digit, and whether a bracket is open then.
fn separator_end(bytes: &[u8], at: usize, open: bool) -> Option<(usize, bool)> {
    const CLOSED: [&[u8]; 9] = [
        b"(0)", b" (0) ", b" (0)", b" (", b"-(", b"(", b" ", b"-", b".",
    ];
    const OPEN: [&[u8]; 4] = [b") ", b")-", b")", b"-"];
    let separators: &[&[u8]] = if open { &OPEN } else { &CLOSED };
    let rest = bytes.get(at..)?;
    let separator = separators
        .iter()
        .find(|s| rest.starts_with(s) && rest.get(s.len()).is_some_and(u8::is_ascii_digit))?;
    let still_open = separator.ends_with(b"(") || open && !separator.contains(&b')');
    Some((at + separator.len(), still_open))
}

/// Whether ten digits, however written, are a number of the North American plan.
fn is_north_american(national: &[u8]) -> bool {
    let digits: Vec<u8> = national
        .iter()
        .copied()
        .filter(u8::is_ascii_digit)
        .collect();
    digits.len() == 10 && digits[0] >= b'2' && digits[3] >= b'2'
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
        '@' | '%' => false,
        _ => !border::joins(after),
    }
}

fn number(digits: &[u8]) -> u32 {
    digits.iter().fold(0, |n, d| n * 10 + u32::from(d - b'0'))
}

/// The assigned country codes (Annex to ITU Operational Bulletin 1114, and later bulletins), shared and global
/// services (800, 808, 870, 878, 881-883, 888, 979) included.
fn is_country_code(code: u32) -> bool {
    matches!(code,
        1 | 7
        | 20 | 27 | 30..=34 | 36 | 39..=41 | 43..=49 | 51..=58 | 60..=66 | 81 | 82 | 84 | 86 | 90..=95 | 98
        | 211..=213 | 216 | 218 | 220..=258 | 260..=269 | 290 | 291 | 297..=299
        | 350..=359 | 370..=383 | 385..=387 | 389 | 420 | 421 | 423
        | 500..=509 | 590..=599 | 670 | 672..=683 | 685..=692
        | 800 | 808 | 850 | 852 | 853 | 855 | 856 | 870 | 878 | 880..=883 | 886 | 888
        | 960..=968 | 970..=977 | 979 | 992..=996 | 998)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_linear, assert_table};
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
                // No phone, or only a part of something longer.
                ("", &[]),
                ("1", &[]),
                ("12812345678 1381234567 138123456789", &[]),
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
            ],
        );
    }
}
