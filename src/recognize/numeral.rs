//! Numbers as people write them: runs of ASCII digits, and Chinese numerals below a hundred.
//!
//! What a number counts, and which of them are sensible, is each recognizer's business; amounts of money have a
//! grammar of their own (`money/amount.rs`).

use std::ops::RangeInclusive;

/// The length of the digit run at `at`, counted no further than `most`.
pub(super) fn run(bytes: &[u8], at: usize, most: usize) -> usize {
    bytes
        .get(at..)
        .unwrap_or_default()
        .iter()
        .take(most)
        .take_while(|b| b.is_ascii_digit())
        .count()
}

/// The length of the digit run that ends before `end`, counted no further than `most`.
pub(super) fn run_before(bytes: &[u8], end: usize, most: usize) -> usize {
    bytes[..end]
        .iter()
        .rev()
        .take(most)
        .take_while(|b| b.is_ascii_digit())
        .count()
}

/// What a few digits say.
pub(super) fn value(digits: &[u8]) -> u32 {
    digits.iter().fold(0, |n, d| n * 10 + u32::from(d - b'0'))
}

/// A number at `at` written in so many digits, no more, and where it ends.
pub(super) fn number(
    bytes: &[u8],
    at: usize,
    lengths: RangeInclusive<usize>,
) -> Option<(u32, usize)> {
    let length = run(bytes, at, lengths.end() + 1);
    lengths
        .contains(&length)
        .then(|| (value(&bytes[at..at + length]), at + length))
}

/// The digit that a Chinese character stands for. `两` is the two that counts, and the circles are what people type
/// for `〇`.
pub(super) fn han_digit(c: char) -> Option<u32> {
    Some(match c {
        '〇' | '○' | '◯' | '零' => 0,
        '一' | '壹' => 1,
        '二' | '两' | '兩' | '贰' | '貳' => 2,
        '三' | '叁' | '參' => 3,
        '四' | '肆' => 4,
        '五' | '伍' => 5,
        '六' | '陆' | '陸' => 6,
        '七' | '柒' => 7,
        '八' | '捌' => 8,
        '九' | '玖' => 9,
        _ => return None,
    })
}

/// Whether a character is part of a Chinese number below a hundred.
fn is_small(c: char) -> bool {
    han_digit(c).is_some() || matches!(c, '十' | '廿' | '卅')
}

/// More characters than a Chinese number below a hundred has (`二十二`).
const TOO_MANY: usize = 4;

/// A number below a hundred at `at`, in one or two digits or in Chinese numerals, and where it ends.
pub(super) fn small_at(text: &str, at: usize) -> Option<(u32, usize)> {
    if text.as_bytes().get(at)?.is_ascii() {
        return number(text.as_bytes(), at, 1..=2);
    }
    let length = text[at..]
        .chars()
        .take(TOO_MANY)
        .take_while(|&c| is_small(c))
        .map(char::len_utf8)
        .sum::<usize>();
    small(&text[at..at + length]).map(|number| (number, at + length))
}

/// A number below a hundred that ends before `end`, and where it begins.
pub(super) fn small_before(text: &str, end: usize) -> Option<(u32, usize)> {
    let bytes = text.as_bytes();
    if bytes[..end].last()?.is_ascii() {
        let length = run_before(bytes, end, 3);
        let start = end - length;
        return (1..=2)
            .contains(&length)
            .then(|| (value(&bytes[start..end]), start));
    }
    let length = text[..end]
        .chars()
        .rev()
        .take(TOO_MANY)
        .take_while(|&c| is_small(c))
        .map(char::len_utf8)
        .sum::<usize>();
    small(&text[end - length..end]).map(|number| (number, end - length))
}

/// `三`, `十`, `十一`, `二十二`, `廿二`.
fn small(numeral: &str) -> Option<u32> {
    if numeral.is_empty() {
        return None;
    }
    let digit = |part: &str| {
        let mut chars = part.chars();
        let digit = han_digit(chars.next()?)?;
        chars.next().is_none().then_some(digit)
    };
    let ones = |part: &str| {
        if part.is_empty() {
            Some(0)
        } else {
            digit(part).filter(|&n| n > 0)
        }
    };
    if let Some((tens, rest)) = numeral.split_once('十') {
        let tens = if tens.is_empty() {
            1
        } else {
            digit(tens).filter(|&n| n > 0)?
        };
        return Some(tens * 10 + ones(rest)?);
    }
    for (sign, tens) in [('廿', 20), ('卅', 30)] {
        if let Some(rest) = numeral.strip_prefix(sign) {
            return Some(tens + ones(rest)?);
        }
    }
    digit(numeral)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_numbers_in_both_scripts_and_both_directions() {
        for (written, expected) in [
            ("0", Some(0)),
            ("7", Some(7)),
            ("07", Some(7)),
            ("31", Some(31)),
            ("零", Some(0)),
            ("三", Some(3)),
            ("两", Some(2)),
            ("十", Some(10)),
            ("十一", Some(11)),
            ("二十", Some(20)),
            ("二十二", Some(22)),
            ("廿", Some(20)),
            ("廿二", Some(22)),
            ("卅一", Some(31)),
            ("123", None),
            ("", None),
            ("一二", None),
            ("十零", None),
            ("零十", None),
            ("十十", None),
            ("二十二三", None),
            ("二廿", None),
            ("百", None),
        ] {
            let text = format!("x{written}x");
            let end = text.len() - 1;
            assert_eq!(small_at(&text, 1), expected.map(|n| (n, end)), "{written}");
            assert_eq!(
                small_before(&text, end),
                expected.map(|n| (n, 1)),
                "{written}"
            );
        }
        assert_eq!((small_at("", 0), small_before("", 0)), (None, None));
    }
}
