//! [`Lookahead`]: what models found in the next rows. A scan takes one row after the other; a model wants many at once.

use std::ops::Range;

use arrow::array::{Array, StringViewArray};
use datafusion::common::Result;

use super::run::Run;
use crate::ner::{Ahead, Cancel, Finder, Usage};
use crate::recognize::Span;

/// What was found in some rows; nothing, in no rows, at first.
#[derive(Debug, Default)]
pub struct Lookahead {
    rows: Range<usize>,
    ahead: Ahead,
}

impl Lookahead {
    /// Looks ahead from `row` on, as far as the texts make a good batch. Without models it covers all rows and costs
    /// nothing.
    ///
    /// # Errors
    /// As [`Finder::look_ahead`].
    pub fn new(
        finder: &Finder,
        texts: &StringViewArray,
        row: usize,
        cancel: &Cancel,
    ) -> Result<Self> {
        let Some(bytes) = finder.ahead_bytes() else {
            return Ok(Self {
                rows: 0..usize::MAX,
                ahead: Ahead::default(),
            });
        };
        let (mut end, mut taken) = (row, 0);
        // A NULL has no entities, as a text without words has none.
        let mut slice: Vec<&str> = Vec::new();
        while end < texts.len() && (taken < bytes || end == row) {
            let text = if texts.is_null(end) {
                ""
            } else {
                texts.value(end)
            };
            slice.push(text);
            taken += text.len();
            end += 1;
        }
        Ok(Self {
            rows: row..end,
            ahead: finder.look_ahead(&slice, cancel)?,
        })
    }

    /// As [`Lookahead::new`] from `row` on, within a function: what it takes is told to the run.
    pub(super) fn within(
        run: &Run,
        finder: &Finder,
        texts: &StringViewArray,
        row: usize,
    ) -> Result<Self> {
        let ahead = Self::new(finder, texts, row, run.cancel())?;
        for (model, &usage) in finder.models().zip(ahead.usage()) {
            run.add(model, usage);
        }
        Ok(ahead)
    }

    /// The rows that it covers.
    #[must_use]
    pub fn rows(&self) -> &Range<usize> {
        &self.rows
    }

    /// What models found in a row that it covers.
    #[must_use]
    pub fn spans(&self, row: usize) -> &[Span] {
        self.ahead.spans(row - self.rows.start)
    }

    /// What it took, by model in the order of [`Finder::models`]; empty where nothing was run.
    #[must_use]
    pub fn usage(&self) -> &[Usage] {
        self.ahead.usage()
    }
}
