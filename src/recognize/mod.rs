//! Finding entities in one text: `&str` in, spans out.
//!
//! Owns the [`Recognizer`] trait, the built-in recognizers (one file a label family), user [`Pattern`]s, and the
//! [`Registry`] that scans a text once for all wanted labels. Arrow, DataFusion and files are absent here.
//!
//! A scan is two steps. *Candidates* are bytes at which something can be found: the union of the wanted recognizers'
//! [`Anchor`]s, looked for with vector instructions. *Verification* is a recognizer's decision on one candidate, from
//! bounded context around it. What is not wanted adds no anchor and costs nothing.

mod border;
mod byteset;
mod candidates;
mod date;
mod email;
mod hashtag;
pub mod lowercase_email;
mod memory;
mod overlap;
mod pattern;
mod phone;
mod prefilter;
mod registry;
mod scan;
mod span;
#[cfg(test)]
mod testing;
mod url;

use std::borrow::Cow;
use std::fmt::Debug;
use std::ops::Range;

pub use byteset::ByteSet;
pub use memory::Memory;
pub use pattern::Pattern;
pub use registry::Registry;
pub use scan::{Scanner, Scratch};
pub use span::{CharOffsets, Span};

/// What can begin a candidate. The scan stops only at anchors, so a rare anchor makes a recognizer cheap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// Every byte of the set.
    Bytes(ByteSet),
    /// The first byte of every maximal run of ASCII digits.
    DigitRun,
    /// No byte is required: asked once, at the start of the text.
    Start,
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

    /// What its answers depend on, for the registry's fingerprint: a grammar version, a pattern's text.
    fn definition(&self) -> Cow<'_, str>;

    /// Where candidates begin.
    fn anchor(&self) -> Anchor;

    /// Decides on the candidate at byte `at` and pushes what it settles, in ascending order.
    ///
    /// Returns the byte before which no candidate needs asking again (`at + 1` where nothing more is known,
    /// `usize::MAX` where the whole text is settled). This is what keeps a scan linear: a recognizer that looked far
    /// and found nothing says so here.
    fn verify(&self, text: &str, at: usize, found: &mut Found<'_>) -> usize;

    /// The normalised form of an entity that this recognizer found.
    fn value<'a>(&self, entity: &'a str) -> Cow<'a, str> {
        Cow::Borrowed(entity)
    }

    /// How sure it is, from 0 to 1.
    fn score(&self) -> f32 {
        1.0
    }
}

/// Where a recognizer puts what it finds in one text.
#[derive(Debug)]
pub struct Found<'a> {
    spans: &'a mut Vec<Span>,
    recognizer: usize,
    floor: &'a mut usize,
    memory: &'a mut Memory,
}

impl Found<'_> {
    /// The end of this recognizer's last entity in this text: nothing before it may become part of another one,
    /// though it may be looked at as context.
    #[must_use]
    pub fn floor(&self) -> usize {
        *self.floor
    }

    /// Adds an entity: not empty, on character boundaries, not before [`Found::floor`].
    pub fn push(&mut self, span: Range<usize>) {
        debug_assert!(
            *self.floor <= span.start && span.start < span.end,
            "{span:?} after {}",
            self.floor
        );
        *self.floor = span.end;
        self.spans.push(Span {
            start: span.start,
            end: span.end,
            recognizer: self.recognizer,
        });
    }

    /// What the recognizer keeps from text to text on this thread.
    pub fn memory(&mut self) -> &mut Memory {
        self.memory
    }
}
