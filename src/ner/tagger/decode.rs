//! Scores of tags in, spans of tokens out: the best way through a sentence, by Viterbi's algorithm.

use super::network::{LANES, SCORE_ONE, TAGS};

/// Outside of any entity. Tag `2 n + 1` begins one of label `n`, `2 n + 2` goes on.
pub(super) const OUTSIDE: usize = 0;

/// So bad that no way leads through it, and so far from the limits that sums stay within them.
const NEVER: i32 = i32::MIN / 4;

/// Whether a tag may follow another: only what has begun goes on.
pub(super) fn may_follow(before: usize, tag: usize) -> bool {
    tag == OUTSIDE || tag % 2 == 1 || before == tag || before + 1 == tag
}

/// An entity in tokens.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Piece {
    pub first: usize,
    /// The token behind the last.
    pub end: usize,
    pub label: usize,
    /// How sure it is: the lowest probability of its tags, each given those beside it.
    pub score: f32,
}

/// Memory of [`Decoder::decode`].
#[derive(Debug, Default)]
pub(super) struct Decoder {
    from: Vec<[u8; TAGS]>,
    tags: Vec<u8>,
}

impl Decoder {
    /// Appends the entities of a sentence.
    pub(super) fn decode(
        &mut self,
        scores: &[[i32; LANES]],
        transitions: &[[i32; TAGS]],
        pieces: &mut Vec<Piece>,
    ) {
        let Some(first) = scores.first() else {
            return;
        };
        let starts = &transitions[TAGS];
        let mut best = [NEVER; TAGS];
        for tag in 0..TAGS {
            if may_follow(OUTSIDE, tag) {
                best[tag] = starts[tag] + first[tag];
            }
        }
        self.from.clear();
        self.from.push([0; TAGS]);
        for scores in &scores[1..] {
            let mut next = [NEVER; TAGS];
            let mut from = [0; TAGS];
            for tag in 0..TAGS {
                for before in 0..TAGS {
                    let way = best[before] + transitions[before][tag];
                    if may_follow(before, tag) && way > next[tag] {
                        (next[tag], from[tag]) = (way, before as u8);
                    }
                }
            }
            // Only differences matter: without this, sums of a long sentence would leave 32 bits.
            let most = next.iter().copied().max().unwrap_or(0);
            for tag in 0..TAGS {
                best[tag] = (next[tag] - most).max(NEVER) + scores[tag];
            }
            self.from.push(from);
        }
        let mut tag = (0..TAGS)
            .rev()
            .max_by_key(|&tag| best[tag])
            .unwrap_or(OUTSIDE);
        self.tags.clear();
        self.tags.resize(scores.len(), 0);
        for at in (0..scores.len()).rev() {
            self.tags[at] = tag as u8;
            tag = usize::from(self.from[at][tag]);
        }
        self.collect(scores, transitions, pieces);
    }

    fn collect(
        &self,
        scores: &[[i32; LANES]],
        transitions: &[[i32; TAGS]],
        pieces: &mut Vec<Piece>,
    ) {
        let mut at = 0;
        while at < self.tags.len() {
            let tag = usize::from(self.tags[at]);
            if tag == OUTSIDE {
                at += 1;
                continue;
            }
            let inside = (tag + 1) as u8;
            let more = self.tags[at + 1..]
                .iter()
                .take_while(|&&tag| tag == inside)
                .count();
            let end = at + 1 + more;
            let score = (at..end)
                .map(|at| self.probability(at, scores, transitions))
                .fold(1.0, f32::min);
            pieces.push(Piece {
                first: at,
                end,
                label: (tag - 1) / 2,
                score,
            });
            at = end;
        }
    }

    /// The probability of the tag of token `at`, given the tags beside it.
    fn probability(&self, at: usize, scores: &[[i32; LANES]], transitions: &[[i32; TAGS]]) -> f32 {
        let before = at
            .checked_sub(1)
            .map_or(TAGS, |at| usize::from(self.tags[at]));
        let behind = self.tags.get(at + 1).map(|&tag| usize::from(tag));
        let own = |tag: usize| {
            let next = behind.map_or(0, |behind| transitions[tag][behind]);
            (scores[at][tag] + transitions[before][tag] + next) as f32 / SCORE_ONE
        };
        let chosen = own(usize::from(self.tags[at]));
        let sum: f32 = (0..TAGS).map(|tag| (own(tag) - chosen).exp()).sum();
        1.0 / sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All ways, one by one.
    fn naive(scores: &[[i32; LANES]], transitions: &[[i32; TAGS]]) -> i64 {
        let mut ways: Vec<(usize, i64)> = vec![];
        for (at, scores) in scores.iter().enumerate() {
            let step = |from: usize, sum: i64, tag: usize| {
                (
                    tag,
                    sum + i64::from(transitions[from][tag]) + i64::from(scores[tag]),
                )
            };
            ways = if at == 0 {
                (0..TAGS)
                    .filter(|&tag| may_follow(OUTSIDE, tag))
                    .map(|tag| step(TAGS, 0, tag))
                    .collect()
            } else {
                ways.iter()
                    .flat_map(|&(before, sum)| {
                        (0..TAGS)
                            .filter(move |&tag| may_follow(before, tag))
                            .map(move |tag| step(before, sum, tag))
                    })
                    .collect()
            };
        }
        ways.into_iter().map(|(_, sum)| sum).max().unwrap_or(0)
    }

    proptest::proptest! {
        #[test]
        fn the_way_is_the_best_one(
            scores in proptest::collection::vec(proptest::array::uniform8(-9i32..9), 1..5),
            transitions in proptest::collection::vec(proptest::array::uniform7(-9i32..9), TAGS + 1),
        ) {
            let mut decoder = Decoder::default();
            let mut pieces = Vec::new();
            decoder.decode(&scores, &transitions, &mut pieces);
            let mut sum = 0;
            let mut before = TAGS;
            for (&tag, scores) in decoder.tags.iter().zip(&scores) {
                let tag = usize::from(tag);
                let last = if before == TAGS { OUTSIDE } else { before };
                proptest::prop_assert!(may_follow(last, tag));
                sum += i64::from(transitions[before][tag]) + i64::from(scores[tag]);
                before = tag;
            }
            proptest::prop_assert_eq!(sum, naive(&scores, &transitions));
            for piece in pieces {
                proptest::prop_assert_eq!(usize::from(decoder.tags[piece.first]), 2 * piece.label + 1);
                proptest::prop_assert!((0.0..=1.0).contains(&piece.score));
            }
        }
    }

    #[test]
    fn a_long_sentence_does_not_overflow() {
        let scores = vec![[i32::MAX / 2, 0, 0, 0, 0, 0, 0, 0]; 100_000];
        let mut pieces = Vec::new();
        Decoder::default().decode(&scores, &vec![[i32::MAX / 9; TAGS]; TAGS + 1], &mut pieces);
        assert_eq!(pieces, []);
    }
}
