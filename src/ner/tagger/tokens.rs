//! Words of a text for the tagger: one token a word, a sign, or a Han character.
//!
//! What belongs together by its form stays together (`@name`, `https://…`, `U.S.`), clitics part (`'s`, `n't`), and signs
//! of the same kind in a row are one token. One pass; every byte that is no white space is in exactly one token.

use std::ops::Range;

use crate::ner::sentences::is_han;

/// What a token is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Letters, digits and what hangs together with them.
    Word,
    /// One Han character or kana.
    Han,
    /// Anything else.
    Sign,
}

/// A token of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token {
    pub start: usize,
    pub end: usize,
    pub kind: Kind,
}

impl Token {
    pub(super) fn range(&self) -> Range<usize> {
        self.start..self.end
    }

    pub(super) fn of<'a>(&self, text: &'a str) -> &'a str {
        &text[self.range()]
    }
}

/// The longest clitic after an apostrophe: `'ll`, `'re`, `'ve`.
const LONGEST_CLITIC: usize = 2;

/// Appends the tokens of `text[range]`, with offsets into `text`; about `most` of them, and says where it stopped.
pub(super) fn tokenize(
    text: &str,
    range: Range<usize>,
    most: usize,
    tokens: &mut Vec<Token>,
) -> usize {
    let text = &text[..range.end];
    let bytes = text.as_bytes();
    let most = tokens.len().saturating_add(most);
    let mut at = range.start;
    while let Some(&byte) = bytes.get(at) {
        if tokens.len() >= most {
            return at;
        }
        if byte == b' ' || byte == b'\n' {
            at += 1;
            continue;
        }
        let (end, kind) = if byte.is_ascii_alphanumeric() {
            (word(text, at), Kind::Word)
        } else {
            let c = char_at(text, at).expect("a character begins here");
            let next = at + c.len_utf8();
            if c.is_whitespace() {
                at = next;
                continue;
            }
            if is_han(c) {
                (next, Kind::Han)
            } else if is_word(c) {
                (word(text, at), Kind::Word)
            } else if matches!(c, '@' | '#') && starts_handle(bytes, next) {
                (run(text, next, |c| is_word(c) || c == '_'), Kind::Word)
            } else if matches!(c, '\'' | '’') && is_clitic(text, range.start, at, next) {
                (run(text, next, |c| c.is_ascii_alphabetic()), Kind::Word)
            } else {
                (run(text, next, |d| d == c), Kind::Sign)
            }
        };
        // `don't` is `do` and `n't`, as it is in treebanks.
        let end = match negation(bytes, at, end) {
            Some(cut) => {
                if cut > at {
                    tokens.push(Token {
                        start: at,
                        end: cut,
                        kind,
                    });
                }
                at = cut;
                cut + "n't".len()
            }
            None => end,
        };
        tokens.push(Token {
            start: at,
            end,
            kind,
        });
        at = end;
    }
    bytes.len()
}

/// Where the word ends that begins at `start`.
fn word(text: &str, start: usize) -> usize {
    let bytes = text.as_bytes();
    if let Some(end) = address(text, start).or_else(|| initials(bytes, start)) {
        return end;
    }
    let mut at = start;
    while let Some(byte) = bytes.get(at) {
        if byte.is_ascii_alphanumeric() || *byte == b'_' {
            at += 1;
        } else if byte.is_ascii() {
            break;
        } else {
            let c = char_at(text, at).expect("a character begins here");
            if !is_word(c) {
                break;
            }
            at += c.len_utf8();
        }
    }
    at
}

/// `http://…` up to white space or a Han character, if it begins here.
fn address(text: &str, start: usize) -> Option<usize> {
    let bytes = &text.as_bytes()[start..];
    if !matches!(bytes[0], b'h' | b'H' | b'w' | b'W') {
        return None;
    }
    ["http://", "https://", "www."]
        .iter()
        .any(|scheme| {
            bytes
                .get(..scheme.len())
                .is_some_and(|head| head.eq_ignore_ascii_case(scheme.as_bytes()))
        })
        .then(|| run(text, start, |c| !c.is_whitespace() && !is_han(c)))
}

/// `U.S.`, `J.R.R.`: two or more single letters, each with its full stop.
fn initials(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    while bytes.get(at).is_some_and(u8::is_ascii_alphabetic) && bytes.get(at + 1) == Some(&b'.') {
        at += 2;
    }
    let ends = !bytes.get(at).is_some_and(u8::is_ascii_alphanumeric);
    (at >= start + 4 && ends).then_some(at)
}

fn negation(bytes: &[u8], start: usize, end: usize) -> Option<usize> {
    let negated = bytes[start..end].ends_with(b"n")
        && bytes[end..].starts_with(b"'t")
        && !bytes.get(end + 2).is_some_and(u8::is_ascii_alphanumeric);
    negated.then_some(end - 1)
}

/// Whether the apostrophe at `at` begins a clitic: something stands before it, and few letters behind it.
fn is_clitic(text: &str, first: usize, at: usize, next: usize) -> bool {
    let letters = run(text, next, |c| c.is_ascii_alphabetic()) - next;
    at > first && (1..=LONGEST_CLITIC).contains(&letters)
}

fn starts_handle(bytes: &[u8], at: usize) -> bool {
    bytes
        .get(at)
        .is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_')
}

/// Where the characters end, from `start` on, that are wanted.
fn run(text: &str, start: usize, wanted: impl Fn(char) -> bool) -> usize {
    text[start..]
        .char_indices()
        .find(|&(_, c)| !wanted(c))
        .map_or(text.len(), |(at, _)| start + at)
}

fn char_at(text: &str, at: usize) -> Option<char> {
    text[at..].chars().next()
}

fn is_word(c: char) -> bool {
    (c.is_alphanumeric() || matches!(c, '_' | '\u{300}'..='\u{36F}')) && !is_han(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Vec<&str> {
        let mut tokens = Vec::new();
        tokenize(text, 0..text.len(), usize::MAX, &mut tokens);
        tokens.iter().map(|token| token.of(text)).collect()
    }

    #[test]
    fn words_signs_and_characters() {
        for (text, expected) in [
            ("", &[][..]),
            ("Al-Zaman :", &["Al", "-", "Zaman", ":"]),
            (
                "I don't, he'll; Iverson's",
                &["I", "do", "n't", ",", "he", "'ll", ";", "Iverson", "'s"],
            ),
            // As treebanks cut it already.
            ("do n't 's", &["do", "n't", "'s"]),
            (
                "in the U.S. (J.R.R. T.)",
                &["in", "the", "U.S.", "(", "J.R.R.", "T", ".", ")"],
            ),
            ("RT @paul_w #topic!!!", &["RT", "@paul_w", "#topic", "!!!"]),
            ("see https://a.b/c?d=e。", &["see", "https://a.b/c?d=e。"]),
            ("去www.a.cn看", &["去", "www.a.cn", "看"]),
            (
                "他在Google工作，2026年",
                &["他", "在", "Google", "工", "作", "，", "2026", "年"],
            ),
            (
                "Łódź e\u{301}té 東京タワー",
                &["Łódź", "e\u{301}té", "東", "京", "タ", "ワ", "ー"],
            ),
            ("😀😀 \u{FFFD}", &["😀😀", "\u{FFFD}"]),
            ("@ # '", &["@", "#", "'"]),
            ("n't", &["n't"]),
        ] {
            assert_eq!(tokens(text), expected, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn every_byte_but_white_space_is_in_one_token(text in "[a-cN.'’@# 中ー\n:/wht-]{0,24}|\\PC{0,24}") {
            let mut tokens = Vec::new();
            tokenize(&text, 0..text.len(), usize::MAX, &mut tokens);
            let mut last = 0;
            for token in &tokens {
                proptest::prop_assert!(token.start < token.end);
                proptest::prop_assert!(text[last..token.start].chars().all(char::is_whitespace));
                last = token.end;
            }
            proptest::prop_assert!(text[last..].chars().all(char::is_whitespace));
        }
    }
}
