//! Chinese dates: `2026年11月22日`, `二〇二六年十一月`, `11月22日`.

use super::super::border;
use super::super::dash::{self, HAN_DASHES};
use super::super::numeral::{han_digit, run_before, small_at, small_before, value};
use super::calendar::Day;
use super::{Read, YEARS, opens};

/// `月`. Its last two bytes are in few other characters, its first two in many common ones (`有`, `本`).
pub(super) const MOON: [u8; 3] = [0xE6, 0x9C, 0x88];

/// The date whose `月` begins at `moon`: the month before it, perhaps a year before that, perhaps a day after it.
pub(super) fn around(text: &str, moon: usize) -> Read {
    let (month, start) = small_before(text, before_space(text, moon))?;
    let (year, start) = match year_before(text, before_space(text, start)) {
        Year::Known(year, start) => (Some(year), start),
        Year::Other => return Some((start..moon + MOON.len(), Err(OTHER_YEAR))),
        Year::None => (None, start),
    };
    let month_end = moon + MOON.len();
    let day_start = after_space(text, month_end);
    let (day, last, end) = match day_at(text, day_start) {
        Some((day, end)) => (Some(day), None, end),
        None => match days_at(text, day_start) {
            Some((first, last, end)) => (Some(first), Some(last), end),
            None if year.is_some() => (None, None, month_end),
            None => return None,
        },
    };
    if !opens(text, start) || border::before(text, start).is_some_and(is_numeral) {
        return None;
    }
    let day = if is_lunar(&text[..start]) {
        Err("a date of the lunar calendar")
    } else {
        Day::checked(year, month, day).and_then(|day| day.until(last))
    };
    Some((start..end, day))
}

const OTHER_YEAR: &str = "its year is not one of four digits";

enum Year {
    Known(u32, usize),
    /// An era's, or a short one.
    Other,
    None,
}

/// The year whose `年` ends at `end`.
fn year_before(text: &str, end: usize) -> Year {
    let Some(before) = text[..end].strip_suffix('年') else {
        return Year::None;
    };
    let end = before_space(text, before.len());
    let bytes = text.as_bytes();
    let digits = run_before(bytes, end, 5);
    let read = if digits > 0 {
        (digits == 4).then(|| (value(&bytes[end - 4..end]), end - 4))
    } else {
        han_year(&text[..end])
    };
    match read {
        Some((year, start)) if YEARS.contains(&year) => Year::Known(year, start),
        None if digits == 0 && !border::before(text, end).is_some_and(is_numeral) => Year::None,
        _ => Year::Other,
    }
}

/// `二〇二六`: four digits at the end of `before`, and where they begin. `O` and `0` stand for a zero where the zero of
/// the input method was not found; so does `零`.
fn han_year(before: &str) -> Option<(u32, usize)> {
    let digit = |c: char| match c {
        'O' | '0' | 'o' => Some(0),
        '两' | '兩' => None,
        _ => han_digit(c),
    };
    let (mut year, mut start, mut place) = (0, before.len(), 1);
    for c in before.chars().rev().take(4) {
        year += digit(c)? * place;
        place *= 10;
        start -= c.len_utf8();
    }
    (place == 10_000).then_some((year, start))
}

/// A day with its unit at `at`.
fn day_at(text: &str, at: usize) -> Option<(u32, usize)> {
    let (day, end) = small_at(text, at)?;
    let rest = &text[after_space(text, end)..];
    rest.strip_prefix(['日', '号', '號'])
        .map(|rest| (day, text.len() - rest.len()))
}

/// Days with one unit at `at`: `5-7日`.
fn days_at(text: &str, at: usize) -> Option<(u32, u32, usize)> {
    let (first, end) = small_at(text, at)?;
    let (last, end) = day_at(text, dash::behind(text, end, HAN_DASHES)?)?;
    Some((first, last, end))
}

/// Digits of one number with a Chinese numeral: what stands before a date must not be a part of it.
fn is_numeral(c: char) -> bool {
    han_digit(c).is_some() || matches!(c, '十' | '百' | '千' | '廿' | '卅')
}

fn is_lunar(before: &str) -> bool {
    let before = before.trim_end_matches(' ');
    ["农历", "農曆", "阴历", "陰曆", "旧历", "夏历", "闰"]
        .iter()
        .any(|word| before.ends_with(word))
}

fn before_space(text: &str, at: usize) -> usize {
    at - usize::from(text[..at].ends_with(' '))
}

fn after_space(text: &str, at: usize) -> usize {
    at + usize::from(text[at..].starts_with(' '))
}
