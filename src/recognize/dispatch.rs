//! Which recognizer is asked at which candidate.
//!
//! Owns the way from a candidate to recognizers. Where candidates are is `candidates.rs`'s business, what they must
//! look like `shape.rs`'s, what a recognizer remembers between two of them `scan.rs`'s.

use super::Anchor;
use super::candidates::{Candidate, Candidates, Filter, Wanted};
use super::shape::{Shape, ShapeTable};

/// Finds the candidates of some recognizers, and knows whom to ask about each.
#[derive(Debug)]
pub(super) struct Dispatch {
    candidates: Candidates,
    tables: Tables,
    starts: Vec<usize>,
    alone: bool,
}

#[derive(Debug)]
struct Tables(Vec<Table>);

#[derive(Debug)]
struct Table {
    shapes: ShapeTable,
    /// By shape: who wants it.
    readers: Vec<usize>,
}

impl Dispatch {
    /// For recognizers, each a number and its anchors.
    pub(super) fn new(recognizers: impl Iterator<Item = (usize, Vec<Anchor>)>) -> Self {
        let (mut wanted, mut digits, mut count) = (Wanted::default(), false, 0);
        let (mut shapes, mut starts) = (Vec::new(), Vec::new());
        for (who, anchors) in recognizers {
            count += 1;
            for anchor in anchors {
                match anchor {
                    Anchor::Bytes(bytes) => {
                        let sets = match bytes.few_before() {
                            Some(before) => {
                                wanted.behind = wanted.behind.union(before);
                                &mut wanted.paired
                            }
                            None => &mut wanted.bytes,
                        };
                        *sets = sets.union(bytes.set);
                        shapes.push((Shape::Byte(bytes), who));
                    }
                    Anchor::Digits(runs) => {
                        digits = true;
                        shapes.push((Shape::Digits(runs), who));
                    }
                    Anchor::Start => starts.push(who),
                }
            }
        }
        let table = |some: &[(Shape, usize)]| {
            let (shapes, readers): (Vec<_>, Vec<_>) = some.iter().copied().unzip();
            Table {
                shapes: ShapeTable::new(&shapes),
                readers,
            }
        };
        Self {
            candidates: Candidates::new(wanted, digits),
            tables: Tables(shapes.chunks(ShapeTable::SHAPES).map(table).collect()),
            starts,
            alone: count == 1,
        }
    }

    /// Calls `ask` with each recognizer and candidate, in ascending order of candidates; it returns the byte before
    /// which that recognizer needs no asking again. It may be called before that byte all the same, and twice. None ends it.
    #[inline]
    pub(super) fn run(&self, text: &str, mut ask: impl FnMut(usize, usize) -> Option<usize>) {
        let bytes = text.as_bytes();
        for &who in &self.starts {
            if ask(who, 0).is_none() {
                return;
            }
        }
        self.candidates
            .for_each(bytes, &self.tables, |at, candidate| {
                let mut resume = at + 1;
                for Table { shapes, readers } in &self.tables.0 {
                    let mut asked = match candidate {
                        Candidate::Byte => shapes.of_byte(bytes, at),
                        Candidate::DigitRun(length) => shapes.of_digits(bytes, at, length),
                    };
                    while asked != 0 {
                        match ask(readers[asked.trailing_zeros() as usize], at) {
                            Some(next) => resume = next,
                            None => return usize::MAX,
                        }
                        asked &= asked - 1;
                    }
                }
                if self.alone { resume } else { at + 1 }
            });
    }
}

impl Filter for Tables {
    #[inline]
    fn takes_byte(&self, text: &[u8], at: usize) -> bool {
        let mut asked = 0;
        for Table { shapes, .. } in &self.0 {
            asked |= shapes.of_byte(text, at);
        }
        asked != 0
    }
    #[inline]
    fn takes_digits(&self, text: &[u8], at: usize, length: usize) -> bool {
        let mut asked = 0;
        for Table { shapes, .. } in &self.0 {
            asked |= shapes.of_digits(text, at, length);
        }
        asked != 0
    }
}
