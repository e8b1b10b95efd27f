//! Fields → documents: which field is the text, which the time, what the others are called.
//!
//! A record without a text goes to quarantine; a time that cannot be read does not cost the document.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, RecordBatch, StringViewBuilder, TimestampMicrosecondBuilder, new_null_array,
};
use arrow::datatypes::{DataType, Field, Schema};

use super::columns::{Column, Columns};
use super::content_hash::content_hashes;
use super::html;
use super::json::Value;
use super::quarantine::{Fault, Kind, Place, QuarantineRows, Raw};
use super::time;
use crate::error::Result;
use crate::store::document_schema;

/// So many columns of their own the documents of one ingest may have.
pub(crate) const MAX_COLUMNS: usize = 1_000;

/// Which fields of a record are which columns of a document.
#[derive(Debug, Clone)]
pub(crate) struct Roles {
    pub text: String,
    pub time: String,
    /// The text is HTML.
    pub html: bool,
}

impl Roles {
    /// The column of a field that is neither the text nor the time.
    ///
    /// Names that mean something of ours get the prefix `orig_`, and so do those that already are such a name with
    /// that prefix, so that two fields never meet in one column.
    pub(crate) fn column_name(&self, field: &str) -> String {
        let mut base = field;
        while let Some(rest) = base.strip_prefix("orig_") {
            base = rest;
        }
        let ours = ["", "doc_id", "source", "ts", "text", "content_hash"].contains(&base)
            || base == self.time;
        if ours {
            format!("orig_{field}")
        } else {
            field.to_string()
        }
    }

    /// The column that keeps a time that could not be read.
    pub(crate) fn unread_time(&self) -> String {
        format!("orig_{}", self.time)
    }
}

/// The documents and the quarantine of a chunk.
#[derive(Debug)]
pub(crate) struct Parsed {
    pub rows: usize,
    /// In the order of [`document_schema`].
    pub base: Vec<ArrayRef>,
    pub columns: Vec<Column>,
    pub quarantine: Option<RecordBatch>,
    /// How many records were refused, by kind.
    pub kinds: BTreeMap<Kind, u64>,
    pub unread_times: u64,
    /// Documents in which bytes were replaced.
    pub replaced: u64,
    /// Records of a WARC that carry no text.
    pub other_records: u64,
    /// The record that the next part of a chunk begins with, if this is not its end.
    pub next: Option<usize>,
}

impl Parsed {
    pub(crate) fn schema(&self) -> Schema {
        let base = document_schema();
        let own = self
            .columns
            .iter()
            .map(|c| Field::new(&c.name, c.values.data_type().clone(), true));
        Schema::new(
            base.fields()
                .iter()
                .map(|field| field.as_ref().clone())
                .chain(own)
                .collect::<Vec<_>>(),
        )
    }

    /// The column of a schema that [`Parsed::schema`] fits into.
    pub(crate) fn column(&self, at: usize, field: &Field) -> Result<ArrayRef> {
        if let Some(base) = self.base.get(at) {
            return Ok(base.clone());
        }
        match self
            .columns
            .iter()
            .find(|column| column.name == *field.name())
        {
            Some(column) => column.dense(self.rows, field.data_type()),
            None => Ok(new_null_array(field.data_type(), self.rows)),
        }
    }
}

/// Documents in the making.
#[derive(Debug)]
pub(crate) struct Documents<'r> {
    roles: &'r Roles,
    /// Where the columns of the whole ingest are full: those there are.
    allowed: Option<&'r HashSet<String>>,
    doc_id: StringViewBuilder,
    source: StringViewBuilder,
    ts: TimestampMicrosecondBuilder,
    text: StringViewBuilder,
    rows: u32,
    columns: Columns,
    pub quarantine: QuarantineRows,
    unread_times: u64,
    pub replaced: u64,
    pub other_records: u64,
    /// Bytes of all texts so far.
    pub text_bytes: usize,
    /// Texts are HTML, of which the text is kept.
    pub html: bool,
    scratch: String,
    slots: Vec<Option<usize>>,
}

impl<'r> Documents<'r> {
    pub(crate) fn new(roles: &'r Roles, allowed: Option<&'r HashSet<String>>) -> Self {
        Self {
            roles,
            allowed,
            doc_id: StringViewBuilder::new(),
            source: StringViewBuilder::new(),
            ts: TimestampMicrosecondBuilder::new().with_data_type(utc()),
            text: StringViewBuilder::new(),
            rows: 0,
            columns: Columns::default(),
            quarantine: QuarantineRows::default(),
            unread_times: 0,
            replaced: 0,
            other_records: 0,
            text_bytes: 0,
            html: roles.html,
            scratch: String::new(),
            slots: Vec::new(),
        }
    }

    /// How many documents there are.
    pub(crate) fn len(&self) -> u32 {
        self.rows
    }

    /// A document that is nothing but text.
    pub(crate) fn push_text(&mut self, place: Place<'_>, text: &str) {
        self.append(place, text, None);
    }

    /// A record's fields; of a name that is there twice the last value counts. `raw` is kept if it is refused.
    pub(crate) fn push_fields(
        &mut self,
        place: Place<'_>,
        raw: Raw<'_>,
        fields: &[(Cow<'_, str>, Value<'_>)],
    ) {
        let last = |name: &str| {
            fields
                .iter()
                .rev()
                .find(|(key, _)| key == name)
                .map(|(_, value)| value)
        };
        let refuse = |kind, why: String| Err(Fault::new(kind, why, raw.length()));
        let text = match last(&self.roles.text) {
            Some(Value::Text(text)) => Ok(text),
            Some(other) => refuse(
                Kind::NoText,
                format!("{:?} is {}, not a string", self.roles.text, describe(other)),
            ),
            None => refuse(
                Kind::NoText,
                format!("there is no {:?} (--text names the field)", self.roles.text),
            ),
        };
        let text = match text.and_then(|text| self.check_columns(fields, raw).map(|()| text)) {
            Ok(text) => text,
            Err(fault) => return self.quarantine.push(place, &fault, raw),
        };
        let row = self.rows;
        let (ts, unread) = match last(&self.roles.time) {
            None => (None, None),
            Some(time) => read_time(time),
        };
        if let Some(unread) = unread {
            let column = self.columns.named(self.roles.unread_time());
            self.columns.push(column, row, &Value::Text(unread));
            self.unread_times += 1;
        }
        let roles = self.roles;
        self.slots.clear();
        for (slot, (key, value)) in fields.iter().enumerate() {
            let own = *key != roles.text && *key != roles.time && self.allows(key, value);
            self.slots.push(own.then(|| {
                self.columns
                    .of_field(slot, key, |key| roles.column_name(key))
            }));
        }
        // Columns are made in the order of the fields, values set from the last one on.
        for (column, (_, value)) in self.slots.iter().zip(fields).rev() {
            if let Some(column) = column.filter(|column| !self.columns.has(*column, row)) {
                self.columns.push(column, row, value);
            }
        }
        self.append(place, text, ts);
    }

    fn append(&mut self, place: Place<'_>, text: &str, ts: Option<i64>) {
        self.scratch.clear();
        // Writing to a String cannot fail.
        let _ = write!(self.scratch, "{}#{}", place.source, place.number);
        self.doc_id.append_value(&self.scratch);
        self.source.append_value(place.source);
        self.ts.append_option(ts);
        if self.html {
            self.text.append_value(html::read(text).text);
        } else {
            self.text.append_value(text);
        }
        self.rows += 1;
        self.text_bytes += text.len();
    }

    fn allows(&self, key: &str, value: &Value<'_>) -> bool {
        match self.allowed {
            Some(allowed) if matches!(value, Value::Null) => {
                allowed.contains(&self.roles.column_name(key))
            }
            _ => true,
        }
    }

    /// Refuses a record that brings more columns than there may be.
    fn check_columns(
        &self,
        fields: &[(Cow<'_, str>, Value<'_>)],
        raw: Raw<'_>,
    ) -> std::result::Result<(), Fault> {
        let fault = || {
            let why = format!("its fields would make more than {MAX_COLUMNS} columns");
            Err(Fault::new(Kind::TooManyColumns, why, raw.length()))
        };
        let roles = self.roles;
        let own = |key: &str| key != roles.text && key != roles.time;
        match self.allowed {
            Some(allowed) => {
                let mut kept = fields
                    .iter()
                    .filter(|(key, value)| own(key) && !matches!(value, Value::Null));
                let unread = fields
                    .iter()
                    .any(|(key, value)| *key == roles.time && read_time(value).1.is_some());
                if kept.any(|(key, _)| !allowed.contains(&roles.column_name(key)))
                    || (unread && !allowed.contains(&roles.unread_time()))
                {
                    return fault();
                }
            }
            None if self.columns.len() + fields.len() < MAX_COLUMNS => {}
            None => {
                let new: HashSet<String> = fields
                    .iter()
                    .filter(|(key, _)| own(key))
                    .map(|(key, _)| roles.column_name(key))
                    .filter(|name| !self.columns.contains(name))
                    .collect();
                // One is held back for a time that cannot be read.
                if self.columns.len() + new.len() >= MAX_COLUMNS && !new.is_empty() {
                    return fault();
                }
            }
        }
        Ok(())
    }

    pub(crate) fn finish(mut self) -> Result<Parsed> {
        let kinds = std::mem::take(&mut self.quarantine.kinds);
        self.quarantine.kinds.clone_from(&kinds);
        let text = self.text.finish();
        let hash = content_hashes(&text);
        Ok(Parsed {
            rows: self.rows as usize,
            base: vec![
                Arc::new(self.doc_id.finish()),
                Arc::new(self.source.finish()),
                Arc::new(self.ts.finish()),
                Arc::new(text),
                Arc::new(hash),
            ],
            columns: self.columns.finish(),
            quarantine: self.quarantine.finish()?,
            kinds,
            unread_times: self.unread_times,
            replaced: self.replaced,
            other_records: self.other_records,
            next: None,
        })
    }
}

/// The type of `ts`.
pub(crate) fn utc() -> DataType {
    document_schema().field(2).data_type().clone()
}

/// The time, or the text of what is none. Nothing at all is neither.
fn read_time<'a>(value: &'a Value<'_>) -> (Option<i64>, Option<Cow<'a, str>>) {
    let (ts, text) = match value {
        Value::Null => return (None, None),
        Value::Text(text) if text.trim().is_empty() => return (None, None),
        Value::Text(text) => (time::parse(text), Cow::Borrowed(text.as_ref())),
        Value::Int(number) => (time::epoch(*number), Cow::Owned(number.to_string())),
        Value::Float(number) => (
            time::epoch_float(*number),
            Cow::Owned(format!("{number:?}")),
        ),
        Value::Bool(value) => (None, Cow::Owned(value.to_string())),
        Value::Json(text) => (None, Cow::Borrowed(text.as_ref())),
    };
    match ts {
        Some(ts) => (Some(ts), None),
        None => (None, Some(text)),
    }
}

fn describe(value: &Value<'_>) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Int(_) | Value::Float(_) => "a number",
        Value::Text(_) => "a string",
        Value::Json(json) if json.starts_with('{') => "an object",
        Value::Json(json) if json.starts_with('[') => "an array",
        Value::Json(_) => "a number",
    }
}
