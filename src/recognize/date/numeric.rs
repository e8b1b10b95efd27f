//! Dates in digits: `2026-11-22`, `22/11/2026`.

use super::super::numeral::number;
use super::calendar::Day;
use super::{Read, closes, opens, year};

const SEPARATORS: [u8; 3] = *b"-/.";

/// `2026-11-22`, `2026/11/22`, `2026.11.22`: the year stands at `at`.
pub(super) fn year_first(text: &str, at: usize) -> Read {
    let bytes = text.as_bytes();
    let (year, i) = year(bytes, at)?;
    let separator = *bytes.get(i).filter(|b| SEPARATORS.contains(b))?;
    let (month, i) = number(bytes, i + 1, 1..=2)?;
    (bytes.get(i) == Some(&separator)).then_some(())?;
    let (day, end) = number(bytes, i + 1, 1..=2)?;
    let whole = opens(text, at) && closes(text, end);
    whole.then(|| (at..end, Day::checked(Some(year), month, Some(day))))
}

/// `22/11/2026`, also with `-` or `.`: the first number stands at `at`. Where both could be a month it is no date.
pub(super) fn year_last(text: &str, at: usize) -> Read {
    let bytes = text.as_bytes();
    let (first, i) = number(bytes, at, 1..=2)?;
    let separator = *bytes.get(i).filter(|b| SEPARATORS.contains(b))?;
    let (second, i) = number(bytes, i + 1, 1..=2)?;
    (bytes.get(i) == Some(&separator)).then_some(())?;
    let (year, end) = year(bytes, i + 1)?;
    let day = if first > 12 || first == second {
        Day::checked(Some(year), second, Some(first))
    } else if second > 12 {
        Day::checked(Some(year), first, Some(second))
    } else {
        Err("day and month cannot be told apart")
    };
    let whole = opens(text, at) && closes(text, end);
    whole.then_some((at..end, day))
}
