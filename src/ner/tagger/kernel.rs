//! Loops over small integers, the inner ones of a network.
//!
//! Products take AVX2's multiply-and-add where the processor has it, and plain Rust elsewhere; other loops are the same
//! Rust compiled twice. Integers give the same sums either way.

/// Outputs that are summed side by side.
const BLOCK: usize = 8;

/// A matrix of weights in the order in which the loops read it: by block of outputs, by pair of inputs, each output's two
/// weights. Odd inputs and incomplete blocks are filled up with zeros.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Matrix {
    outputs: usize,
    pairs: usize,
    packed: Vec<[i16; 2 * BLOCK]>,
}

impl Matrix {
    /// Packs `[output][input]`.
    pub(super) fn new(weights: &[i16], inputs: usize) -> Self {
        let outputs = weights.len() / inputs;
        let pairs = inputs.div_ceil(2);
        let mut packed = vec![[0; 2 * BLOCK]; outputs.div_ceil(BLOCK) * pairs];
        for (output, row) in weights.chunks_exact(inputs).enumerate() {
            for (pair, two) in row.chunks(2).enumerate() {
                let at = output % BLOCK * 2;
                packed[output / BLOCK * pairs + pair][at..at + two.len()].copy_from_slice(two);
            }
        }
        Self {
            outputs,
            pairs,
            packed,
        }
    }

    /// The length of a row of inputs: with one zero at the end where their number is odd.
    pub(super) fn padded(&self) -> usize {
        2 * self.pairs
    }

    /// `sums[row][output] = Σ weights[output][input] · rows[row][input]`, with rows of [`padded`](Self::padded) length,
    /// and outputs filled up to whole blocks: so long is a row of sums, as is returned. The sums must fit 32 bits.
    pub(super) fn multiply(&self, rows: &[i16], sums: &mut Vec<i32>) -> usize {
        let length = self.outputs.next_multiple_of(BLOCK);
        sums.clear();
        sums.resize(rows.len() / self.padded() * length, 0);
        // A block stays in the nearest cache while all rows pass by.
        for (at, block) in self.packed.chunks_exact(self.pairs).enumerate() {
            let to = sums.chunks_exact_mut(length);
            for (row, sums) in rows.chunks_exact(self.padded()).zip(to) {
                sums[at * BLOCK..][..BLOCK].copy_from_slice(&multiply_block(row, block));
            }
        }
        length
    }
}

/// The sums of a block of outputs.
#[cfg(target_arch = "x86_64")]
fn multiply_block(input: &[i16], block: &[[i16; 2 * BLOCK]]) -> [i32; BLOCK] {
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2.
        unsafe { x86::multiply_block_avx2(input, block) }
    } else {
        multiply_block_anywhere(input, block)
    }
}

#[cfg(not(target_arch = "x86_64"))]
use multiply_block_anywhere as multiply_block;

#[cfg_attr(target_arch = "x86_64", inline(never))]
fn multiply_block_anywhere(input: &[i16], block: &[[i16; 2 * BLOCK]]) -> [i32; BLOCK] {
    let mut sums = [0i32; BLOCK];
    for ([a, b], weights) in input.as_chunks::<2>().0.iter().zip(block) {
        for (sum, [v, w]) in sums.iter_mut().zip(weights.as_chunks::<2>().0) {
            *sum += i32::from(*a) * i32::from(*v) + i32::from(*b) * i32::from(*w);
        }
    }
    sums
}

/// Defines a function that is compiled a second time for AVX2, and goes that way where the processor has it.
macro_rules! for_avx2_too {
    ($(#[$doc:meta])* fn $name:ident($($argument:ident: $type:ty),* $(,)?) $body:block) => {
        $(#[$doc])*
        pub(super) fn $name($($argument: $type),*) {
            #[inline(always)]
            fn anywhere($($argument: $type),*) $body

            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2")]
                fn avx2($($argument: $type),*) {
                    anywhere($($argument),*);
                }
                if std::arch::is_x86_feature_detected!("avx2") {
                    // SAFETY: the processor has AVX2.
                    return unsafe { avx2($($argument),*) };
                }
            }
            anywhere($($argument),*);
        }
    };
}
pub(super) use for_avx2_too;

for_avx2_too! {
    /// Adds numbers of eight bits after a shift; sums that would leave 16 bits stay at their ends.
    fn add_bytes(sums: &mut [i16], bytes: &[i8], shift: u8) {
        for (sum, &byte) in sums.iter_mut().zip(bytes) {
            *sum = sum.saturating_add(i16::from(byte) << shift);
        }
    }
}

for_avx2_too! {
    /// Adds numbers; sums that would leave 16 bits stay at their ends.
    fn add(sums: &mut [i16], numbers: &[i16]) {
        for (sum, &number) in sums.iter_mut().zip(numbers) {
            *sum = sum.saturating_add(number);
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        __m256i, _mm256_add_epi32, _mm256_loadu_si256, _mm256_madd_epi16, _mm256_set1_epi32,
        _mm256_setzero_si256, _mm256_storeu_si256,
    };

    use super::BLOCK;

    /// One multiply-and-add makes eight sums of two products.
    #[target_feature(enable = "avx2")]
    pub(super) fn multiply_block_avx2(input: &[i16], block: &[[i16; 2 * BLOCK]]) -> [i32; BLOCK] {
        let mut sum = _mm256_setzero_si256();
        for (&[a, b], weights) in input.as_chunks::<2>().0.iter().zip(block) {
            let both = _mm256_set1_epi32(i32::from(a as u16) | i32::from(b) << 16);
            // SAFETY: an array of 16 numbers of 16 bits is as long as a vector; the load needs no alignment.
            let weights = unsafe { _mm256_loadu_si256(weights.as_ptr().cast::<__m256i>()) };
            sum = _mm256_add_epi32(sum, _mm256_madd_epi16(both, weights));
        }
        let mut sums = [0; BLOCK];
        // SAFETY: an array of 8 numbers of 32 bits is as long as a vector; the store needs no alignment.
        unsafe { _mm256_storeu_si256(sums.as_mut_ptr().cast::<__m256i>(), sum) };
        sums
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn sums_are_those_of_the_definition(
            inputs in 1usize..9,
            outputs in 0usize..40,
            rows in 0usize..4,
            numbers in proptest::collection::vec(-300i16..300, 9 * 44),
        ) {
            let (input, weights) = numbers.split_at(9 * 4);
            let weights = &weights[..inputs * outputs];
            let expected: Vec<Vec<i32>> = input
                .chunks(9)
                .take(rows)
                .map(|row| {
                    let products = |weights: &[i16]| weights.iter().zip(row).map(|(&w, &x)| i32::from(w) * i32::from(x)).sum();
                    weights.chunks_exact(inputs).map(products).collect()
                })
                .collect();
            let matrix = Matrix::new(weights, inputs);
            let padded: Vec<i16> = input
                .chunks(9)
                .take(rows)
                .flat_map(|row| {
                    let zero = matrix.padded() - inputs;
                    row[..inputs].iter().copied().chain(std::iter::repeat_n(0, zero))
                })
                .collect();
            let mut sums = Vec::new();
            let length = matrix.multiply(&padded, &mut sums);
            let found: Vec<Vec<i32>> = (0..rows).map(|row| sums[row * length..][..outputs].to_vec()).collect();
            proptest::prop_assert_eq!(&found, &expected);
            for (row, expected) in padded.chunks(matrix.padded()).zip(&expected) {
                let blocks = matrix.packed.chunks_exact(matrix.pairs);
                let anywhere: Vec<i32> = blocks.flat_map(|block| multiply_block_anywhere(row, block)).collect();
                proptest::prop_assert_eq!(&anywhere[..outputs], &expected[..]);
            }
        }
    }
}
