//! What is loaded, and what it makes of one text: for people who wonder why something is found, or is not.
//!
//! Owns the two results behind `spanql recognizers`, as record batches that any [`crate::output`] format takes.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Array, Int32Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};

use crate::error::{Error, Result};
use crate::ner::Models;
use crate::recognize::{CharOffsets, Recognizer};

/// One row a recognizer, in registry order: `label`, `recognizer`, `origin`, `description`, `score` (where nothing
/// changes it; NULL where a model says), `min_score`, `context` (the words of its label and what they add to the score), and `registry`, the
/// fingerprint of all recognizers together. `description` and `context` are NULL where there is none.
///
/// Without labels all are listed.
///
/// # Errors
/// [`Error::UnknownLabel`] for a label that no recognizer has.
///
/// ```
/// # use spanql::{Config, ner::Models};
/// let models = Config::default().models(Models::CACHE_BYTES)?;
/// let all = spanql::inspect::recognizers(&models, &[])?;
/// assert_eq!(all.num_rows(), models.registry().recognizers().len());
/// assert_eq!(all.schema().field(1).name(), "recognizer");
/// # Ok::<(), spanql::Error>(())
/// ```
pub fn recognizers(models: &Models, labels: &[String]) -> Result<RecordBatch> {
    let registry = models.registry();
    registry.scanner(labels)?;
    let chosen: Vec<&dyn Recognizer> = registry
        .recognizers()
        .iter()
        .map(AsRef::as_ref)
        .filter(|r| labels.is_empty() || labels.iter().any(|label| label == r.label()))
        .collect();
    let rules = |r: &dyn Recognizer| registry.rules(r.label());
    let contexts = |r: &dyn Recognizer| {
        let contexts = rules(r)?.contexts();
        let words: Vec<String> = contexts.iter().map(ToString::to_string).collect();
        (!words.is_empty()).then(|| words.join("; "))
    };
    let score = |r: &dyn Recognizer| models.behind(r.name()).is_none().then(|| r.score());
    // A model's own threshold comes first, that of the label after its context was weighed.
    let min_score = |r: &dyn Recognizer| {
        let of_label = rules(r).map_or(0.0, |rules| rules.min_score());
        let of_model = models
            .behind(r.name())
            .map_or(0.0, |model| model.min_score());
        Some(of_label.max(of_model))
    };
    let some = |text: &str| (!text.is_empty()).then(|| text.to_string());
    let all = chosen.iter().copied();
    let fingerprint = registry.fingerprint();
    batch(vec![
        ("label", texts(all.clone().map(|r| some(r.label())))),
        ("recognizer", texts(all.clone().map(|r| some(r.name())))),
        ("origin", texts(all.clone().map(|r| some(r.origin())))),
        (
            "description",
            texts(all.clone().map(|r| some(r.description()))),
        ),
        ("score", scores(all.clone().map(score))),
        ("min_score", scores(all.clone().map(min_score))),
        ("context", texts(all.clone().map(contexts))),
        ("registry", texts(all.map(|_| some(&fingerprint)))),
    ])
}

/// What is found in `text`, and what is not: one row an entity with the fields that
/// [`extract_entities`](crate::functions::extract_entities) gives it and `context`, the word that changed its score;
/// one row a candidate that was refused, with the reason in `refused` and without `value` and `score`. In the order of
/// their spans.
///
/// Without labels all are looked for.
///
/// # Errors
/// [`Error::UnknownLabel`] for a label that no recognizer has; [`Error::Model`] where a model fails; [`Error::Usage`] for
/// a text of more than 2³¹ characters.
pub fn explain(models: &Models, labels: &[String], text: &str) -> Result<RecordBatch> {
    let registry = models.registry();
    let finder = match labels {
        [] => models.finder_for_all(),
        _ => models.finder(labels)?,
    };
    let (found, refused) = finder.explain(text)?;
    let mut rows: Vec<Row> = Vec::with_capacity(found.len() + refused.len());
    for span in &found {
        let context = registry.evidence(text, span);
        rows.push(Row {
            span: (span.start, span.end),
            recognizer: span.recognizer,
            value: Some(registry.value(span.recognizer, span.of(text)).into_owned()),
            score: Some(span.score),
            context: context.map(|e| format!("{:+} {}", e.change, &text[e.word])),
            refused: None,
        });
    }
    rows.extend(refused.into_iter().map(|refusal| Row {
        span: (refusal.span.start, refusal.span.end),
        recognizer: refusal.recognizer,
        refused: Some(refusal.reason.into_owned()),
        ..Row::default()
    }));
    let label = |row: &Row| registry.recognizers()[row.recognizer].label();
    rows.sort_by(|a, b| (a.span, label(a)).cmp(&(b.span, label(b))));

    let (mut starts, mut ends) = (CharOffsets::new(text), CharOffsets::new(text));
    let mut offsets = |row: &Row| {
        let offsets = (starts.at(row.span.0), ends.at(row.span.1));
        match (i32::try_from(offsets.0), i32::try_from(offsets.1)) {
            (Ok(start), Ok(end)) => Ok((start, end)),
            _ => Err(Error::Usage(format!(
                "a text of more than {} characters",
                i32::MAX
            ))),
        }
    };
    let spans = rows.iter().map(&mut offsets).collect::<Result<Vec<_>>>()?;
    let numbers = |numbers: Vec<i32>| Arc::new(Int32Array::from(numbers)) as ArrayRef;
    let recognizer = |row: &Row| registry.recognizers()[row.recognizer].name();
    batch(vec![
        (
            "label",
            texts(rows.iter().map(|row| Some(label(row).to_string()))),
        ),
        (
            "entity",
            texts(
                rows.iter()
                    .map(|row| Some(text[row.span.0..row.span.1].to_string())),
            ),
        ),
        ("value", texts(rows.iter().map(|row| row.value.clone()))),
        (
            "span_start",
            numbers(spans.iter().map(|span| span.0).collect()),
        ),
        (
            "span_end",
            numbers(spans.iter().map(|span| span.1).collect()),
        ),
        ("score", scores(rows.iter().map(|row| row.score))),
        (
            "recognizer",
            texts(rows.iter().map(|row| Some(recognizer(row).to_string()))),
        ),
        ("context", texts(rows.iter().map(|row| row.context.clone()))),
        ("refused", texts(rows.iter().map(|row| row.refused.clone()))),
    ])
}

/// An entity, or a refused candidate.
#[derive(Default)]
struct Row {
    /// In bytes.
    span: (usize, usize),
    recognizer: usize,
    value: Option<String>,
    score: Option<f32>,
    context: Option<String>,
    refused: Option<String>,
}

fn texts(values: impl Iterator<Item = Option<String>>) -> ArrayRef {
    Arc::new(values.collect::<StringArray>())
}

fn scores(values: impl Iterator<Item = Option<f32>>) -> ArrayRef {
    Arc::new(values.collect::<Float32Array>())
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> Result<RecordBatch> {
    let field = |(name, column): &(&str, ArrayRef)| {
        let data_type: &DataType = column.data_type();
        Field::new(*name, data_type.clone(), true)
    };
    let schema = Schema::new(columns.iter().map(field).collect::<Vec<_>>());
    let columns = columns.into_iter().map(|(_, column)| column).collect();
    Ok(RecordBatch::try_new(Arc::new(schema), columns)?)
}
