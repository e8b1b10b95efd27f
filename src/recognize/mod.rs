//! Finding entities in one text: `&str` in, spans out.
//!
//! Owns the [`Recognizer`] trait, the built-in recognizers (one file a label family), user [`Pattern`]s, and the
//! [`Registry`] that scans a text once for all wanted labels. Arrow, DataFusion and files are absent here.

pub mod lowercase_email;
mod pattern;
mod registry;
mod span;

use std::borrow::Cow;
use std::fmt::Debug;
use std::ops::Range;

pub use pattern::Pattern;
pub use registry::{Registry, Scanner, Scratch};
pub use span::{CharOffsets, Span};

/// What can begin a candidate. The scan stops only at anchors, so a rare anchor makes a recognizer cheap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Anchor {
    /// Every byte of the set (a bitmap over the 256 byte values).
    Bytes([u64; 4]),
    /// The first byte of every maximal run of ASCII digits.
    DigitRun,
    /// No byte is required: ask once, at the start of the text.
    Start,
}

/// A recognizer's answer to one candidate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The entity's bytes, if there is one.
    pub span: Option<Range<usize>>,
    /// No candidate before this byte needs asking again. This is what keeps a scan linear: a recognizer that looked
    /// far and found nothing says so here.
    pub resume: usize,
}

/// Finds the entities of one label.
///
/// Implementations decide on bounded context around a candidate, guard their own borders (a phone is not cut out of
/// a card number), and depend on nothing but the text: not on other labels, not on earlier texts.
pub trait Recognizer: Debug + Send + Sync {
    /// The label of what it finds, such as `EMAIL`.
    fn label(&self) -> &str;

    /// Its own name, unique in a registry, such as `email` or `pattern:ORDER`.
    fn name(&self) -> &str;

    /// What its definition depends on, for the registry's fingerprint: a grammar version, a pattern's text.
    fn definition(&self) -> Cow<'_, str>;

    /// Where candidates begin.
    fn anchor(&self) -> Anchor;

    /// Decides on the candidate at byte `at`; nothing before `from` (the end of this recognizer's last entity) may
    /// become part of a span, though it may be looked at as context. Both are character boundaries.
    fn verify(&self, text: &str, at: usize, from: usize) -> Verdict;

    /// The normalised form of an entity that this recognizer found.
    fn value<'a>(&self, entity: &'a str) -> Cow<'a, str> {
        Cow::Borrowed(entity)
    }

    /// How sure it is, from 0 to 1.
    fn score(&self) -> f32 {
        1.0
    }
}
