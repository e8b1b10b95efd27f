//! Figures: digits, their thousands in groups, with decimals or none: `1,234.50`, `1.234,56`, `1 234,56`, `1'000`.
//!
//! A space parts numbers as well as groups of one. Groups are one number's for certain where one of them begins with 0
//! (`10 000`) or a sign parts them that parts nothing else (`'`, `’`, no-break and thin spaces); else only where no other
//! digits stand beside them, as they do in tables (`12 300 45`). Which number an amount is of is `amount.rs`'s business.

use super::super::numeral::{run, run_before};
use super::amount::{Amount, MOST};

/// The separators of thousands and of decimals.
#[derive(Debug, Clone, Copy)]
pub(super) struct Separators(u8, u8);

pub(super) const ENGLISH: Separators = Separators(b',', b'.');
pub(super) const EUROPEAN: Separators = Separators(b'.', b',');

/// The figures at `at`, and where they end.
pub(super) fn read(
    bytes: &[u8],
    at: usize,
    Separators(group, point): Separators,
) -> Option<(Amount, usize)> {
    let first = run(bytes, at, MOST);
    let mut amount = Amount::ZERO.followed_by(&bytes[at..at + first], false)?;
    let mut end = at + first;
    if (1..=3).contains(&first) {
        let spaced = groups_end(bytes, at);
        let (separator, last) = match spaced {
            Some(last) => (gap(bytes, end)?, last),
            None => (1, bytes.len()),
        };
        while end < last
            && (spaced.is_some() || bytes.get(end) == Some(&group))
            && run(bytes, end + separator, 4) == 3
        {
            let digits = end + separator;
            amount = amount.followed_by(&bytes[digits..digits + 3], false)?;
            end = digits + 3;
        }
    }
    if bytes.get(end) == Some(&point) {
        let decimals = run(bytes, end + 1, MOST);
        amount = amount.followed_by(&bytes[end + 1..end + 1 + decimals], true)?;
        end += if decimals > 0 { 1 + decimals } else { 0 };
    }
    (end > at).then_some((amount, end))
}

/// Where the number begins whose last groups of digits begin at `start`.
pub(super) fn start(bytes: &[u8], start: usize) -> usize {
    let mut head = start;
    while run(bytes, head, 4) == 3 && start - head < MOST {
        let Some(gap) = gap_before(bytes, head) else {
            break;
        };
        let digits = run_before(bytes, head - gap, 4);
        if !(1..=3).contains(&digits) {
            break;
        }
        head -= gap + digits;
    }
    let whole = head < start && groups_end(bytes, head).is_some_and(|end| end > start);
    if whole { head } else { start }
}

/// Whether the figures at `start` are the last groups of a number that cannot be read: `x5 000`, `,000`.
pub(super) fn is_rest(bytes: &[u8], start: usize) -> bool {
    let group = run(bytes, start, 4) == 3 && bytes[start] == b'0';
    let torn = || {
        let gap = gap_before(bytes, start);
        gap.is_some_and(|gap| run_before(bytes, start - gap, 1) > 0)
    };
    group && (bytes[start..].starts_with(b"000") || torn())
}

/// Where the groups end that begin with the digits at `at`, if something parts them other than commas and dots.
fn groups_end(bytes: &[u8], at: usize) -> Option<usize> {
    let first = run(bytes, at, 4);
    let head = (1..=3).contains(&first) && bytes[at] != b'0';
    let length = gap(bytes, at + first).filter(|_| head)?;
    let separator = &bytes[at + first..at + first + length];
    let (mut end, mut sure) = (at + first, separator != b" ");
    while end - at < MOST && bytes[end..].starts_with(separator) && run(bytes, end + length, 4) == 3
    {
        sure |= bytes[end + length] == b'0';
        end += length + 3;
    }
    (end > at + first).then_some(())?;
    let inside = |before: &u8| before.is_ascii_alphanumeric() || b".,:/_#@".contains(before);
    let before = bytes[..at].last();
    let alone = || {
        let left =
            before != Some(&b'-') && !(before == Some(&b' ') && run_before(bytes, at - 1, 1) > 0);
        left && !(bytes.get(end) == Some(&b' ') && run(bytes, end + 1, 1) > 0)
    };
    // `USD10 000`.
    let opens = !before.is_some_and(inside) || super::currency::may_be_before(bytes, at);
    (opens && (sure || alone())).then_some(end)
}

/// The length of what parts groups at `at`: a space, an apostrophe.
fn gap(bytes: &[u8], at: usize) -> Option<usize> {
    match bytes.get(at..)? {
        [b' ' | b'\'', ..] => Some(1),
        // U+00A0; ’, U+202F and U+2009.
        [0xC2, 0xA0, ..] => Some(2),
        [0xE2, 0x80, 0x99 | 0xAF | 0x89, ..] => Some(3),
        _ => None,
    }
}

/// As [`gap`], of what ends before `end`.
fn gap_before(bytes: &[u8], end: usize) -> Option<usize> {
    (1..=end.min(3)).find(|length| gap(bytes, end - length) == Some(*length))
}
