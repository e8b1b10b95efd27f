//! Lists of codes: those that follow a first one and share its exchange or its cue, as in `(Nasdaq: GOOG, GOOGL)` and
//! `股票代码：600519、000001`.

use std::ops::Range;

use super::market::Market;
use super::{border, digits, is_word_of_english, letters_end};

/// What may stand between two codes; longer ones before what they begin with.
const AND: [&str; 11] = [
    "、", "，", ", ", ",", " / ", "/", "和", "及", "与", " and ", " & ",
];
/// More codes than a list has.
const MOST: usize = 8;

/// The codes after one that ends at `end`: those of a market, or digits of any. Each has the right market by itself,
/// since that is how its value is told.
pub(super) fn after(text: &str, end: usize, market: Option<Market>) -> Vec<Range<usize>> {
    let (mut codes, mut at) = (Vec::new(), end);
    while codes.len() < MOST
        && let Some(code) = next(text, at, market)
    {
        at = code.end;
        codes.push(code);
    }
    if market == Some(Market::UnitedStates) && !closes(text, at) {
        codes.clear();
    }
    codes
}

fn next(text: &str, at: usize, market: Option<Market>) -> Option<Range<usize>> {
    let start = separator_end(text, at)?;
    let letters = market == Some(Market::UnitedStates);
    let end = if letters {
        letters_end(text, start)?
    } else {
        start + digits::run(text.as_bytes(), start, 7)
    };
    let code = &text[start..end];
    let own = Market::of_code(code)?;
    let fits = match market {
        Some(Market::UnitedStates) => !is_word_of_english(text, start..end),
        Some(Market::HongKong) => code.len() >= 4,
        _ => code.len() >= 5,
    };
    let goes_on = border::after(text, end).is_some_and(|c| matches!(c, ':' | '：'))
        || !letters
            && border::after(text, end).is_some_and(border::is_word)
            && separator_end(text, end).is_none();
    let whole = fits && market.is_none_or(|market| market == own) && !goes_on;
    (whole && border::ends(text, end)).then_some(start..end)
}

fn separator_end(text: &str, at: usize) -> Option<usize> {
    let rest = AND.iter().find_map(|and| text[at..].strip_prefix(and))?;
    Some(text.len() - rest.len())
}

/// Whether letters are a list as it ends at `at`, and no shouted sentence: before a bracket, a semicolon, or the next
/// exchange.
fn closes(text: &str, at: usize) -> bool {
    /// Characters of the longest exchange's name, and a colon.
    const NAME: usize = 14;
    if text[at..].starts_with([')', '）', ']', '】', ';', '；']) {
        return true;
    }
    let Some(start) = separator_end(text, at) else {
        return false;
    };
    let rest = &text[start..];
    let colon = rest
        .char_indices()
        .take(NAME)
        .find(|(_, c)| matches!(c, ':' | '：'));
    colon.is_some_and(|(colon, _)| Market::named(&rest[..colon]).is_some_and(|(name, _)| name == 0))
}
