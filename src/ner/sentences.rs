//! Sentences: where a text can be cut without cutting a name.
//!
//! Owns the borders of sentences in English, Chinese and mixed text. Sentences cover the text: white space belongs to the
//! one before it. One pass with bounded looks back, so any text takes linear time.
//!
//! Where it is not clear, it does not cut: too long a sentence costs a little, a name cut in two is lost.

use std::ops::Range;

/// A line at least this long, in bytes, that ends in the midst of a sentence was wrapped; a shorter one is a line of a
/// list, a headline or a short message.
const WRAPPED_LINE: usize = 40;

/// Letters that are looked at before a full stop.
const LONGEST_ABBREVIATION: usize = 6;

/// After these a full stop ends no sentence.
const ABBREVIATIONS: [&str; 38] = [
    "mr", "mrs", "ms", "messrs", "dr", "prof", "st", "sr", "jr", "gen", "col", "maj", "capt", "lt",
    "sgt", "adm", "sen", "rep", "gov", "rev", "hon", "pres", "inc", "ltd", "corp", "co", "llc",
    "bros", "dept", "univ", "assn", "intl", "mt", "ft", "vs", "cf", "approx", "al",
];

/// After these it ends none before a number.
const BEFORE_NUMBERS: [&str; 19] = [
    "no", "nos", "vol", "fig", "p", "pp", "art", "sec", "jan", "feb", "mar", "apr", "jun", "jul",
    "aug", "sep", "sept", "oct", "nov",
];

/// The sentences of a text, as ascending ranges of bytes that cover it.
///
/// ```
/// use spanql::ner::sentences;
///
/// let text = "Mr. Smith left the U.S. in May. 他去了北京。\nThen what?";
/// let all: Vec<&str> = sentences(text).map(|range| &text[range]).collect();
/// assert_eq!(all, ["Mr. Smith left the U.S. in May. ", "他去了北京。\n", "Then what?"]);
/// ```
pub fn sentences(text: &str) -> impl Iterator<Item = Range<usize>> {
    let (mut at, mut line) = (0, 0);
    std::iter::from_fn(move || {
        let start = at;
        (start < text.len()).then(|| {
            at = end_of_sentence(text, start, &mut line);
            start..at
        })
    })
}

/// Where the sentence ends that begins at `start`; `line` is where the line began, and then where the last one does.
fn end_of_sentence(text: &str, start: usize, line: &mut usize) -> usize {
    let bytes = text.as_bytes();
    let mut at = start;
    while at < bytes.len() {
        let byte = bytes[at];
        if byte == b'\n' {
            let gap = Gap::after(text, at);
            // White space before the first word of a text is no sentence.
            let ends = !text[start..at].trim_ascii().is_empty()
                && (gap.lines > 1 || !wrapped(text, *line, at, &gap));
            *line = gap.end;
            at = gap.end;
            if ends {
                return at;
            }
        } else if let Some((mut next, kind)) = terminator(bytes, at) {
            let stop = at;
            let mut single = true;
            while let Some((after, _)) = terminator(bytes, next) {
                (next, single) = (after, false);
            }
            let closed = closers(text, next);
            let gap = Gap::after(text, closed);
            at = closed;
            let ends = match kind {
                Terminator::Han => true,
                _ if gap.end == bytes.len() => true,
                _ if gap.end == closed => kind == Terminator::Mark && han_at(text, closed),
                _ if gap.lines > 1 => true,
                _ if continues(text, gap.end) => false,
                Terminator::Stop => !single || !abbreviates(bytes, start, stop, gap.end),
                Terminator::Mark => true,
            };
            if ends {
                if gap.lines > 0 {
                    *line = gap.end;
                }
                return gap.end;
            }
        } else {
            at += 1;
        }
    }
    bytes.len()
}

#[derive(Clone, Copy, PartialEq)]
enum Terminator {
    /// `。！？`: always an end.
    Han,
    /// `!` and `?`.
    Mark,
    /// `.`, which is also part of names, numbers and abbreviations.
    Stop,
}

/// The terminator at `at`, and where it ends. An ellipsis goes with one before it.
fn terminator(bytes: &[u8], at: usize) -> Option<(usize, Terminator)> {
    match bytes.get(at)? {
        b'.' => Some((at + 1, Terminator::Stop)),
        b'!' | b'?' => Some((at + 1, Terminator::Mark)),
        0xE3 if bytes[at..].starts_with("。".as_bytes()) => Some((at + 3, Terminator::Han)),
        0xEF if ["！", "？", "｡"]
            .iter()
            .any(|mark| bytes[at..].starts_with(mark.as_bytes())) =>
        {
            Some((at + 3, Terminator::Han))
        }
        _ => None,
    }
}

/// Where the quotes and brackets end that close after a terminator.
fn closers(text: &str, at: usize) -> usize {
    let rest = text[at..].trim_start_matches(|c: char| "\"')]}”’»」』）】》〉…".contains(c));
    text.len() - rest.len()
}

/// White space after a place.
struct Gap {
    end: usize,
    lines: usize,
}

impl Gap {
    fn after(text: &str, at: usize) -> Self {
        let rest = text[at..].trim_start();
        let end = text.len() - rest.len();
        let lines = memchr::memchr_iter(b'\n', &text.as_bytes()[at..end]).count();
        Self { end, lines }
    }
}

/// Whether the line break at `at` only wraps a line that began at `line`.
fn wrapped(text: &str, line: usize, at: usize, gap: &Gap) -> bool {
    let before = text[line..at].trim_ascii_end();
    let joins = |c: char| c.is_alphanumeric() && !is_han(c);
    before.len() >= WRAPPED_LINE
        && before
            .chars()
            .next_back()
            .is_some_and(|c| joins(c) || c == ',')
        && text[gap.end..].chars().next().is_some_and(joins)
}

/// Whether what begins at `at` goes on with a sentence.
fn continues(text: &str, at: usize) -> bool {
    text[at..].chars().next().is_some_and(char::is_lowercase)
}

/// Whether the full stop at `stop` belongs to an abbreviation in a sentence that began at `start` and goes on at `next`.
fn abbreviates(bytes: &[u8], start: usize, stop: usize, next: usize) -> bool {
    let before = &bytes[start..stop];
    let letters = before.iter().rev().take(LONGEST_ABBREVIATION + 1);
    let length = letters.take_while(|b| b.is_ascii_alphabetic()).count();
    let (rest, word) = before.split_at(before.len() - length);
    match rest.last() {
        // `U.S.`, `p.m.`, but not the end of `example.com`.
        Some(b'.') => return length == 1,
        // Part of a longer word, a number, or a word that is not ASCII.
        Some(b) if b.is_ascii_alphanumeric() || !b.is_ascii() => return false,
        _ => {}
    }
    let among = |list: &[&str]| {
        list.iter()
            .any(|one| word.eq_ignore_ascii_case(one.as_bytes()))
    };
    // A single capital is an initial.
    (length == 1 && word[0].is_ascii_uppercase())
        || among(&ABBREVIATIONS)
        || (among(&BEFORE_NUMBERS) && bytes.get(next).is_some_and(u8::is_ascii_digit))
}

fn han_at(text: &str, at: usize) -> bool {
    text[at..].chars().next().is_some_and(is_han)
}

/// Han characters, and the kana and bopomofo that are written beside them without spaces.
pub(super) fn is_han(c: char) -> bool {
    matches!(c,
        '\u{3005}'..='\u{3007}' | '\u{3040}'..='\u{30FF}' | '\u{3100}'..='\u{312F}' | '\u{3400}'..='\u{4DBF}'
        | '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The sentences, with `|` between them.
    fn cut(text: &str) -> String {
        let all: Vec<&str> = sentences(text).map(|range| &text[range]).collect();
        all.join("|")
    }

    #[test]
    fn sentences_end_where_readers_end_them() {
        for expected in [
            "",
            "no end",
            "One. |Two! |Three? |\"Four.\" |Five",
            "He said “Go.” |Then he left.",
            "What?! |No... |Yes",
            "Mr. Smith met Dr. J. R. Jones of Acme Inc. in the U.S. |",
            "See No. 5. |No. |Not on Nov. 3. |In Nov. |It was cold.",
            "At 5 p.m. Tom left; e.g. Ann stayed.",
            "v1.2.3 of example.com costs 3.14 at a.b@c.io. |Yes",
            "Yahoo! is a firm. |So is Apple. iPhone sales rose. ",
            "The end.\n\nlower case after a blank line",
            "你好。|我去北京！|“真的？”|是的……好",
            "他在Google工作。|Then he left. |再见",
            "Go!|你好 a?b=1 ok",
            "Headline\n|Another one\n|- a list\n|- of things",
            "This line of an e-mail was wrapped after New\nYork, and then it went on and on after a\nword. |End",
            "This line is long enough to be wrapped, really,\n  |- and a list follows it\n|1) first",
            "这一行很长很长很长很长很长很长很长很长很长很长很长没有句号\n|下一行",
            "A paragraph ends here\r\n\r\n|And another begins",
            "  \n leading space. |\u{3000}Wide",
            "Prof.\n|",
        ] {
            let text = expected.replace('|', "");
            let expected = expected.trim_end_matches('|');
            let expected = expected.replace("The end.\n\nlower", "The end.\n\n|lower");
            let expected = expected.replace("|\u{3000}", "\u{3000}|");
            assert_eq!(cut(&text), expected);
        }
    }

    #[test]
    fn hostile_texts_take_linear_time() {
        for unit in [
            ".", ". ", "\n", " ", "a.", "。", "\"", "A. ", "…", "\u{3000}", "?x", "\n ",
        ] {
            let text = unit.repeat(1_000_000 / unit.len());
            assert_eq!(
                sentences(&text).last().map_or(0, |range| range.end),
                text.len()
            );
        }
    }

    proptest! {
        #[test]
        fn sentences_cover_the_text(text in "(\\PC|[.!?\n \"a-zA-Z。！你好 ]){0,60}") {
            let mut at = 0;
            for range in sentences(&text) {
                prop_assert_eq!(range.start, at);
                prop_assert!(text.is_char_boundary(range.end) && range.end > at);
                at = range.end;
            }
            prop_assert_eq!(at, text.len());
        }
    }
}
