//! [`Memo`]: what tokens contribute, kept for those that come again.
//!
//! Words are distributed as Zipf says: some thousand kinds make up nearly all tokens of a text. What a kind gives is the
//! same whether it is kept or computed, so the memo changes no answer. One a thread and script; its size is fixed.
//!
//! The kinds that a batch of sentences has and the memo has not are computed together, since a matrix is dear to load;
//! they are moved into the memo when the batch is done, so that nothing is displaced that the batch refers to.

use std::collections::HashMap;

use super::network::{Contribution, Contributions, Network};

/// Kinds of tokens that are kept. Each takes about three quarters of a kilobyte.
const KEPT: usize = 1 << 14;

/// Kinds that a set holds. More kinds than this whose hashes fall into one set displace each other.
const WAYS: usize = 4;

/// Contributions of kinds of tokens, by a 64-bit hash of the kind.
#[derive(Debug)]
pub(super) struct Memo {
    /// `[set][way]`; 0 is free.
    keys: Vec<u64>,
    /// Which way of a set is replaced next.
    next: Vec<u8>,
    /// By slot: set and way.
    kept: Contributions,
    fresh: Fresh,
}

/// Kinds that are not kept yet.
#[derive(Debug, Default)]
struct Fresh {
    keys: Vec<u64>,
    numbers: HashMap<u64, usize>,
    embeddings: Vec<i16>,
    computed: Contributions,
}

/// Where a kind's contribution is until [`Memo::settle`]: a slot, or behind all of them one that is fresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place(u32);

impl Default for Memo {
    fn default() -> Self {
        Self::new(KEPT)
    }
}

impl Memo {
    /// Memory for so many kinds, a multiple of [`WAYS`]; what they contribute takes none before the first one.
    fn new(kinds: usize) -> Self {
        Self {
            keys: vec![0; kinds],
            next: vec![0; kinds / WAYS],
            kept: Contributions::default(),
            fresh: Fresh::default(),
        }
    }

    /// The place of the kind of this hash. Where it is new, `embed` appends its embedding.
    pub(super) fn place(&mut self, hash: u64, embed: impl FnOnce(&mut Vec<i16>)) -> Place {
        let key = hash.max(1);
        let first = self.set(key) * WAYS;
        let known = self.keys[first..first + WAYS]
            .iter()
            .position(|&known| known == key);
        let place = match known {
            Some(way) => first + way,
            None => {
                let Fresh {
                    keys,
                    numbers,
                    embeddings,
                    ..
                } = &mut self.fresh;
                let number = *numbers.entry(key).or_insert_with(|| {
                    keys.push(key);
                    embed(embeddings);
                    keys.len() - 1
                });
                self.keys.len() + number
            }
        };
        Place(place as u32)
    }

    /// Computes what is fresh.
    pub(super) fn compute(&mut self, network: &Network, sums: &mut Vec<i32>) {
        let Fresh {
            embeddings,
            computed,
            ..
        } = &mut self.fresh;
        network.contribute(embeddings, sums, computed);
        embeddings.clear();
    }

    /// What the kind at a place contributes.
    pub(super) fn get(&self, Place(place): Place) -> Contribution<'_> {
        match (place as usize).checked_sub(self.keys.len()) {
            None => self.kept.get(place as usize),
            Some(number) => self.fresh.computed.get(number),
        }
    }

    /// Keeps what is fresh. Places from before are no longer valid.
    pub(super) fn settle(&mut self) {
        for number in 0..self.fresh.keys.len() {
            let key = self.fresh.keys[number];
            let set = self.set(key);
            let way = usize::from(self.next[set]);
            self.next[set] = ((way + 1) % WAYS) as u8;
            let slot = set * WAYS + way;
            self.keys[slot] = key;
            let slots = self.keys.len();
            self.kept.set(slot, slots, self.fresh.computed.get(number));
        }
        let Fresh {
            keys,
            numbers,
            computed,
            ..
        } = &mut self.fresh;
        keys.clear();
        numbers.clear();
        computed.clear();
    }

    fn set(&self, key: u64) -> usize {
        (key >> 32) as usize % self.next.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ner::tagger::Tagger;

    #[test]
    fn what_is_kept_is_what_was_made() {
        let network = &Tagger::embedded().words.network;
        let size = network.embedding_len();
        let mut memo = Memo::new(8);
        let mut made = 0;
        let mut sums = Vec::new();
        for round in 0..3 {
            // Each batch has every kind twice, and more kinds than there are slots.
            let hashes = (0..20u64).map(|n| n.wrapping_mul(0x9E37_79B9_7F4A_7C15));
            let places: Vec<_> = hashes
                .chain(0..20)
                .map(|hash| {
                    memo.place(hash, |to| {
                        made += 1;
                        to.resize(to.len() + size, (hash as i16) >> 4);
                    })
                })
                .collect();
            memo.compute(network, &mut sums);
            for (hash, place) in (0..20u64)
                .map(|n| n.wrapping_mul(0x9E37_79B9_7F4A_7C15))
                .chain(0..20)
                .zip(places)
            {
                let mut alone = Contributions::default();
                network.contribute(&vec![(hash as i16) >> 4; size], &mut sums, &mut alone);
                assert_eq!(memo.get(place), alone.get(0), "{round} {hash}");
            }
            memo.settle();
        }
        assert!((41..120).contains(&made), "some are known again: {made}");
        let before = made;
        memo.place(19, |_| made += 1);
        assert_eq!(made, before);
    }
}
