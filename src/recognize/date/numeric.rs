//! Dates in digits: `2026-11-22`, `22/11/2026`.

use super::super::numeral::{number, run};
use super::calendar::Day;
use super::{Read, closes, opens, year};

const SEPARATORS: [u8; 3] = *b"-/.";

/// `2026-11-22`, `2026/11/22`, `2026.11.22`: the year stands at `at`.
pub(super) fn year_first(text: &str, at: usize, floor: usize) -> Read {
    let bytes = text.as_bytes();
    let (year, i) = year(bytes, at)?;
    let separator = *bytes.get(i).filter(|b| SEPARATORS.contains(b))?;
    let (month, i) = number(bytes, i + 1, 1..=2)?;
    (bytes.get(i) == Some(&separator)).then_some(())?;
    let (day, end) = number(bytes, i + 1, 1..=2)?;
    let whole = begins(text, at, floor) && closes(text, end);
    let in_path = separator == b'/' && text[..at].ends_with('/');
    let day = if in_path && begins_name(&bytes[end..]) {
        Err("a number in front of a name, in a folder of a month")
    } else {
        Day::checked(Some(year), month, Some(day))
    };
    whole.then_some((at..end, day))
}

/// `22/11/2026`, also with `-` or `.`: the first number stands at `at`. Where both could be a month it is no date.
pub(super) fn year_last(text: &str, at: usize, floor: usize) -> Read {
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
    let whole = begins(text, at, floor) && closes(text, end);
    whole.then_some((at..end, day))
}

/// Whether a date may begin at `at`: behind a hyphen also where another one, which ended at `floor`, begins a range.
fn begins(text: &str, at: usize, floor: usize) -> bool {
    opens(text, at) || floor > 0 && floor + 1 == at && text[..at].ends_with('-')
}

/// Whether a date of digits, or what looks like one, stands at `at`.
pub(super) fn follows(bytes: &[u8], at: usize) -> bool {
    let mut end = at;
    let mut lengths = [0; 3];
    for (i, length) in lengths.iter_mut().enumerate() {
        if i > 0 {
            if !bytes.get(end).is_some_and(|b| SEPARATORS.contains(b)) {
                return false;
            }
            end += 1;
        }
        *length = run(bytes, end, 5);
        end += *length;
    }
    matches!(lengths, [4, 1 | 2, 1 | 2] | [1 | 2, 1 | 2, 4])
}

/// Whether the digits before `rest` number a name (`/2018/1/3-areas`, `/2013/11/01.png`) rather than being the day of a
/// folder or a page (`/2002/10/01.html`).
fn begins_name(rest: &[u8]) -> bool {
    const PAGES: [&[u8]; 7] = [b"htm", b"html", b"shtml", b"php", b"asp", b"aspx", b"jsp"];
    match rest {
        [b'-' | b'_', next, ..] => next.is_ascii_alphabetic(),
        [b'.', b'-' | b'_', ..] => true,
        [b'.', name @ ..] => {
            let letters = name
                .iter()
                .take(6)
                .take_while(|b| b.is_ascii_alphanumeric())
                .count();
            letters > 0 && !PAGES.contains(&&name[..letters])
        }
        _ => false,
    }
}
