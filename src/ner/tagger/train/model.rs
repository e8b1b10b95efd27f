//! The network in floats: its answers, the gradients of its loss, and steps down these.
//!
//! The same network as [`Network`](crate::ner::tagger::network::Network), before its weights are rounded. Dense
//! weights take Adam's steps; the rows of features, of which a batch touches few, are scaled by a running mean of their own
//! squares alone (RMSProp, one mean a row).

use std::collections::BTreeMap;

use super::crf;
use super::dense::{TINY, Weights, add_rows, multiply, scale};
use super::random::Random;
use crate::ner::tagger::network::{Shape, TAGS, TOKEN_VECTORS, WINDOW};

const ROW_SQUARE: f32 = 0.99;

/// How far the rows of features are from 0 at first.
const FIRST_ROWS: f32 = 0.05;

/// The network.
#[derive(Debug, Clone)]
pub(super) struct Model {
    pub shape: Shape,
    /// `[row][embedding]`.
    pub rows: Vec<f32>,
    /// By row, its gradients' running mean square, and how often it was touched.
    squares: Vec<(f32, i32)>,
    /// By vector of a token, `[dimension][embedding]`.
    pub projections: [Weights; TOKEN_VECTORS],
    /// `[window][embedding][width]`.
    pub convolution: Weights,
    pub bias: Weights,
    /// `[out][TAGS]`.
    pub out: Weights,
    pub out_bias: Weights,
    /// `[from][to]`, and last the starts.
    pub transitions: Weights,
}

/// Sentences that are learned from together, token by token.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// By sentence, how many tokens it has.
    pub lengths: Vec<usize>,
    /// By sentence, how much it counts.
    pub weights: Vec<f32>,
    pub tags: Vec<u8>,
    /// By token, the rows of its features.
    pub rows: Vec<Vec<u32>>,
    /// By vector of a token, `[token][dimension]`.
    pub vectors: [Vec<f32>; TOKEN_VECTORS],
}

/// What a forward pass leaves.
#[derive(Debug)]
pub(super) struct Pass {
    windows: Vec<f32>,
    gates: Vec<f32>,
    states: Vec<f32>,
    /// `[token][TAGS]`.
    pub scores: Vec<f32>,
}

/// Factors by which a pass is disturbed: 0 or more than 1, by number of an embedding and by state.
#[derive(Debug)]
pub(super) struct Dropout {
    pub embeddings: Vec<f32>,
    pub states: Vec<f32>,
}

impl Dropout {
    /// Factors for so many tokens.
    pub(super) fn new(
        tokens: usize,
        shape: Shape,
        embeddings: f32,
        states: f32,
        random: &mut Random,
    ) -> Self {
        let mut factors = |length: usize, share: f32| {
            (0..length)
                .map(|_| {
                    if random.chance(share) {
                        0.0
                    } else {
                        1.0 / (1.0 - share)
                    }
                })
                .collect()
        };
        Self {
            embeddings: factors(tokens * shape.embedding, embeddings),
            states: factors(tokens * shape.out(), states),
        }
    }
}

fn repeat(row: &[f32], times: usize) -> Vec<f32> {
    row.repeat(times)
}

fn tanh(x: f32) -> f32 {
    x.clamp(-1.0, 1.0)
}

fn tanh_slope(y: f32) -> f32 {
    f32::from(y.abs() < 1.0)
}

fn sigmoid(x: f32) -> f32 {
    (0.25 * x + 0.5).clamp(0.0, 1.0)
}

fn sigmoid_slope(y: f32) -> f32 {
    if y > 0.0 && y < 1.0 { 0.25 } else { 0.0 }
}

impl Model {
    /// A network that knows nothing. `dimensions` are those of the word vectors.
    pub(super) fn new(shape: Shape, rows: usize, dimensions: usize, random: &mut Random) -> Self {
        let scale = |fan_in: usize| (1.0 / fan_in.max(1) as f32).sqrt();
        let (window, out) = (WINDOW * shape.embedding, shape.out());
        Self {
            shape,
            rows: (0..rows * shape.embedding)
                .map(|_| random.normal() * FIRST_ROWS)
                .collect(),
            squares: vec![(0.0, 0); rows],
            projections: [0, 1].map(|_| {
                Weights::new(
                    dimensions * shape.embedding,
                    0.3 * scale(dimensions),
                    true,
                    random,
                )
            }),
            convolution: Weights::new(window * shape.width(), scale(window), true, random),
            bias: Weights::new(shape.width(), 0.0, false, random),
            out: Weights::new(out * TAGS, scale(out), false, random),
            out_bias: Weights::new(TAGS, 0.0, false, random),
            transitions: Weights::new((TAGS + 1) * TAGS, 0.0, false, random),
        }
    }

    /// Scores of a batch.
    pub(super) fn forward(&self, batch: &Batch, dropout: Option<&Dropout>) -> Pass {
        let Shape {
            embedding, hidden, ..
        } = self.shape;
        let (width, out, tokens) = (self.shape.width(), self.shape.out(), batch.rows.len());
        let mut embeddings = vec![0f32; tokens * embedding];
        for (sum, rows) in embeddings.chunks_exact_mut(embedding).zip(&batch.rows) {
            for &row in rows {
                let row = row as usize * embedding;
                for (sum, value) in sum.iter_mut().zip(&self.rows[row..row + embedding]) {
                    *sum += value;
                }
            }
        }
        for (vectors, projection) in batch.vectors.iter().zip(&self.projections) {
            let dimensions = projection.values.len() / embedding;
            multiply(
                tokens,
                dimensions,
                embedding,
                vectors,
                false,
                &projection.values,
                false,
                1.0,
                &mut embeddings,
            );
        }
        if let Some(dropout) = dropout {
            scale(&mut embeddings, &dropout.embeddings);
        }

        let mut windows = vec![0f32; tokens * WINDOW * embedding];
        for_windows(&batch.lengths, |at, slot, neighbour| {
            let to = (at * WINDOW + slot) * embedding;
            windows[to..to + embedding]
                .copy_from_slice(&embeddings[neighbour * embedding..][..embedding]);
        });
        let mut gates = repeat(&self.bias.values, tokens);
        multiply(
            tokens,
            WINDOW * embedding,
            width,
            &windows,
            false,
            &self.convolution.values,
            false,
            1.0,
            &mut gates,
        );
        let mut states = vec![0f32; tokens * out];
        for (gates, states) in gates
            .chunks_exact_mut(width)
            .zip(states.chunks_exact_mut(out))
        {
            for direction in 0..2 {
                let (candidates, keep) =
                    gates[2 * direction * hidden..][..2 * hidden].split_at_mut(hidden);
                candidates.iter_mut().for_each(|gate| *gate = tanh(*gate));
                keep.iter_mut().for_each(|gate| *gate = sigmoid(*gate));
            }
            for (gate, state) in gates[4 * hidden..]
                .iter_mut()
                .zip(&mut states[2 * hidden..])
            {
                *gate = gate.max(0.0);
                *state = *gate;
            }
        }
        self.for_steps(&batch.lengths, |at, before, direction, unit| {
            let gate = at * width + 2 * direction * hidden + unit;
            let (candidate, keep) = (gates[gate], gates[gate + hidden]);
            let state = direction * hidden + unit;
            let before = before.map_or(0.0, |before| states[before * out + state]);
            states[at * out + state] = candidate + keep * (before - candidate);
        });
        if let Some(dropout) = dropout {
            // The recurrences run undisturbed; what is read of them is not.
            let mut read = states.clone();
            scale(&mut read, &dropout.states);
            return self.read(read, states, windows, gates);
        }
        self.read(states.clone(), states, windows, gates)
    }

    fn read(&self, read: Vec<f32>, states: Vec<f32>, windows: Vec<f32>, gates: Vec<f32>) -> Pass {
        let out = self.shape.out();
        let tokens = read.len() / out;
        let mut scores = repeat(&self.out_bias.values, tokens);
        multiply(
            tokens,
            out,
            TAGS,
            &read,
            false,
            &self.out.values,
            false,
            1.0,
            &mut scores,
        );
        Pass {
            windows,
            gates,
            states,
            scores,
        }
    }

    /// Goes through the units of both recurrences in their order: token, the token before in that direction, direction,
    /// unit.
    fn for_steps(
        &self,
        lengths: &[usize],
        mut step: impl FnMut(usize, Option<usize>, usize, usize),
    ) {
        let mut first = 0;
        for &length in lengths {
            for at in first..first + length {
                let before = (at > first).then(|| at - 1);
                (0..self.shape.hidden).for_each(|unit| step(at, before, 0, unit));
            }
            for at in (first..first + length).rev() {
                let before = (at + 1 < first + length).then_some(at + 1);
                (0..self.shape.hidden).for_each(|unit| step(at, before, 1, unit));
            }
            first += length;
        }
    }

    /// Learns from a batch: one step at this rate, the `steps`th from 1. Returns the loss.
    pub(super) fn learn(
        &mut self,
        batch: &Batch,
        dropout: &Dropout,
        rate: f32,
        decay: f32,
        steps: i32,
    ) -> f32 {
        let pass = self.forward(batch, Some(dropout));
        let (loss, gradient) = self.backward(batch, &pass, dropout);
        let others = [
            &mut self.convolution,
            &mut self.bias,
            &mut self.out,
            &mut self.out_bias,
            &mut self.transitions,
        ];
        for weights in self.projections.iter_mut().chain(others) {
            weights.step(rate, decay, steps);
        }
        self.step_rows(batch, &gradient, rate);
        loss
    }

    /// The loss, the dense weights' gradients in their places, and the gradient of the embeddings.
    fn backward(&mut self, batch: &Batch, pass: &Pass, dropout: &Dropout) -> (f32, Vec<f32>) {
        let Shape {
            embedding, hidden, ..
        } = self.shape;
        let (width, out, tokens) = (self.shape.width(), self.shape.out(), batch.rows.len());
        let mut score_gradient = vec![0f32; tokens * TAGS];
        let (mut loss, mut first) = (0.0, 0);
        for (&length, &weight) in batch.lengths.iter().zip(&batch.weights) {
            let range = first * TAGS..(first + length) * TAGS;
            loss += crf::loss(
                &pass.scores[range.clone()],
                &batch.tags[first..first + length],
                &self.transitions.values,
                weight,
                &mut score_gradient[range],
                &mut self.transitions.gradient,
            );
            first += length;
        }
        add_rows(&mut self.out_bias.gradient, &score_gradient);
        let mut read = pass.states.clone();
        scale(&mut read, &dropout.states);
        multiply(
            out,
            tokens,
            TAGS,
            &read,
            true,
            &score_gradient,
            false,
            1.0,
            &mut self.out.gradient,
        );
        let mut state_gradient = vec![0f32; tokens * out];
        multiply(
            tokens,
            TAGS,
            out,
            &score_gradient,
            false,
            &self.out.values,
            true,
            0.0,
            &mut state_gradient,
        );
        scale(&mut state_gradient, &dropout.states);

        let mut gate_gradient = vec![0f32; tokens * width];
        for at in 0..tokens {
            for unit in 4 * hidden..width {
                if pass.gates[at * width + unit] > 0.0 {
                    gate_gradient[at * width + unit] = state_gradient[at * out + unit - 2 * hidden];
                }
            }
        }
        // Backwards through each recurrence: what a state passes on is added to the gradient of the one before.
        let mut steps = Vec::with_capacity(tokens * 2);
        let mut first = 0;
        for &length in &batch.lengths {
            steps.extend(
                (first..first + length)
                    .rev()
                    .map(|at| (at, (at > first).then(|| at - 1), 0)),
            );
            steps.extend(
                (first..first + length)
                    .map(|at| (at, (at + 1 < first + length).then_some(at + 1), 1)),
            );
            first += length;
        }
        for (at, before, direction) in steps {
            for unit in 0..hidden {
                let gate = at * width + 2 * direction * hidden + unit;
                let (candidate, keep) = (pass.gates[gate], pass.gates[gate + hidden]);
                let state = direction * hidden + unit;
                let gradient = state_gradient[at * out + state];
                let earlier = before.map_or(0.0, |before| pass.states[before * out + state]);
                gate_gradient[gate] = gradient * (1.0 - keep) * tanh_slope(candidate);
                gate_gradient[gate + hidden] =
                    gradient * (earlier - candidate) * sigmoid_slope(keep);
                if let Some(before) = before {
                    state_gradient[before * out + state] += gradient * keep;
                }
            }
        }

        add_rows(&mut self.bias.gradient, &gate_gradient);
        let window = WINDOW * embedding;
        multiply(
            window,
            tokens,
            width,
            &pass.windows,
            true,
            &gate_gradient,
            false,
            1.0,
            &mut self.convolution.gradient,
        );
        let mut window_gradient = vec![0f32; tokens * window];
        multiply(
            tokens,
            width,
            window,
            &gate_gradient,
            false,
            &self.convolution.values,
            true,
            0.0,
            &mut window_gradient,
        );
        let mut gradient = vec![0f32; tokens * embedding];
        for_windows(&batch.lengths, |at, slot, neighbour| {
            let from = (at * WINDOW + slot) * embedding;
            let sums = &mut gradient[neighbour * embedding..][..embedding];
            for (sum, value) in sums
                .iter_mut()
                .zip(&window_gradient[from..from + embedding])
            {
                *sum += value;
            }
        });
        scale(&mut gradient, &dropout.embeddings);
        for (vectors, projection) in batch.vectors.iter().zip(&mut self.projections) {
            let dimensions = projection.values.len() / embedding;
            multiply(
                dimensions,
                tokens,
                embedding,
                vectors,
                true,
                &gradient,
                false,
                1.0,
                &mut projection.gradient,
            );
        }
        (loss, gradient)
    }

    fn step_rows(&mut self, batch: &Batch, gradient: &[f32], rate: f32) {
        let size = self.shape.embedding;
        // Ordered, so that training again gives the same weights.
        let mut sums: BTreeMap<u32, Vec<f32>> = BTreeMap::new();
        for (rows, gradient) in batch.rows.iter().zip(gradient.chunks_exact(size)) {
            for &row in rows {
                let sum = sums.entry(row).or_insert_with(|| vec![0.0; size]);
                add_rows(sum, gradient);
            }
        }
        for (row, sum) in sums {
            let (square, times) = &mut self.squares[row as usize];
            let mean = sum.iter().map(|g| g * g).sum::<f32>() / size as f32;
            *square = ROW_SQUARE * *square + (1.0 - ROW_SQUARE) * mean.max(1e-12);
            *times += 1;
            let scaled = rate / ((*square / (1.0 - ROW_SQUARE.powi(*times))).sqrt() + TINY);
            let row = row as usize * size;
            for (value, gradient) in self.rows[row..row + size].iter_mut().zip(sum) {
                *value -= scaled * gradient;
            }
        }
    }
}

/// Goes through the tokens that each token's convolution sees: token, slot of the window, neighbour.
fn for_windows(lengths: &[usize], mut see: impl FnMut(usize, usize, usize)) {
    let mut first = 0;
    for &length in lengths {
        for at in first..first + length {
            for slot in 0..WINDOW {
                // Slot 0 is the token before.
                let neighbour = (at + slot).checked_sub(WINDOW / 2);
                if let Some(neighbour) = neighbour.filter(|n| (first..first + length).contains(n)) {
                    see(at, slot, neighbour);
                }
            }
        }
        first += length;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Small, since gates bend; large enough for 32-bit floats.
    const STEP: f32 = 5e-4;

    #[test]
    fn the_gradient_is_the_slope_of_the_loss() {
        let mut random = Random::new(7);
        let shape = Shape {
            embedding: 4,
            hidden: 3,
            units: 5,
        };
        let mut model = Model::new(shape, 6, 3, &mut random);
        model.rows.iter_mut().for_each(|row| *row *= 10.0);
        let batch = Batch {
            lengths: vec![3, 1],
            weights: vec![1.0, 0.5],
            tags: vec![1, 2, 0, 3],
            rows: vec![vec![0, 1], vec![2], vec![3, 1], vec![5, 4]],
            vectors: [0, 1].map(|_| (0..4 * 3).map(|_| random.normal()).collect()),
        };
        let dropout = Dropout::new(4, shape, 0.3, 0.3, &mut random);
        let loss = |model: &Model| {
            let pass = model.forward(&batch, Some(&dropout));
            model.clone().backward(&batch, &pass, &dropout).0
        };
        let pass = model.forward(&batch, Some(&dropout));
        let (_, embedding_gradient) = model.backward(&batch, &pass, &dropout);
        type Place = fn(&mut Model) -> &mut Weights;
        let places: [(&str, Place); 7] = [
            ("projections", |m| &mut m.projections[0]),
            ("projections", |m| &mut m.projections[1]),
            ("convolution", |m| &mut m.convolution),
            ("bias", |m| &mut m.bias),
            ("out", |m| &mut m.out),
            ("out_bias", |m| &mut m.out_bias),
            ("transitions", |m| &mut m.transitions),
        ];
        for (name, weights) in places {
            for at in 0..weights(&mut model).values.len() {
                let slope = [STEP, -STEP].map(|by| {
                    let mut changed = model.clone();
                    weights(&mut changed).values[at] += by;
                    loss(&changed)
                });
                let slope = (slope[0] - slope[1]) / (2.0 * STEP);
                let gradient = weights(&mut model).gradient[at];
                assert!(
                    (slope - gradient).abs() < 1e-2,
                    "{name} {at}: {slope} {gradient}"
                );
            }
        }
        // Row 2 is in one token alone.
        for at in 0..shape.embedding {
            let slope = [STEP, -STEP].map(|by| {
                let mut changed = model.clone();
                changed.rows[2 * shape.embedding + at] += by;
                loss(&changed)
            });
            let slope = (slope[0] - slope[1]) / (2.0 * STEP);
            let gradient = embedding_gradient[shape.embedding + at];
            assert!(
                (slope - gradient).abs() < 1e-2,
                "row {at}: {slope} {gradient}"
            );
        }
    }
}
