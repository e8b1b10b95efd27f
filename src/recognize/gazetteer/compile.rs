//! From phrases to the automaton's tables.
//!
//! Owns the order in which things are made. What the tables mean is `automaton.rs`'s business.

use twox_hash::XxHash64;

use super::automaton::{
    Automaton, FIRST_WORD, LAST_TOKEN, LEAF, NO_PHRASE, NO_WORD, NONE, Phrase, ROOT, SPACE_FOLLOWS,
    State, Symbol,
};
use super::filter::{self, Filter};
use super::fold::Folding;
use super::list::{ListFormat, Tally};
use super::phrases::Phrases;
use super::sweep::Hashes;
use super::table::{Making, hash_bytes, hash_number, join, to_bytes};
use super::tokens::{Alphabet, Gap};
use super::values;

/// Keys of the coarse filters that share a word: one absent key in sixteen is let through.
const COARSE: usize = 8;
/// Of the fine one: one in seventy.
const FINE: usize = 4;

/// The tables, and all else that a gazetteer is.
#[derive(Debug)]
pub(super) struct Compiled {
    pub(super) folding: Folding,
    pub(super) longest: usize,
    pub(super) words: Making<8>,
    pub(super) word_starts: Vec<[u8; 4]>,
    pub(super) word_text: Vec<u8>,
    pub(super) alphabet: Vec<u8>,
    pub(super) singles: filter::Making,
    pub(super) rows: filter::Making,
    pub(super) fine: filter::Making,
    pub(super) states: Making<16>,
    pub(super) phrases: Vec<[u8; 12]>,
    pub(super) values: String,
    pub(super) skipped: Tally,
    /// A hash of phrases and values, whatever their order.
    pub(super) content: u64,
}

/// Compiles a list.
pub(super) fn compile(list: &[u8], format: ListFormat, folding: Folding) -> Compiled {
    let mut skipped = Tally::default();
    let phrases = Phrases::read(list, format, folding, &mut skipped);
    let mut compiled = Compiled {
        folding,
        longest: 1,
        words: Making::new(0, NO_WORD),
        word_starts: Vec::new(),
        word_text: Vec::new(),
        alphabet: vec![0; Alphabet::BYTES],
        singles: filter::Making::default(),
        rows: filter::Making::default(),
        fine: filter::Making::default(),
        states: Making::new(0, State::EMPTY.to_bytes()),
        phrases: Vec::new(),
        values: String::new(),
        skipped,
        content: 0,
    };
    compiled.add_words(&phrases);
    compiled.add_alphabet(&phrases);
    compiled.add_filters(&phrases);
    compiled.add_states(&phrases);
    compiled.add_values(&phrases);
    compiled
}

impl Compiled {
    pub(super) fn automaton(&self) -> Automaton<'_> {
        Automaton {
            folding: self.folding,
            longest: self.longest,
            words: self.words.table(),
            word_starts: &self.word_starts,
            word_text: &self.word_text,
            alphabet: Alphabet(&self.alphabet),
            singles: Filter(&self.singles.0),
            rows: Filter(&self.rows.0),
            fine: Filter(&self.fine.0),
            states: self.states.table(),
            phrases: &self.phrases,
        }
    }

    fn add_words(&mut self, phrases: &Phrases) {
        let words = phrases.words();
        self.words = Making::new(words.len(), NO_WORD);
        for (symbol, word) in (FIRST_WORD..).zip(words) {
            let hash = hash_bytes(word.as_bytes());
            let slot = self.words.vacant(hash, NO_WORD);
            self.words.entries[slot] = to_bytes([hash as u32, symbol]);
            let start = self.word_text.len() as u32;
            self.word_starts.push(start.to_le_bytes());
            self.word_text.extend_from_slice(word.as_bytes());
        }
        let end = self.word_text.len() as u32;
        self.word_starts.push(end.to_le_bytes());
    }

    fn add_alphabet(&mut self, phrases: &Phrases) {
        for phrase in phrases.numbers() {
            let symbols = phrases
                .edges(phrase)
                .iter()
                .map(|edge| edge & !SPACE_FOLLOWS);
            for c in symbols.filter(|&symbol| symbol < FIRST_WORD) {
                let (byte, bit) = Alphabet::place(c);
                self.alphabet[byte] |= bit;
            }
        }
    }

    /// Makes known with which tokens phrases end.
    fn add_filters(&mut self, phrases: &Phrases) {
        let mut tails: Vec<(usize, Hashes)> = Vec::new();
        let mut before: &[u32] = &[];
        for phrase in phrases.numbers() {
            let edges = phrases.edges(phrase);
            let tail = &edges[..edges.len().min(3)];
            if tail != before {
                let hashes = tail.iter().fold(Hashes::default(), |next, &edge| {
                    Hashes::new(self.token_hash(edge & !SPACE_FOLLOWS), gap_of(edge), &next)
                });
                tails.push((tail.len(), hashes));
                before = tail;
            }
        }
        let singles = tails.iter().filter(|(length, _)| *length == 1).count();
        self.singles = filter::Making::new(singles, COARSE);
        self.rows = filter::Making::new(tails.len() - singles, COARSE);
        self.fine = filter::Making::new(tails.len(), FINE);
        for (
            length,
            Hashes {
                single,
                pair,
                triple,
            },
        ) in tails
        {
            match length {
                1 => self.singles.add(single, single),
                2 => self.rows.add(pair, pair),
                _ => self.rows.add(pair, triple),
            }
            let whole = [single, pair, triple][length - 1];
            self.fine.add(whole, whole);
        }
    }

    /// As the sweep computes it from the text.
    fn token_hash(&self, symbol: Symbol) -> u64 {
        match self.automaton().text_of(symbol) {
            None => hash_number(symbol),
            Some(word) => hash_bytes(word),
        }
    }

    /// Adds states from the shortest to the longest, since each needs shorter ones.
    fn add_states(&mut self, phrases: &Phrases) {
        let mut states = 0;
        let mut before: &[u32] = &[];
        for phrase in phrases.numbers() {
            let edges = phrases.edges(phrase);
            let shared = edges.iter().zip(before).take_while(|(a, b)| a == b).count();
            // One token is no state, unless it is a phrase.
            states += edges.len() - shared.max(1) + usize::from(edges.len() == 1);
            self.longest = self.longest.max(edges.len());
            before = edges;
        }
        self.states = Making::new(states, State::EMPTY.to_bytes());

        // What each phrase has come to so far.
        let mut reached = Vec::with_capacity(phrases.len());
        for phrase in phrases.numbers() {
            let edges = phrases.edges(phrase);
            if let &[symbol] = edges {
                self.put(State {
                    parent: ROOT,
                    edge: symbol,
                    fail: NONE,
                    phrase: phrase | LEAF,
                });
            }
            reached.push(edges[0] | LAST_TOKEN);
        }
        let mut longer: Vec<u32> = phrases.numbers().collect();
        for depth in 1.. {
            longer.retain(|&phrase| phrases.edges(phrase).len() > depth);
            if longer.is_empty() {
                return;
            }
            let mut last = None;
            for &phrase in &longer {
                let edges = phrases.edges(phrase);
                let step = (reached[phrase as usize], edges[depth]);
                let state = match last {
                    Some((other, state)) if other == step => state,
                    _ => self.add_state(step.0, &edges[..=depth]),
                };
                if edges.len() == depth + 1 {
                    self.change(state, |state| state.phrase = phrase | LEAF);
                }
                reached[phrase as usize] = state;
                last = Some((step, state));
            }
        }
    }

    /// Adds the state of these two edges or more; `parent` is that of all but the last.
    fn add_state(&mut self, parent: u32, edges: &[u32]) -> u32 {
        let &[.., before, edge] = edges else {
            return NONE;
        };
        let automaton = self.automaton();
        let shorter = (edges.len() > 2).then(|| {
            let fail = automaton
                .states
                .get(parent)
                .map_or(NONE, |bytes| State::of(bytes).fail);
            let pair = || automaton.state(before & !SPACE_FOLLOWS | LAST_TOKEN, edge);
            automaton.follow(fail, edge).or_else(pair)
        });
        let shorter = shorter.flatten();
        let begins = shorter.or_else(|| automaton.state(ROOT, edge & !SPACE_FOLLOWS));
        if edges.len() > 2 {
            self.change(parent, |state| state.phrase &= !LEAF);
        }
        self.put(State {
            parent,
            edge,
            fail: shorter.map_or(NONE, |(slot, _)| slot),
            phrase: begins.map_or(NO_PHRASE, |(_, state)| state.phrase & !LEAF) | LEAF,
        })
    }

    fn put(&mut self, state: State) -> u32 {
        let hash = join(state.parent.into(), state.edge.into());
        let slot = self.states.vacant(hash, State::EMPTY.to_bytes());
        self.states.entries[slot] = state.to_bytes();
        slot as u32
    }

    fn change(&mut self, slot: u32, change: impl FnOnce(&mut State)) {
        let bytes = &mut self.states.entries[slot as usize];
        let mut state = State::of(bytes);
        change(&mut state);
        *bytes = state.to_bytes();
    }

    /// Writes down what each phrase stands for, each value once.
    fn add_values(&mut self, phrases: &Phrases) {
        let lengths = phrases
            .numbers()
            .map(|phrase| phrases.edges(phrase).len() as u32);
        self.phrases = lengths
            .map(|tokens| {
                Phrase {
                    tokens,
                    start: 0,
                    length: 0,
                }
                .to_bytes()
            })
            .collect();
        let mut skipped = std::mem::take(&mut self.skipped);
        let counting = values::settle(phrases, &self.automaton(), &mut skipped);
        self.skipped = skipped;

        let mut starts: Vec<Option<u32>> = vec![None; phrases.len()];
        for (phrase, counts) in phrases.numbers().zip(counting) {
            let value = phrases.value(counts);
            let start = *starts[counts as usize].get_or_insert_with(|| {
                self.values.push_str(value);
                (self.values.len() - value.len()) as u32
            });
            let tokens = phrases.edges(phrase).len() as u32;
            self.phrases[phrase as usize] = Phrase {
                tokens,
                start,
                length: value.len() as u32,
            }
            .to_bytes();
            let hash = XxHash64::oneshot(0, phrases.text(phrase).as_bytes());
            let hash = XxHash64::oneshot(hash, value.as_bytes());
            self.content = self.content.wrapping_add(hash);
        }
    }
}

fn gap_of(edge: u32) -> Gap {
    if edge & SPACE_FOLLOWS == 0 {
        Gap::None
    } else {
        Gap::Space
    }
}
