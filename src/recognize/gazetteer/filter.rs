//! Bloom filters that answer with one look into memory: two bits a key, both in one word of 64.
//!
//! A key is looked for in the word that another hash, its *place*, leads to, so that one look can answer for several.

use super::table::place;

/// A set that may say yes in error.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Filter<'a>(pub(super) &'a [[u8; 8]]);

impl Filter<'_> {
    #[inline]
    pub(super) fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// Which of these keys may have been added at this place.
    #[inline]
    pub(super) fn may_hold<const N: usize>(self, at: u64, keys: [u64; N]) -> [bool; N] {
        let word = self.0.get(place(at, self.0.len()));
        let word = word.map_or(0, |word| u64::from_le_bytes(*word));
        keys.map(|key| word >> (key & 63) & word >> (key >> 6 & 63) & 1 == 1)
    }

    /// Has the place fetched that will soon be looked at: a fifth of a scan's time, where phrases outgrow the cache.
    #[inline]
    pub(super) fn prefetch(self, at: u64) {
        #[cfg(target_arch = "x86_64")]
        if let Some(word) = self.0.get(place(at, self.0.len())) {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            // SAFETY: a hint, which changes nothing; the address is that of a reference.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(word.as_ptr().cast()) };
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = at;
    }
}

/// A filter in the making.
#[derive(Debug, Default)]
pub(super) struct Making(pub(super) Vec<[u8; 8]>);

impl Making {
    /// For so many keys, `sharing` of which are in a word.
    pub(super) fn new(count: usize, sharing: usize) -> Self {
        Self(vec![[0; 8]; count.div_ceil(sharing)])
    }

    pub(super) fn add(&mut self, at: u64, key: u64) {
        let count = self.0.len();
        let word = &mut self.0[place(at, count)];
        let bits = 1 << (key & 63) | 1 << (key >> 6 & 63);
        *word = (u64::from_le_bytes(*word) | bits).to_le_bytes();
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::hash_number;
    use super::*;

    #[test]
    fn holds_what_was_added_and_little_else() {
        let mut making = Making::new(1000, 8);
        (0..1000).for_each(|key| making.add(hash_number(key / 2), hash_number(key)));
        let filter = Filter(&making.0);
        let held = |key: u32| {
            let [held, _] = filter.may_hold(hash_number(key / 2), [hash_number(key), 0]);
            held
        };
        assert!((0..1000).all(held));
        let wrongly = (1000..11_000).filter(|&key| held(key)).count();
        assert!(wrongly < 1000, "{wrongly} of 10000");
        assert_eq!(Filter::default().may_hold(1, [1]), [false]);
        assert!(Filter::default().is_empty());
    }
}
