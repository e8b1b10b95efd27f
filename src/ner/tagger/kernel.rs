//! Products of small integers, the inner loop of a network.
//!
//! Where the processor has AVX2, its multiply-and-add does the work; plain Rust elsewhere. Integers give the same sums
//! either way.

/// Outputs that are summed side by side.
const BLOCK: usize = 16;

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

    /// `sums[output] = Σ weights[output][input] · input`. The sums must fit 32 bits.
    pub(super) fn multiply(&self, input: &[i16], sums: &mut Vec<i32>) {
        sums.clear();
        for block in self.packed.chunks_exact(self.pairs) {
            sums.extend(multiply_block(input, block));
        }
        sums.truncate(self.outputs);
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
    for (two, weights) in input.chunks(2).zip(block) {
        let (a, b) = (i32::from(two[0]), two.get(1).map_or(0, |&b| i32::from(b)));
        for (sum, weights) in sums.iter_mut().zip(weights.as_chunks::<2>().0) {
            *sum += a * i32::from(weights[0]) + b * i32::from(weights[1]);
        }
    }
    sums
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
        let mut low = _mm256_setzero_si256();
        let mut high = _mm256_setzero_si256();
        for (two, weights) in input.chunks(2).zip(block) {
            let (a, b) = (two[0], two.get(1).copied().unwrap_or(0));
            let both = _mm256_set1_epi32(i32::from(a as u16) | i32::from(b) << 16);
            let weights = weights.as_ptr().cast::<__m256i>();
            // SAFETY: an array of 32 numbers of 16 bits is as long as two vectors; the loads need no alignment.
            let (first, second) = unsafe {
                (
                    _mm256_loadu_si256(weights),
                    _mm256_loadu_si256(weights.add(1)),
                )
            };
            low = _mm256_add_epi32(low, _mm256_madd_epi16(both, first));
            high = _mm256_add_epi32(high, _mm256_madd_epi16(both, second));
        }
        let mut sums = [0; BLOCK];
        let to = sums.as_mut_ptr().cast::<__m256i>();
        // SAFETY: an array of 16 numbers of 32 bits is as long as two vectors; the stores need no alignment.
        unsafe {
            _mm256_storeu_si256(to, low);
            _mm256_storeu_si256(to.add(1), high);
        }
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
            numbers in proptest::collection::vec(-300i16..300, 9 * 41),
        ) {
            let (input, weights) = (&numbers[..inputs], &numbers[9..9 + inputs * outputs]);
            let expected: Vec<i32> = weights
                .chunks_exact(inputs)
                .map(|row| row.iter().zip(input).map(|(&w, &x)| i32::from(w) * i32::from(x)).sum())
                .collect();
            let mut sums = Vec::new();
            let matrix = Matrix::new(weights, inputs);
            matrix.multiply(input, &mut sums);
            proptest::prop_assert_eq!(&sums, &expected);
            let blocks = matrix.packed.chunks_exact(matrix.pairs);
            let anywhere: Vec<i32> = blocks.flat_map(|block| multiply_block_anywhere(input, block)).collect();
            proptest::prop_assert_eq!(&anywhere[..outputs], &expected);
        }
    }
}
