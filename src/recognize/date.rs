//! DATE: days, and Chinese months, as people and machines write them.
//!
//! Grammar (ISO 8601-1 §5.2.2 extended format and its common relatives; English and Chinese usage):
//! ```text
//! iso      = year "-" month "-" day, also with "/" or "."     the same separator twice; the date of a timestamp
//! numeric  = d "/" d "/" year, also with "-" or "."           only where day and month cannot be confused
//! english  = month-name [.] day[st|nd|rd|th] [,] year / day[st|nd|rd|th] [of] month-name [.] [,] year
//!            / day "-" month-name "-" year                    also with "/"
//! chinese  = year 年 month 月 [day 日|号|號]                   single spaces allowed between
//! ```
//! Years are 1000-2999, months and days of one or two digits, days checked against the calendar (1900 is no leap
//! year). `11/12/2026` is no entity, because it is November in New York and December in London; `22/11/2026` and
//! `11/11/2026` are. Dates without a year, with two-digit years or Chinese numerals, and compact ones (`20261122`,
//! which could be any number) are left out.
//!
//! Borders: not cut out of a longer run of digits or letters, of a version (`1.2026.11.22`) or an address (`2026.1.2.3`).
//!
//! The value is `2026-11-22`, or `2026-11` for a month.
//!
//! Cost: stops at runs of digits; at most 48 bytes at each.

use std::borrow::Cow;
use std::ops::Range;

use super::{Anchor, DigitRuns, Found, Recognizer, border};

/// Recognizes dates.
#[derive(Debug)]
pub(super) struct Date;

#[derive(Debug, Clone, Copy)]
struct Day {
    year: u32,
    month: u32,
    /// None for a month as a whole.
    day: Option<u32>,
}

impl Recognizer for Date {
    fn label(&self) -> &str {
        "DATE"
    }
    fn name(&self) -> &str {
        "date"
    }
    fn definition(&self) -> Cow<'_, str> {
        Cow::Borrowed("1")
    }
    fn anchors(&self) -> Vec<Anchor> {
        // What can follow a year, and a day: a separator, 年, a space, an ordinal's letter, a comma.
        let year = DigitRuns::of_length(4..=4).followed_by(b"-/.\xE5 ");
        let day = DigitRuns::of_length(1..=2).followed_by(b"-/. ,sSnNrRtT");
        vec![Anchor::Digits(year), Anchor::Digits(day)]
    }
    fn verify(&self, text: &str, at: usize, found: &mut Found<'_>) -> usize {
        match parse(text, at).filter(|(span, _)| span.start >= found.floor()) {
            None => at + 1,
            Some((span, _)) => {
                let end = span.end;
                found.push(span);
                end
            }
        }
    }
    fn value<'a>(&self, entity: &'a str) -> Cow<'a, str> {
        let first_digit = entity.bytes().position(|b| b.is_ascii_digit());
        let value = match first_digit.and_then(|at| parse(entity, at)) {
            Some((
                _,
                Day {
                    year,
                    month,
                    day: Some(day),
                },
            )) => format!("{year:04}-{month:02}-{day:02}"),
            Some((
                _,
                Day {
                    year,
                    month,
                    day: None,
                },
            )) => format!("{year:04}-{month:02}"),
            None => return Cow::Borrowed(entity),
        };
        if value == entity {
            Cow::Borrowed(entity)
        } else {
            Cow::Owned(value)
        }
    }
}

/// The date whose first digits stand at `at`.
fn parse(text: &str, at: usize) -> Option<(Range<usize>, Day)> {
    match run(text.as_bytes(), at) {
        4 => year_first(text, at),
        1 | 2 => month_name_first(text, at).or_else(|| day_first(text, at)),
        _ => None,
    }
}

/// The length of the digit run at `at`, counted no further than matters.
fn run(bytes: &[u8], at: usize) -> usize {
    bytes
        .get(at..)
        .unwrap_or_default()
        .iter()
        .take(5)
        .take_while(|b| b.is_ascii_digit())
        .count()
}

/// A number of `lengths` digits at `at`, no more, and where it ends.
fn number(bytes: &[u8], at: usize, lengths: Range<usize>) -> Option<(u32, usize)> {
    let length = run(bytes, at);
    lengths.contains(&length).then(|| {
        (
            bytes[at..at + length]
                .iter()
                .fold(0, |n, d| n * 10 + u32::from(d - b'0')),
            at + length,
        )
    })
}

fn year(bytes: &[u8], at: usize) -> Option<(u32, usize)> {
    number(bytes, at, 4..5).filter(|(year, _)| (1000..3000).contains(year))
}

fn year_first(text: &str, at: usize) -> Option<(Range<usize>, Day)> {
    let bytes = text.as_bytes();
    let (year, i) = year(bytes, at)?;
    match *bytes.get(i)? {
        separator @ (b'-' | b'/' | b'.') => {
            let (month, i) = number(bytes, i + 1, 1..3)?;
            (bytes.get(i) == Some(&separator)).then_some(())?;
            let (day, end) = number(bytes, i + 1, 1..3)?;
            let day = checked(year, month, day)?;
            (opens(text, at) && closes(text, end)).then_some((at..end, day))
        }
        _ => {
            let i = unit(text, i, &['年'])?;
            let (month, i) = number(bytes, i, 1..3)?;
            let end = unit_end(text, i, &['月'])?;
            let rest = unit(text, i, &['月'])?;
            let day = number(bytes, rest, 1..3)
                .and_then(|(day, i)| unit_end(text, i, &['日', '号', '號']).map(|end| (day, end)));
            if !opens(text, at) || !(1..=12).contains(&month) {
                return None;
            }
            match day {
                Some((day, end)) => checked(year, month, day).map(|day| (at..end, day)),
                None => Some((
                    at..end,
                    Day {
                        year,
                        month,
                        day: None,
                    },
                )),
            }
        }
    }
}

/// The end of one of `units` at `at`, a space before it allowed.
fn unit_end(text: &str, at: usize, units: &[char]) -> Option<usize> {
    let rest = &text[at..];
    let trimmed = rest.strip_prefix(' ').unwrap_or(rest);
    trimmed
        .strip_prefix(units)
        .map(|rest| text.len() - rest.len())
}

/// As [`unit_end`], with a space after it.
fn unit(text: &str, at: usize, units: &[char]) -> Option<usize> {
    unit_end(text, at, units).map(|end| end + usize::from(text[end..].starts_with(' ')))
}

/// `Nov 22, 2026`: the month's name stands before the digits at `at`.
fn month_name_first(text: &str, at: usize) -> Option<(Range<usize>, Day)> {
    let bytes = text.as_bytes();
    let spaces = bytes[..at]
        .iter()
        .rev()
        .take(2)
        .take_while(|&&b| b == b' ')
        .count();
    if spaces == 0 {
        return None;
    }
    let name_end = at - spaces - usize::from(bytes[..at - spaces].ends_with(b"."));
    let letters = bytes[..name_end]
        .iter()
        .rev()
        .take(10)
        .take_while(|b| b.is_ascii_alphabetic())
        .count();
    let start = name_end - letters;
    let month = month_number(&bytes[start..name_end])?;
    let (day, i) = number(bytes, at, 1..3)?;
    let i = ordinal_end(bytes, i);
    let after_comma = i + usize::from(bytes.get(i) == Some(&b','));
    let spaces = spaces_at(bytes, after_comma);
    if after_comma + spaces == i {
        return None;
    }
    let (year, end) = year(bytes, after_comma + spaces)?;
    let day = checked(year, month, day)?;
    (!border::joins(border::before(text, start)) && closes(text, end)).then_some((start..end, day))
}

/// `22 November 2026`, `22-Nov-2026`, `22/11/2026`.
fn day_first(text: &str, at: usize) -> Option<(Range<usize>, Day)> {
    let bytes = text.as_bytes();
    let (first, i) = number(bytes, at, 1..3)?;
    let (day, end) = match *bytes.get(i)? {
        separator @ (b'-' | b'/' | b'.') => {
            let (month, i) = month_name(bytes, i + 1)
                .map(|(month, end)| (Ok(month), end))
                .or_else(|| number(bytes, i + 1, 1..3).map(|(second, end)| (Err(second), end)))?;
            (bytes.get(i) == Some(&separator)).then_some(())?;
            let (year, end) = year(bytes, i + 1)?;
            let day = match month {
                Ok(month) => checked(year, month, first),
                Err(second) if first == second || first > 12 => checked(year, second, first),
                Err(second) if second > 12 => checked(year, first, second),
                Err(_) => None,
            };
            (day?, end)
        }
        _ => {
            let i = ordinal_end(bytes, i);
            let mut i = i + Some(spaces_at(bytes, i)).filter(|&n| n > 0)?;
            if bytes[i..].starts_with(b"of ") {
                i += 3;
            }
            let (month, i) = month_name(bytes, i)?;
            let i = i + usize::from(bytes.get(i) == Some(&b'.'));
            let i = i + usize::from(bytes.get(i) == Some(&b','));
            let i = i + Some(spaces_at(bytes, i)).filter(|&n| n > 0)?;
            let (year, end) = year(bytes, i)?;
            (checked(year, month, first)?, end)
        }
    };
    (opens(text, at) && closes(text, end)).then_some((at..end, day))
}

/// One or two spaces; mail dates pad single digits with a second one.
fn spaces_at(bytes: &[u8], at: usize) -> usize {
    bytes
        .get(at..)
        .unwrap_or_default()
        .iter()
        .take(2)
        .take_while(|&&b| b == b' ')
        .count()
}

fn ordinal_end(bytes: &[u8], at: usize) -> usize {
    let suffix = bytes.get(at..at + 2).unwrap_or_default();
    at + if ["st", "nd", "rd", "th"]
        .iter()
        .any(|s| suffix.eq_ignore_ascii_case(s.as_bytes()))
    {
        2
    } else {
        0
    }
}

/// The month whose name stands at `at`, and where the name ends.
fn month_name(bytes: &[u8], at: usize) -> Option<(u32, usize)> {
    let letters = bytes
        .get(at..)
        .unwrap_or_default()
        .iter()
        .take(10)
        .take_while(|b| b.is_ascii_alphabetic())
        .count();
    month_number(&bytes[at..at + letters]).map(|month| (month, at + letters))
}

/// English month names, their first three letters, and `Sept`; in any case.
fn month_number(name: &[u8]) -> Option<u32> {
    const NAMES: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    if !(3..=9).contains(&name.len()) {
        return None;
    }
    let short = [0, 1, 2].map(|i| name[i].to_ascii_lowercase());
    let (month, full) = (1..)
        .zip(NAMES)
        .find(|(_, full)| full.as_bytes()[..3] == short)?;
    let whole = name.len() == 3 || name.eq_ignore_ascii_case(full.as_bytes());
    (whole || month == 9 && name.eq_ignore_ascii_case(b"sept")).then_some(month)
}

/// The day, if the calendar has it.
fn checked(year: u32, month: u32, day: u32) -> Option<Day> {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 => 28 + u32::from(leap),
        1..=12 => 31,
        _ => return None,
    };
    (1..=days).contains(&day).then_some(Day {
        year,
        month,
        day: Some(day),
    })
}

/// Whether a date may begin with the digits at `start`. `_` is fine: `report_2026-11-22.csv`.
fn opens(text: &str, start: usize) -> bool {
    let before = border::before(text, start);
    match before {
        Some(c @ ('.' | '-' | '/')) => !border::before(text, start - c.len_utf8())
            .is_some_and(|further| further.is_ascii_digit()),
        _ => before == Some('_') || !border::joins(before),
    }
}

/// Whether a date may end with the digits before `end`.
fn closes(text: &str, end: usize) -> bool {
    let after = border::after(text, end);
    let Some(c) = after else { return true };
    let digit_next =
        border::after(text, end + c.len_utf8()).is_some_and(|further| further.is_ascii_digit());
    match c {
        '.' | '-' | '/' => !digit_next,
        'T' | 't' => digit_next,
        _ => c == '_' || !border::joins(after),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_linear, assert_table};
    use super::*;

    #[test]
    fn table() {
        let day = "2026-11-22";
        for entity in [
            "2026/11/22",
            "2026.11.22",
            "2026年11月22日",
            "2026年11月22号",
            "2026 年 11 月 22 日",
            "Nov 22, 2026",
            "Nov. 22, 2026",
            "November 22nd, 2026",
            "november 22 2026",
            "NOV 22,2026",
            "22 November 2026",
            "22nd of November 2026",
            "22 Nov. 2026",
            "22-Nov-2026",
            "22/Nov/2026",
            "22/11/2026",
            "11/22/2026",
            "22.11.2026",
            "11-22-2026",
        ] {
            let expected = format!("{entity} → {day}");
            assert_table(
                &Date,
                &[
                    (entity, &[&expected]),
                    (&format!("在{entity}，"), &[&expected]),
                ],
            );
        }
        assert_table(
            &Date,
            &[
                ("2026-11-22", &["2026-11-22"]),
                (
                    "2026-11-22T10:00:00Z 2026-11-22 10:00",
                    &["2026-11-22", "2026-11-22"],
                ),
                ("2026-1-5", &["2026-1-5 → 2026-01-05"]),
                (
                    "2026年11月 2026年1月份",
                    &["2026年11月 → 2026-11", "2026年1月 → 2026-01"],
                ),
                ("2026年11月3人", &["2026年11月 → 2026-11"]),
                (
                    "Sept 1, 2026; May  2, 2026",
                    &["Sept 1, 2026 → 2026-09-01", "May  2, 2026 → 2026-05-02"],
                ),
                ("11/11/2026", &["11/11/2026 → 2026-11-11"]),
                ("2024-02-29 2000-02-29", &["2024-02-29", "2000-02-29"]),
                (
                    "/2026/11/22/title log-2026-11-22.txt report_2026-11-22_a",
                    &["2026/11/22 → 2026-11-22", "2026-11-22", "2026-11-22"],
                ),
                (
                    "Sun, 22 Nov 2026 10:00:00 +0000",
                    &["22 Nov 2026 → 2026-11-22"],
                ),
                ("2026-11-22至2026-11-23", &["2026-11-22", "2026-11-23"]),
                // No date, or only a part of something longer.
                ("", &[]),
                ("2", &[]),
                ("2026 2026年，11月22日 20261122 Nov 2026", &[]),
                ("11/12/2026 11-12-2026 1.2.2026", &[]),
                (
                    "2026-02-29 1900-02-29 2026-04-31 2026-13-01 2026-00-10 2026-01-00",
                    &[],
                ),
                ("2026年13月 2026年2月30日 Feb 30, 2026", &[]),
                ("12026-11-22 2026-11-220 v2026.11.22 2026-11-22a", &[]),
                ("1.2026.11.22 2026.11.22.1 2026-11-22-1 1-2026-11-22", &[]),
                ("2026-11/22 0026-11-22 3026-11-22", &[]),
                (
                    "Nov 222, 2026 Novem 22, 2026 xNov 22, 2026 Nov22, 2026 Nov 22, 20261",
                    &[],
                ),
                ("１2026-11-22 2026-11-22１", &[]),
            ],
        );
    }

    #[test]
    fn hostile_texts_are_linear() {
        assert_linear(
            &Date,
            &[
                "1",
                "1 ",
                "2026-",
                "2026-11-22",
                "2026-11-22 ",
                "2026年",
                "2026年11月",
                "Nov 1 ",
                "1 Nov ",
                "1/",
                "1st ",
            ],
        );
    }
}
