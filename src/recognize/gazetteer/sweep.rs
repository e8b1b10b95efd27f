//! The walk of the automaton over a text.
//!
//! Owns what is looked at in which order, so that memory is waited for as little as can be. A million phrases are many
//! times larger than a cache, and a look into memory takes as long as twenty words of text. So tokens are read in
//! blocks; a coarse filter that fits the cache is asked about each token with the two after it, a finer one about what
//! that lets through; and the automaton is asked only where three tokens stand with which a phrase ends, or a whole
//! shorter one. Where three such tokens are found, it goes on from token to token as long as it knows the way.

use std::ops::Range;

use super::automaton::{Automaton, LAST_TOKEN, LEAF, NO_PHRASE, NONE, ROOT, edge};
use super::filter::Filter;
use super::fold::Folding;
use super::table::join;
use super::tokens::{Gap, Token, Tokens};

/// What a thread keeps from text to text.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    block: Box<Block>,
    /// Where the last tokens end, in a ring.
    ends: Vec<usize>,
    /// What was found, from the end of the text on.
    found: Vec<Range<usize>>,
    folded: String,
}

/// Tokens that are read at a time: enough for many looks into memory at once.
const BLOCK: usize = 128;
/// The last tokens of the block before are there, too.
const BEFORE: usize = 2;

/// Room that is kept for what is found in a text.
const FOUND_KEPT: usize = 1 << 16;

/// Tokens, and which of them something may begin with.
#[derive(Debug)]
struct Block {
    tokens: [Token; BEFORE + BLOCK],
    hashes: [Hashes; BEFORE + BLOCK],
    candidates: [Candidate; BLOCK],
}

/// What may begin with a token, as far as the filters know.
#[derive(Debug, Clone, Copy, Default)]
struct Candidate {
    at: u16,
    /// A phrase of one token.
    single: bool,
    /// A phrase of two.
    pair: bool,
    /// The last three tokens of a phrase.
    triple: bool,
}

impl Default for Block {
    fn default() -> Self {
        Self {
            tokens: [Token::default(); BEFORE + BLOCK],
            hashes: [Hashes::default(); BEFORE + BLOCK],
            candidates: [Candidate::default(); BLOCK],
        }
    }
}

/// The hashes by which filters know a token, and it with those after it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Hashes {
    pub(super) single: u64,
    /// It and the next one.
    pub(super) pair: u64,
    /// It and the next two.
    pub(super) triple: u64,
}

impl Hashes {
    /// For a token, which hashes to `single`, before others.
    #[inline]
    pub(super) fn new(single: u64, gap: Gap, next: &Self) -> Self {
        let step = if gap == Gap::Space { !single } else { single };
        Self {
            single,
            pair: join(next.single, step),
            triple: join(next.pair, step),
        }
    }
}

impl Scratch {
    /// Calls `found` with the leftmost-longest phrases of a text in order.
    pub(super) fn sweep(
        &mut self,
        automaton: &Automaton<'_>,
        text: &str,
        mut found: impl FnMut(Range<usize>),
    ) {
        self.find_longest(automaton, text);
        let mut floor = 0;
        for one in self.found.iter().rev() {
            if one.start >= floor {
                floor = one.end;
                found(one.clone());
            }
        }
    }

    /// Finds, for each token with which a phrase begins, the longest such phrase.
    fn find_longest(&mut self, automaton: &Automaton<'_>, text: &str) {
        let Self {
            block,
            ends,
            found,
            folded,
        } = self;
        found.clear();
        // What a text full of phrases took is not kept for good.
        found.shrink_to(FOUND_KEPT);
        // A block may be read before it is walked over.
        ends.resize((automaton.longest + BLOCK).next_power_of_two(), 0);
        let mut tokens = Tokens::of(text, automaton.folding, automaton.alphabet);
        let mut walk = Walk {
            automaton,
            text,
            slot: NONE,
            before: 0,
        };
        loop {
            let count = block.read(&mut tokens, automaton.rows, automaton.folding, text, folded);
            let mask = ends.len() - 1;
            for (number, token) in (walk.before..).zip(&block.tokens[BEFORE..BEFORE + count]) {
                ends[number & mask] = token.end;
            }
            let candidates = block.ask_coarse(automaton, count);
            let candidates = block.ask_fine(automaton, candidates);
            walk.over(block, count, candidates, ends, found, folded);
            if count < BLOCK {
                return;
            }
            walk.before += count;
        }
    }
}

impl Block {
    /// Reads tokens; returns how many.
    fn read(
        &mut self,
        tokens: &mut Tokens<'_>,
        rows: Filter<'_>,
        folding: Folding,
        text: &str,
        folded: &mut String,
    ) -> usize {
        self.tokens.copy_within(BLOCK.., 0);
        self.hashes.copy_within(BLOCK.., 0);
        let mut last = self.hashes[BEFORE - 1];
        let room = self.tokens[BEFORE..]
            .iter_mut()
            .zip(&mut self.hashes[BEFORE..]);
        for (count, (token, hashes)) in room.enumerate() {
            if !tokens.read(token) {
                return count;
            }
            last = Hashes::new(token.hash(text, folding, folded), token.gap, &last);
            rows.prefetch(last.pair);
            *hashes = last;
        }
        BLOCK
    }

    /// Notes the tokens with which something may begin. There are no branches, so that one look into memory does not
    /// wait for another.
    fn ask_coarse(&mut self, automaton: &Automaton<'_>, count: usize) -> usize {
        let Automaton { singles, rows, .. } = automaton;
        let mut candidates = 0;
        let mut last_is_near = self.tokens[BEFORE - 1].gap != Gap::Wide;
        let read = BEFORE..BEFORE + count;
        for (at, (token, hashes)) in
            (BEFORE as u16..).zip(self.tokens[read.clone()].iter().zip(&self.hashes[read]))
        {
            let Hashes {
                single,
                pair,
                triple,
            } = *hashes;
            let [pair, triple] = rows.may_hold(pair, [pair, triple]);
            let near = token.gap != Gap::Wide;
            let candidate = Candidate {
                at,
                single: !singles.is_empty() && singles.may_hold(single, [single]) == [true],
                pair: pair & near,
                triple: triple & near & last_is_near,
            };
            self.candidates[candidates] = candidate;
            candidates += usize::from(candidate.single | candidate.pair | candidate.triple);
            last_is_near = near;
        }
        candidates
    }

    /// Keeps those of the first `count` candidates that the finer filter lets through.
    fn ask_fine(&mut self, automaton: &Automaton<'_>, count: usize) -> usize {
        let fine = automaton.fine;
        let mut kept = 0;
        for i in 0..count {
            let Candidate {
                at,
                single,
                pair,
                triple,
            } = self.candidates[i];
            let hashes = &self.hashes[usize::from(at)];
            let fine = |key: u64| fine.may_hold(key, [key]) == [true];
            let candidate = Candidate {
                at,
                single: single && fine(hashes.single),
                pair: pair && fine(hashes.pair),
                triple: triple && fine(hashes.triple),
            };
            self.candidates[kept] = candidate;
            kept += usize::from(candidate.single | candidate.pair | candidate.triple);
        }
        kept
    }
}

/// The automaton on its way over a text.
struct Walk<'a> {
    automaton: &'a Automaton<'a>,
    text: &'a str,
    /// Its state, if that has three tokens or more.
    slot: u32,
    /// Tokens in the blocks before.
    before: usize,
}

impl Walk<'_> {
    /// Goes over a block, from candidate to candidate and as far as the automaton comes from each.
    fn over(
        &mut self,
        block: &Block,
        count: usize,
        candidates: usize,
        ends: &[usize],
        found: &mut Vec<Range<usize>>,
        folded: &mut String,
    ) {
        let Self {
            automaton, text, ..
        } = *self;
        let mut candidates = block.candidates[..candidates].iter().peekable();
        let mut at = BEFORE;
        loop {
            let candidate =
                candidates.next_if(|next| self.slot == NONE || usize::from(next.at) == at);
            let Candidate {
                single,
                pair,
                triple,
                ..
            } = match candidate {
                Some(candidate) => {
                    at = usize::from(candidate.at);
                    *candidate
                }
                None if self.slot != NONE && at < BEFORE + count => Candidate::default(),
                None => return,
            };
            let [second, last, token] = [at - 2, at - 1, at].map(|at| &block.tokens[at]);
            let symbol = automaton.symbol(token, text, folded);
            let to_first = edge(symbol, token.gap);
            let mut state = None;
            if self.slot != NONE {
                state = automaton.follow(self.slot, to_first);
            } else if triple {
                let from = automaton.symbol(second, text, folded) | LAST_TOKEN;
                let to_last = edge(automaton.symbol(last, text, folded), last.gap);
                let two = automaton.state(from, to_last);
                state = two.and_then(|(slot, _)| automaton.state(slot, to_first));
            }
            self.slot = state.map_or(NONE, |(slot, _)| slot);
            if state.is_none() && pair {
                let from = automaton.symbol(last, text, folded) | LAST_TOKEN;
                state = automaton.state(from, to_first);
            }
            if state.is_none() && single {
                state = automaton.state(ROOT, symbol);
            }
            let phrase = state.map_or(NO_PHRASE, |(_, state)| state.phrase & !LEAF);
            if phrase != NO_PHRASE {
                let tokens = automaton.tokens(phrase);
                let number = self.before + at - BEFORE;
                // Damaged tables may say anything.
                if let Some(last) = (number + 1).checked_sub(tokens) {
                    let (start, end) = (token.start, ends[last & (ends.len() - 1)]);
                    if start < end {
                        found.push(start..end);
                    }
                }
            }
            at += 1;
        }
    }
}
