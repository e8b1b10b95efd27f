//! Gazetteers against a naive reading of their grammar, by property tests: every phrase is tried at every place.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "fuzz/targets.rs"]
mod targets;

use std::ops::Range;

use proptest::prelude::*;
use proptest::sample::select;
use spanql::recognize::{Folding, Gazetteer, ListFormat, Registry, Scratch};

/// Of few kinds, so that phrases begin alike, overlap, and are met half-way.
const PHRASE_PIECES: &[&str] = &[
    "a", "a", "b", "ab", "A", "k", "ſ", "é", "e\u{301}", "1", "_", " ", " ", "\u{3000}", "中",
    "中", "国", "中国", "，", "-", ".", "Ａ", "ｶ", "ｶﾞ", "ガ", "カ", "ﾞ", "😀",
];
const TEXT_PIECES: &[&str] = &[
    "a", "a", "b", "ab", "A", "B", "k", "\u{212A}", "s", "ſ", "é", "É", "e\u{301}", "1", "_", " ",
    " ", " ", "  ", "\n", "\r\n", "\n\n", "\n \n", "\u{3000}", "中", "中", "国", "，", "-", ".",
    "Ａ", "ａ", "１", "ｶ", "ｶﾞ", "ガ", "カ", "ﾞ", "😀", "x",
];

fn phrases() -> impl Strategy<Value = Vec<String>> {
    let phrase =
        proptest::collection::vec(select(PHRASE_PIECES), 1..6).prop_map(|pieces| pieces.concat());
    proptest::collection::vec(phrase, 1..30)
}

fn text(longest: usize) -> impl Strategy<Value = String> {
    proptest::collection::vec(select(TEXT_PIECES), 0..longest).prop_map(|pieces| pieces.concat())
}

fn folding() -> impl Strategy<Value = Folding> {
    (any::<bool>(), any::<bool>()).prop_map(|(case, width)| Folding { case, width })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_leftmost_longest_phrases_are_found(phrases in phrases(), text in text(40), folding in folding()) {
        equals_oracle(&phrases, &text, folding)?;
    }

    #[test]
    fn forged_forms_are_harmless(changes in proptest::collection::vec(any::<u8>(), 0..120)) {
        targets::gazetteer_form(&changes);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    /// Longer than what is read at a time.
    #[test]
    fn and_so_they_are_in_long_texts(phrases in phrases(), text in text(900), folding in folding()) {
        equals_oracle(&phrases, &text, folding)?;
    }
}

fn equals_oracle(phrases: &[String], text: &str, folding: Folding) -> Result<(), TestCaseError> {
    let list = phrases.join("\n");
    let expected = oracle(phrases, text, folding);
    match Gazetteer::compile("X", list.as_bytes(), ListFormat::Lines, folding) {
        Err(_) => prop_assert!(phrases.iter().all(|phrase| phrase.trim().is_empty())),
        Ok(gazetteer) => {
            let registry = Registry::default().with_gazetteer(gazetteer);
            let scanner = registry.scanner_for_all();
            let mut scratch = Scratch::default();
            let spans = scanner.scan(text, &mut scratch).iter();
            let found: Vec<Range<usize>> = spans.map(|span| span.start..span.end).collect();
            prop_assert_eq!(
                found,
                expected,
                "{:?} in {:?}, {:?}",
                phrases,
                text,
                folding
            );
            targets::scan(&registry, text);
        }
    }
    Ok(())
}

/// A character as it is compared, and where it stands.
#[derive(Debug, Clone, Copy)]
struct Unit {
    folded: char,
    start: usize,
    end: usize,
    /// Whether it is a part of a word.
    joins: bool,
}

fn units(text: &str, folding: Folding) -> Vec<Unit> {
    let mut units: Vec<Unit> = Vec::new();
    for (start, c) in text.char_indices() {
        let end = start + c.len_utf8();
        if let Some(last) = units.last_mut()
            && folding.width
            && text[last.start..end] == *"ｶﾞ"
        {
            *last = Unit {
                folded: 'ガ',
                end,
                ..*last
            };
            continue;
        }
        let mut folded = c;
        if folding.width {
            folded = match folded {
                'Ａ' => 'A',
                'ａ' => 'a',
                '１' => '1',
                '，' => ',',
                'ｶ' => 'カ',
                'ﾞ' => '\u{3099}',
                other => other,
            };
        }
        if folding.case {
            folded = match folded {
                'A' | 'B' => folded.to_ascii_lowercase(),
                '\u{212A}' => 'k',
                'ſ' => 's',
                'É' => 'é',
                'Ａ' => 'ａ',
                other => other,
            };
        }
        let joins = c.is_ascii_alphanumeric() || "_\u{212A}ſéÉ\u{301}Ａａ１".contains(c);
        units.push(Unit {
            folded,
            start,
            end,
            joins,
        });
    }
    units
}

fn oracle(phrases: &[String], text: &str, folding: Folding) -> Vec<Range<usize>> {
    let phrases: Vec<Vec<Unit>> = phrases
        .iter()
        .map(|phrase| units(phrase.trim(), folding))
        .collect();
    let text = units(text, folding);
    let mut found = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let ends = phrases
            .iter()
            .filter_map(|phrase| end_of(phrase, &text, at));
        at = match ends.max() {
            None => at + 1,
            Some(end) => {
                found.push(text[at].start..text[end - 1].end);
                end
            }
        };
    }
    found
}

/// The unit after the phrase, if it begins at `start`.
fn end_of(phrase: &[Unit], text: &[Unit], start: usize) -> Option<usize> {
    let border = |at: usize| {
        let inside = at > 0 && at < text.len() && text[at - 1].joins && text[at].joins;
        !inside
    };
    let (mut wanted, mut at) = (phrase.iter().peekable(), start);
    while let Some(unit) = wanted.next() {
        if !unit.folded.is_whitespace() {
            if text.get(at)?.folded != unit.folded {
                return None;
            }
            at += 1;
            continue;
        }
        while wanted.next_if(|next| next.folded.is_whitespace()).is_some() {}
        let space = text[at..]
            .iter()
            .take_while(|unit| unit.folded.is_whitespace());
        let breaks = space.clone().filter(|unit| unit.folded == '\n').count();
        if space.clone().count() == 0 || breaks > 1 {
            return None;
        }
        at += space.count();
    }
    (at > start && border(start) && border(at)).then_some(at)
}
