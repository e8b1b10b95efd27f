//! Extensions: `转801`, `ext. 12`, `x12`, `;ext=801`, and after Chinese landlines `-801`.

use std::ops::Range;

use super::super::border;
use super::super::numeral::run;

/// What may stand between a number and its extension, a space before it allowed; longer ones before what they begin
/// with.
const SIGNS: [&str; 14] = [
    ";ext=",
    "转分机",
    "轉分機",
    "转",
    "轉",
    "分机",
    "分機",
    "extension",
    "ext.",
    "ext",
    "Ext.",
    "Ext",
    "x",
    "X",
];

/// The digits of an extension after a number that ends at `end`; `hyphen`: whether a hyphen will do.
pub(super) fn after(text: &str, end: usize, hyphen: bool) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    // Most numbers end before something else.
    matches!(
        bytes.get(end)?,
        b' ' | b';' | b'-' | b'e' | b'E' | b'x' | b'X' | 0xE5 | 0xE8
    )
    .then_some(())?;
    let rest = &text[end..];
    let (start, most) = match rest.strip_prefix('-').filter(|_| hyphen) {
        Some(_) => (end + 1, 5),
        None => {
            let rest = rest.strip_prefix(' ').unwrap_or(rest);
            let rest = SIGNS.iter().find_map(|sign| rest.strip_prefix(sign))?;
            let rest = rest.strip_prefix([':', '：', ' ']).unwrap_or(rest);
            (text.len() - rest.len(), 6)
        }
    };
    let digits = run(bytes, start, most + 1);
    let end = start + digits;
    let whole = (1..=most).contains(&digits) && !border::joins(border::after(text, end));
    whole.then_some(start..end)
}
