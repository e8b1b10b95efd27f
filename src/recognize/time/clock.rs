//! Times in digits: `10:30`, `10：30`, `10:30:45.123+08:00`, `10:30 PM`, `10pm`.

use super::super::border;
use super::super::numeral::{number, run, run_before};
use super::day::{Clock, Part, Zone};
use super::{Read, context, range};

/// `10:30` with all that may follow: the hour stands at `at`.
pub(super) fn with_colon(text: &str, at: usize, known: bool) -> Read<'_> {
    let bytes = text.as_bytes();
    let (said, i) = number(bytes, at, 1..=2)?;
    let colon = if bytes[i..].starts_with(COLON) {
        COLON
    } else {
        WIDE_COLON
    };
    let (minute, mut end) = part(bytes, i, colon)?;
    (opens(text, at) && !(colon == WIDE_COLON && follows_part(text, at))).then_some(())?;
    let mut clock = Clock::of(said, minute, if i - at == 1 { 0.6 } else { 0.8 });
    let mut start = at;
    let stamped = text[..at].ends_with(['T', 't']);
    if let Some((second, after)) = part(bytes, end, colon) {
        clock.second = Some(second);
        let fraction = fraction_end(bytes, after);
        clock.fraction = text[after..fraction].trim_start_matches(['.', ',']);
        end = fraction;
    }
    let exact = known || stamped || clock.second.is_some();
    if let Some((part, named)) = Part::before(text, at) {
        clock.hour = part.hour(said);
        clock.score = 1.0;
        start = named;
        if let Some(after) = range::end(text, end, part, clock) {
            return Some((start..after, clock.checked()));
        }
    } else if let Some((afternoon, after)) = meridiem(text, end) {
        let Some(hour) = of_twelve(said, afternoon) else {
            return Some((at..after, Err(NOT_OF_TWELVE)));
        };
        clock.hour = hour;
        clock.score = 1.0;
        end = after;
    } else if clock.second.is_none()
        && let Some((hour, after)) = range::of_meridiem(text, end, said, minute)
    {
        clock.hour = hour;
        clock.score = 1.0;
        return Some((at..after, clock.checked()));
    }
    if let Some((zone, after)) = zone(text, end, exact) {
        clock.zone = Some(zone);
        clock.score = 1.0;
        end = after;
    }
    if exact {
        clock.score = 1.0;
    }
    let (before, after, unsure) = (&text[..start], &text[end..], clock.score < 1.0);
    let read = if unsure && text[start..].starts_with("0:") || context::is_elapsed(before, after) {
        Err("rather a duration than a time")
    } else if unsure && context::is_relation(before) {
        Err("rather a score or a ratio than a time")
    } else if unsure && colon == WIDE_COLON && context::counts(after) {
        Err("what follows the colon is counted")
    } else {
        clock.checked()
    };
    let wide_goes_on = colon == WIDE_COLON && goes_on(bytes, end);
    (closes(text, end) && !wide_goes_on).then_some((start..end, read))
}

/// `5:30` that says no half of the day: hour, minute, and where it ends.
pub(super) fn plain(text: &str, at: usize) -> Option<(u32, u32, usize)> {
    let bytes = text.as_bytes();
    let (hour, i) = number(bytes, at, 1..=2)?;
    let (minute, end) = minutes(bytes, i)?;
    let whole = closes(text, end) && !goes_on(bytes, end) && meridiem(text, end).is_none();
    whole.then_some((hour, minute, end))
}

/// `10pm`, `10 p.m.`, `10.30pm`: the hour stands at `at`.
pub(super) fn with_meridiem(text: &str, at: usize) -> Read<'_> {
    let bytes = text.as_bytes();
    let (said, i) = number(bytes, at, 1..=2)?;
    let (minute, i) = match bytes.get(i)? {
        b'.' => number(bytes, i + 1, 2..=2)?,
        _ => (0, i),
    };
    let (afternoon, end) = meridiem(text, i)?;
    if !opens(text, at) || text[..at].ends_with(':') || !(1..=12).contains(&said) {
        return None;
    }
    if text[end..].starts_with(')') && context::names_module(&text[..at]) {
        return Some((at..end, Err("it is a section of the manual")));
    }
    let hour = of_twelve(said, afternoon)?;
    Some((at..end, Clock::of(hour, minute, 1.0).checked()))
}

const NOT_OF_TWELVE: &str = "its hour is none of the morning's or the afternoon's";

pub(super) const COLON: &[u8] = b":";
/// What Chinese input methods write for it.
pub(super) const WIDE_COLON: &[u8] = "：".as_bytes();

/// `:30`.
fn part(bytes: &[u8], at: usize, colon: &[u8]) -> Option<(u32, usize)> {
    bytes.get(at..)?.strip_prefix(colon)?;
    number(bytes, at + colon.len(), 2..=2)
}

/// `:30` with either colon.
pub(super) fn minutes(bytes: &[u8], at: usize) -> Option<(u32, usize)> {
    part(bytes, at, COLON).or_else(|| part(bytes, at, WIDE_COLON))
}

/// Whether a full-width colon and digits follow, which make what ends here a part of something longer.
fn goes_on(bytes: &[u8], end: usize) -> bool {
    bytes[end..].starts_with(WIDE_COLON) && run(bytes, end + WIDE_COLON.len(), 1) > 0
}

/// Whether digits and a full-width colon stand before.
fn follows_part(text: &str, at: usize) -> bool {
    let before = text[..at].strip_suffix('：');
    before.is_some_and(|before| before.ends_with(|c: char| c.is_ascii_digit()))
}

/// The end of `.123`, or of `,123` as logs write milliseconds; `at` itself where there is none.
fn fraction_end(bytes: &[u8], at: usize) -> usize {
    let digits = run(bytes, at + 1, 10);
    match bytes.get(at) {
        Some(b'.') if (1..=9).contains(&digits) => at + 1 + digits,
        Some(b',') if digits == 3 => at + 4,
        _ => at,
    }
}

/// `am`, `PM`, `p.m.` after a space or none: whether the afternoon is meant, and where it ends.
pub(super) fn meridiem(text: &str, at: usize) -> Option<(bool, usize)> {
    let bytes = text.as_bytes();
    let i = at + usize::from(bytes.get(at) == Some(&b' '));
    let afternoon = match bytes.get(i)? {
        b'a' | b'A' => false,
        b'p' | b'P' => true,
        _ => return None,
    };
    let dotted = bytes.get(i + 1) == Some(&b'.');
    let i = i + 1 + usize::from(dotted);
    matches!(bytes.get(i), Some(b'm' | b'M')).then_some(())?;
    let end = i + 1;
    let end = end + usize::from(dotted && bytes.get(end) == Some(&b'.'));
    (!border::joins(border::after(text, end))).then_some((afternoon, end))
}

/// The hour of 24. `13:30 PM` says it twice and is understood, `13:30 AM` contradicts itself.
pub(super) fn of_twelve(hour: u32, afternoon: bool) -> Option<u32> {
    match (hour, afternoon) {
        (12, false) => Some(0),
        (0..=11, false) | (12..=23, true) => Some(hour),
        (1..=11, true) => Some(hour + 12),
        _ => None,
    }
}

/// A zone after a time: `Z`, `UTC`, `GMT+8`, `+08:00`, ` -0400`. Where the time is not `exact`, a hyphen directly after
/// it makes a range (`10:30-11:30`).
fn zone(text: &str, at: usize, exact: bool) -> Option<(Zone, usize)> {
    let bytes = text.as_bytes();
    let spaced = bytes.get(at) == Some(&b' ');
    let i = at + usize::from(spaced);
    let rest = bytes.get(i..)?;
    let (zone, end) = match *rest.first()? {
        b'Z' if !spaced => (Zone(0), i + 1),
        b'U' | b'G' => {
            let names: [&[u8]; 3] = [b"UTC", b"GMT", b"UT"];
            let name = names.iter().find(|name| rest.starts_with(name))?;
            let end = i + name.len();
            offset(bytes, end, 1).unwrap_or((Zone(0), end))
        }
        b'-' if !spaced && !exact => return None,
        _ => offset(bytes, i, if spaced || !exact { 4 } else { 2 })?,
    };
    (!border::joins(border::after(text, end))).then_some((zone, end))
}

/// `+08:00`, `-0400`, and with so few digits as `least`: `+08`, `+8`.
fn offset(bytes: &[u8], at: usize, least: usize) -> Option<(Zone, usize)> {
    let sign = match bytes.get(at)? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let digits = run(bytes, at + 1, 5);
    let (hours, minutes, end) = match digits {
        4 => {
            let (written, end) = number(bytes, at + 1, 4..=4)?;
            (written / 100, written % 100, end)
        }
        1 | 2 => {
            let (hours, i) = number(bytes, at + 1, 1..=2)?;
            match part(bytes, i, COLON) {
                Some((minutes, end)) => (hours, minutes, end),
                None if digits >= least => (hours, 0, i),
                None => return None,
            }
        }
        _ => return None,
    };
    // From -12:00 to +14:00, in quarters of an hour (the IANA time zone database).
    let minutes = i32::try_from(hours * 60 + minutes).ok()?;
    let fine = minutes <= 14 * 60 && minutes % 15 == 0;
    fine.then_some((Zone(sign * minutes), end))
}

/// Whether a time may begin with the digits at `at`.
fn opens(text: &str, at: usize) -> bool {
    let Some(c) = border::before(text, at) else {
        return true;
    };
    let further = border::before(text, at - c.len_utf8());
    match c {
        'T' | 't' => further.is_none_or(|f| f.is_ascii_digit()) || !border::joins(further),
        // A web server's log: `[22/Nov/2026:10:30:45 +0800]`.
        ':' => run_before(text.as_bytes(), at - 1, 5) == 4,
        '.' => !further.is_some_and(|f| f.is_ascii_digit()),
        '-' => {
            !further.is_some_and(|f| f.is_ascii_alphabetic()) || follows_meridiem(&text[..at - 1])
        }
        '+' | '$' | '#' | '%' => false,
        _ => !border::joins(Some(c)),
    }
}

/// Whether `9am` or the like ends `before`, so that a hyphen after it makes a range.
fn follows_meridiem(before: &str) -> bool {
    let before = before.strip_suffix('.').unwrap_or(before);
    let Some(before) = before.strip_suffix(['m', 'M']) else {
        return false;
    };
    let before = before.strip_suffix('.').unwrap_or(before);
    let Some(before) = before.strip_suffix(['a', 'A', 'p', 'P']) else {
        return false;
    };
    let before = before.strip_suffix(' ').unwrap_or(before);
    before.ends_with(|c: char| c.is_ascii_digit())
}

/// Whether a time may end at `end`.
fn closes(text: &str, end: usize) -> bool {
    let after = border::after(text, end);
    let further = text.as_bytes().get(end + 1);
    match after {
        Some('.' | ',') => !further.is_some_and(u8::is_ascii_digit),
        Some(':') => !further.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b':'),
        Some('%') => false,
        _ => !border::joins(after),
    }
}
