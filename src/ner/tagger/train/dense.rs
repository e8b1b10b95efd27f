//! Dense weights, their steps down a gradient, and products of matrices.
//!
//! Adam (Kingma and Ba 2015) with decoupled weight decay (Loshchilov and Hutter 2019).

use matrixmultiply::sgemm;

use super::random::Random;

/// Dense weights and what Adam knows of them.
#[derive(Debug, Clone)]
pub(super) struct Weights {
    pub values: Vec<f32>,
    pub gradient: Vec<f32>,
    mean: Vec<f32>,
    square: Vec<f32>,
    decays: bool,
}

impl Weights {
    pub(super) fn new(length: usize, deviation: f32, decays: bool, random: &mut Random) -> Self {
        Self {
            values: (0..length).map(|_| random.normal() * deviation).collect(),
            gradient: vec![0.0; length],
            mean: vec![0.0; length],
            square: vec![0.0; length],
            decays,
        }
    }

    pub(super) fn step(&mut self, rate: f32, decay: f32, steps: i32) {
        let (mean_bias, square_bias) = (1.0 - MEAN.powi(steps), 1.0 - SQUARE.powi(steps));
        let decay = if self.decays { decay } else { 0.0 };
        for at in 0..self.values.len() {
            let gradient = std::mem::take(&mut self.gradient[at]);
            self.mean[at] = MEAN * self.mean[at] + (1.0 - MEAN) * gradient;
            self.square[at] = SQUARE * self.square[at] + (1.0 - SQUARE) * gradient * gradient;
            let scaled =
                (self.mean[at] / mean_bias) / ((self.square[at] / square_bias).sqrt() + TINY);
            self.values[at] -= rate * (scaled + decay * self.values[at]);
        }
    }
}

const MEAN: f32 = 0.9;
const SQUARE: f32 = 0.999;

/// Keeps quotients finite.
pub(super) const TINY: f32 = 1e-8;
/// `c = a b + beta c` for row-major matrices of `m × k` and `k × n`; `a` or `b` may be given transposed.
#[expect(
    clippy::too_many_arguments,
    reason = "what a matrix product is made of"
)]
pub(super) fn multiply(
    m: usize,
    k: usize,
    n: usize,
    a: &[f32],
    a_transposed: bool,
    b: &[f32],
    b_transposed: bool,
    beta: f32,
    c: &mut [f32],
) {
    assert!(a.len() == m * k && b.len() == k * n && c.len() == m * n);
    let strides = |transposed, rows: usize, columns: usize| {
        if transposed {
            (1, rows as isize)
        } else {
            (columns as isize, 1)
        }
    };
    let (a_row, a_column) = strides(a_transposed, m, k);
    let (b_row, b_column) = strides(b_transposed, k, n);
    // SAFETY: the strides stay within the lengths that are asserted above, and `c` is borrowed exclusively.
    unsafe {
        sgemm(
            m,
            k,
            n,
            1.0,
            a.as_ptr(),
            a_row,
            a_column,
            b.as_ptr(),
            b_row,
            b_column,
            beta,
            c.as_mut_ptr(),
            n as isize,
            1,
        );
    }
}

/// Adds rows up.
pub(super) fn add_rows(sum: &mut [f32], rows: &[f32]) {
    for row in rows.chunks_exact(sum.len()) {
        for (sum, value) in sum.iter_mut().zip(row) {
            *sum += value;
        }
    }
}

/// Multiplies one by one.
pub(super) fn scale(values: &mut [f32], factors: &[f32]) {
    for (value, factor) in values.iter_mut().zip(factors) {
        *value *= factor;
    }
}
