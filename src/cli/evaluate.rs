//! `spanql evaluate`: how good a model is on marked sentences.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};

use super::{Outcome, default_format, format_parser, print_batch};
use crate::error::{Error, Result};
use crate::ner::Catalog;
use crate::ner::tagger::evaluate::{Counts, evaluate};
use crate::ner::tagger::{LABELS, conll};
use crate::output::Format;

/// Measure a model on marked sentences: precision, recall and F1 a label
///
/// An entity is right where its start, its end and its label are all right, as conlleval and seqeval count.
#[derive(clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    /// tagger, weights that train-tagger wrote, or the folder of a transformer
    #[arg(value_name = "MODEL")]
    model: String,
    /// CoNLL files: a token and its BIO tag a line (PER, ORG, LOC), a blank line between sentences; .gz is decompressed
    #[arg(required = true, value_name = "FILES")]
    files: Vec<PathBuf>,
    /// How it is written [default: json; a table where stdout is a terminal]
    #[arg(long, value_name = "FORMAT", value_parser = format_parser())]
    format: Option<Format>,
}

const HELP: &str = "\
Examples:
  spanql evaluate tagger test.conll
  spanql evaluate my-tagger.safetensors.zst news.conll.gz posts.conll --format table";

pub(super) fn run(args: Args) -> Result<Outcome> {
    let model = Catalog::default()
        .open(&args.model, Path::new(""))
        .map_err(Error::Usage)?;
    let mut rows: Vec<(String, &str, Counts)> = Vec::new();
    for path in &args.files {
        let counts = evaluate(&*model, &conll::read(path)?)?;
        let labels = LABELS.into_iter().chain(["all"]);
        rows.extend(
            labels
                .zip(counts)
                .map(|(label, counts)| (path.display().to_string(), label, counts)),
        );
    }
    print_batch(table(&rows)?, args.format.unwrap_or_else(default_format))?;
    Ok(Outcome::Done)
}

fn table(rows: &[(String, &str, Counts)]) -> Result<RecordBatch> {
    let words = |word: fn(&(String, &str, Counts)) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(rows.iter().map(word)))
    };
    let counts = |count: fn(&Counts) -> usize| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(
            rows.iter().map(|row| count(&row.2) as i64),
        ))
    };
    let shares = |share: fn(&Counts) -> f64| -> ArrayRef {
        // Beyond four digits there is nothing to read in them.
        let rounded = rows.iter().map(|row| (share(&row.2) * 1e4).round() / 1e4);
        Arc::new(Float64Array::from_iter_values(rounded))
    };
    let batch = RecordBatch::try_from_iter([
        ("file", words(|row| row.0.clone())),
        ("label", words(|row| row.1.to_string())),
        ("precision", shares(Counts::precision)),
        ("recall", shares(Counts::recall)),
        ("f1", shares(Counts::f1)),
        ("marked", counts(|c| c.marked)),
        ("found", counts(|c| c.found)),
        ("right", counts(|c| c.right)),
    ]);
    batch.map_err(|e| Error::Query(e.into()))
}
