//! The phrases as an automaton over tokens, read from right to left.
//!
//! Owns what the tables mean and how a state follows from a state. How they are made is `compile.rs`'s business, how
//! they lie in bytes `format.rs`'s, how a text is walked over `sweep.rs`'s.
//!
//! This is Aho and Corasick's automaton (1975) over the reversed phrases. Reading backwards, the state after a token is
//! the longest row of tokens, from this one on, with which some phrase ends; with it goes the longest phrase that
//! *begins* here. Known for every token, these give leftmost-longest in one walk, and all of it is linear in the text
//! whatever the phrases are. Reading forwards, a phrase that breaks off late would be tried again from each of its tokens.
//!
//! A state of one token needs no place in the tables: the token itself says all of it.

use super::filter::Filter;
use super::fold::Folding;
use super::table::{Table, hash_bytes, join, to_bytes, to_words};
use super::tokens::{Alphabet, Gap, Kind, Token, Tokens};

/// A character's code point, or [`FIRST_WORD`] and up: a word of several characters.
pub(super) type Symbol = u32;
pub(super) const FIRST_WORD: Symbol = 0x11_0000;
/// A word that is in no phrase; no symbol comes near it.
pub(super) const UNKNOWN: Symbol = u32::MAX;

/// In an edge: white space follows the token.
pub(super) const SPACE_FOLLOWS: u32 = 1 << 31;
/// As a parent: not a state but a token, the last of its phrases.
pub(super) const LAST_TOKEN: u32 = 1 << 31;
/// The parent of tokens that are a phrase by themselves.
pub(super) const ROOT: u32 = u32::MAX;
/// No slot.
pub(super) const NONE: u32 = u32::MAX;
/// An empty entry of the table of words.
pub(super) const NO_WORD: [u8; 8] = [0xFF; 8];
/// In a state's phrase: no state follows.
pub(super) const LEAF: u32 = 1 << 31;
/// As a state's phrase: none begins here.
pub(super) const NO_PHRASE: u32 = LEAF - 1;

/// A state in its slot of the hash table; its number is the slot's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct State {
    /// The state without its first token, or its second token with [`LAST_TOKEN`], or [`ROOT`].
    pub(super) parent: u32,
    /// Its first token, with [`SPACE_FOLLOWS`].
    pub(super) edge: u32,
    /// The longest state that it begins with, or [`NONE`].
    pub(super) fail: u32,
    /// The longest phrase that it begins with, or [`NO_PHRASE`]; with [`LEAF`].
    pub(super) phrase: u32,
}

impl State {
    /// No state has its edge.
    pub(super) const EMPTY: Self = Self {
        parent: NONE,
        edge: NONE,
        fail: NONE,
        phrase: NONE,
    };

    #[inline]
    pub(super) fn of(bytes: &[u8; 16]) -> Self {
        let [parent, edge, fail, phrase] = to_words(bytes);
        Self {
            parent,
            edge,
            fail,
            phrase,
        }
    }

    pub(super) fn to_bytes(self) -> [u8; 16] {
        to_bytes([self.parent, self.edge, self.fail, self.phrase])
    }
}

/// What is known of a phrase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Phrase {
    pub(super) tokens: u32,
    /// Where its value begins among all values.
    pub(super) start: u32,
    pub(super) length: u32,
}

impl Phrase {
    pub(super) fn of(bytes: &[u8; 12]) -> Self {
        let [tokens, start, length] = to_words(bytes);
        Self {
            tokens,
            start,
            length,
        }
    }

    pub(super) fn to_bytes(self) -> [u8; 12] {
        to_bytes([self.tokens, self.start, self.length])
    }
}

/// The tables. They may hold anything: wrong ones give wrong answers, and nothing worse.
#[derive(Debug, Clone, Copy)]
pub(super) struct Automaton<'a> {
    pub(super) folding: Folding,
    /// The most tokens that a phrase has.
    pub(super) longest: usize,
    /// The words: 32 bits of the hash, then the symbol; or [`NO_WORD`].
    pub(super) words: Table<'a, 8>,
    /// By word: where its text begins; the next one's beginning is its end.
    pub(super) word_starts: &'a [[u8; 4]],
    pub(super) word_text: &'a [u8],
    pub(super) alphabet: Alphabet<'a>,
    /// Tokens that are a phrase.
    pub(super) singles: Filter<'a>,
    /// Under pairs of tokens: the pair where it is a phrase, and it with the next token where these end a longer one.
    pub(super) rows: Filter<'a>,
    /// All of these again.
    pub(super) fine: Filter<'a>,
    pub(super) states: Table<'a, 16>,
    pub(super) phrases: &'a [[u8; 12]],
}

/// A token on the way to a state. What is unknown, or far from the next token, leads nowhere.
#[inline]
pub(super) fn edge(symbol: Symbol, gap: Gap) -> u32 {
    match gap {
        Gap::None => symbol,
        Gap::Space => symbol | SPACE_FOLLOWS,
        Gap::Wide => UNKNOWN,
    }
}

impl Automaton<'_> {
    /// The state after one more token, if there is one of three tokens or more.
    #[inline]
    pub(super) fn follow(&self, mut slot: u32, edge: u32) -> Option<(u32, State)> {
        // A state's failures are ever shorter; damaged ones need not be.
        for _ in 0..self.longest {
            let state = State::of(self.states.get(slot)?);
            if state.phrase & LEAF == 0
                && let Some(next) = self.state(slot, edge)
            {
                return Some(next);
            }
            slot = state.fail;
        }
        None
    }

    /// The state that this edge leads to.
    #[inline]
    pub(super) fn state(&self, parent: u32, edge: u32) -> Option<(u32, State)> {
        for (slot, bytes) in self.states.probe(join(parent.into(), edge.into())) {
            let state = State::of(bytes);
            if state.edge == State::EMPTY.edge {
                break;
            }
            if state.parent == parent && state.edge == edge {
                return Some((slot as u32, state));
            }
        }
        None
    }

    /// The number of the phrase that this is, under the same folding.
    pub(super) fn lookup(&self, phrase: &str) -> Option<u32> {
        let mut folded = String::new();
        let mut tokens = 0;
        let (mut parent, mut state) = (ROOT, None);
        for token in Tokens::new(phrase, self.folding) {
            let symbol = self.symbol(&token, phrase, &mut folded);
            if tokens == 0 {
                state = self.state(ROOT, symbol);
                parent = symbol | LAST_TOKEN;
            } else {
                state = self.state(parent, edge(symbol, token.gap));
                parent = state?.0;
            }
            tokens += 1;
        }
        let phrase = state?.1.phrase & !LEAF;
        (self.tokens(phrase) == tokens).then_some(phrase)
    }

    /// The token's symbol.
    pub(super) fn symbol(&self, token: &Token, text: &str, folded: &mut String) -> Symbol {
        match token.kind {
            Kind::Char(c) => u32::from(c),
            _ => self.word(token.word(text, self.folding, folded)),
        }
    }

    /// The symbol of a word.
    fn word(&self, word: &str) -> Symbol {
        let hash = hash_bytes(word.as_bytes());
        for (_, entry) in self.words.probe(hash) {
            if *entry == NO_WORD {
                break;
            }
            let [tag, symbol] = to_words(entry);
            if tag == hash as u32 && self.text_of(symbol) == Some(word.as_bytes()) {
                return symbol;
            }
        }
        UNKNOWN
    }

    pub(super) fn text_of(&self, symbol: Symbol) -> Option<&[u8]> {
        let index = symbol.checked_sub(FIRST_WORD)? as usize;
        let start = |i: usize| Some(u32::from_le_bytes(*self.word_starts.get(i)?) as usize);
        self.word_text.get(start(index)?..start(index + 1)?)
    }

    pub(super) fn tokens(&self, phrase: u32) -> usize {
        let phrase = self.phrases.get(phrase as usize).map(Phrase::of);
        phrase.map_or(usize::MAX, |phrase| phrase.tokens as usize)
    }
}
