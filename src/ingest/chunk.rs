//! A chunk: some megabytes of whole records, of one file or of many small ones, that one worker parses by itself.
//!
//! A chunk becomes one row group. Where it ends depends on the input alone, never on threads.

use std::collections::HashSet;
use std::sync::Arc;

use super::csv::{self, Header};
use super::documents::{Documents, Parsed, Roles};
use super::json::{self, Value};
use super::quarantine::{Fault, Kind, Place};
use super::split::Piece;
use crate::error::Result;

/// What a record costs besides its bytes: its place here, its id, its row. Keeps chunks of tiny records in bounds.
const RECORD_WEIGHT: usize = 96;

/// How the records of a run are written.
#[derive(Debug, Clone)]
pub(crate) enum Layout {
    Json,
    Csv(Arc<Header>),
    Text,
    /// Parquet, whose rows come otherwise: only its faults are here, and they have no offset.
    Rows,
}

/// Records that follow one another in one input.
#[derive(Debug)]
struct Run {
    source: Arc<str>,
    layout: Layout,
    /// Index of the record after the last.
    end: usize,
}

#[derive(Debug)]
struct Record {
    start: usize,
    end: usize,
    number: u64,
    offset: u64,
    fault: Option<Box<Fault>>,
}

/// Whole records and where they stand.
#[derive(Debug, Default)]
pub(crate) struct Chunk {
    bytes: Vec<u8>,
    records: Vec<Record>,
    runs: Vec<Run>,
}

impl Chunk {
    pub(crate) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Bytes of memory, about.
    pub(crate) fn weight(&self) -> usize {
        self.bytes.len() + self.records.len() * RECORD_WEIGHT
    }

    pub(crate) fn push(&mut self, source: &Arc<str>, layout: &Layout, piece: Piece<'_>) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(piece.bytes);
        self.records.push(Record {
            start,
            end: self.bytes.len(),
            number: piece.number,
            offset: piece.offset,
            fault: piece.fault.map(Box::new),
        });
        let same = |a: &Layout, b: &Layout| match (a, b) {
            (Layout::Json, Layout::Json)
            | (Layout::Text, Layout::Text)
            | (Layout::Rows, Layout::Rows) => true,
            (Layout::Csv(a), Layout::Csv(b)) => Arc::ptr_eq(a, b),
            _ => false,
        };
        match self.runs.last_mut() {
            Some(run) if Arc::ptr_eq(&run.source, source) && same(&run.layout, layout) => {
                run.end = self.records.len();
            }
            _ => {
                let (source, layout) = (source.clone(), layout.clone());
                self.runs.push(Run {
                    source,
                    layout,
                    end: self.records.len(),
                });
            }
        }
    }

    /// Documents and quarantine; `allowed` is set where the ingest has all the columns that it may have.
    pub(crate) fn parse(&self, roles: &Roles, allowed: Option<&HashSet<String>>) -> Result<Parsed> {
        // One check for all: records are cut at ASCII bytes, so each is valid where the whole is.
        let whole = simdutf8::basic::from_utf8(&self.bytes).ok();
        let mut documents = Documents::new(roles, allowed);
        let mut fields = Vec::new();
        let mut begin = 0;
        for run in &self.runs {
            let records = &self.records[begin..run.end];
            begin = run.end;
            for record in records {
                let raw = &self.bytes[record.start..record.end];
                let offset = (!matches!(run.layout, Layout::Rows)).then_some(record.offset);
                let place = Place {
                    source: &run.source,
                    number: record.number,
                    offset,
                };
                if let Some(fault) = &record.fault {
                    documents.quarantine.push(place, fault, raw);
                    continue;
                }
                let fault = |kind, detail: String| Fault::new(kind, detail, raw.len() as u64);
                let text = match whole {
                    Some(whole) => &whole[record.start..record.end],
                    None => match simdutf8::compat::from_utf8(raw) {
                        Ok(text) => text,
                        Err(error) => {
                            let detail = format!(
                                "byte {} of the record begins no character",
                                error.valid_up_to()
                            );
                            documents
                                .quarantine
                                .push(place, &fault(Kind::Utf8, detail), raw);
                            continue;
                        }
                    },
                };
                let read = match &run.layout {
                    Layout::Text | Layout::Rows => {
                        documents.push_text(place, text);
                        continue;
                    }
                    Layout::Json => {
                        json::parse(text, &mut fields).map_err(|why| fault(Kind::Json, why))
                    }
                    Layout::Csv(header) => {
                        read_csv(header, text, &mut fields).map_err(|why| fault(Kind::Csv, why))
                    }
                };
                match read {
                    Ok(()) => documents.push_fields(place, raw, &fields),
                    Err(fault) => documents.quarantine.push(place, &fault, raw),
                }
            }
        }
        documents.finish()
    }
}

fn read_csv<'a>(
    header: &'a Header,
    record: &'a str,
    fields: &mut json::Fields<'a>,
) -> std::result::Result<(), String> {
    fields.clear();
    let names = header.names.as_ref().map_err(Clone::clone)?;
    let mut count = 0;
    for field in csv::fields(record, header.delimiter) {
        if let Some(name) = names.get(count) {
            fields.push((name.as_str().into(), Value::Text(field)));
        }
        count += 1;
    }
    if count == names.len() {
        Ok(())
    } else {
        Err(format!(
            "{count} fields where the header has {}",
            names.len()
        ))
    }
}
