//! Dates with English month names: `Nov 22, 2026`, `22nd of November 2026`, `November 2026`, `Nov 22`.

use super::super::border;
use super::super::dash::{self, DASHES};
use super::super::numeral::{number, run, run_before};
use super::calendar::Day;
use super::{Read, closes, opens, year};

/// `Nov 22, 2026`, `Nov 22 10:30:45 2026`, `Nov 22`: the day stands at `at`, the name before it.
pub(super) fn month_first(text: &str, at: usize) -> Read {
    let bytes = text.as_bytes();
    let name = Name::before(text, at, b".")?;
    let (day, i) = number(bytes, at, 1..=2)?;
    let day_end = ordinal_end(bytes, i);
    if let Some(read) = days_of_month(text, &name, day, day_end) {
        return Some(read);
    }
    let full = year_after_day(bytes, day_end)
        .or_else(|| year_after_clock(bytes, day_end))
        .filter(|&(_, end)| closes(text, end));
    if let Some((year, end)) = full {
        return Some((
            name.start..end,
            Day::checked(Some(year), name.month, Some(day)),
        ));
    }
    (name.capital && ends_alone(text, day_end)).then(|| {
        (
            name.start..day_end,
            Day::checked(None, name.month, Some(day)),
        )
    })
}

/// `Nov 3-5, 2026`, `Nov 3-5`: days until another, the first of which ends at `end`.
fn days_of_month(text: &str, name: &Name, day: u32, end: usize) -> Read {
    let bytes = text.as_bytes();
    let days = last_day(text, end)?;
    let full = year_after_day(bytes, days.end).filter(|&(_, end)| closes(text, end));
    let (year, end) = match full {
        Some((year, end)) => (Some(year), end),
        None if name.capital && days.close && ends_alone(text, days.end) => (None, days.end),
        None => return None,
    };
    // `May 22 - 10 people` is no range.
    let day = Day::checked(year, name.month, Some(day)).and_then(|day| day.until(Some(days.last)));
    day.is_ok().then_some((name.start..end, day))
}

/// The end of a range of days.
struct Days {
    last: u32,
    end: usize,
    /// Whether no space stands beside the dash.
    close: bool,
}

/// The end of the range whose first day ends at `end`.
fn last_day(text: &str, end: usize) -> Option<Days> {
    let bytes = text.as_bytes();
    // One look tells most days from ranges: a hyphen, or the first byte of a longer dash.
    let dash = end + usize::from(bytes.get(end) == Some(&b' '));
    matches!(bytes.get(dash), Some(b'-' | 0xE2)).then_some(())?;
    let at = dash::behind(text, end, DASHES)?;
    let (last, i) = number(bytes, at, 1..=2)?;
    Some(Days {
        last,
        end: ordinal_end(bytes, i),
        close: !text[end..at].contains(' '),
    })
}

/// `22 November 2026`, `22-Nov-2026`, `22 Nov`, and with days until another `3-5 Nov 2026`: the day stands at `at`.
pub(super) fn day_first(text: &str, at: usize) -> Read {
    let bytes = text.as_bytes();
    let (day, i) = number(bytes, at, 1..=2)?;
    let day_end = ordinal_end(bytes, i);
    let days = last_day(text, day_end);
    if let separator @ (b'-' | b'/') = *bytes.get(i)?
        && days.is_none()
    {
        let (month, _, i) = name_at(bytes, i + 1)?;
        (bytes.get(i) == Some(&separator)).then_some(())?;
        let (year, end) = year(bytes, i + 1)
            .or_else(|| short_year(bytes, i + 1).filter(|_| separator == b'-'))?;
        let whole = opens(text, at) && closes(text, end);
        return whole.then(|| (at..end, Day::checked(Some(year), month, Some(day))));
    }
    let (last, close, i) = match days {
        Some(Days { last, end, close }) => (Some(last), close, end),
        None => (None, true, day_end),
    };
    let checked =
        |year, month| Day::checked(year, month, Some(day)).and_then(|day| day.until(last));
    let i = after_spaces(bytes, i)?;
    let i = i + if bytes[i..].starts_with(b"of ") { 3 } else { 0 };
    let (month, capital, name_end) = name_at(bytes, i)?;
    opens(text, at).then_some(())?;
    let i = skip(bytes, skip(bytes, name_end, b'.'), b',');
    let full = after_spaces(bytes, i)
        .and_then(|i| {
            year(bytes, i).or_else(|| {
                short_year(bytes, i)
                    .filter(|&(_, end)| clock_follows(bytes, end) && begins_stamp(&text[..at]))
            })
        })
        .filter(|&(_, end)| closes(text, end));
    if let Some((year, end)) = full {
        return Some((at..end, checked(Some(year), month)));
    }
    let minutes = text[..at].ends_with(':');
    let alone = ends_alone(text, name_end) && !owns_number(bytes, name_end);
    (capital && close && !minutes && alone).then(|| (at..name_end, checked(None, month)))
}

/// `November 2026`: the year stands at `at`, the name before it, and no day before that.
pub(super) fn month_and_year(text: &str, at: usize) -> Read {
    let bytes = text.as_bytes();
    let name = Name::before(text, at, b".,").filter(|name| name.capital)?;
    let (year, end) = year(bytes, at)?;
    let whole = !name.follows_day(bytes) && closes(text, end);
    whole.then(|| (name.start..end, Day::checked(Some(year), name.month, None)))
}

/// A month's name that stands before digits.
struct Name {
    month: u32,
    start: usize,
    capital: bool,
}

impl Name {
    /// The name before the digits at `at`, with one of `signs` after it, perhaps, and a space or two.
    fn before(text: &str, at: usize, signs: &[u8]) -> Option<Self> {
        let bytes = text.as_bytes();
        let end = bytes[..at].strip_suffix(b" ")?.len();
        let end = end - usize::from(bytes[..end].ends_with(b" "));
        let last = *bytes[..end].last()?;
        let end = end - usize::from(signs.contains(&last));
        let letters = bytes[..end]
            .iter()
            .rev()
            .take(LONGEST + 1)
            .take_while(|b| b.is_ascii_alphabetic())
            .count();
        let start = end - letters;
        let month = month(&bytes[start..end])?;
        (!border::joins(border::before(text, start))).then_some(Self {
            month,
            start,
            capital: bytes[start].is_ascii_uppercase(),
        })
    }

    /// Whether a day stands before it, as in `31 Feb 2026`: then month and year are only a part of something.
    fn follows_day(&self, bytes: &[u8]) -> bool {
        let mut before = &bytes[..self.start];
        for part in [" ", "of", " ", "st", "nd", "rd", "th"] {
            before = before.strip_suffix(part.as_bytes()).unwrap_or(before);
        }
        before.len() < self.start && matches!(run_before(before, before.len(), 3), 1 | 2)
    }
}

/// The year after a day: `, 2026`, ` 2026`, `,2026`.
fn year_after_day(bytes: &[u8], day_end: usize) -> Option<(u32, usize)> {
    let i = skip(bytes, day_end, b',');
    let i = match after_spaces(bytes, i) {
        Some(i) => i,
        None if i > day_end => i,
        None => return None,
    };
    year(bytes, i)
}

/// The year after a time of day and a zone: ANSI C's `asctime` (RFC 9110 §5.6.7), `date` and `git log`.
fn year_after_clock(bytes: &[u8], day_end: usize) -> Option<(u32, usize)> {
    let i = clock_end(bytes, after_spaces(bytes, day_end)?)?;
    let i = after_spaces(bytes, i)?;
    year(bytes, i).or_else(|| {
        let letters = bytes[i..]
            .iter()
            .take(6)
            .take_while(|b| b.is_ascii_uppercase())
            .count();
        matches!(letters, 2..=5).then_some(())?;
        year(bytes, after_spaces(bytes, i + letters)?)
    })
}

/// A year of two digits, as RFC 5322 §4.3 reads it.
fn short_year(bytes: &[u8], at: usize) -> Option<(u32, usize)> {
    number(bytes, at, 2..=2)
        .map(|(year, end)| (if year < 50 { 2000 + year } else { 1900 + year }, end))
}

/// Whether a time of day follows, or nothing: then the two digits before it are a year, as in old mails.
fn clock_follows(bytes: &[u8], at: usize) -> bool {
    at == bytes.len() || after_spaces(bytes, at).is_some_and(|i| clock_end(bytes, i).is_some())
}

/// Whether a date that stands after `before` stands as in the head of a mail: at the start of a text or a line, or after
/// a weekday's comma, a semicolon, a colon or a dash. In a listing of files the size is no day, and the day no year:
/// `14 Oct 12 09:50`, `10, 14 Oct 12 09:50`.
fn begins_stamp(before: &str) -> bool {
    if before.is_empty() || before.ends_with('\n') {
        return true;
    }
    let Some(before) = before.strip_suffix(' ') else {
        return false;
    };
    let before = before.strip_suffix(' ').unwrap_or(before);
    match before.strip_suffix(',') {
        Some(weekday) => weekday.ends_with(|c: char| c.is_ascii_alphabetic()),
        None => before.ends_with([';', ':', '-']),
    }
}

/// The end of `10:30` or `10:30:45`.
fn clock_end(bytes: &[u8], at: usize) -> Option<usize> {
    let part = |at: usize| (run(bytes, at, 3) == 2).then_some(at + 2);
    let minutes = |at: usize| {
        (bytes.get(at) == Some(&b':'))
            .then(|| part(at + 1))
            .flatten()
    };
    let end = minutes(part(at)?)?;
    Some(minutes(end).unwrap_or(end))
}

/// Whether a date without a year may end at `end`: not where a number, a time or a word goes on.
fn ends_alone(text: &str, end: usize) -> bool {
    let digit_next = text.as_bytes().get(end + 1).is_some_and(u8::is_ascii_digit);
    match border::after(text, end) {
        Some('.' | '/' | ':' | '-') => !digit_next,
        Some('%' | '_') => false,
        after => !border::joins(after),
    }
}

/// Whether the number after a month's name, if there is one, is its day rather than a time: `9 Sep  5 06:38`.
fn owns_number(bytes: &[u8], name_end: usize) -> bool {
    after_spaces(bytes, name_end).is_some_and(|i| {
        let digits = run(bytes, i, 3);
        digits > 0 && bytes.get(i + digits) != Some(&b':')
    })
}

/// One or two spaces; mail dates pad single digits with a second one.
fn after_spaces(bytes: &[u8], at: usize) -> Option<usize> {
    let spaces = bytes
        .get(at..)
        .unwrap_or_default()
        .iter()
        .take(2)
        .take_while(|&&b| b == b' ')
        .count();
    (spaces > 0).then_some(at + spaces)
}

fn skip(bytes: &[u8], at: usize, byte: u8) -> usize {
    at + usize::from(bytes.get(at) == Some(&byte))
}

fn ordinal_end(bytes: &[u8], at: usize) -> usize {
    let suffix = bytes.get(at..at + 2).unwrap_or_default();
    let ordinal = ["st", "nd", "rd", "th"]
        .iter()
        .any(|s| suffix.eq_ignore_ascii_case(s.as_bytes()));
    at + if ordinal { 2 } else { 0 }
}

/// The month whose name stands at `at`, whether it has a capital, and where the name ends.
fn name_at(bytes: &[u8], at: usize) -> Option<(u32, bool, usize)> {
    let letters = bytes
        .get(at..)
        .unwrap_or_default()
        .iter()
        .take(LONGEST + 1)
        .take_while(|b| b.is_ascii_alphabetic())
        .count();
    let name = &bytes[at..at + letters];
    month(name).map(|month| (month, name[0].is_ascii_uppercase(), at + letters))
}

/// The length of `September`.
const LONGEST: usize = 9;

/// English month names, their first three letters, and `Sept`; in any case.
fn month(name: &[u8]) -> Option<u32> {
    if !(3..=LONGEST).contains(&name.len()) {
        return None;
    }
    let (month, full) = match &[0, 1, 2].map(|i| name[i].to_ascii_lowercase()) {
        b"jan" => (1, "january"),
        b"feb" => (2, "february"),
        b"mar" => (3, "march"),
        b"apr" => (4, "april"),
        b"may" => (5, "may"),
        b"jun" => (6, "june"),
        b"jul" => (7, "july"),
        b"aug" => (8, "august"),
        b"sep" => (9, "september"),
        b"oct" => (10, "october"),
        b"nov" => (11, "november"),
        b"dec" => (12, "december"),
        _ => return None,
    };
    let whole = name.len() == 3 || name.eq_ignore_ascii_case(full.as_bytes());
    (whole || month == 9 && name.eq_ignore_ascii_case(b"sept")).then_some(month)
}
