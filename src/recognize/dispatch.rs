//! Which recognizer is asked at which candidate.
//!
//! Owns the tables from a candidate to recognizers. Where candidates are is `candidates.rs`'s business, what a
//! recognizer remembers between two of them `scan.rs`'s.

use super::candidates::{Candidate, Candidates};
use super::digit_runs::DigitRunTable;
use super::{Anchor, ByteSet};

/// Finds the candidates of some recognizers, and knows whom to ask about each.
#[derive(Debug)]
pub(super) struct Dispatch {
    candidates: Candidates,
    /// By byte: which of `groups` to ask.
    group_of: Box<[u16; 256]>,
    /// Recognizers; the first group is empty.
    groups: Vec<Vec<usize>>,
    digit_runs: DigitRunTable,
    /// By shape of a digit run: who asked for it.
    digit_readers: Vec<usize>,
    starts: Vec<usize>,
    alone: bool,
}

impl Dispatch {
    /// For recognizers, each a number and its anchors. Where two are asked about one candidate, the earlier is first.
    pub(super) fn new(recognizers: impl Iterator<Item = (usize, Vec<Anchor>)>) -> Self {
        let mut of_byte = vec![Vec::new(); 256];
        let (mut bytes, mut starts) = (ByteSet::default(), Vec::new());
        let (mut shapes, mut digit_readers) = (Vec::new(), Vec::new());
        let mut count = 0;
        for (who, anchors) in recognizers {
            count += 1;
            for anchor in anchors {
                match anchor {
                    Anchor::Bytes(set) => {
                        bytes = bytes.union(set);
                        set.iter()
                            .for_each(|byte| of_byte[usize::from(byte)].push(who));
                    }
                    Anchor::Digits(runs) => {
                        shapes.push(runs);
                        digit_readers.push(who);
                    }
                    Anchor::Start => starts.push(who),
                }
            }
        }
        let mut groups: Vec<Vec<usize>> = vec![Vec::new()];
        let mut group_of = Box::new([0; 256]);
        for (slot, asked) in group_of.iter_mut().zip(of_byte) {
            let group = groups
                .iter()
                .position(|known| *known == asked)
                .unwrap_or_else(|| {
                    groups.push(asked);
                    groups.len() - 1
                });
            *slot = u16::try_from(group).expect("at most one group a byte, and an empty one");
        }
        Self {
            candidates: Candidates::new(bytes, !shapes.is_empty()),
            group_of,
            groups,
            digit_runs: DigitRunTable::new(&shapes),
            digit_readers,
            starts,
            alone: count == 1,
        }
    }

    /// Calls `ask` with each recognizer and candidate, in ascending order; it returns the byte before which that
    /// recognizer needs no asking again. It may be called with a candidate before that byte all the same, and twice
    /// with one.
    #[inline]
    pub(super) fn run(&self, text: &str, mut ask: impl FnMut(usize, usize) -> usize) {
        let bytes = text.as_bytes();
        for &who in &self.starts {
            ask(who, 0);
        }
        self.candidates.for_each(bytes, |at, candidate| {
            let mut resume = at + 1;
            match candidate {
                Candidate::Byte => {
                    for &who in &self.groups[usize::from(self.group_of[usize::from(bytes[at])])] {
                        resume = ask(who, at);
                    }
                }
                Candidate::DigitRun(length) => {
                    let mut shapes = self.digit_runs.shapes(bytes, at, length);
                    while shapes != 0 {
                        resume = ask(self.digit_readers[shapes.trailing_zeros() as usize], at);
                        shapes &= shapes - 1;
                    }
                }
            }
            if self.alone { resume } else { at + 1 }
        });
    }
}
