//! Where to look: the positions of some bytes, and of the starts of digit runs, in one pass.
//!
//! One to three bytes are `memchr`'s business. Larger sets are classified 64 bytes at a time into bit masks: with
//! AVX2 by two table look-ups a byte (low nibble → which high nibbles are in the set), which costs the same for every
//! set; without it by one table look-up. The bytes of Chinese characters are common, those characters are not: so a
//! byte may be wanted behind certain bytes only, and most of the others are dropped as masks before anybody looks at
//! them. What a candidate means is not known here.

use memchr::{memchr, memchr2, memchr3};

use super::ByteSet;
use super::shape::LONG;

/// A position worth asking about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Candidate {
    /// A byte of the set.
    Byte,
    /// The first digit of a maximal run, and the run's length, exact up to [`LONG`].
    DigitRun(usize),
}

/// Tells which positions are worth asking about, by more than their byte.
pub(super) trait Filter {
    /// Whether the byte of the set at `at` is.
    fn takes_byte(&self, text: &[u8], at: usize) -> bool;
    /// Whether the run of `length` digits at `at` is.
    fn takes_digits(&self, text: &[u8], at: usize, length: usize) -> bool;
}

/// Finds candidates.
#[derive(Debug, Clone)]
pub(super) enum Candidates {
    /// Nothing to look for.
    None,
    /// One to three bytes.
    Bytes(Few),
    /// More, or digit runs as well.
    Blocks(Box<Classifier>),
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Few {
    One(u8),
    Two(u8, u8),
    Three(u8, u8, u8),
}

/// Bytes to look for.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Wanted {
    /// Wherever they stand.
    pub(super) bytes: ByteSet,
    /// Only behind one of `behind`. More may be reported, since which belongs behind which is not known here.
    pub(super) paired: ByteSet,
    pub(super) behind: ByteSet,
}

impl Candidates {
    pub(super) fn new(wanted: Wanted, digit_runs: bool) -> Self {
        let bytes: Vec<u8> = wanted.bytes.union(wanted.paired).iter().take(4).collect();
        match (digit_runs, bytes.as_slice()) {
            (false, []) => Self::None,
            (false, &[a]) => Self::Bytes(Few::One(a)),
            (false, &[a, b]) => Self::Bytes(Few::Two(a, b)),
            (false, &[a, b, c]) => Self::Bytes(Few::Three(a, b, c)),
            _ => Self::Blocks(Box::new(Classifier::new(wanted, digit_runs))),
        }
    }

    /// Calls `visit` with each candidate that `filter` takes, ascending; it returns the position to go on from.
    #[inline]
    pub(super) fn for_each(
        &self,
        text: &[u8],
        filter: &impl Filter,
        visit: impl FnMut(usize, Candidate) -> usize,
    ) {
        match self {
            Self::None => {}
            Self::Bytes(few) => few.for_each(text, filter, visit),
            Self::Blocks(classifier) => classifier.for_each(text, filter, visit),
        }
    }
}

impl Few {
    #[inline]
    fn for_each(
        self,
        text: &[u8],
        filter: &impl Filter,
        mut visit: impl FnMut(usize, Candidate) -> usize,
    ) {
        let mut from = 0;
        while let Some(rest) = text.get(from..) {
            let next = match self {
                Self::One(a) => memchr(a, rest),
                Self::Two(a, b) => memchr2(a, b, rest),
                Self::Three(a, b, c) => memchr3(a, b, c, rest),
            };
            let Some(next) = next else { return };
            let at = from + next;
            from = at + 1;
            if filter.takes_byte(text, at) {
                from = from.max(visit(at, Candidate::Byte));
            }
        }
    }
}

const BLOCK: usize = 64;
/// Blocks that are classified at a time: enough to make the call cheap, few enough to stay in the first cache.
const BATCH: usize = 16;

/// Bit masks of a batch: bit `i` of word `w` is byte `64 w + i`.
#[derive(Default)]
struct Masks {
    hits: [u64; BATCH],
    digits: [u64; BATCH],
    paired: [u64; BATCH],
    behind: [u64; BATCH],
}

impl Masks {
    /// What is wanted, and what is a digit. `carry` is 1 where the byte before the block is one to stand behind, and
    /// becomes that of the next block.
    fn of(&self, block: usize, carry: &mut u64) -> (u64, u64) {
        let behind = self.behind[block];
        let pairs = self.paired[block] & (behind << 1 | *carry);
        *carry = behind >> 63;
        (self.hits[block] | pairs, self.digits[block])
    }
}

/// How far a text has been walked through.
#[derive(Default)]
struct Walk {
    /// The block's first byte.
    base: usize,
    /// 1 where the byte before the block is a digit.
    carry: u64,
    /// 1 where the byte before the block is one to stand behind.
    behind: u64,
    /// Candidates before this byte are not wanted.
    from: usize,
}

/// Classifies blocks of 64 bytes.
#[derive(Debug, Clone)]
pub(super) struct Classifier {
    /// By byte: bit 0 wanted, bit 1 a digit, bit 2 wanted in a pair, bit 3 one to stand behind.
    table: [u8; 256],
    bytes: Nibbles,
    /// The two sets of the pairs, where there are any.
    pairs: Option<[Nibbles; 2]>,
    digit_runs: bool,
    vectors: bool,
}

/// A set by nibbles: at a low nibble, bit `h` is set where the byte with high nibble `h` (`h + 8` in the second table) is
/// in the set.
#[derive(Debug, Clone, Copy)]
struct Nibbles([[u8; 16]; 2]);

impl From<ByteSet> for Nibbles {
    fn from(set: ByteSet) -> Self {
        let mut nibbles = [[0; 16]; 2];
        for byte in set.iter() {
            nibbles[usize::from(byte >> 7)][usize::from(byte & 15)] |= 1 << (byte >> 4 & 7);
        }
        Self(nibbles)
    }
}

impl Classifier {
    fn new(wanted: Wanted, digit_runs: bool) -> Self {
        let mut table = [0; 256];
        let digits = ByteSet::range(b'0', b'9');
        for (bit, set) in [wanted.bytes, digits, wanted.paired, wanted.behind]
            .iter()
            .enumerate()
        {
            for byte in set.iter() {
                table[usize::from(byte)] |= 1 << bit;
            }
        }
        #[cfg(target_arch = "x86_64")]
        let vectors = std::arch::is_x86_feature_detected!("avx2");
        #[cfg(not(target_arch = "x86_64"))]
        let vectors = false;
        Self {
            table,
            bytes: wanted.bytes.into(),
            pairs: (!wanted.paired.is_empty())
                .then(|| [wanted.paired.into(), wanted.behind.into()]),
            digit_runs,
            vectors,
        }
    }

    fn for_each(
        &self,
        text: &[u8],
        filter: &impl Filter,
        mut visit: impl FnMut(usize, Candidate) -> usize,
    ) {
        let mut masks = Masks::default();
        let mut walk = Walk::default();
        let (blocks, tail) = text.as_chunks::<BLOCK>();
        for batch in blocks.chunks(BATCH) {
            if walk.from >= text.len() {
                return;
            }
            self.classify(batch, &mut masks);
            for block in 0..batch.len() {
                let found = masks.of(block, &mut walk.behind);
                self.visit_block(found, text, &mut walk, filter, &mut visit);
            }
        }
        if !tail.is_empty() {
            let mut padded = [0; BLOCK];
            padded[..tail.len()].copy_from_slice(tail);
            self.classify(&[padded], &mut masks);
            let (hits, digits) = masks.of(0, &mut walk.behind);
            // The padding is no text, though byte 0 may be in the set.
            let hits = hits & ((1 << tail.len()) - 1);
            self.visit_block((hits, digits), text, &mut walk, filter, &mut visit);
        }
    }

    /// Visits the candidates of one block, given what is in the set and what is a digit.
    #[inline]
    fn visit_block(
        &self,
        (hits, digits): (u64, u64),
        text: &[u8],
        walk: &mut Walk,
        filter: &impl Filter,
        visit: &mut impl FnMut(usize, Candidate) -> usize,
    ) {
        let runs = if self.digit_runs {
            digits & !(digits << 1 | walk.carry)
        } else {
            0
        };
        // Most are not taken. A loop with no other branch tells which are, before anybody is called.
        let base = walk.base;
        let hits = kept(hits, |bit| filter.takes_byte(text, base + bit));
        let runs = kept(runs, |bit| {
            filter.takes_digits(text, base + bit, run_length(digits, bit, text, base))
        });
        let mut both = hits | runs;
        while both != 0 {
            let bit = both & both.wrapping_neg();
            both ^= bit;
            let at = walk.base + bit.trailing_zeros() as usize;
            if at < walk.from {
                continue;
            }
            let mut next = usize::MAX;
            if hits & bit != 0 {
                next = next.min(visit(at, Candidate::Byte));
            }
            if runs & bit != 0 {
                let length = run_length(digits, bit.trailing_zeros() as usize, text, walk.base);
                next = next.min(visit(at, Candidate::DigitRun(length)));
            }
            walk.from = next;
        }
        walk.carry = digits >> 63;
        walk.base += BLOCK;
    }

    fn classify(&self, blocks: &[[u8; BLOCK]], masks: &mut Masks) {
        #[cfg(target_arch = "x86_64")]
        if self.vectors {
            // SAFETY: `vectors` is true only where the processor was found to have AVX2.
            unsafe { self.classify_avx2(blocks, masks) };
            return;
        }
        self.classify_by_table(blocks, masks);
    }

    fn classify_by_table(&self, blocks: &[[u8; BLOCK]], masks: &mut Masks) {
        for (i, block) in blocks.iter().enumerate() {
            let mut found = [0; 4];
            for (bit, &byte) in block.iter().enumerate() {
                let class = u64::from(self.table[usize::from(byte)]);
                for (kind, mask) in found.iter_mut().enumerate() {
                    *mask |= (class >> kind & 1) << bit;
                }
            }
            [
                masks.hits[i],
                masks.digits[i],
                masks.paired[i],
                masks.behind[i],
            ] = found;
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    fn classify_avx2(&self, blocks: &[[u8; BLOCK]], masks: &mut Masks) {
        use std::arch::x86_64::*;
        // SAFETY: 16 bytes are read from an array of 16 bytes.
        let load = |table: [u8; 16]| {
            _mm256_broadcastsi128_si256(unsafe { _mm_loadu_si128(table.as_ptr().cast()) })
        };
        let tables = |Nibbles([low, high]): Nibbles| [load(low), load(high)];
        let wanted = tables(self.bytes);
        let pairs = self
            .pairs
            .map(|[paired, behind]| [tables(paired), tables(behind)]);
        let bits = load([1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128]);
        let index = _mm256_set1_epi8(0x8F_u8.cast_signed());
        let top = _mm256_set1_epi8(0x80_u8.cast_signed());
        let nibble = _mm256_set1_epi8(0x0F);
        let (zero, nine, ascii_zero) = (
            _mm256_setzero_si256(),
            _mm256_set1_epi8(9),
            _mm256_set1_epi8(0x30),
        );
        for (i, block) in blocks.iter().enumerate() {
            let mut found = [0; 4];
            for half in 0..2 {
                // SAFETY: 32 bytes are read at 0 and at 32 of a block of 64.
                let bytes = unsafe { _mm256_loadu_si256(block.as_ptr().add(32 * half).cast()) };
                // A look-up with the top bit set gives 0, so each half of the byte range has its own table.
                let low = _mm256_and_si256(bytes, index);
                let high = _mm256_and_si256(_mm256_xor_si256(bytes, top), index);
                let rest = _mm256_and_si256(_mm256_srli_epi16::<4>(bytes), nibble);
                let bit = _mm256_shuffle_epi8(bits, rest);
                let members = |[below, above]: [__m256i; 2]| {
                    let below = _mm256_shuffle_epi8(below, low);
                    let above = _mm256_shuffle_epi8(above, high);
                    let member = _mm256_and_si256(_mm256_or_si256(below, above), bit);
                    !_mm256_movemask_epi8(_mm256_cmpeq_epi8(member, zero)).cast_unsigned()
                };
                let digit = _mm256_sub_epi8(bytes, ascii_zero);
                let is_digit = _mm256_cmpeq_epi8(_mm256_min_epu8(digit, nine), digit);
                let digits = _mm256_movemask_epi8(is_digit).cast_unsigned();
                let pair = pairs.map_or([0, 0], |sets| sets.map(members));
                for (mask, part) in
                    found
                        .iter_mut()
                        .zip([members(wanted), digits, pair[0], pair[1]])
                {
                    *mask |= u64::from(part) << (32 * half);
                }
            }
            [
                masks.hits[i],
                masks.digits[i],
                masks.paired[i],
                masks.behind[i],
            ] = found;
        }
    }
}

/// The bits that are taken.
#[inline]
fn kept(bits: u64, takes: impl Fn(usize) -> bool) -> u64 {
    let (mut rest, mut kept) = (bits, 0);
    while rest != 0 {
        let bit = rest.trailing_zeros();
        kept |= u64::from(takes(bit as usize)) << bit;
        rest &= rest - 1;
    }
    kept
}

/// The length of the run that begins at bit `first` of the block at `base`, exact up to [`LONG`].
#[inline]
fn run_length(digits: u64, first: usize, text: &[u8], base: usize) -> usize {
    let inside = (digits >> first).trailing_ones() as usize;
    if first + inside < BLOCK {
        return inside;
    }
    let further = text.get(base + BLOCK..).unwrap_or_default();
    inside
        + further
            .iter()
            .take(LONG)
            .take_while(|b| b.is_ascii_digit())
            .count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    struct All;

    impl Filter for All {
        fn takes_byte(&self, _: &[u8], _: usize) -> bool {
            true
        }
        fn takes_digits(&self, _: &[u8], _: usize, _: usize) -> bool {
            true
        }
    }

    fn naive(wanted: Wanted, digit_runs: bool, text: &[u8]) -> Vec<(usize, Candidate)> {
        let mut all = Vec::new();
        for (at, &byte) in text.iter().enumerate() {
            let behind = at > 0 && wanted.behind.contains(text[at - 1]);
            if wanted.bytes.contains(byte) || behind && wanted.paired.contains(byte) {
                all.push((at, Candidate::Byte));
            }
            if digit_runs && byte.is_ascii_digit() && (at == 0 || !text[at - 1].is_ascii_digit()) {
                let length = text[at..].iter().take_while(|b| b.is_ascii_digit()).count();
                all.push((at, Candidate::DigitRun(length.min(LONG))));
            }
        }
        all
    }

    fn found(candidates: &Candidates, text: &[u8]) -> Vec<(usize, Candidate)> {
        let mut all = Vec::new();
        candidates.for_each(text, &All, |at, candidate| {
            all.push(match candidate {
                Candidate::DigitRun(length) => (at, Candidate::DigitRun(length.min(LONG))),
                byte => (at, byte),
            });
            at + 1
        });
        all
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn every_kind_of_search_equals_looking_at_each_byte(
            set in proptest::collection::vec(any::<u8>(), 0..12),
            paired in proptest::collection::vec(any::<u8>(), 0..12),
            behind in proptest::collection::vec(any::<u8>(), 0..99),
            digit_runs: bool,
            text in proptest::collection::vec(prop_oneof![any::<u8>(), b'0'..=b'9', Just(b'@')], 0..3000),
        ) {
            let wanted = Wanted {
                bytes: ByteSet::of(&set),
                paired: ByteSet::of(&paired),
                behind: ByteSet::of(&behind),
            };
            let expected = naive(wanted, digit_runs, &text);
            for vectors in [true, false] {
                let mut classifier = Classifier::new(wanted, digit_runs);
                classifier.vectors &= vectors;
                prop_assert_eq!(found(&Candidates::Blocks(Box::new(classifier)), &text), expected.clone());
            }
            // Few bytes are looked for without what they stand behind.
            let plain = Wanted { bytes: wanted.bytes, ..Wanted::default() };
            prop_assert_eq!(found(&Candidates::new(plain, digit_runs), &text), naive(plain, digit_runs, &text));
        }
    }

    #[test]
    fn goes_on_where_it_is_told() {
        let all = |bytes: &[u8]| Wanted {
            bytes: ByteSet::of(bytes),
            ..Wanted::default()
        };
        for candidates in [
            Candidates::new(all(b"a"), false),
            Candidates::new(all(b"abcd"), false),
        ] {
            let mut seen = Vec::new();
            candidates.for_each(&[b'a'; 1000], &All, |at, _| {
                seen.push(at);
                if at == 0 { 500 } else { usize::MAX }
            });
            assert_eq!(seen, [0, 500]);
        }
    }
}
