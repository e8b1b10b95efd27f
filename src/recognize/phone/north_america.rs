//! Numbers of the North American Numbering Plan: `(202) 555-0123`, `1-800-555-0199`.
//!
//! An area and an exchange begin with 2-9 and are not `N11`, which are services (NANPA, Central Office Code Assignment
//! Guidelines); an area's second digit is not 9, which is kept for the day when the plan grows.

use super::super::numeral::{run, value};
use super::{Parts, extension};

/// The ten digits whose area stands at `at`, after the country code.
pub(super) fn national(bytes: &[u8], at: usize) -> Option<usize> {
    if run(bytes, at, 11) == 10 {
        let end = at + 10;
        return checks(&bytes[at..at + 3], &bytes[at + 3..at + 6]).then_some(end);
    }
    let open = usize::from(bytes.get(at) == Some(&b'('));
    groups(bytes, at + open, open > 0).map(|(end, _)| end)
}

/// The number whose area stands at `at`, perhaps after a bracket, and perhaps after `1` and a separator.
pub(super) fn with_area(text: &str, at: usize) -> Option<Parts> {
    let bytes = text.as_bytes();
    let bracketed = bytes[..at].ends_with(b"(") && bytes.get(at + 3) == Some(&b')');
    let (end, separator) = groups(bytes, at, bracketed)?;
    let open = at - usize::from(bracketed);
    let start = match &bytes[..open] {
        [before @ .., b'1', b' ' | b'-' | b'.']
            if !before.last().is_some_and(u8::is_ascii_digit) =>
        {
            open - 2
        }
        [before @ .., b'1'] if bracketed && !before.last().is_some_and(u8::is_ascii_digit) => {
            open - 1
        }
        _ => open,
    };
    let score = match separator {
        _ if start < open || bracketed => 1.0,
        b' ' => 0.5,
        _ => 0.8,
    };
    Some(Parts {
        start,
        extension: extension::after(text, end, false),
        score,
        ..Parts::of(at, end)
    })
}

/// Where the three groups end whose first digits stand at `at`, and the first separator.
fn groups(bytes: &[u8], at: usize, bracketed: bool) -> Option<(usize, u8)> {
    (run(bytes, at, 4) == 3).then_some(())?;
    let separator = *bytes.get(at + 3)?;
    let exchange = match separator {
        b')' if bracketed => at + 4 + usize::from(matches!(bytes.get(at + 4), Some(b' ' | b'-'))),
        b' ' | b'-' | b'.' if !bracketed => at + 4,
        _ => return None,
    };
    (run(bytes, exchange, 4) == 3).then_some(())?;
    let second = *bytes.get(exchange + 3)?;
    let same = match separator {
        b'.' => second == b'.',
        b'-' => second == b'-',
        _ => matches!(second, b'-' | b' ' | b'.'),
    };
    let line = exchange + 4;
    let fine = same
        && run(bytes, line, 5) == 4
        && checks(&bytes[at..at + 3], &bytes[exchange..exchange + 3]);
    fine.then_some((
        line + 4,
        if second == b'-' && separator == b' ' {
            b'-'
        } else {
            separator
        },
    ))
}

/// Whether the plan has such an area and such an exchange.
fn checks(area: &[u8], exchange: &[u8]) -> bool {
    let code = |three: &[u8]| three[0] >= b'2' && value(&three[1..]) != 11;
    code(area) && area[1] != b'9' && code(exchange)
}
