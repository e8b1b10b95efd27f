//! [`Variants`]: characters that are read as others, traditional Chinese as simplified.
//!
//! One lexicon and one network then serve both. Spans are of the text as it stands: a variant is always one character
//! for one.

use super::Run;
use super::tokens::{Kind, Token};

/// Pairs of a character and what it is read as.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Variants {
    /// Ascending.
    pub from: Vec<char>,
    pub to: Vec<char>,
}

impl Variants {
    /// What a character is read as.
    pub(super) fn read(&self, c: char) -> char {
        self.from.binary_search(&c).map_or(c, |at| self.to[at])
    }

    /// Reads the Han characters that follow each other from the first token on, and says how many there are.
    pub(super) fn read_run(&self, text: &str, tokens: &[Token], run: &mut Run) -> usize {
        run.text.clear();
        run.starts.clear();
        let mut end = tokens[0].start;
        for token in tokens {
            if token.kind != Kind::Han || token.start != end {
                break;
            }
            run.starts.push(run.text.len());
            run.text
                .extend(token.of(text).chars().map(|c| self.read(c)));
            end = token.end;
        }
        let characters = run.starts.len();
        run.starts.push(run.text.len());
        characters
    }
}
