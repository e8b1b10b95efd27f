//! A chunk: some megabytes of whole records, of one file or of many small ones, that one worker parses by itself.
//!
//! A chunk becomes one row group; one of packed bodies becomes several where they unpack to far more than it has. Where a
//! chunk or a row group ends depends on the input alone, never on threads.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use super::IngestOptions;
use super::csv::{self, Header};
use super::documents::{Documents, Parsed, Roles};
use super::encoding::{BadBytes, Encoding};
use super::html;
use super::json::{self, Value};
use super::mail::{self, Damage};
use super::path;
use super::quarantine::{Fault, Kind, Place, Raw};
use super::split::Piece;
use super::warc;
use crate::error::Result;

/// What a record costs besides its bytes: its place here, its id, its row. Keeps chunks of tiny records in bounds.
const RECORD_WEIGHT: usize = 96;

/// How long the texts of a chunk may become before they are another row group, times as long as a chunk.
const GROWTH: usize = 8;

/// How the records of a run are written.
#[derive(Debug, Clone)]
pub(crate) enum Layout {
    Json,
    Csv(Arc<Header>),
    Text,
    Mail,
    Html,
    Warc,
    /// Parquet, whose rows come otherwise: only its faults are here, and they have no offset.
    Rows,
}

impl Layout {
    fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Json, Self::Json)
            | (Self::Text, Self::Text)
            | (Self::Mail, Self::Mail)
            | (Self::Html, Self::Html)
            | (Self::Warc, Self::Warc)
            | (Self::Rows, Self::Rows) => true,
            (Self::Csv(a), Self::Csv(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }
}

/// Records that follow one another in one input.
#[derive(Debug)]
struct Run {
    source: Arc<str>,
    layout: Layout,
    encoding: Encoding,
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

    pub(crate) fn push(
        &mut self,
        source: &Arc<str>,
        layout: &Layout,
        encoding: Encoding,
        piece: Piece<'_>,
    ) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(piece.bytes);
        self.records.push(Record {
            start,
            end: self.bytes.len(),
            number: piece.number,
            offset: piece.offset,
            fault: piece.fault.map(Box::new),
        });
        match self.runs.last_mut() {
            Some(run)
                if Arc::ptr_eq(&run.source, source)
                    && run.layout.is(layout)
                    && run.encoding == encoding =>
            {
                run.end = self.records.len();
            }
            _ => {
                self.runs.push(Run {
                    source: source.clone(),
                    layout: layout.clone(),
                    encoding,
                    end: self.records.len(),
                });
            }
        }
    }

    /// Documents and quarantine of the records from one on; `allowed` is set where the ingest has all the columns that it
    /// may have.
    pub(crate) fn parse(
        &self,
        from: usize,
        options: &IngestOptions,
        allowed: Option<&HashSet<String>>,
    ) -> Result<Parsed> {
        let (roles, bad) = (&options.roles(), options.bad_bytes);
        let most = options.row_group_bytes.saturating_mul(GROWTH);
        let mut documents = Documents::new(roles, allowed);
        let mut next = None;
        let mut begin = from;
        for run in self.runs.iter().skip_while(|run| run.end <= from) {
            let first = begin;
            let records = &self.records[first..run.end];
            begin = run.end;
            // Their parts are in encodings of their own.
            let tells = matches!(run.layout, Layout::Mail | Layout::Warc);
            let texts = match tells {
                true => Texts::default(),
                false => self.texts(run, records, bad),
            };
            // Of letters and pages the text is made below.
            documents.html = roles.html && !tells && !matches!(run.layout, Layout::Html);
            let mut fields = Vec::new();
            for (at, record) in records.iter().enumerate() {
                let raw = Raw {
                    bytes: &self.bytes[record.start..record.end],
                    encoding: run.encoding,
                };
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
                if documents.text_bytes >= most {
                    next = Some(first + at);
                    break;
                }
                if tells {
                    let read = match run.layout {
                        Layout::Warc => read_warc(raw, roles, bad, options.max_record_bytes),
                        _ => read_mail(raw, roles, options).map(Some),
                    };
                    match read {
                        Ok(Some((fields, replaced))) => {
                            let before = documents.len();
                            documents.push_fields(place, raw, &fields);
                            documents.replaced += u64::from(replaced && documents.len() > before);
                        }
                        Ok(None) => documents.other_records += 1,
                        Err(fault) => documents.quarantine.push(place, &fault, raw),
                    }
                    continue;
                }
                let (text, replaced) = match texts.get(at, record) {
                    Ok(text) => text,
                    Err(fault) => {
                        documents.quarantine.push(place, fault, raw);
                        continue;
                    }
                };
                let before = documents.len();
                let fault = |kind, why: String| Fault::new(kind, why, raw.length());
                let read = match &run.layout {
                    Layout::Html => {
                        let page = html::read(text);
                        fields.clear();
                        let title = page.title.map(|title| Value::Text(title.into()));
                        fields.extend(title.map(|title| ("title".into(), title)));
                        fields.push((roles.text.clone().into(), Value::Text(page.text.into())));
                        Ok(())
                    }
                    Layout::Text | Layout::Rows | Layout::Mail | Layout::Warc => {
                        documents.push_text(place, text);
                        documents.replaced += u64::from(replaced);
                        continue;
                    }
                    Layout::Json => json::parse(text, &mut fields)
                        .map(|()| {
                            path::lift(&mut fields, &roles.text);
                            path::lift(&mut fields, &roles.time);
                        })
                        .map_err(|why| fault(Kind::Json, why)),
                    Layout::Csv(header) => {
                        read_csv(header, text, &mut fields).map_err(|why| fault(Kind::Csv, why))
                    }
                };
                match read {
                    Ok(()) => documents.push_fields(place, raw, &fields),
                    Err(fault) => documents.quarantine.push(place, &fault, raw),
                }
                documents.replaced += u64::from(replaced && documents.len() > before);
            }
            if next.is_some() {
                break;
            }
        }
        let parsed = documents.finish()?;
        Ok(Parsed { next, ..parsed })
    }

    /// The records of a run as text.
    fn texts<'a>(&'a self, run: &Run, records: &[Record], bad: BadBytes) -> Texts<'a> {
        // One check for all: records are cut at ASCII bytes, so each is valid where the whole is. What is at hand of a faulty
        // record may be cut off anywhere.
        let sound = || records.iter().all(|record| record.fault.is_none());
        let whole = match (records.first(), records.last()) {
            (Some(first), Some(last)) if run.encoding.is_utf8() && sound() => {
                &self.bytes[first.start..last.end]
            }
            _ => &[],
        };
        let at = records.first().map_or(0, |first| first.start);
        if !whole.is_empty()
            && let Ok(text) = simdutf8::basic::from_utf8(whole)
        {
            return Texts {
                whole: Some((text, at)),
                each: Vec::new(),
            };
        }
        let each = records
            .iter()
            .map(|record| {
                let whole = record.fault.is_none();
                let bytes = &self.bytes[record.start..record.end];
                run.encoding.decode(if whole { bytes } else { b"" }, bad)
            })
            .collect();
        Texts { whole: None, each }
    }
}

/// The records of a run, decoded: all at once where they are UTF-8, one by one where not.
#[derive(Default)]
struct Texts<'a> {
    /// The text, and where it begins in the chunk.
    whole: Option<(&'a str, usize)>,
    /// With each, whether bytes were replaced in it.
    each: Vec<std::result::Result<(Cow<'a, str>, bool), Fault>>,
}

impl Texts<'_> {
    fn get(&self, at: usize, record: &Record) -> std::result::Result<(&str, bool), &Fault> {
        match self.whole {
            Some((text, start)) => Ok((&text[record.start - start..record.end - start], false)),
            None => self.each[at]
                .as_ref()
                .map(|(text, replaced)| (text.as_ref(), *replaced)),
        }
    }
}

/// The fields of a message, and whether something in it was replaced.
fn read_mail(
    raw: Raw<'_>,
    roles: &Roles,
    options: &IngestOptions,
) -> std::result::Result<(json::Fields<'static>, bool), Fault> {
    let fault = |kind, why: String| Fault::new(kind, why, raw.length());
    let (mut fields, damage) =
        mail::parse(raw.bytes, options.encoding).map_err(|why| fault(Kind::Mail, why))?;
    match damage {
        Damage::Bytes(why) if options.bad_bytes == BadBytes::Quarantine => {
            return Err(fault(Kind::Encoding, why.to_string()));
        }
        _ => {}
    }
    name_roles(&mut fields, roles);
    Ok((fields, damage != Damage::None))
}

/// As [`read_mail`] for a record of a WARC; nothing where it has no text.
fn read_warc(
    raw: Raw<'_>,
    roles: &Roles,
    bad: BadBytes,
    limit: usize,
) -> std::result::Result<Option<(json::Fields<'static>, bool)>, Fault> {
    let read = warc::parse(raw.bytes, bad, limit);
    let mut read = read.map_err(|(kind, why)| Fault::new(kind, why, raw.length()))?;
    if let Some((fields, _)) = &mut read {
        name_roles(fields, roles);
    }
    Ok(read)
}

fn name_roles(fields: &mut json::Fields<'_>, roles: &Roles) {
    for (name, _) in fields {
        match name.as_ref() {
            mail::TEXT => *name = roles.text.clone().into(),
            mail::TIME => *name = roles.time.clone().into(),
            _ => {}
        }
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
    for field in csv::fields(record, header.dialect) {
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
