//! What oracles of recognizers share: texts made of pieces, what the recognizers find, and naive searches and borders.
#![allow(
    dead_code,
    reason = "every test that includes this file uses its own part of it"
)]

use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::sample::select;
use regex::Regex;
use spanql::recognize::{Registry, Scratch};

/// Text made of pieces that meet grammars half-way.
pub fn text_of(pieces: &'static [&'static str], length: usize) -> impl Strategy<Value = String> {
    proptest::collection::vec(select(pieces), 0..length).prop_map(|parts| parts.concat())
}

/// Entities as the oracles write them: in half-width forms.
pub fn found(label: &str, text: &str) -> Vec<String> {
    let scanner = Registry::builtin().scanner(&[label]).unwrap();
    let mut scratch = Scratch::default();
    let spans = scanner.scan(text, &mut scratch).iter();
    spans.map(|span| half_width(span.of(text))).collect()
}

/// The text that the built-in recognizers see.
pub fn half_width(text: &str) -> String {
    let ascii = |wide: char| char::from_u32(u32::from(wide).wrapping_sub(0xFEE0));
    let folds = |c: &char| c.is_ascii_alphanumeric() || "#$%+-./@_".contains(*c);
    text.chars()
        .map(|c| ascii(c).filter(folds).unwrap_or(c))
        .collect()
}

/// The entities that `end_of` sees: where one ends that begins at a byte, tried at every character from left to right.
pub fn all(text: &str, end_of: impl Fn(&str, usize) -> Option<usize>) -> Vec<String> {
    let (mut all, mut at) = (Vec::new(), 0);
    while let Some(c) = text[at..].chars().next() {
        match end_of(text, at) {
            Some(end) => {
                all.push(text[at..end].to_string());
                at = end;
            }
            None => at += c.len_utf8(),
        }
    }
    all
}

pub fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).unwrap()
}

/// Whether one of these expressions, compiled once, matches.
macro_rules! matches_regex {
    ($text:expr, $pattern:expr) => {{
        static REGEX: LazyLock<Regex> = LazyLock::new(|| regex($pattern));
        REGEX.is_match($text)
    }};
}

/// The end of the expression's match at the start of `text`.
macro_rules! match_end {
    ($text:expr, $pattern:expr) => {{
        static REGEX: LazyLock<Regex> = LazyLock::new(|| regex(concat!("^(?:", $pattern, ")")));
        REGEX.find($text).map(|found| found.end())
    }};
}

/// Letters, digits and `_`, among the characters of these tests.
pub const WORD: &str = "[0-9A-Za-z_é]";

pub fn begins(before: &str) -> bool {
    !matches_regex!(before, &format!("(?:{WORD}|[0-9A-Za-z][-.])$"))
}

pub fn ends(after: &str) -> bool {
    !matches_regex!(after, &format!("^(?:{WORD}|@|[-.][0-9A-Za-z])"))
}

pub fn digits_of(text: &str) -> Vec<u32> {
    text.chars().filter_map(|c| c.to_digit(10)).collect()
}
