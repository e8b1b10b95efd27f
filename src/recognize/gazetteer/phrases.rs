//! The phrases of a list: what its lines come to, and how a phrase is a row of edges.
//!
//! Owns which lines are the same phrase. How lines are written is `list.rs`'s business.

use std::collections::HashMap;
use std::ops::Range;

use super::automaton::{FIRST_WORD, Symbol, edge};
use super::fold::Folding;
use super::list::{self, ListFormat, SkipReason, Tally};
use super::tokens::{Gap, Kind, Tokens};

/// The different phrases of a list, sorted by their edges.
#[derive(Debug)]
pub(super) struct Phrases {
    lines: Lines,
    /// By phrase: its line.
    order: Vec<u32>,
}

/// What the lines of a list say.
#[derive(Debug, Default)]
struct Lines {
    all: Vec<Line>,
    text: String,
    /// The edges of all lines, each from its last token to its first.
    edges: Vec<u32>,
    words: HashMap<Box<str>, Symbol>,
}

/// Where a line's parts lie.
#[derive(Debug)]
struct Line {
    number: usize,
    phrase: Range<usize>,
    value: Option<Range<usize>>,
    edges: Range<usize>,
}

impl Phrases {
    /// Reads a list. Of several lines with the same phrase the first counts.
    pub(super) fn read(
        list: &[u8],
        format: ListFormat,
        folding: Folding,
        skipped: &mut Tally,
    ) -> Self {
        let mut lines = Lines::default();
        list::read(list, format, |number, entry| match entry {
            Ok(entry) => lines.add(number, &entry, folding),
            Err(reason) => skipped.count(reason, number),
        });
        let mut order: Vec<u32> = (0..lines.all.len() as u32).collect();
        order.sort_unstable_by(|&a, &b| lines.edges(a).cmp(lines.edges(b)).then(a.cmp(&b)));
        order.dedup_by(|later, first| {
            let same = lines.edges(*later) == lines.edges(*first);
            if same {
                let Line { number, value, .. } = &lines.all[*later as usize];
                let agrees = value.is_none() || lines.value(*later) == lines.value(*first);
                skipped.count(
                    if agrees {
                        SkipReason::Duplicate
                    } else {
                        SkipReason::Conflict
                    },
                    *number,
                );
            }
            same
        });
        Self { lines, order }
    }

    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    /// All phrases, by number.
    pub(super) fn numbers(&self) -> impl Iterator<Item = u32> + use<> {
        0..self.order.len() as u32
    }

    /// From the last token to the first.
    pub(super) fn edges(&self, phrase: u32) -> &[u32] {
        self.lines.edges(self.order[phrase as usize])
    }

    pub(super) fn line_number(&self, phrase: u32) -> usize {
        self.line(phrase).number
    }

    /// As it is written.
    pub(super) fn text(&self, phrase: u32) -> &str {
        &self.lines.text[self.line(phrase).phrase.clone()]
    }

    /// The value beside it.
    pub(super) fn own_value(&self, phrase: u32) -> Option<&str> {
        let value = self.line(phrase).value.clone();
        value.map(|value| &self.lines.text[value])
    }

    /// What it stands for: the value beside it, or itself.
    pub(super) fn value(&self, phrase: u32) -> &str {
        self.lines.value(self.order[phrase as usize])
    }

    /// The words of several characters, by symbol from [`FIRST_WORD`] on.
    pub(super) fn words(&self) -> Vec<&str> {
        let mut words: Vec<_> = self.lines.words.iter().collect();
        words.sort_unstable_by_key(|&(_, symbol)| symbol);
        words.into_iter().map(|(word, _)| &**word).collect()
    }

    fn line(&self, phrase: u32) -> &Line {
        &self.lines.all[self.order[phrase as usize] as usize]
    }
}

impl Lines {
    fn edges(&self, line: u32) -> &[u32] {
        &self.edges[self.all[line as usize].edges.clone()]
    }

    fn value(&self, line: u32) -> &str {
        let Line { phrase, value, .. } = &self.all[line as usize];
        &self.text[value.as_ref().unwrap_or(phrase).clone()]
    }

    fn add(&mut self, number: usize, entry: &list::Entry<'_>, folding: Folding) {
        let first = self.edges.len();
        let mut folded = String::new();
        for token in Tokens::new(&entry.phrase, folding) {
            let symbol = match token.kind {
                Kind::Char(c) => u32::from(c),
                _ => self.symbol(token.word(&entry.phrase, folding, &mut folded)),
            };
            // Nothing is known of what follows the phrase.
            let last = self.edges.len() == first;
            self.edges
                .push(edge(symbol, if last { Gap::None } else { token.gap }));
        }
        let mut keep = |text: &str| {
            let start = self.text.len();
            self.text.push_str(text);
            start..self.text.len()
        };
        self.all.push(Line {
            number,
            phrase: keep(&entry.phrase),
            value: entry.value.as_deref().map(keep),
            edges: first..self.edges.len(),
        });
    }

    fn symbol(&mut self, word: &str) -> Symbol {
        if let Some(&known) = self.words.get(word) {
            return known;
        }
        let next = FIRST_WORD + self.words.len() as Symbol;
        self.words.insert(word.into(), next);
        next
    }
}
