//! [`Memo`]: what tokens contribute, kept for those that come again.
//!
//! Words are distributed as Zipf says: a few thousand kinds make up nearly all tokens of a text. What a kind gives is the
//! same whether it is kept or computed, so the memo changes no answer. One a thread; its size is fixed.

use super::network::Contribution;

/// Kinds that a set holds. More kinds than this whose hashes fall into one set displace each other.
const WAYS: usize = 4;

/// Contributions of kinds of tokens, by a 64-bit hash of the kind.
#[derive(Debug)]
pub(super) struct Memo {
    /// `[set][way]`; 0 is free.
    keys: Vec<u64>,
    /// Which way of a set is replaced next.
    next: Vec<u8>,
    /// `[set][way][length]`.
    values: Vec<i16>,
    length: usize,
}

impl Memo {
    /// Memory for so many kinds, a power of two and at least [`WAYS`]; nothing is allocated before the first one.
    pub(super) fn new(kinds: usize, length: usize) -> Self {
        debug_assert!(kinds.is_power_of_two() && kinds >= WAYS);
        Self {
            keys: vec![0; kinds],
            next: vec![0; kinds / WAYS],
            values: Vec::new(),
            length,
        }
    }

    /// What the kind of this hash contributes, computed by `make` where it is not known.
    pub(super) fn get(&mut self, hash: u64, make: impl FnOnce(&mut Contribution)) -> &Contribution {
        let key = hash.max(1);
        let set = (hash >> 32) as usize % self.next.len();
        let first = set * WAYS;
        let known = self.keys[first..first + WAYS]
            .iter()
            .position(|&known| known == key);
        let slot = match known {
            Some(way) => first + way,
            None => {
                if self.values.is_empty() {
                    self.values = vec![0; self.keys.len() * self.length];
                }
                let way = usize::from(self.next[set]);
                self.next[set] = ((way + 1) % WAYS) as u8;
                let slot = first + way;
                make(&mut self.values[slot * self.length..][..self.length]);
                self.keys[slot] = key;
                slot
            }
        };
        &self.values[slot * self.length..][..self.length]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_what_was_made() {
        let mut memo = Memo::new(8, 2);
        let mut made = 0;
        for round in 0..3 {
            for n in 0..20u64 {
                let hash = n.wrapping_mul(0x9E37_79B9_7F4A_7C15);
                let value = memo.get(hash, |to| {
                    made += 1;
                    to.copy_from_slice(&[n as i16, -(n as i16)]);
                });
                assert_eq!(value, [n as i16, -(n as i16)], "{round}");
            }
        }
        assert!(made > 20, "twenty do not fit eight places");
        let before = made;
        for _ in 0..3 {
            memo.get(7, |_| made += 1);
        }
        assert_eq!(made, before + 1);
    }
}
