//! Magnitudes: words and letters for a number of zeros behind figures (`million`, `k`, `crore`), also where the first end
//! of a range has its own at the second end (`$10-20 million`).

use super::super::border;
use super::amount::{Amount, is_numeral, unit};
use super::currency;
use super::figures::{self, Separators};

/// In one or many: `$5 billion`, `$5 billions`.
const WORDS: [(&str, u32); 6] = [
    ("thousand", 3),
    ("lakh", 5),
    ("million", 6),
    ("crore", 7),
    ("billion", 9),
    ("trillion", 12),
];
/// The first three stand apart from figures only if a currency stands before those.
const LETTERS: [(&str, u32); 12] = [
    ("k", 3),
    ("m", 6),
    ("b", 9),
    ("mm", 6),
    ("mn", 6),
    ("bn", 9),
    ("tn", 12),
    ("mln", 6),
    ("mil", 6),
    ("mio", 6),
    ("bln", 9),
    ("mrd", 9),
];

/// The zeros that a word or letters name at `at`, and where it ends: words after a space, a hyphen or a line break,
/// letters directly or after a space. `named`: whether a currency stands before the figures.
pub(super) fn after(text: &str, at: usize, named: bool) -> Option<(u32, usize)> {
    let bytes = text.as_bytes();
    let gap = match bytes.get(at..)? {
        [b' ' | b'-' | b'\n', ..] => 1,
        [b'\r', b'\n', ..] => 2,
        _ => 0,
    };
    let start = at + gap;
    let word = word(text, start);
    let end = start + word.len();
    let singular = word.strip_suffix(['s', 'S']).unwrap_or(word);
    let is = |(name, _): &&(&str, u32), word: &str| word.eq_ignore_ascii_case(name);
    if let Some(&(_, zeros)) = WORDS.iter().find(|known| is(known, singular)) {
        // `lakh crore`.
        let more = word_after_space(text, end).filter(|more| more.eq_ignore_ascii_case("crore"));
        return Some(match more {
            Some(more) if zeros == 5 => (12, end + 1 + more.len()),
            _ => (zeros, end),
        });
    }
    let letters = match bytes.get(at) {
        Some(b' ') => &LETTERS[if named { 0 } else { 3 }..],
        _ if gap == 0 => &LETTERS,
        _ => return None,
    };
    letters
        .iter()
        .find(|known| is(known, word))
        .filter(|_| gap == 0 || ends_abbreviation(text, end))
        .map(|(_, zeros)| (*zeros, end))
}

/// The letters at `at`, one more than the longest word has at most.
fn word(text: &str, at: usize) -> &str {
    let letters = text.as_bytes()[at..].iter().take(10);
    &text[at..at + letters.take_while(|b| b.is_ascii_alphabetic()).count()]
}

fn word_after_space(text: &str, at: usize) -> Option<&str> {
    text[at..].starts_with(' ').then(|| word(text, at + 1))
}

/// Whether letters that stand alone and end at `end` are no part of something longer: `$20 b/c`, `$5 B-movie`.
fn ends_abbreviation(text: &str, end: usize) -> bool {
    let mut after = text[end..].chars();
    match after.next() {
        Some('/' | '&' | '\'' | '’' | '-') => false,
        Some('.') => !after.next().is_some_and(char::is_alphanumeric),
        next => !border::joins(next),
    }
}

/// What the first end of a range takes from the second.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shared {
    pub(super) zeros: u32,
    /// Where the range ends.
    pub(super) end: usize,
    /// Whether the second end names a currency itself.
    pub(super) own: bool,
}

/// The magnitude that follows the second end of a range, the first of which is `first` and ends at `at`. A range goes
/// upwards: in `$500 to $2 million` the first end has none.
pub(super) fn shared(
    text: &str,
    at: usize,
    first: Amount,
    separators: Separators,
) -> Option<Shared> {
    /// Bytes of the longest name before an amount.
    const NAME: usize = 10;
    let start = range_sign_end(text, at)?;
    let bytes = text.as_bytes();
    let name = bytes[start..]
        .iter()
        .take(NAME)
        .take_while(|b| !b.is_ascii_digit())
        .count();
    let figures = start + name;
    let named = || {
        let whole = text.is_char_boundary(figures);
        whole && currency::before(text, figures).is_some_and(|named| named.edge == start)
    };
    (name == 0 || named()).then_some(())?;
    let (second, end) = figures::read(bytes, figures, separators)?;
    first.is_below(second).then_some(())?;
    let (zeros, end) = after(text, end, true).or_else(|| chinese(text, end))?;
    let about = text[end..].starts_with(['余', '餘', '多']);
    Some(Shared {
        zeros,
        end,
        own: name > 0 || about || currency::after(text, end).is_some(),
    })
}

/// Where the sign or word for a range at `at` ends, and a space behind it.
fn range_sign_end(text: &str, at: usize) -> Option<usize> {
    const SIGNS: [&str; 9] = ["-", "–", "—", "~", "～", "〜", "至", "到", "−"];
    const WORDS: [&str; 2] = [" to ", " or "];
    let rest = &text[at..];
    let spaced = rest.strip_prefix(' ').unwrap_or(rest);
    let rest = match WORDS.iter().find_map(|word| rest.strip_prefix(word)) {
        Some(rest) => rest,
        None => {
            let rest = SIGNS.iter().find_map(|sign| spaced.strip_prefix(sign))?;
            rest.strip_prefix(' ').unwrap_or(rest)
        }
    };
    Some(text.len() - rest.len())
}

/// The zeros of Chinese units at `at` or after a space, and where they end: `万`, `千万`, `万亿`.
fn chinese(text: &str, at: usize) -> Option<(u32, usize)> {
    let start = at + usize::from(text[at..].starts_with(' '));
    let (mut zeros, mut end) = (0, start);
    while let Some(c) = border::after(text, end)
        && let Some(more) = unit(c).filter(|_| zeros < 12)
    {
        zeros += more;
        end += c.len_utf8();
    }
    let more = text[end..].starts_with(|c: char| c.is_ascii_digit() || is_numeral(c));
    (end > start && !more).then_some((zeros, end))
}
