//! Finding entities by a model: `&str` in, spans out.
//!
//! Owns the [`Model`] trait and everything that each model needs around it: batches, sentences, windows over long texts,
//! a cache, thresholds, cascades, cancellation. Arrow, DataFusion and `spanql.toml` are absent here; files are a model's
//! own business, when it is opened ([`Catalog`]).
//!
//! A [`Scheduler`] takes many texts through one model. A [`ModelRecognizer`] says what is asked of it, and stands in a
//! registry, where a scan passes it by. [`Models`] are those of a session; their [`Finder`] lets the models of some
//! labels look ahead over many texts, and a scan takes up what they found.

#[cfg(feature = "rust-bert")]
mod bert;
mod cache;
mod catalog;
mod finder;
mod fingerprint;
mod models;
mod passages;
mod recognizer;
mod scheduler;
mod script;
mod sentences;
pub mod tagger;
#[cfg(test)]
mod testing;
mod windows;

use std::fmt::Debug;

pub use crate::recognize::Cancel;
pub use catalog::Catalog;
pub use finder::{Ahead, Finder};
pub use models::{Misfit, Models};
pub use recognizer::ModelRecognizer;
pub(crate) use scheduler::Panic;
pub use scheduler::{Scheduler, Usage};
pub use script::Script;
pub use sentences::sentences;

/// A model: texts in, spans out.
///
/// One instance serves a whole session. It is called from several threads at once, each time with some texts that the
/// scheduler has chosen: distinct, not blank, of similar lengths, none longer than its window. A model whose library
/// allows one thread only hides that thread behind [`Model::tag`].
pub trait Model: Debug + Send + Sync {
    /// The labels of what it finds, in its own words, without `B-` and `I-`; [`Tagged::label`] indexes them.
    fn labels(&self) -> &[String];

    /// Identifies its weights and its code: equal fingerprints, equal answers.
    fn fingerprint(&self) -> String;

    /// What it is, for people, in a few words: `embedded, 6.2 MB`, `bert, 110 M parameters, folder models/ner`.
    fn description(&self) -> String {
        String::new()
    }

    /// The most tokens, counted by [`Model::count_tokens`], that a text may have; none where any length will do.
    fn window(&self) -> Option<usize>;

    /// How many tokens a call should have in all, each text counted as long as the longest beside it. A longer text
    /// comes alone.
    fn batch_tokens(&self) -> usize;

    /// How many tokens a text has, with those that the model adds to each text. It is called for every text and for
    /// parts of long ones, so it should cost little beside [`Model::tag`]; without a window an estimate will do.
    fn count_tokens(&self, text: &str) -> usize;

    /// The spans of each text, in the order of the texts.
    ///
    /// Those of a text ascend and do not overlap; they are not empty and lie on character boundaries. They depend on
    /// that text alone, not on those beside it.
    ///
    /// # Errors
    /// A message for the user, such as that the weights cannot be read. A panic is taken for an error too, and the next
    /// call must find the model usable, or be told that it is not.
    fn tag(&self, texts: &[&str]) -> Result<Vec<Vec<Tagged>>, String>;

    /// As [`Model::tag`], for whoever may no longer want it soon: a model that takes long over one text looks at `cancel` now
    /// and then. Once it is cancelled, what is found is of no use.
    ///
    /// # Errors
    /// As [`Model::tag`].
    fn tag_until(&self, texts: &[&str], cancel: &Cancel) -> Result<Vec<Vec<Tagged>>, String> {
        let _ = cancel;
        self.tag(texts)
    }
}

/// What a model found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tagged {
    /// First byte.
    pub start: usize,
    /// Byte after the last.
    pub end: usize,
    /// Index into [`Model::labels`].
    pub label: usize,
    /// How sure the model is, from 0 to 1. The scheduler rounds it to thousandths.
    pub score: f32,
}
