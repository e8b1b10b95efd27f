//! Points in time as people write them: RFC 3339, dates with or without a time, RFC 2822, `Sun Nov 22 08:30:00 2026` with
//! or without a zone, epoch numbers, and dates and times in digits alone.
//!
//! A time without a zone is taken as UTC. In numbers only four-digit years first are read (`22/11/2026` and `11/22/2026`
//! cannot be told apart, hence neither is). Which column holds the time is `documents.rs`.

use chrono::{DateTime, NaiveDate, NaiveDateTime};

const SECOND: i64 = 1_000_000;
/// Up to here a float holds every whole number.
const EXACT: f64 = 9_007_199_254_740_992.0;
/// 0001-01-01 and 9999-12-31, in seconds: outside of it no tool downstream can print a time.
const SECONDS: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;

/// Microseconds since 1970-01-01 UTC, or nothing where the text is no time.
pub(crate) fn parse(text: &str) -> Option<i64> {
    let text = text.trim();
    numeric_date(text)
        .or_else(|| epoch_text(text))
        .or_else(|| {
            let rfc2822 = DateTime::parse_from_rfc2822(text);
            rfc2822.ok().map(|time| time.timestamp_micros())
        })
        .or_else(|| year_last(text))
        .filter(|micros| in_range(*micros))
}

/// The time of day last but for the year, as C, git and Twitter write it.
fn year_last(text: &str) -> Option<i64> {
    let zoned = ["%a %b %e %H:%M:%S %z %Y", "%a %b %e %H:%M:%S %Y %z"];
    let zoned = zoned.iter().find_map(|form| {
        let time = DateTime::parse_from_str(text, form).ok()?;
        Some(time.timestamp_micros())
    });
    zoned.or_else(|| {
        let time = NaiveDateTime::parse_from_str(text, "%a %b %e %H:%M:%S %Y").ok()?;
        Some(time.and_utc().timestamp_micros())
    })
}

/// Microseconds of an epoch number, whose unit its magnitude tells: seconds below 10¹¹, then milliseconds,
/// microseconds, nanoseconds, each up to a thousand times more; or of a number that is a date in digits.
pub(crate) fn epoch(number: i64) -> Option<i64> {
    match in_digits(number) {
        InDigits::Time(micros) => return Some(micros),
        InDigits::Unclear => return None,
        InDigits::No => {}
    }
    let micros = match number.unsigned_abs() {
        0..100_000_000_000 => number.checked_mul(SECOND)?,
        100_000_000_000..100_000_000_000_000 => number.checked_mul(1_000)?,
        100_000_000_000_000..100_000_000_000_000_000 => number,
        _ => number.div_euclid(1_000),
    };
    Some(micros).filter(|micros| in_range(*micros))
}

/// As [`epoch`], with a fraction.
pub(crate) fn epoch_float(number: f64) -> Option<i64> {
    // Tables in which a number is missing have all of them with a point.
    if number.fract() == 0.0 && number.abs() <= EXACT {
        return epoch(number as i64);
    }
    let scale = match number.abs() {
        n if n < 1e11 => 1e6,
        n if n < 1e14 => 1e3,
        n if n < 1e17 => 1.0,
        n if n < 9.2e18 => 1e-3,
        _ => return None,
    };
    Some((number * scale).round() as i64).filter(|micros| in_range(*micros))
}

fn in_range(micros: i64) -> bool {
    SECONDS.contains(&micros.div_euclid(SECOND))
}

/// What a number is that may be a date in digits.
enum InDigits {
    Time(i64),
    /// Hardly an epoch number, but nobody can be sure.
    Unclear,
    No,
}

/// `20261122`, `20261122083000`, and `20261122083000123` with milliseconds.
///
/// As epoch numbers the first lie in August of 1970, the others centuries ahead: what of them is no date is no time either.
/// `202611220830` would be milliseconds of 1976, which there are, so it is taken for neither.
fn in_digits(number: i64) -> InDigits {
    let (digits, rest, is_long) = match number {
        19_000_101..=21_001_231 => (number, 0, true),
        190_001_010_000..=210_012_312_359 => (number / 10_000, number % 10_000 * 100, false),
        19_000_101_000_000..=21_001_231_235_960 => (number / 1_000_000, number % 1_000_000, true),
        19_000_101_000_000_000..=21_001_231_235_960_999 => {
            let seconds = number / 1_000;
            (seconds / 1_000_000, seconds % 1_000_000, true)
        }
        _ => return InDigits::No,
    };
    let milliseconds = match number {
        19_000_101_000_000_000.. => number % 1_000,
        _ => 0,
    };
    let day = date_micros(
        (digits / 10_000) as i32,
        (digits / 100 % 100) as u32,
        (digits % 100) as u32,
    );
    let time = day_micros(rest / 10_000, rest / 100 % 100, rest % 100);
    match (day, time, is_long) {
        (Some(day), Some(time), true) => InDigits::Time(day + time + milliseconds * 1_000),
        (Some(_), Some(_), false) | (_, _, true) => InDigits::Unclear,
        (_, _, false) => InDigits::No,
    }
}

/// 60 is a leap second.
fn day_micros(hour: i64, minute: i64, second: i64) -> Option<i64> {
    (hour < 24 && minute < 60 && second <= 60)
        .then_some((hour * 3600 + minute * 60 + second) * SECOND)
}

fn epoch_text(text: &str) -> Option<i64> {
    if !text
        .bytes()
        .all(|b| b.is_ascii_digit() || b == b'-' || b == b'.')
    {
        return None;
    }
    match text.parse::<i64>() {
        Ok(number) => epoch(number),
        Err(_) => epoch_float(text.parse().ok()?),
    }
}

fn date_micros(year: i32, month: u32, day: u32) -> Option<i64> {
    let date = NaiveDate::from_ymd_opt(year, month, day)?;
    Some(
        date.and_time(chrono::NaiveTime::MIN)
            .and_utc()
            .timestamp_micros(),
    )
}

/// `2026-11-22`, `2026/11/22 8:30`, `2026-11-22T08:30:00.123456789+08:00`, `2026-11-22 08:30:00 UTC`, `20261122T083000Z`.
fn numeric_date(text: &str) -> Option<i64> {
    let mut at = Cursor(text.as_bytes());
    let year = at.digits(4, 4)?;
    let separator = at.one_of(b"-/");
    let least = if separator.is_some() { 1 } else { 2 };
    let month = at.digits(least, 2)?;
    if let Some(separator) = separator {
        at.one_of(&[separator])?;
    }
    let day = at.digits(least, 2)?;
    let date = date_micros(year as i32, month as u32, day as u32)?;
    if at.0.is_empty() {
        return Some(date);
    }
    at.one_of(b"Tt ")?;
    let hour = at.digits(least, 2)?;
    let colons = at.one_of(b":").is_some();
    if !colons && separator.is_some() {
        return None;
    }
    let minute = at.digits(2, 2)?;
    let (mut second, mut micros) = (0, 0);
    let seconds = match colons {
        true => at.one_of(b":").is_some(),
        false => at.0.first().is_some_and(u8::is_ascii_digit),
    };
    if seconds {
        second = at.digits(2, 2)?;
        if at.one_of(b".,").is_some() {
            micros = at.fraction()?;
        }
    }
    let time = day_micros(hour, minute, second)?;
    let offset = at.zone()?;
    Some(date + time - offset * SECOND + micros)
}

/// The bytes not yet read.
struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    fn one_of(&mut self, set: &[u8]) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        set.contains(first).then(|| {
            self.0 = rest;
            *first
        })
    }

    fn digits(&mut self, least: usize, most: usize) -> Option<i64> {
        let count = self
            .0
            .iter()
            .take(most)
            .take_while(|b| b.is_ascii_digit())
            .count();
        if count < least {
            return None;
        }
        let (digits, rest) = self.0.split_at(count);
        self.0 = rest;
        Some(digits.iter().fold(0, |n, d| n * 10 + i64::from(d - b'0')))
    }

    /// Microseconds of the digits after the point; what is finer is cut off.
    fn fraction(&mut self) -> Option<i64> {
        let count = self.0.iter().take_while(|b| b.is_ascii_digit()).count();
        if count == 0 {
            return None;
        }
        let (digits, rest) = self.0.split_at(count);
        self.0 = rest;
        let padded = digits
            .iter()
            .copied()
            .chain(std::iter::repeat(b'0'))
            .take(6);
        Some(padded.fold(0, |n, d| n * 10 + i64::from(d - b'0')))
    }

    /// Seconds east of UTC; nothing left means UTC.
    fn zone(&mut self) -> Option<i64> {
        while self.one_of(b" ").is_some() {}
        if matches!(self.0, b"" | b"Z" | b"z" | b"UTC" | b"GMT") {
            return Some(0);
        }
        let sign = if self.one_of(b"+-")? == b'+' { 1 } else { -1 };
        let hours = self.digits(2, 2)?;
        let minutes = match self.0 {
            b"" => 0,
            _ => {
                let _ = self.one_of(b":");
                self.digits(2, 2)?
            }
        };
        (self.0.is_empty() && hours < 24 && minutes < 60)
            .then_some(sign * (hours * 3600 + minutes * 60))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn micros(rfc3339: &str) -> i64 {
        DateTime::parse_from_rfc3339(rfc3339)
            .unwrap()
            .timestamp_micros()
    }

    #[test]
    fn forms_that_are_read() {
        let cases = [
            ("2026-11-22T08:30:00Z", "2026-11-22T08:30:00Z"),
            (
                "2026-11-22T08:30:00.1234567+08:00",
                "2026-11-22T00:30:00.123456Z",
            ),
            ("2026-11-22t08:30:00-0530", "2026-11-22T14:00:00Z"),
            ("2026-11-22 08:30", "2026-11-22T08:30:00Z"),
            ("2026-11-22 08:30:05.5", "2026-11-22T08:30:05.5Z"),
            ("2026-11-22 08:30:05 UTC", "2026-11-22T08:30:05Z"),
            ("2026-11-22 08:30:05 +0800", "2026-11-22T00:30:05Z"),
            ("2026/1/2 3:04", "2026-01-02T03:04:00Z"),
            ("2026/11/22", "2026-11-22T00:00:00Z"),
            (" 2026-11-22 ", "2026-11-22T00:00:00Z"),
            ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"),
            ("Sun, 22 Nov 2026 08:30:00 +0800", "2026-11-22T00:30:00Z"),
            ("22 Nov 2026 08:30:00 GMT", "2026-11-22T08:30:00Z"),
            ("1700000000", "2023-11-14T22:13:20Z"),
            ("1700000000.25", "2023-11-14T22:13:20.25Z"),
            ("20261122", "2026-11-22T00:00:00Z"),
            ("20261122.0", "2026-11-22T00:00:00Z"),
            ("20261122083000", "2026-11-22T08:30:00Z"),
            ("20261122083000.0", "2026-11-22T08:30:00Z"),
            ("20261122083000123", "2026-11-22T08:30:00.123Z"),
            ("20261122T083000Z", "2026-11-22T08:30:00Z"),
            ("20261122T0830+0800", "2026-11-22T00:30:00Z"),
            ("20261122T083000.25", "2026-11-22T08:30:00.25Z"),
            ("20261122 08:30:00", "2026-11-22T08:30:00Z"),
            ("Sun Nov 22 08:30:00 +0800 2026", "2026-11-22T00:30:00Z"),
            ("Sun Nov 22 08:30:00 2026 +0800", "2026-11-22T00:30:00Z"),
            ("Sun Nov  1 08:30:00 2026", "2026-11-01T08:30:00Z"),
            ("200000000000", "1976-05-03T19:33:20Z"),
            ("-1", "1969-12-31T23:59:59Z"),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text), Some(micros(expected)), "{text}");
        }
    }

    #[test]
    fn magnitude_tells_the_unit_of_an_epoch_number() {
        let expected = Some(micros("2023-11-14T22:13:20Z"));
        for number in [
            1_700_000_000,
            1_700_000_000_000,
            1_700_000_000_000_000,
            1_700_000_000_000_000_000,
        ] {
            assert_eq!(epoch(number), expected, "{number}");
            assert_eq!(epoch_float(number as f64), expected, "{number}");
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        let cases = [
            "",
            "yesterday",
            "2026-02-30",
            "2026-13-01",
            "2026-11-22T25:00:00Z",
            "2026-11-22T08:61",
            "2026-11-22x",
            "2026-11/22",
            "22/11/2026",
            "26-11-22",
            "2026-11-22T08:30:00+99:00",
            "2026-11-22T08:30:00.Z",
            "-",
            ".",
            "1e400",
            "NaN",
            "2026年11月22日",
            "9999999999999999999999",
            "20261131",
            "202611220830",
            "20261122083000x",
            "20261322083000",
            "20261122243000",
            "20261122T83000",
            "2026-11-22T0830",
            "2026112T0830",
            "Wed Nov 22 08:30:00 +0000 2026",
        ];
        for text in cases {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(epoch(20_261_131), None);
        assert_eq!(epoch(202_611_220_830), None);
        assert_eq!(epoch_float(f64::NAN), None);
        assert_eq!(epoch_float(f64::INFINITY), None);
    }
}
