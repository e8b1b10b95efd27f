//! International numbers: `+44 20 7946 0958`, `0044 (0)20 7946 0958`.

use std::ops::RangeInclusive;

use super::super::border;
use super::super::numeral::{run, value};
use super::{Parts, bracketed, china, extension, north_america, plans};

/// More digits than E.164 allows.
const TOO_MANY: usize = 16;

/// The number whose prefix, `+` or `00`, begins at `prefix`, and whose country code at `at`.
pub(super) fn after_prefix(text: &str, prefix: usize, at: usize) -> Option<(u32, Parts)> {
    let bytes = text.as_bytes();
    let first = run(bytes, at, TOO_MANY);
    // No code begins with 0: `00020` is a padded number, while `+001` is dialled so.
    (bytes[prefix] == b'+' || bytes.get(at) != Some(&b'0')).then_some(())?;
    let (length, code) = (1..=first.min(3)).find_map(|n| {
        let code = value(&bytes[at..at + n]);
        plans::lengths(code).map(|_| (n, code))
    })?;
    let (mut start, mut national) = (prefix, at + length);
    if first == length
        && let Some(whole) = bracketed(text, prefix..national)
    {
        start = whole.start;
        national = whole.end;
    }
    let apart = first == length && matches!(bytes.get(national), Some(b' ' | b'-'));
    let parts = match code {
        1 => Parts::of(
            national,
            north_america::national(bytes, next(bytes, national, apart))?,
        ),
        86 => Parts {
            score: 1.0,
            ..china::national(text, national + usize::from(apart))?
        },
        _ => Parts::of(
            national,
            groups_end(bytes, national, plans::lengths(code)?)?,
        ),
    };
    let extension = parts
        .extension
        .clone()
        .or_else(|| extension::after(text, parts.end, false));
    Some((
        code,
        Parts {
            start,
            extension,
            ..parts
        },
    ))
}

/// The first digit or bracket of a number after its code, whatever separates them.
fn next(bytes: &[u8], at: usize, apart: bool) -> usize {
    at + usize::from(apart || bytes.get(at) == Some(&b'.'))
}

/// Where the last group ends that keeps the number within `allowed` digits.
fn groups_end(bytes: &[u8], start: usize, allowed: RangeInclusive<usize>) -> Option<usize> {
    let (mut at, mut digits, mut open) = (start, 0, false);
    let mut best = None;
    loop {
        let group = run(bytes, at, TOO_MANY);
        digits += group;
        at += group;
        if digits > *allowed.end() {
            break;
        }
        if !open && allowed.contains(&digits) {
            best = Some(at);
        }
        let Some((next, opened)) = separator_end(bytes, at, open) else {
            break;
        };
        (at, open) = (next, opened);
    }
    // More digits may follow after a space (another number), not after what joins groups or directly.
    best.filter(|&end| !bytes.get(end).is_some_and(u8::is_ascii_digit))
}

/// Where the separator at `at` ends, before a digit, and whether a bracket is open then.
fn separator_end(bytes: &[u8], at: usize, open: bool) -> Option<(usize, bool)> {
    const CLOSED: [&[u8]; 9] = [
        b"(0)", b" (0) ", b" (0)", b" (", b"-(", b"(", b" ", b"-", b".",
    ];
    const OPEN: [&[u8]; 4] = [b") ", b")-", b")", b"-"];
    let separators: &[&[u8]] = if open { &OPEN } else { &CLOSED };
    let rest = bytes.get(at..)?;
    let separator = separators
        .iter()
        .find(|s| rest.starts_with(s) && rest.get(s.len()).is_some_and(u8::is_ascii_digit))?;
    let still_open = separator.ends_with(b"(") || open && !separator.contains(&b')');
    Some((at + separator.len(), still_open))
}

/// Where the prefix of the number begins whose digits stand at `at`, and where its country code does: after `+`, or
/// after `00` among the digits themselves.
pub(super) fn prefix(text: &str, at: usize) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    if text[..at].ends_with('+') {
        // `++1` and `3+1` are no numbers; what stands before the sign is asked with the whole.
        return (border::before(text, at - 1) != Some('+')).then_some((at - 1, at));
    }
    bytes[at..].starts_with(b"00").then_some(())?;
    let apart = run(bytes, at, 3) == 2 && matches!(bytes.get(at + 2), Some(b' ' | b'-'));
    Some((at, at + 2 + usize::from(apart)))
}
