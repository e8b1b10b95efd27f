//! From guesses about tokens to spans of the text.
//!
//! A word gets the class and the score of its first token, as models are trained to give them; an entity is a run of words,
//! with the mean of their scores. A word is what letters and digits form: tokenizers disagree on words, some call
//! `Berlin,` one, some a whole Chinese sentence. In scripts without spaces every token is a word.

use crate::ner::Tagged;

use super::network::Guess;
use super::tags::{Tag, Tags};
use super::tokenizer::Token;

/// The entities of a text: ascending, apart from each other, none empty.
pub(super) fn spans(text: &str, tokens: &[Token], guesses: &[Guess], tags: &Tags) -> Vec<Tagged> {
    let mut spans = Spans::default();
    let mut previous: Option<Token> = None;
    for (token, (class, score)) in tokens.iter().zip(guesses) {
        if token.start >= token.end {
            continue;
        }
        if previous
            .is_some_and(|left| !token.special && !left.special && one_word(text, left, *token))
        {
            spans.extend(token.end);
        } else {
            let tag = tags
                .classes
                .get(*class)
                .copied()
                .flatten()
                .filter(|_| !token.special);
            spans.word(*token, tag, *score);
        }
        previous = Some(*token);
    }
    spans.close();
    spans.done
}

/// Whether two tokens in succession belong to one word. What is between them, a space aside, the tokenizer has dropped: a
/// combining accent, a zero-width joiner.
fn one_word(text: &str, left: Token, right: Token) -> bool {
    if right.start < left.end {
        return true;
    }
    let before = text[..left.end].chars().next_back();
    let after = text[right.start..].chars().next();
    let letter = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() && !without_spaces(c));
    letter(before) && letter(after) && !text[left.end..right.start].contains(char::is_whitespace)
}

/// Whether a character is of a script that puts no spaces between words.
fn without_spaces(c: char) -> bool {
    matches!(c,
        '\u{0e00}'..='\u{0eff}' // Thai, Lao
        | '\u{1000}'..='\u{109f}' // Burmese
        | '\u{1780}'..='\u{17ff}' // Khmer
        | '\u{3005}'..='\u{3007}' | '\u{3040}'..='\u{30ff}' | '\u{31f0}'..='\u{31ff}' // kana
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' // Han
        | '\u{ff66}'..='\u{ff9d}' // half-width kana
        | '\u{20000}'..='\u{3ffff}') // rare Han
}

/// The entities found so far, and the one that may go on.
#[derive(Default)]
struct Spans {
    done: Vec<Tagged>,
    open: Option<Open>,
    /// Whether the last word belongs to the open entity, so that its further tokens do.
    inside: bool,
}

struct Open {
    span: Tagged,
    words: f32,
    ended: bool,
}

impl Spans {
    fn word(&mut self, token: Token, tag: Option<Tag>, score: f32) {
        self.inside = tag.is_some();
        let Some(tag) = tag else {
            self.close();
            return;
        };
        match &mut self.open {
            Some(open) if !tag.begins && !open.ended && open.span.label == tag.label => {
                open.span.end = token.end;
                open.span.score += score;
                open.words += 1.0;
                open.ended = tag.ends;
            }
            _ => {
                self.close();
                let span = Tagged {
                    start: token.start,
                    end: token.end,
                    label: tag.label,
                    score,
                };
                self.open = Some(Open {
                    span,
                    words: 1.0,
                    ended: tag.ends,
                });
            }
        }
    }

    fn extend(&mut self, end: usize) {
        if let Some(open) = self.open.as_mut().filter(|_| self.inside) {
            open.span.end = open.span.end.max(end);
        }
    }

    fn close(&mut self) {
        if let Some(Open {
            mut span, words, ..
        }) = self.open.take()
        {
            // Rounding may take probabilities beyond 1.
            span.score = (span.score / words).min(1.0);
            self.done.push(span);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Spans of `text`, cut into tokens at `|`, each with a class from `classes` by its first letter and the score 0.5, but
    /// 1 for the first.
    fn found(pieces: &[(&str, &str)]) -> Vec<(String, String, f32)> {
        let names = ["O", "B-PER", "I-PER", "E-PER", "S-PER", "B-LOC", "I-LOC"];
        let tags = Tags::new(&names.map(str::to_owned)).unwrap();
        let text: String = pieces.iter().map(|(piece, _)| *piece).collect();
        let mut start = 0;
        let (mut tokens, mut guesses) = (Vec::new(), Vec::new());
        for (piece, class) in pieces {
            let end = start + piece.len();
            if *class != "gap" {
                let special = *class == "special";
                tokens.push(Token {
                    start,
                    end,
                    id: 0,
                    special,
                });
                let class = names.iter().position(|name| name == class).unwrap_or(1);
                guesses.push((class, if guesses.is_empty() { 1.0 } else { 0.5 }));
            }
            start = end;
        }
        spans(&text, &tokens, &guesses, &tags)
            .into_iter()
            .map(|s| {
                (
                    text[s.start..s.end].to_owned(),
                    tags.labels[s.label].clone(),
                    s.score,
                )
            })
            .collect()
    }

    fn texts(pieces: &[(&str, &str)]) -> Vec<String> {
        found(pieces).into_iter().map(|(text, _, _)| text).collect()
    }

    #[test]
    fn an_entity_is_a_run_of_words_with_their_mean_score() {
        let john = [
            ("John", "B-PER"),
            (" ", "gap"),
            ("Smith", "I-PER"),
            (" ", "gap"),
            ("ran", "O"),
        ];
        assert_eq!(
            found(&john),
            [("John Smith".to_owned(), "PERSON".to_owned(), 0.75)]
        );
    }

    #[test]
    fn a_word_is_what_its_first_token_is() {
        let pieces = [
            ("Wash", "B-LOC"),
            ("ing", "O"),
            ("ton", "B-PER"),
            (".", "O"),
        ];
        assert_eq!(
            found(&pieces),
            [("Washington".to_owned(), "LOC".to_owned(), 1.0)]
        );
        assert_eq!(texts(&[("un", "O"), ("likely", "B-PER")]), [""; 0]);
    }

    #[test]
    fn an_entity_begins_ends_and_changes_its_label() {
        assert_eq!(
            texts(&[("A", "B-PER"), (" ", "gap"), ("B", "B-PER")]),
            ["A", "B"]
        );
        assert_eq!(
            texts(&[("A", "I-PER"), (" ", "gap"), ("B", "I-LOC")]),
            ["A", "B"]
        );
        assert_eq!(
            texts(&[("A", "S-PER"), (" ", "gap"), ("B", "I-PER")]),
            ["A", "B"]
        );
        assert_eq!(
            texts(&[
                ("A", "B-PER"),
                (" ", "gap"),
                ("B", "E-PER"),
                (" ", "gap"),
                ("C", "I-PER")
            ]),
            ["A B", "C"]
        );
        assert_eq!(
            texts(&[
                ("A", "B-PER"),
                (" ", "gap"),
                ("b", "O"),
                (" ", "gap"),
                ("C", "I-PER")
            ]),
            ["A", "C"]
        );
    }

    #[test]
    fn punctuation_and_han_are_words_of_their_own() {
        assert_eq!(texts(&[("Bonn", "B-LOC"), (",", "O")]), ["Bonn"]);
        assert_eq!(
            texts(&[
                ("王", "B-PER"),
                ("明", "I-PER"),
                ("住", "O"),
                ("京", "B-LOC")
            ]),
            ["王明", "京"]
        );
    }

    #[test]
    fn what_the_tokenizer_dropped_does_not_part_a_word() {
        assert_eq!(
            texts(&[("Nun", "B-PER"), ("\u{303}", "gap"), ("ez", "O")]),
            ["Nun\u{303}ez"]
        );
        assert_eq!(texts(&[("Li", "B-PER"), (" ", "gap"), ("Na", "O")]), ["Li"]);
    }

    #[test]
    fn special_tokens_are_in_no_entity() {
        assert_eq!(
            texts(&[("A", "B-PER"), ("[SEP]", "special"), ("B", "I-PER")]),
            ["A", "B"]
        );
    }
}
