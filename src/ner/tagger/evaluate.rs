//! How good a model is on sentences with marked entities: precision, recall, F1 a label, of whole spans.
//!
//! A span counts where start, end and label are all right, as conlleval and seqeval count.

use super::LABELS;
use super::conll::Sentence;
use crate::error::{Error, Result};
use crate::ner::Model;

/// Counts of one label, or of all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Entities that are marked.
    pub marked: usize,
    /// Entities that were found.
    pub found: usize,
    /// Entities that were found as they are marked.
    pub right: usize,
}

impl Counts {
    /// The share of what was found that is right; 0 where nothing was found.
    #[must_use]
    pub fn precision(&self) -> f64 {
        share(self.right, self.found)
    }

    /// The share of what is marked that was found; 0 where nothing is marked.
    #[must_use]
    pub fn recall(&self) -> f64 {
        share(self.right, self.marked)
    }

    /// The harmonic mean of the two.
    #[must_use]
    pub fn f1(&self) -> f64 {
        share(2 * self.right, self.marked + self.found)
    }
}

fn share(part: usize, all: usize) -> f64 {
    if all == 0 {
        0.0
    } else {
        part as f64 / all as f64
    }
}

/// Counts by label, in the order of [`LABELS`], and last of all labels together.
///
/// A model's `PER` and `PERSON` are the same label; labels that are none of [`LABELS`] do not count.
///
/// ```
/// use std::path::Path;
/// use spanql::ner::tagger::{Tagger, conll, evaluate::evaluate};
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("a.conll");
/// std::fs::write(&path, "Angela\tB-PER\nMerkel\tI-PER\nin\tO\nParis\tB-LOC\n")?;
/// let counts = evaluate(&**Tagger::embedded(), &conll::read(&path)?)?;
/// assert_eq!(counts.last().map(|all| all.f1()), Some(1.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`Error::Usage`] where the model fails.
pub fn evaluate(model: &dyn Model, sentences: &[Sentence]) -> Result<[Counts; LABELS.len() + 1]> {
    let ours: Vec<Option<usize>> = model
        .labels()
        .iter()
        .map(|label| super::conll::label_of(label))
        .collect();
    let mut counts = [Counts::default(); LABELS.len() + 1];
    let all = LABELS.len();
    for batch in sentences.chunks(BATCH) {
        let texts: Vec<&str> = batch
            .iter()
            .map(|sentence| sentence.text.as_str())
            .collect();
        let found = model.tag(&texts).map_err(Error::Usage)?;
        for (sentence, found) in batch.iter().zip(found) {
            for (_, label) in &sentence.entities {
                counts[*label].marked += 1;
                counts[all].marked += 1;
            }
            for tagged in found {
                let Some(label) = ours[tagged.label] else {
                    continue;
                };
                let right = sentence
                    .entities
                    .contains(&(tagged.start..tagged.end, label));
                for at in [label, all] {
                    counts[at].found += 1;
                    counts[at].right += usize::from(right);
                }
            }
        }
    }
    Ok(counts)
}

/// Sentences a call.
const BATCH: usize = 32;
