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
    from: Vec<char>,
    to: Vec<char>,
    /// By code, what the characters up to the last variant are read as: each Han character of a text asks.
    read: Vec<char>,
}

impl Variants {
    /// # Errors
    /// Where these are no pairs, or do not ascend.
    pub(super) fn new(from: Vec<char>, to: Vec<char>) -> Result<Self, String> {
        if from.len() != to.len() || !from.is_sorted() {
            return Err("its variants are no ascending pairs".into());
        }
        let mut read: Vec<char> = match from.last() {
            Some(&last) => (0..=last.into())
                .map(|code| char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))
                .collect(),
            None => Vec::new(),
        };
        for (&from, &to) in from.iter().zip(&to) {
            read[from as usize] = to;
        }
        Ok(Self { from, to, read })
    }

    /// The pairs, as [`new`](Self::new) took them.
    pub(super) fn pairs(&self) -> (&[char], &[char]) {
        (&self.from, &self.to)
    }

    /// What a character is read as.
    pub(super) fn read(&self, c: char) -> char {
        self.read.get(c as usize).copied().unwrap_or(c)
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
