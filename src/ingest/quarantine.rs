//! Why a record is no document, and the rows that say so.
//!
//! The schema is `store.rs`; finding faults is up to whoever reads the record.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{BinaryViewBuilder, Int64Builder, RecordBatch, StringViewBuilder};

use super::encoding::Encoding;
use crate::error::Result;
use crate::store::quarantine_schema;

/// So much of a refused record is kept.
pub(crate) const RAW_LIMIT: usize = 64 << 10;

/// The kinds of reasons, for counting; the words of each begin its rows' `reason`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Json,
    Csv,
    Mail,
    Warc,
    Utf8,
    Encoding,
    NoText,
    TooLong,
    TooManyColumns,
    Stream,
}

impl Kind {
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Json => "not valid JSON",
            Self::Csv => "not valid CSV",
            Self::Mail => "not a message",
            Self::Warc => "not a WARC record",
            Self::Utf8 => "not valid UTF-8",
            Self::Encoding => "not valid in its encoding",
            Self::NoText => "no text",
            Self::TooLong => "too long",
            Self::TooManyColumns => "too many columns",
            Self::Stream => "input cannot be read",
        }
    }
}

/// What is wrong with a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub kind: Kind,
    pub detail: String,
    /// How many bytes the record has, of which fewer may be at hand.
    pub length: u64,
}

impl Fault {
    pub(crate) fn new(kind: Kind, detail: impl Into<String>, length: u64) -> Self {
        Self {
            kind,
            detail: detail.into(),
            length,
        }
    }
}

/// Where a record stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    pub source: &'a str,
    pub number: u64,
    /// In the decompressed input; none for Parquet.
    pub offset: Option<u64>,
}

/// A record's bytes as they are at hand, which in UTF-16 are others than those of the input.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Raw<'a> {
    pub bytes: &'a [u8],
    pub encoding: Encoding,
}

impl Raw<'_> {
    /// How many bytes of the input they are.
    pub(crate) fn length(self) -> u64 {
        self.encoding.measure()(self.bytes)
    }
}

/// Rows of `quarantine` in the making.
#[derive(Debug, Default)]
pub(crate) struct QuarantineRows {
    source: StringViewBuilder,
    record: Int64Builder,
    byte_offset: Int64Builder,
    reason: StringViewBuilder,
    raw: BinaryViewBuilder,
    length: Int64Builder,
    /// How many rows there are of each kind.
    pub kinds: BTreeMap<Kind, u64>,
}

impl QuarantineRows {
    pub(crate) fn push(&mut self, place: Place<'_>, fault: &Fault, raw: Raw<'_>) {
        let raw = raw
            .encoding
            .original(&raw.bytes[..raw.bytes.len().min(RAW_LIMIT)]);
        // Offsets and lengths beyond 2⁶³ do not occur on this planet.
        let signed = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        self.source.append_value(place.source);
        self.record.append_value(signed(place.number));
        self.byte_offset.append_option(place.offset.map(signed));
        self.reason
            .append_value(format!("{}: {}", fault.kind.words(), fault.detail));
        self.raw.append_value(&raw[..raw.len().min(RAW_LIMIT)]);
        self.length.append_value(signed(fault.length));
        *self.kinds.entry(fault.kind).or_default() += 1;
    }

    /// The rows, or nothing where there are none.
    pub(crate) fn finish(mut self) -> Result<Option<RecordBatch>> {
        if self.kinds.is_empty() {
            return Ok(None);
        }
        Ok(Some(RecordBatch::try_new(
            quarantine_schema(),
            vec![
                Arc::new(self.source.finish()),
                Arc::new(self.record.finish()),
                Arc::new(self.byte_offset.finish()),
                Arc::new(self.reason.finish()),
                Arc::new(self.raw.finish()),
                Arc::new(self.length.finish()),
            ],
        )?))
    }
}
