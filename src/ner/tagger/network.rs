//! [`Network`]: features in, scores of tags out, in integers.
//!
//! A token's features and word vectors add up to an embedding; a convolution over three tokens makes of these the gates of a
//! forward and a backward recurrence and a layer of rectified units; a linear layer scores the tags. The recurrences are
//! quasi-recurrent (Bradbury et al. 2016, "Quasi-Recurrent Neural Networks"): they mix by gates that depend on the input
//! alone, so that there is no matrix in the loop. Hyperbolic tangent and sigmoid are piecewise linear.
//!
//! The convolution is linear, so what a token gives to its neighbours and to itself is known from the token alone:
//! [`Contribution`], which the memo keeps for common tokens. What is left a token is additions, gates and the tags.
//!
//! Everything is fixed-point, so that answers are the same on every processor. Training is in floats, elsewhere.

use super::features::Features;
use super::kernel::{Matrix, add, add_bytes, for_avx2_too};
use super::lexicon::{Key, Keys};

/// Tags: outside, then beginning and inside of each label.
pub(super) const TAGS: usize = 7;

/// Scores are computed for one tag more than there are: eight fill a vector.
pub(super) const LANES: usize = 8;

/// Tokens that a convolution sees: the one before, itself, the one behind.
pub(super) const WINDOW: usize = 3;

/// One in the units of a pre-activation.
pub(super) const ONE: i16 = 1 << 10;

/// The largest number of an embedding, in the units of the rows.
pub(super) const LARGEST: i16 = 8191;

/// The largest value of a rectified unit.
const LARGEST_UNIT: i16 = 8 * ONE - 1;

/// Bits behind the point of the last layer's weights; with [`ONE`], those of scores.
const OUT_BITS: u32 = 8;

/// One in the units of scores and transitions.
pub(super) const SCORE_ONE: f32 = (1 << (10 + OUT_BITS)) as f32;

/// Sizes of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    /// Of an embedding: what a token's features and vectors add up to.
    pub embedding: usize,
    /// Of each of the two recurrences.
    pub hidden: usize,
    /// Rectified units.
    pub units: usize,
}

impl Shape {
    /// What the convolution gives: two gates a recurrence, then the units.
    pub(super) fn width(self) -> usize {
        4 * self.hidden + self.units
    }

    /// What the last layer reads.
    pub(super) fn out(self) -> usize {
        2 * self.hidden + self.units
    }
}

/// The weights.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Network {
    pub shape: Shape,
    pub table: Table,
    /// `[row][embedding]`.
    pub rows: Vec<i8>,
    pub vectors: Vectors,
    /// `[window][width][embedding]`.
    pub convolution: Vec<i16>,
    /// What sums of the convolution are divided by, as a shift.
    pub shift: u32,
    /// `[width]`, in [`ONE`]s.
    pub bias: Vec<i16>,
    /// `[LANES][out]`.
    pub out: Vec<i16>,
    /// `[LANES]`, in the units of scores.
    pub out_bias: Vec<i32>,
    /// `[from][to]`, and last the tags' starts, in the units of scores.
    pub transitions: Vec<[i32; TAGS]>,
    /// `convolution` and `out` as they are computed with; made by [`Network::prepare`].
    pub packed_convolution: Matrix,
    pub packed_out: Matrix,
}

/// Which features have a row, and which.
///
/// A feature that training did not see often has none: without this, the features of rare words would add up to noise,
/// each from the row of some other feature.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Table {
    /// How many rows there are.
    pub rows: usize,
    /// Bits, by hash: set where a feature was seen; a Bloom filter of one hash.
    pub seen: Vec<u8>,
}

impl Table {
    /// The row of the feature of this hash.
    pub(super) fn row(&self, hash: u64) -> Option<usize> {
        let bit = self.bit(hash);
        (self.seen[bit / 8] >> (bit % 8) & 1 == 1)
            .then(|| ((hash >> 32) as usize * self.rows) >> 32)
    }

    pub(super) fn see(&mut self, hash: u64) {
        let bit = self.bit(hash);
        self.seen[bit / 8] |= 1 << (bit % 8);
    }

    fn bit(&self, hash: u64) -> usize {
        (hash as u32 as usize * self.seen.len() * 8) >> 32
    }
}

/// Word vectors by product quantisation (Jégou et al. 2011): a part of a vector is the number of the likest of 256.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Vectors {
    pub keys: Keys,
    /// `[slot][part]`.
    pub codes: Vec<u8>,
    /// `[part][256][PART]`.
    pub codebook: Vec<f32>,
    /// For each of a token's vectors, the matrix by which it is projected: `[dimension][embedding]`, in units of the rows.
    pub projections: [Vec<f32>; TOKEN_VECTORS],
    /// For each of a token's vectors, `[part][256][embedding]`: what a code adds to an embedding. Made of the two above by
    /// [`Network::prepare`].
    pub tables: [Vec<i16>; TOKEN_VECTORS],
}

/// Numbers of a vector that one code stands for.
pub(super) const PART: usize = 5;

/// Values of a code.
pub(super) const CODES: usize = 256;

/// Vectors of a token: of its word, and for Han characters of the character.
pub(super) const TOKEN_VECTORS: usize = 2;

impl Vectors {
    /// How many parts a vector has.
    fn parts(&self) -> usize {
        self.codebook.len() / (CODES * PART)
    }

    /// Whether the arrays fit each other and embeddings of this size.
    fn check(&self, embedding: usize) -> bool {
        let parts = self.parts();
        self.codebook.len() == parts * CODES * PART
            && self.codes.len() == self.keys.checks.len() * parts
            && (parts == 0 || self.keys.checks.contains(&0))
            && self
                .projections
                .iter()
                .all(|p| p.len() == parts * PART * embedding)
    }

    fn prepare(&mut self, embedding: usize) {
        for (table, projection) in self.tables.iter_mut().zip(&self.projections) {
            table.clear();
            for (row, centre) in self.codebook.as_chunks::<PART>().0.iter().enumerate() {
                let weights = &projection[row / CODES * PART * embedding..][..PART * embedding];
                let mut sums = vec![0f32; embedding];
                for (value, weights) in centre.iter().zip(weights.chunks_exact(embedding)) {
                    sums.iter_mut()
                        .zip(weights)
                        .for_each(|(sum, weight)| *sum += value * weight);
                }
                // A cast saturates.
                table.extend(sums.iter().map(|sum| sum.round() as i16));
            }
        }
    }

    /// The codes of a word's vector; none where it has no vector.
    pub(super) fn codes(&self, key: Option<Key>) -> &[u8] {
        let parts = self.parts();
        match key.filter(|_| parts > 0).and_then(|key| self.keys.get(key)) {
            Some(slot) => &self.codes[slot * parts..(slot + 1) * parts],
            None => &[],
        }
    }
}

/// What a token adds to the convolution of the token before it, of itself and of the one behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Contribution<'a> {
    /// `[window][width]`, in [`ONE`]s after a shift to the left. Eight bits are exact enough, and a token has half as much
    /// to load as with sixteen.
    parts: &'a [i8],
    shift: u8,
}

/// Contributions by number.
#[derive(Debug, Default)]
pub(super) struct Contributions {
    parts: Vec<i8>,
    shifts: Vec<u8>,
}

impl Contributions {
    pub(super) fn get(&self, number: usize) -> Contribution<'_> {
        let length = self.parts.len() / self.shifts.len();
        Contribution {
            parts: &self.parts[number * length..][..length],
            shift: self.shifts[number],
        }
    }

    /// Puts one in its place, which is one of so many.
    pub(super) fn set(&mut self, number: usize, of: usize, contribution: Contribution) {
        let length = contribution.parts.len();
        self.shifts.resize(of, 0);
        self.parts.resize(of * length, 0);
        self.parts[number * length..][..length].copy_from_slice(contribution.parts);
        self.shifts[number] = contribution.shift;
    }

    pub(super) fn clear(&mut self) {
        self.parts.clear();
        self.shifts.clear();
    }

    /// Appends one, rounded; its numbers are `sums` after a shift.
    fn push(&mut self, sums: &[i32], divisor: u32) {
        // The highest bit that is set in any of them, which is all that counts, is set in all of them together.
        let all = sums.iter().fold(0, |all, sum| all | sum.unsigned_abs());
        let bits = u32::BITS - all.leading_zeros();
        // Seven bits and a sign are what there is room for.
        let shift = bits.saturating_sub(divisor + 7).min(8);
        let first = self.parts.len();
        self.parts.resize(first + sums.len(), 0);
        round(sums, divisor + shift, &mut self.parts[first..]);
        self.shifts.push(shift as u8);
    }
}

/// Memory of a [`Network`].
#[derive(Debug, Default)]
pub(super) struct Activations {
    sums: Vec<i32>,
    /// `[token][width]`, with a token before the first and one behind the last.
    convolved: Vec<i16>,
    /// `[token][out]`, filled up as `packed_out` wants it.
    states: Vec<i16>,
    /// `[token]`.
    pub scores: Vec<[i32; LANES]>,
}

/// Embeddings that the convolution is multiplied with at a time.
const ROWS: usize = 64;

impl Network {
    /// Whether it can be used: the arrays fit its shape, and no sum can leave 32 bits.
    pub(super) fn check(&self) -> Result<(), String> {
        let Shape {
            embedding, hidden, ..
        } = self.shape;
        let (width, out) = (self.shape.width(), self.shape.out());
        let fits = embedding > 0
            && out > 0
            && self.table.rows > 0
            && !self.table.seen.is_empty()
            && self.rows.len() == self.table.rows * embedding
            && self.convolution.len() == WINDOW * width * embedding
            && self.bias.len() == width
            && self.out.len() == LANES * out
            && self.out_bias.len() == LANES
            && self.transitions.len() == TAGS + 1
            && self.shift < 32
            && self.vectors.check(embedding);
        if !fits {
            return Err(format!("its arrays do not fit its shape, {:?}", self.shape));
        }
        let convolved = self.convolution.chunks_exact(embedding).all(|weights| {
            let sum: i64 = weights.iter().map(|&w| i64::from(w).abs()).sum();
            sum * i64::from(LARGEST) <= i64::from(i32::MAX)
        });
        let scored = self
            .out
            .chunks_exact(out)
            .zip(&self.out_bias)
            .all(|(weights, &bias)| {
                let largest = |at| if at < 2 * hidden { ONE } else { LARGEST_UNIT };
                let sum: i64 = weights
                    .iter()
                    .enumerate()
                    .map(|(at, &w)| i64::from(w).abs() * i64::from(largest(at)))
                    .sum();
                sum + i64::from(bias).abs() <= i64::from(i32::MAX) / 2
            });
        let mut transitions = self.transitions.iter().flatten();
        if self.shift < 16 && convolved && scored && transitions.all(|t| t.abs() < i32::MAX / 8) {
            Ok(())
        } else {
            Err("its weights are too large".into())
        }
    }

    /// Makes what is not stored.
    pub(super) fn prepare(&mut self) {
        self.vectors.prepare(self.shape.embedding);
        self.packed_convolution = Matrix::new(&self.convolution, self.shape.embedding);
        self.packed_out = Matrix::new(&self.out, self.shape.out());
    }

    /// How long an embedding is in memory.
    pub(super) fn embedding_len(&self) -> usize {
        self.packed_convolution.padded()
    }

    /// Appends the embedding of a token with these features.
    pub(super) fn embed(&self, features: &Features, to: &mut Vec<i16>) {
        let size = self.shape.embedding;
        let first = to.len();
        to.resize(first + self.embedding_len(), 0);
        let embedding = &mut to[first..first + size];
        let rows = features
            .hashes
            .iter()
            .filter_map(|&hash| self.table.row(hash));
        for row in rows {
            add_bytes(embedding, &self.rows[row * size..][..size], 0);
        }
        for (&key, table) in features.vectors.iter().zip(&self.vectors.tables) {
            for (part, &code) in self.vectors.codes(key).iter().enumerate() {
                let row = part * CODES + usize::from(code);
                add(embedding, &table[row * size..][..size]);
            }
        }
        for number in embedding {
            *number = (*number).clamp(-LARGEST, LARGEST);
        }
    }

    /// Appends what tokens with these embeddings contribute.
    pub(super) fn contribute(
        &self,
        embeddings: &[i16],
        sums: &mut Vec<i32>,
        to: &mut Contributions,
    ) {
        let length = WINDOW * self.shape.width();
        for rows in embeddings.chunks(ROWS * self.embedding_len()) {
            let padded = self.packed_convolution.multiply(rows, sums);
            for sums in sums.chunks_exact(padded) {
                to.push(&sums[..length], self.shift);
            }
        }
    }

    /// The tags' scores of a sentence whose tokens contribute this, into `memory.scores`.
    pub(super) fn score<'a>(
        &self,
        contributions: impl ExactSizeIterator<Item = Contribution<'a>>,
        memory: &mut Activations,
    ) {
        let width = self.shape.width();
        let padded = self.packed_out.padded();
        let Activations {
            sums,
            convolved,
            states,
            scores,
            ..
        } = memory;
        let tokens = contributions.len();
        convolved.clear();
        for _ in 0..tokens + WINDOW - 1 {
            convolved.extend_from_slice(&self.bias);
        }
        for (at, contribution) in contributions.enumerate() {
            // The neighbour before comes first: it sees this token as the one behind it.
            let sums = &mut convolved[at * width..][..WINDOW * width];
            add_bytes(sums, contribution.parts, contribution.shift);
        }
        states.clear();
        states.resize(tokens * padded, 0);
        let sentence = &convolved[width..(tokens + 1) * width];
        activate(sentence, self.shape, states, padded);
        self.packed_out.multiply(states, sums);
        scores.clear();
        scores.extend(sums.as_chunks::<LANES>().0.iter().map(|sums| {
            let mut scores = *sums;
            for (score, bias) in scores.iter_mut().zip(&self.out_bias) {
                *score += bias;
            }
            scores
        }));
    }
}

for_avx2_too! {
    /// Divides by a power of two, rounds, and keeps what eight bits hold.
    fn round(sums: &[i32], shift: u32, to: &mut [i8]) {
        let half = 1i32 << shift >> 1;
        for (to, sum) in to.iter_mut().zip(sums) {
            let rounded = sum.saturating_add(half) >> shift;
            *to = rounded.clamp(i8::MIN.into(), i8::MAX.into()) as i8;
        }
    }
}

for_avx2_too! {
    /// From the convolution's sums to states: the two recurrences, and the units.
    fn activate(sentence: &[i16], shape: Shape, states: &mut [i16], padded: usize) {
        let Shape { hidden, .. } = shape;
        let (width, out) = (shape.width(), shape.out());
        let tokens = sentence.len() / width;
        for at in 0..tokens {
            let (before, now) = states.split_at_mut(at * padded);
            let before = at.checked_sub(1).map(|at| &before[at * padded..][..hidden]);
            let gates = &sentence[at * width..][..2 * hidden];
            recur(gates, before, &mut now[..hidden]);
            let units = &sentence[at * width + 4 * hidden..(at + 1) * width];
            for (state, &unit) in now[2 * hidden..out].iter_mut().zip(units) {
                *state = unit.clamp(0, LARGEST_UNIT);
            }
        }
        for at in (0..tokens).rev() {
            let (now, behind) = states.split_at_mut((at + 1) * padded);
            let behind = (at + 1 < tokens).then(|| &behind[hidden..2 * hidden]);
            let gates = &sentence[at * width + 2 * hidden..][..2 * hidden];
            recur(gates, behind, &mut now[at * padded + hidden..][..hidden]);
        }
    }
}

/// One step of a recurrence: gates are the candidates, then how much is kept of the state before.
#[inline(always)]
fn recur(gates: &[i16], before: Option<&[i16]>, state: &mut [i16]) {
    let (candidates, keep) = gates.split_at(state.len());
    let step = |candidate: i16, keep: i16, before: i16| {
        let candidate = candidate.clamp(-ONE, ONE);
        let keep = (keep / 4 + ONE / 2).clamp(0, ONE);
        let difference = i32::from(before - candidate);
        candidate + ((difference * i32::from(keep) + i32::from(ONE / 2)) / i32::from(ONE)) as i16
    };
    match before {
        Some(before) => {
            for (((state, &candidate), &keep), &before) in
                state.iter_mut().zip(candidates).zip(keep).zip(before)
            {
                *state = step(candidate, keep, before);
            }
        }
        None => {
            for ((state, &candidate), &keep) in state.iter_mut().zip(candidates).zip(keep) {
                *state = step(candidate, keep, 0);
            }
        }
    }
}
