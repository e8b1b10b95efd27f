//! daachorse's automata, and what they must be asked for the same answers.

use std::ops::Range;

use daachorse::{
    CharwiseDoubleArrayAhoCorasick, CharwiseDoubleArrayAhoCorasickBuilder, DoubleArrayAhoCorasick,
    DoubleArrayAhoCorasickBuilder, MatchKind,
};

/// What both kinds can do.
pub(super) trait Peer {
    /// The leftmost-longest phrases whose words are whole.
    fn whole_words(&self, text: &str) -> Vec<Range<usize>>;
    /// How many leftmost-longest phrases there are, whole or not.
    fn count(&self, text: &str) -> usize;
    fn heap_bytes(&self) -> usize;
}

type Make = fn(&[String]) -> Box<dyn Peer>;

pub(super) const KINDS: [(&str, Make); 2] = [
    ("byte", |phrases| Box::new(Bytes::new(phrases))),
    ("character", |phrases| Box::new(Chars::new(phrases))),
];

/// Finding all matches, which can then be chosen from, and leftmost-longest ones are two automata.
struct Bytes {
    all: DoubleArrayAhoCorasick<u32>,
    longest: DoubleArrayAhoCorasick<u32>,
}

struct Chars {
    all: CharwiseDoubleArrayAhoCorasick<u32>,
    longest: CharwiseDoubleArrayAhoCorasick<u32>,
}

impl Bytes {
    fn new(phrases: &[String]) -> Self {
        let build = |kind| {
            let builder = DoubleArrayAhoCorasickBuilder::new().match_kind(kind);
            builder.build(phrases).expect("an automaton")
        };
        Self {
            all: build(MatchKind::Standard),
            longest: build(MatchKind::LeftmostLongest),
        }
    }
}

impl Chars {
    fn new(phrases: &[String]) -> Self {
        let build = |kind| {
            let builder = CharwiseDoubleArrayAhoCorasickBuilder::new().match_kind(kind);
            builder.build(phrases).expect("an automaton")
        };
        Self {
            all: build(MatchKind::Standard),
            longest: build(MatchKind::LeftmostLongest),
        }
    }
}

impl Peer for Bytes {
    fn whole_words(&self, text: &str) -> Vec<Range<usize>> {
        choose(
            text,
            self.all
                .find_overlapping_iter(text)
                .map(|m| m.start()..m.end()),
        )
    }
    fn count(&self, text: &str) -> usize {
        self.longest.leftmost_find_iter(text).count()
    }
    fn heap_bytes(&self) -> usize {
        self.longest.heap_bytes()
    }
}

impl Peer for Chars {
    fn whole_words(&self, text: &str) -> Vec<Range<usize>> {
        choose(
            text,
            self.all
                .find_overlapping_iter(text)
                .map(|m| m.start()..m.end()),
        )
    }
    fn count(&self, text: &str) -> usize {
        self.longest.leftmost_find_iter(text).count()
    }
    fn heap_bytes(&self) -> usize {
        self.longest.heap_bytes()
    }
}

/// The leftmost-longest of those with whole words, in a text of ASCII letters and Han.
fn choose(text: &str, all: impl Iterator<Item = Range<usize>>) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let letter = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_alphanumeric);
    let inside = |at: usize| letter(at.wrapping_sub(1)) && letter(at);
    let mut whole: Vec<_> = all.filter(|m| !inside(m.start) && !inside(m.end)).collect();
    whole.sort_unstable_by_key(|m| (m.start, usize::MAX - m.end));
    let mut end = 0;
    whole.retain(|m| {
        let first = m.start >= end;
        end = if first { m.end } else { end };
        first
    });
    whole
}
