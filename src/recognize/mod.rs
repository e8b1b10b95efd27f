//! Finding entities in one text: `&str` in, spans out.
//!
//! Owns the [`Recognizer`] trait, the built-in recognizers (one file a label family), user [`Pattern`]s and
//! [`Gazetteer`]s, and the [`Registry`] that scans a text once for all wanted labels. Arrow, DataFusion and files are absent here.
//!
//! A scan is two steps. *Candidates* are bytes at which something can be found: the union of the wanted recognizers'
//! [`Anchor`]s, looked for with vector instructions. *Verification* is a recognizer's decision on one candidate, from
//! bounded context around it. What is not wanted adds no anchor and costs nothing.

mod border;
mod byteset;
mod cancel;
mod candidates;
mod checksum;
mod cn_id;
mod cn_uscc;
mod context;
mod credit_card;
mod cue;
mod cve;
mod dash;
mod date;
mod digits;
mod dispatch;
mod email;
mod gazetteer;
mod hashtag;
mod host;
mod iban;
mod ip;
pub mod lowercase_email;
mod mac;
mod memory;
mod mention;
mod money;
mod numeral;
mod overlap;
mod pattern;
mod phone;
mod prefilter;
mod qq;
mod redact;
mod registry;
mod scan;
mod shape;
mod shipped;
mod sites;
mod span;
mod stock;
#[cfg(test)]
mod testing;
mod time;
mod url;
mod uuid;
mod wechat;
mod width;

use std::borrow::Cow;
use std::fmt::Debug;
use std::ops::Range;

pub use byteset::ByteSet;
pub use cancel::Cancel;
pub use context::{Context, Evidence, Rules};
pub use gazetteer::{Folding, Gazetteer, ListFormat, SkipReason, Skipped};
pub use memory::Memory;
pub(crate) use overlap::settle;
pub use pattern::Pattern;
pub use redact::{Key, Redactor, Style};
pub use registry::Registry;
pub use scan::{Scanner, Scratch, Tally};
pub use shape::{Bytes, DigitRuns};
pub use span::{CharOffsets, Span};

/// What can begin a candidate. The scan stops only at anchors, so a rare anchor makes a recognizer cheap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// Every such byte.
    Bytes(Bytes),
    /// The first byte of every such run of ASCII digits.
    Digits(DigitRuns),
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

    /// Its own name, such as `email` or `pattern:ORDER`: unique in a registry, but for the labels of one model.
    fn name(&self) -> &str;

    /// What its answers depend on, for the registry's fingerprint: a grammar version, a pattern's text.
    fn definition(&self) -> Cow<'_, str>;

    /// Where candidates begin: at each of these.
    fn anchors(&self) -> Vec<Anchor>;

    /// Decides on the candidate at byte `at` and pushes what it settles, in ascending order.
    ///
    /// Returns the byte before which no candidate needs asking again (`at + 1` where nothing more is known,
    /// `usize::MAX` where the whole text is settled). This is what keeps a scan linear: a recognizer that looked far
    /// and found nothing says so here.
    fn verify(&self, text: &str, at: usize, found: &mut Found<'_>) -> usize;

    /// Whether it sees full-width letters, digits and signs (`１`, `＠`) as their ASCII forms, in `verify` and in
    /// `value`; so do all but those whose user says what the text must hold.
    fn folds_width(&self) -> bool {
        true
    }

    /// The normalised form of an entity that this recognizer found. The value of a value is itself.
    fn value<'a>(&self, entity: &'a str) -> Cow<'a, str> {
        Cow::Borrowed(entity)
    }

    /// How sure it is, from 0 to 1, where [`Found::push_scored`] does not say.
    fn score(&self) -> f32 {
        1.0
    }

    /// Where it comes from, for people: `built in`, or file and line of its definition.
    fn origin(&self) -> &str {
        "built in"
    }

    /// What it looks for, for people, in a few words: a pattern's text, how many phrases of which file.
    fn description(&self) -> &str {
        ""
    }
}

/// Where a recognizer puts what it finds in one text.
#[derive(Debug)]
pub struct Found<'a> {
    spans: &'a mut Vec<Span>,
    recognizer: usize,
    floor: &'a mut usize,
    memory: &'a mut Memory,
    score: f32,
    refused: Option<&'a mut Vec<Refusal>>,
    /// For those who work long on one candidate.
    cancel: Option<&'a Cancel>,
}

/// Why a candidate is no entity, for people who wonder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What was looked at, in bytes.
    pub span: Range<usize>,
    /// Index of the recognizer in its registry.
    pub recognizer: usize,
    /// What is wrong with it, such as `the checksum is wrong`.
    pub reason: Cow<'static, str>,
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
        self.push_scored(span, self.score);
    }

    /// As [`Found::push`], with a score of its own, from 0 to 1.
    pub fn push_scored(&mut self, span: Range<usize>, score: f32) {
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
            score,
        });
    }

    /// Whether somebody asked why candidates are refused: what only a refusal needs is worth looking at then.
    #[must_use]
    pub fn explains(&self) -> bool {
        self.refused.is_some()
    }

    /// Adds what the verdict finds right and says why the rest is refused; returns the byte to go on from: the span's end,
    /// or else `next`.
    pub fn decide(
        &mut self,
        span: Range<usize>,
        verdict: Result<(), &'static str>,
        next: usize,
    ) -> usize {
        match verdict {
            Ok(()) => {
                let end = span.end;
                self.push(span);
                end
            }
            Err(reason) => {
                self.refuse(span, reason);
                next
            }
        }
    }

    /// Says why something that looked much like an entity is none. Free of cost unless somebody asked.
    pub fn refuse(&mut self, span: Range<usize>, reason: &'static str) {
        if let Some(refused) = &mut self.refused {
            refused.push(Refusal {
                span,
                recognizer: self.recognizer,
                reason: Cow::Borrowed(reason),
            });
        }
    }

    /// What the recognizer keeps from text to text on this thread.
    pub fn memory(&mut self) -> &mut Memory {
        self.memory
    }
}
