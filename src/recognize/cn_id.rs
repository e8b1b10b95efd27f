//! CN_ID: the identity numbers of China's citizens and residents (公民身份号码).
//!
//! Grammar (GB 11643-1999; residence permits for Hong Kong, Macao and Taiwan of 2018, and for foreigners of 2023, keep
//! to it):
//! ```text
//! id     = region birth 3DIGIT check        18 characters
//! region = province city county / "9" province 3DIGIT   two digits each, as in GB/T 2260
//! birth  = year month day                   a day of the calendar, 1800 to 2099
//! check  = DIGIT / "X"                      ISO 7064 MOD 11-2; "x" is read as "X"
//! ```
//! The 15 digits of before 1999 are left out: they have no check digit, and one in four numbers that begin like a
//! region would be taken for them. Borders: not cut out of a longer number, word, or code with hyphens or dots.
//!
//! The value has `X` in upper case.
//!
//! Cost: stops at runs of 18 digits, or 17 before an `X`; at most 20 bytes at each.

use std::borrow::Cow;

use super::{Anchor, DigitRuns, Found, Recognizer, border, checksum, digits};

/// Recognizes Chinese identity numbers.
#[derive(Debug)]
pub(super) struct CnId;

/// Characters of an identity number.
pub(super) const LENGTH: usize = 18;

impl Recognizer for CnId {
    fn label(&self) -> &str {
        "CN_ID"
    }
    fn description(&self) -> &str {
        "Chinese identity numbers with a valid check digit"
    }
    fn name(&self) -> &str {
        "cn_id"
    }
    fn definition(&self) -> Cow<'_, str> {
        Cow::Borrowed("1")
    }
    fn anchors(&self) -> Vec<Anchor> {
        vec![
            Anchor::Digits(DigitRuns::of_length(LENGTH..=LENGTH)),
            Anchor::Digits(DigitRuns::of_length(LENGTH - 1..=LENGTH - 1).followed_by(b"Xx")),
        ]
    }
    fn verify(&self, text: &str, at: usize, found: &mut Found<'_>) -> usize {
        let span = at..at + LENGTH;
        let id = &text.as_bytes()[span.clone()];
        let verdict = match (is_region(id), is_birth(&id[6..14])) {
            (false, false) => return at + 1,
            (false, true) => Err("no region has its first digits"),
            (true, false) => Err("its date of birth is no day"),
            (true, true) if !checksum::mod_11_2(id.iter().copied()) => Err("the checksum is wrong"),
            (true, true) if !border::stands_alone(text, &span) => {
                Err("it is part of something longer")
            }
            (true, true) => Ok(()),
        };
        found.decide(span, verdict, at + 1)
    }
    fn value<'a>(&self, entity: &'a str) -> Cow<'a, str> {
        if entity.ends_with('x') {
            Cow::Owned(entity.to_ascii_uppercase())
        } else {
            Cow::Borrowed(entity)
        }
    }
}

/// Whether 18 characters are an identity number.
pub(super) fn is_id(id: &[u8]) -> bool {
    is_region(id) && is_birth(&id[6..14]) && checksum::mod_11_2(id.iter().copied())
}

fn is_region(id: &[u8]) -> bool {
    is_division(&id[..4]) || id[0] == b'9' && is_province(&id[1..3])
}

/// Whether four digits can begin a division's code of GB/T 2260: a province, and 00 for itself, 01-70 for a city,
/// prefecture or league, 90 for counties under no city.
pub(super) fn is_division(code: &[u8]) -> bool {
    is_province(&code[..2]) && matches!(&code[2..], [b'0'..=b'6', b'0'..=b'9'] | b"70" | b"90")
}

/// Whether two digits are a province: 81 is Hong Kong, 82 Macao, 83 (in residence permits) and 71 Taiwan.
fn is_province(code: &[u8]) -> bool {
    matches!(
        code,
        [b'1', b'1'..=b'5']
            | [b'2', b'1'..=b'3']
            | [b'3', b'1'..=b'7']
            | [b'4', b'1'..=b'6']
            | [b'5', b'0'..=b'4']
            | [b'6', b'1'..=b'5']
            | b"71"
            | [b'8', b'1'..=b'3']
    )
}

/// Whether eight digits are a day of the calendar.
fn is_birth(date: &[u8]) -> bool {
    let [year, month, day] = [&date[..4], &date[4..6], &date[6..]].map(digits::number);
    let leap = year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 => 28 + u32::from(leap),
        1..=12 => 31,
        _ => 0,
    };
    (1800..2100).contains(&year) && (1..=days).contains(&day)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_linear, assert_table};
    use super::*;

    #[test]
    fn table() {
        // The standard's own examples.
        let (x, digits) = ("11010519491231002X", "440524188001010014");
        assert_table(
            &CnId,
            &[
                (x, &[x]),
                (digits, &[digits]),
                (
                    "身份证号：11010519491231002x，请核对",
                    &["11010519491231002x → 11010519491231002X"],
                ),
                ("张三身份证440524188001010014号", &[digits]),
                (
                    "４４０５２４１８８００１０１００１４",
                    &["４４０５２４１８８００１０１００１４ → 440524188001010014"],
                ),
                (
                    "440524188001010014,11010519491231002X/440524188001010014",
                    &[digits, x, digits],
                ),
                (
                    "id=440524188001010014&x (440524188001010014) 440524188001010014.",
                    &[digits, digits, digits],
                ),
                // No number: checksum, region, date; or only a part of something longer.
                ("", &[]),
                (
                    "440524188001010015 110105194912310021 11010519491231003X",
                    &[],
                ),
                ("990105194912310029 000105194912310025", &[]),
                (
                    "440524188002300019 440524188013010014 440524178001010013",
                    &[],
                ),
                (
                    "4405241880010100144 1440524188001010014 44052418800101001",
                    &[],
                ),
                (
                    "a440524188001010014 440524188001010014a 11010519491231002XY",
                    &[],
                ),
                (
                    "_440524188001010014 440524188001010014é 3.440524188001010014",
                    &[],
                ),
                (
                    "1-440524188001010014 440524188001010014-2 440524188001010014@example.com",
                    &[],
                ),
                ("130503670401001", &[]),
            ],
        );
    }

    #[test]
    fn reasons() {
        let scanner = super::super::Registry::builtin()
            .scanner(&["CN_ID"])
            .unwrap();
        for (id, reason) in [
            ("990105194912310029", "region"),
            ("11010519491331002X", "birth"),
            ("110105194912310021", "checksum"),
            ("1-11010519491231002X", "something longer"),
        ] {
            let (spans, refused) = scanner.explain(id);
            assert!(spans.is_empty(), "{id}");
            assert!(refused[0].reason.contains(reason), "{refused:?}");
        }
        assert_eq!(scanner.explain("990000000000000000"), (vec![], vec![]));
    }

    #[test]
    fn residence_permits() {
        for region in ["810000", "820000", "830000", "911840"] {
            let body = format!("{region}19900307101");
            let ids = "0123456789X".chars().map(|check| format!("{body}{check}"));
            assert_eq!(ids.filter(|id| is_id(id.as_bytes())).count(), 1, "{region}");
        }
    }

    #[test]
    fn days_are_the_calendars() {
        for (date, is) in [
            ("20000229", true),
            ("19000229", false),
            ("20240229", true),
            ("20230229", false),
            ("20230431", false),
            ("20231200", false),
            ("21000101", false),
        ] {
            assert_eq!(is_birth(date.as_bytes()), is, "{date}");
        }
    }

    #[test]
    fn hostile_texts_are_linear() {
        assert_linear(
            &CnId,
            &[
                "1",
                "440524188001010014",
                "440524188001010014 ",
                "440524188001010015 ",
                "11010519491231002X",
                "X",
            ],
        );
    }
}
