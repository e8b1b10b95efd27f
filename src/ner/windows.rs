//! Windows: long texts for models that take short ones.
//!
//! Owns how a text is cut into overlapping windows, and how the spans of the windows become those of the text again:
//! nothing is cut off silently, and nothing is found twice.
//!
//! A window is a run of *atoms*, which are sentences, or pieces of a sentence that is itself too long. The next window
//! repeats the last atoms of the one before it, for context, and so that a name which a cut would divide is whole in one
//! of the two.

use std::cmp::Reverse;
use std::ops::Range;

use super::{Model, Tagged, sentences};
use crate::recognize::{Span, settle};

/// What windows repeat of the one before: at most a quarter of their tokens.
const OVERLAP: usize = 4;

/// Pieces of long sentences are eighths, so that two of them overlap.
const PIECE: usize = 8;

/// Bytes that are first tried for a piece, by tokens.
const BYTES_PER_TOKEN: usize = 8;

/// A part of a text that a model takes at once.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Window {
    pub(super) range: Range<usize>,
    pub(super) tokens: usize,
}

/// Adds the windows of a text: the whole of it where it fits.
pub(super) fn windows(text: &str, model: &dyn Model, windows: &mut Vec<Window>) {
    let tokens = model.count_tokens(text);
    let room = match model.window() {
        Some(room) if tokens > room => room,
        _ => {
            return windows.push(Window {
                range: 0..text.len(),
                tokens,
            });
        }
    };
    let cutter = Cutter {
        text,
        model,
        room,
        // What the model adds to each text counts once a window, not once an atom.
        base: model.count_tokens("").min(room.saturating_sub(1)),
    };
    cutter.pack(&cutter.atoms(), windows);
}

struct Cutter<'a> {
    text: &'a str,
    model: &'a dyn Model,
    room: usize,
    base: usize,
}

impl Cutter<'_> {
    /// Tokens of a part, without those that come with each text.
    fn count(&self, range: &Range<usize>) -> usize {
        let tokens = self.model.count_tokens(&self.text[range.clone()]);
        tokens.saturating_sub(self.base).max(1)
    }

    fn free(&self) -> usize {
        self.room.saturating_sub(self.base).max(1)
    }

    fn atoms(&self) -> Vec<Window> {
        let mut atoms = Vec::new();
        for range in sentences(self.text) {
            let tokens = self.count(&range);
            if tokens <= self.free() {
                atoms.push(Window { range, tokens });
            } else {
                self.pieces(range, &mut atoms);
            }
        }
        atoms
    }

    /// Cuts a long sentence: after white space where there is some, between characters elsewhere.
    fn pieces(&self, sentence: Range<usize>, atoms: &mut Vec<Window>) {
        let most = (self.free() / PIECE).max(1);
        let longest = most.saturating_mul(BYTES_PER_TOKEN);
        // What the last piece took is a good guess for the next one.
        let (mut start, mut guess) = (sentence.start, longest);
        while start < sentence.end {
            let range = start..self.border(start, start + guess, sentence.end);
            let tokens = self.count(&range);
            let single = self.text[range.clone()].chars().nth(1).is_none();
            if tokens > most && !single {
                guess = range.len() / 2;
                continue;
            }
            start = range.end;
            guess = (range.len() * 2).min(longest);
            atoms.push(Window { range, tokens });
        }
    }

    /// Where a piece that begins at `start` may end: near `wanted`, after one character at least.
    fn border(&self, start: usize, wanted: usize, end: usize) -> usize {
        if wanted >= end {
            return end;
        }
        let first = self.text[start..].chars().next().map_or(1, char::len_utf8);
        let wanted = self.text.floor_char_boundary(wanted).max(start + first);
        let half = self.text.ceil_char_boundary(start + (wanted - start) / 2);
        match self.text[half..wanted].rfind(char::is_whitespace) {
            Some(space) if self.text[half + space..wanted].trim_start().is_empty() => wanted,
            Some(space) => {
                let after = half + space;
                after + self.text[after..].chars().next().map_or(1, char::len_utf8)
            }
            None => wanted,
        }
    }

    /// As many atoms a window as fit.
    fn pack(&self, atoms: &[Window], windows: &mut Vec<Window>) {
        let sum = |some: Range<usize>| atoms[some].iter().map(|atom| atom.tokens).sum::<usize>();
        let range =
            |some: &Range<usize>| atoms[some.start].range.start..atoms[some.end - 1].range.end;
        // Atoms from `fresh` on are in no window yet; `seen` is where the last window's fresh ones began.
        let (mut from, mut fresh) = (0, 0);
        while fresh < atoms.len() {
            while from < fresh && sum(from..fresh + 1) > self.free() {
                from += 1;
            }
            let mut to = fresh + 1;
            let mut tokens = sum(from..to);
            while to < atoms.len() && tokens + atoms[to].tokens <= self.free() {
                tokens += atoms[to].tokens;
                to += 1;
            }
            // Atoms are counted apart; together they may have a token more, or fewer.
            let mut whole = self.model.count_tokens(&self.text[range(&(from..to))]);
            while whole > self.room && (to > fresh + 1 || from < fresh) {
                if to > fresh + 1 {
                    to -= 1;
                } else {
                    from += 1;
                }
                whole = self.model.count_tokens(&self.text[range(&(from..to))]);
            }
            windows.push(Window {
                range: range(&(from..to)),
                tokens: whole,
            });
            // Not beyond what was fresh in this window: never more than two windows lie over one place.
            let (seen, mut repeated) = (fresh, 0);
            (from, fresh) = (to, to);
            while from > seen && repeated + atoms[from - 1].tokens <= self.free() / OVERLAP {
                from -= 1;
                repeated += atoms[from].tokens;
            }
        }
    }
}

/// The spans of a text from those of its windows, ascending and without overlaps.
///
/// Of the part that two windows share, each answers for the half that lies farther from its own edge. Spans across the
/// middle are taken from both; of those that then overlap the longest stays, then the earliest.
pub(super) fn merge(windows: &[Window], spans: &mut [Vec<Tagged>]) -> Vec<Tagged> {
    if let [spans] = spans {
        let mut spans = std::mem::take(spans);
        disentangle(&mut spans);
        return spans;
    }
    let seam = |left: &Window, right: &Window| left.range.end.midpoint(right.range.start);
    let mut merged = Vec::with_capacity(spans.iter().map(Vec::len).sum());
    for (i, (window, spans)) in windows.iter().zip(spans).enumerate() {
        let first = i
            .checked_sub(1)
            .map_or(0, |before| seam(&windows[before], window));
        let last = windows
            .get(i + 1)
            .map_or(usize::MAX, |next| seam(window, next));
        merged.extend(spans.iter().filter_map(|span| {
            let start = window.range.start + span.start;
            let end = window.range.start + span.end;
            (start < last && end > first).then_some(Tagged {
                start,
                end,
                ..*span
            })
        }));
    }
    disentangle(&mut merged);
    merged
}

/// Puts spans in order and settles those that overlap.
fn disentangle(spans: &mut Vec<Tagged>) {
    if spans.windows(2).all(|pair| pair[0].end <= pair[1].start) {
        return;
    }
    let score = |span: &Tagged| Reverse((span.score * 1000.0) as u32);
    spans.sort_by_key(|span| (span.start, span.end, score(span), span.label));
    spans.dedup_by_key(|span| (span.start, span.end));
    let mut rest: Vec<Span> = spans
        .iter()
        .map(|span| Span {
            start: span.start,
            end: span.end,
            recognizer: span.label,
            score: span.score,
        })
        .collect();
    settle(&mut rest, |_| ());
    rest.sort_unstable_by_key(|span| span.start);
    spans.clear();
    spans.extend(rest.iter().map(|span| Tagged {
        start: span.start,
        end: span.end,
        label: span.recognizer,
        score: span.score,
    }));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::{Capitals, capitals, words};
    use super::*;

    fn cut(text: &str, window: usize) -> Vec<Window> {
        let mut all = Vec::new();
        let model = Capitals {
            window: Some(window),
            ..Capitals::default()
        };
        windows(text, &model, &mut all);
        all
    }

    /// The texts of the windows.
    fn parts(text: &str, window: usize) -> Vec<&str> {
        cut(text, window)
            .iter()
            .map(|w| &text[w.range.clone()])
            .collect()
    }

    fn through_windows(text: &str, window: usize) -> Vec<Tagged> {
        let all = cut(text, window);
        let mut spans: Vec<_> = all
            .iter()
            .map(|w| capitals(&text[w.range.clone()]))
            .collect();
        merge(&all, &mut spans)
    }

    #[test]
    fn sentences_fill_windows_and_the_last_ones_come_again() {
        let text = "One two. Three four five. Six. Seven eight. Nine ten eleven twelve thirteen.";
        assert_eq!(parts(text, 99), [text]);
        // Ten words and the two tokens that the model adds.
        assert_eq!(
            parts(text, 12),
            [
                "One two. Three four five. Six. Seven eight. ",
                "Seven eight. Nine ten eleven twelve thirteen."
            ]
        );
        assert_eq!(
            parts(text, 7),
            [
                "One two. Three four five. ",
                "Six. Seven eight. ",
                "Nine ten eleven twelve thirteen."
            ]
        );
    }

    #[test]
    fn a_long_sentence_is_cut_between_words_and_what_is_there_twice_is_found_once() {
        let words: Vec<String> = (0..100).map(|n| format!("w{n}")).collect();
        let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
        for at in [0, 17, 18, 19, 40, 41, 99] {
            words[at] = "Name";
        }
        let text = words.join(" ");
        assert!(parts(&text, 22).len() > 5);
        assert!(
            parts(&text, 22)
                .iter()
                .all(|part| part.split_whitespace().all(|w| words.contains(&w)))
        );
        assert_eq!(through_windows(&text, 22), capitals(&text));
        // Without spaces: between characters.
        let han: String = "北京拉拉上海".repeat(100);
        assert_eq!(through_windows(&han, 22), capitals(&han));
    }

    #[test]
    fn of_windows_that_disagree_the_longest_stays_and_the_surer_of_equals() {
        let all = [0..10, 6..16].map(|range| Window { range, tokens: 1 });
        let span = |start, end, label, score| Tagged {
            start,
            end,
            label,
            score,
        };
        let merged =
            |left: &[Tagged], right: &[Tagged]| merge(&all, &mut [left.to_vec(), right.to_vec()]);
        // The middle is 8: what ends before it is the left window's, what begins after it the right one's.
        assert_eq!(merged(&[span(8, 10, 0, 1.0)], &[span(0, 2, 1, 1.0)]), []);
        assert_eq!(
            merged(&[span(6, 9, 0, 0.5)], &[span(1, 4, 1, 0.9)]),
            [span(6, 9, 0, 0.5)],
            "of two of a length the earliest"
        );
        assert_eq!(
            merged(&[span(6, 9, 0, 0.5)], &[span(0, 4, 1, 0.9)]),
            [span(6, 10, 1, 0.9)]
        );
        assert_eq!(
            merged(&[span(6, 9, 0, 0.5)], &[span(0, 3, 1, 0.9)]),
            [span(6, 9, 1, 0.9)]
        );
        assert_eq!(
            merged(&[span(0, 2, 0, 1.0)], &[span(3, 9, 0, 1.0)]),
            [span(0, 2, 0, 1.0), span(9, 15, 0, 1.0)]
        );
    }

    #[test]
    fn hostile_texts_take_linear_time() {
        for unit in ["a", "a ", ".", "拉", "😀", "\u{FFFD}", "\n", "a. ", "Name"] {
            let text = unit.repeat(300_000 / unit.len());
            let all = cut(&text, 64);
            assert_eq!(all.last().map(|w| w.range.end), Some(text.len()), "{unit}");
        }
    }

    proptest! {
        #[test]
        fn windows_fit_and_cover(text in "([a-z]{1,9}[ .\n]|Name |[拉京。]|😀|\\PC){0,200}", window in 3..60usize) {
            let all = cut(&text, window);
            let mut covered = 0;
            for (i, w) in all.iter().enumerate() {
                prop_assert!(w.range.start <= covered && w.range.end > covered || text.is_empty());
                let tokens = words(&text[w.range.clone()]).len() + 2;
                prop_assert_eq!(tokens, w.tokens);
                prop_assert!(tokens <= window, "{tokens} of {window}");
                if i >= 2 {
                    prop_assert!(w.range.start >= all[i - 2].range.end, "three over one place");
                }
                covered = w.range.end;
            }
            prop_assert_eq!(covered, text.len());
        }

        /// The model looks at a word and the one before it, and overlaps are longer than that.
        #[test]
        fn windows_change_no_answer(
            text in "((at )?(Name |拉|Name Name )[a-z]{1,5} ([a-z京]{1,5}[.。]? ){0,9}){0,40}",
            window in 40..90usize,
        ) {
            prop_assert_eq!(through_windows(&text, window), capitals(&text));
        }
    }
}
