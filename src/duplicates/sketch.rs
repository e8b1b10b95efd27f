//! A text's signature: a hash of its tokens, and a sketch by which two texts can be compared without the texts.
//!
//! The sketch is MinHash: how many of two sketches' bytes agree tells how many of the texts' shingles, the runs of
//! [`SHINGLE`] tokens, the two have in common, as a share of those that either has (their resemblance: A. Broder, "On the
//! resemblance and containment of documents", 1997). One hash of each shingle does for all bytes, since shingles are dealt
//! out to as many bins (P. Li, A. Owen, C.-H. Zhang, "One permutation hashing", 2012); a bin that got none borrows from
//! another (A. Shrivastava, "Optimal densification for fast and accurate minwise hashing", 2017); of each least hash a byte is
//! kept (P. Li, A. C. König, "b-bit minwise hashing", 2010), which takes a tenth of the text's room, not half of it.

use super::tokens::{mix, tokens};

/// Tokens in a shingle. With two, texts of one subject have much in common; with four, a changed word costs a short text
/// most of its shingles.
const SHINGLE: usize = 3;

/// Texts with fewer different shingles have no sketch: among so few, a date or a name would decide. A text that is one word
/// many times has one shingle, all bins borrow it, and one in 256 such texts has the same byte.
const LEAST_SHINGLES: usize = 16;

/// Bytes of a sketch.
pub(super) const BINS: usize = 128;

/// Bytes of a sketch that are compared as one: where all of them agree, two texts are compared at all.
pub(super) const ROWS: usize = 4;

/// From so much resemblance on two texts are one, with changes.
const LEAST_RESEMBLANCE: f32 = 0.6;

/// What is kept of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Signature {
    /// The same for texts with the same tokens; of a text without tokens, for the same text.
    pub normal: u128,
    /// None for a text of too few different shingles.
    pub sketch: Option<[u8; BINS]>,
}

impl Signature {
    pub(super) fn of(text: &str) -> Self {
        let mut normal = Normal::default();
        let mut bins = [u64::MAX; BINS];
        let (mut last, mut count) = ([0; SHINGLE], 0);
        let mut first_shingles = Vec::with_capacity(LEAST_SHINGLES);
        tokens(text, |token| {
            normal.add(token);
            last.rotate_left(1);
            last[SHINGLE - 1] = token;
            count += 1;
            if count >= SHINGLE {
                let shingle = last
                    .iter()
                    .fold(0, |hash: u64, &token| mix(hash.rotate_left(23) ^ token));
                let bin = &mut bins[(shingle >> (64 - BINS.ilog2())) as usize];
                *bin = shingle.min(*bin);
                if first_shingles.len() < LEAST_SHINGLES && !first_shingles.contains(&shingle) {
                    first_shingles.push(shingle);
                }
            }
        });
        if count == 0 {
            text.chars().for_each(|c| normal.add(mix(u64::from(c))));
        }
        Self {
            normal: normal.finish(),
            sketch: (first_shingles.len() == LEAST_SHINGLES).then(|| sketch(&bins)),
        }
    }
}

fn sketch(bins: &[u64; BINS]) -> [u8; BINS] {
    let lender = |at: usize| {
        let tries = (0_u64..).map(|n| mix((at as u64) << 32 | n) as usize % BINS);
        tries.map(|at| bins[at]).find(|&least| least != u64::MAX)
    };
    std::array::from_fn(|at| {
        let least = match bins[at] {
            u64::MAX => lender(at).unwrap_or_default(),
            least => least,
        };
        // The low bits have no part in which hash is the least.
        least as u8
    })
}

/// The share of shingles that two texts have in common, as their sketches tell it: ± 0.04.
pub(super) fn resemblance(a: &[u8; BINS], b: &[u8; BINS]) -> f32 {
    let equal = a.iter().zip(b).filter(|(a, b)| a == b).count() as f32 / BINS as f32;
    // Of those bytes that need not agree one in 256 does.
    ((equal - 1.0 / 256.0) / (1.0 - 1.0 / 256.0)).max(0.0)
}

/// Whether two texts are one, with changes.
pub(super) fn alike(a: &[u8; BINS], b: &[u8; BINS]) -> bool {
    resemblance(a, b) >= LEAST_RESEMBLANCE
}

/// A hash of a sequence of numbers that are spread over all their bits.
#[derive(Default)]
struct Normal(u64, u64);

impl Normal {
    fn add(&mut self, token: u64) {
        self.0 = (self.0.rotate_left(29) ^ token).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.1 = (self.1.rotate_left(37).wrapping_add(token)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    }

    fn finish(self) -> u128 {
        u128::from(mix(self.0)) << 64 | u128::from(mix(self.1))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// Words that differ, as many as are asked for.
    fn words(from: u64, count: u64) -> String {
        let words = (from..from + count).map(|n| format!("w{n}"));
        words.collect::<Vec<_>>().join(" ")
    }

    fn shingles(text: &str) -> HashSet<Vec<u64>> {
        let mut all = Vec::new();
        tokens(text, |token| all.push(token));
        all.windows(SHINGLE).map(<[u64]>::to_vec).collect()
    }

    fn between(a: &str, b: &str) -> f32 {
        let sketch = |text| Signature::of(text).sketch.unwrap();
        resemblance(&sketch(a), &sketch(b))
    }

    #[test]
    fn sketches_tell_the_resemblance() {
        let (mut off, mut worst) = (0.0, 0.0_f32);
        let mut cases = 0;
        for length in [30, 60, 200, 2000] {
            for share in 0..10 {
                for seed in 0..8 {
                    let (from, shift) = (seed * 100_000, length * share / 10);
                    let (a, b) = (words(from, length), words(from + shift, length));
                    let (x, y) = (shingles(&a), shingles(&b));
                    let exact = x.intersection(&y).count() as f32 / x.union(&y).count() as f32;
                    let told = between(&a, &b);
                    off += told - exact;
                    worst = worst.max((told - exact).abs());
                    cases += 1;
                }
            }
        }
        let bias = off / cases as f32;
        assert!(bias.abs() < 0.01, "{bias}");
        assert!(worst < 0.2, "{worst}");
    }

    #[test]
    fn texts_with_the_same_tokens_have_the_same_signature() {
        let a = "Rain at noon, sun at night; so it was said on Monday, and on Tuesday it was said again!";
        assert_eq!(
            Signature::of(a),
            Signature::of(&a.to_uppercase().replace([',', ';', '!'], " "))
        );
        assert_ne!(
            Signature::of(a).normal,
            Signature::of(&a.replace("sun", "son")).normal
        );
        assert_ne!(Signature::of("😀").normal, Signature::of("😡").normal);
        assert_ne!(Signature::of("a b").normal, Signature::of("b a").normal);
        assert_eq!(Signature::of("").sketch, None);
    }

    #[test]
    fn short_texts_have_no_sketch() {
        assert_eq!(Signature::of(&words(0, 17)).sketch, None);
        assert!(Signature::of(&words(0, 18)).sketch.is_some());
        assert_eq!(Signature::of(&"雨".repeat(17)).sketch, None);
    }

    #[test]
    fn texts_that_say_little_over_and_over_have_no_sketch() {
        for text in [
            "雨",
            "lol ",
            "666 ",
            "ha ha ho ",
            "one two three four five six seven ",
        ] {
            assert_eq!(Signature::of(&text.repeat(100)).sketch, None, "{text}");
        }
        // Said again, fifteen words in a row have as many runs, over the seam, too.
        let again = |count| format!("{0} {0} {0}", words(0, count));
        assert_eq!(Signature::of(&again(15)).sketch, None);
        assert!(Signature::of(&again(16)).sketch.is_some());
    }

    /// Kept signatures are compared with those of later versions: a change of what they are needs a new
    /// `store::SIGNATURE_METHOD`.
    #[test]
    fn signatures_are_those_of_other_machines_and_versions() {
        let signature =
            Signature::of("The quick brown fox jumps over the lazy dog, and 狐狸跳过了一只懒狗。");
        let head = signature.sketch.map(|sketch| sketch[..4].to_vec());
        assert_eq!(
            (signature.normal, head),
            (
                179974904540278605036142075334626844768,
                Some(vec![141, 208, 141, 125])
            )
        );
    }
}
