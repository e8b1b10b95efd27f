//! Floats into the integers of [`Network`]: weights are rounded so that sums fit their widths.

use super::model::Model;
use super::resources::Known;
use crate::ner::tagger::kernel::Matrix;
use crate::ner::tagger::network::{LANES, LARGEST, Network, ONE, SCORE_ONE, TAGS, Table, WINDOW};

/// The share of rows' numbers that may be cut to the largest: the scale is for the others.
const OUTLIERS: f32 = 0.0005;

/// The network that computes what the model does, as nearly as its integers can.
pub(super) fn round(model: &Model, table: &Table, known: &Known) -> Network {
    let shape = model.shape;
    let (input, width, out) = (shape.embedding, shape.width(), shape.out());

    let unit = largest_but_outliers(&model.rows) / f32::from(i8::MAX);
    let rows = model
        .rows
        .iter()
        .map(|&v| (v / unit).round().clamp(-127.0, 127.0) as i8)
        .collect();
    let mut vectors = known.vectors.clone();
    vectors.projections = [0, 1].map(|number| {
        model.projections[number]
            .values
            .iter()
            .map(|v| v / unit)
            .collect()
    });

    // A pre-activation's unit is 1 / ONE. The shift keeps as many bits of the weights as the sums have room for.
    let weight = |window: usize, unit: usize, at: usize| {
        // A contribution begins with what it gives to the neighbour before, which sees it in the last slot.
        model.convolution.values[((WINDOW - 1 - window) * input + at) * width + unit]
    };
    let units = || (0..WINDOW).flat_map(|window| (0..width).map(move |unit| (window, unit)));
    let scale = unit * f32::from(ONE);
    let sums = units().map(|(window, unit)| {
        (0..input)
            .map(|at| weight(window, unit, at).abs())
            .sum::<f32>()
    });
    let most = sums.fold(f32::MIN_POSITIVE, f32::max) * scale * f32::from(LARGEST);
    let room = 0.99 * i32::MAX as f32 - input as f32 * f32::from(LARGEST);
    let shift = (room / most).log2().floor().clamp(0.0, 14.0) as u32;
    let scale = scale * (1u32 << shift) as f32;
    let convolution = units()
        .flat_map(|(window, unit)| {
            (0..input).map(move |at| to_i16(weight(window, unit, at) * scale))
        })
        .collect();
    let bias = model
        .bias
        .values
        .iter()
        .map(|v| to_i16(v * f32::from(ONE)))
        .collect();

    let weight_one = SCORE_ONE / f32::from(ONE);
    let mut out_weights = vec![0; LANES * out];
    for tag in 0..TAGS {
        for at in 0..out {
            out_weights[tag * out + at] = to_i16(model.out.values[at * TAGS + tag] * weight_one);
        }
    }
    let score = |v: &f32| (v * SCORE_ONE).round() as i32;
    let mut out_bias: Vec<i32> = model.out_bias.values.iter().map(score).collect();
    out_bias.resize(LANES, 0);
    let transitions = model.transitions.values.as_chunks::<TAGS>().0;
    Network {
        shape,
        table: table.clone(),
        rows,
        vectors,
        convolution,
        shift,
        bias,
        out: out_weights,
        out_bias,
        transitions: transitions
            .iter()
            .map(|row| row.map(|v| score(&v)))
            .collect(),
        packed_convolution: Matrix::default(),
        packed_out: Matrix::default(),
    }
}

fn to_i16(value: f32) -> i16 {
    // A cast saturates.
    value.round() as i16
}

fn largest_but_outliers(values: &[f32]) -> f32 {
    let mut sizes: Vec<f32> = values.iter().map(|v| v.abs()).collect();
    let outliers = (sizes.len() as f32 * OUTLIERS) as usize;
    let at = sizes.len() - 1 - outliers;
    let (_, largest, _) = sizes.select_nth_unstable_by(at, f32::total_cmp);
    largest.max(f32::MIN_POSITIVE)
}
