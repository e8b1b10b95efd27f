//! Hash tables as bytes: entries of one size, each at its place or a few after it.
//!
//! Owns the hashes and the places. What an entry says, and how it is told from an empty one, is its owner's business.

/// A table of entries.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Table<'a, const N: usize> {
    pub(super) entries: &'a [[u8; N]],
    /// Hashes are spread over the first so many; the others take what overflows.
    pub(super) buckets: usize,
    /// The most entries that a search looks at.
    pub(super) probes: usize,
}

impl<'a, const N: usize> Table<'a, N> {
    /// The entries where something with this hash can be, with their numbers.
    #[inline]
    pub(super) fn probe(
        &self,
        hash: u64,
    ) -> impl Iterator<Item = (usize, &'a [u8; N])> + use<'a, N> {
        let first = place(hash, self.buckets);
        let entries = self.entries.get(first..).unwrap_or_default();
        (first..).zip(entries.iter().take(self.probes))
    }

    /// The entry of this number.
    #[inline]
    pub(super) fn get(&self, number: u32) -> Option<&'a [u8; N]> {
        self.entries.get(number as usize)
    }
}

/// A table in the making.
#[derive(Debug)]
pub(super) struct Making<const N: usize> {
    pub(super) entries: Vec<[u8; N]>,
    buckets: usize,
    probes: usize,
}

impl<const N: usize> Making<N> {
    /// Of `empty` entries, for up to `count` others. Three places in five are taken: most searches find nothing, and then
    /// look at four entries, where with three in four taken they would look at nine (Knuth, TAOCP 6.4).
    pub(super) fn new(count: usize, empty: [u8; N]) -> Self {
        let buckets = count + count * 2 / 3 + 1;
        Self {
            entries: vec![empty; buckets],
            buckets,
            probes: 1,
        }
    }

    /// The number of the first free entry for this hash.
    pub(super) fn vacant(&mut self, hash: u64, empty: [u8; N]) -> usize {
        let first = place(hash, self.buckets);
        let taken = self.entries[first..]
            .iter()
            .take_while(|e| **e != empty)
            .count();
        if first + taken == self.entries.len() {
            self.entries.push(empty);
        }
        self.probes = self.probes.max(taken + 1);
        first + taken
    }

    pub(super) fn table(&self) -> Table<'_, N> {
        Table {
            entries: &self.entries,
            buckets: self.buckets,
            probes: self.probes,
        }
    }
}

/// Where something with this hash is among `count` places.
#[inline]
pub(super) fn place(hash: u64, count: usize) -> usize {
    ((u128::from(hash) * count as u128) >> 64) as usize
}

const MIX: u64 = 0x9E37_79B9_7F4A_7C15;

/// The hash of a pair of hashes or numbers.
#[inline]
pub(super) fn join(a: u64, b: u64) -> u64 {
    let mixed = (a.rotate_left(29) ^ b).wrapping_mul(MIX);
    mixed ^ mixed >> 32
}

/// The hash of one number.
#[inline]
pub(super) fn hash_number(number: u32) -> u64 {
    join(number.into(), 0)
}

/// The hash of some bytes. The last eight are read as one number, which may overlap the one before.
#[inline]
pub(super) fn hash_bytes(bytes: &[u8]) -> u64 {
    let four = |four: &[u8; 4]| u64::from(u32::from_le_bytes(*four));
    let mut hash = bytes.len() as u64;
    let last = if let Some(last) = bytes.last_chunk::<8>() {
        for chunk in bytes[..bytes.len() - 1].as_chunks::<8>().0 {
            hash = join(hash, u64::from_le_bytes(*chunk));
        }
        u64::from_le_bytes(*last)
    } else if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        four(first) << 32 | four(last)
    } else {
        bytes
            .iter()
            .fold(0, |all, &byte| all << 8 | u64::from(byte))
    };
    join(hash, last)
}

/// `N` bytes as numbers of four each.
#[inline]
pub(super) fn to_words<const N: usize, const W: usize>(bytes: &[u8; N]) -> [u32; W] {
    let (words, _) = bytes.as_chunks();
    std::array::from_fn(|i| u32::from_le_bytes(words[i]))
}

/// And back.
pub(super) fn to_bytes<const N: usize, const W: usize>(words: [u32; W]) -> [u8; N] {
    std::array::from_fn(|i| words[i / 4].to_le_bytes()[i % 4])
}
