//! Parquet as input: batches of about a row group's size, their columns kept with their own types.
//!
//! Types that no other type could be widened to or from (lists, structs, maps) become JSON text, as they are in JSON
//! input; dictionaries become their values.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fs::File;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryViewArray, BooleanArray, RecordBatch, StringViewArray,
    StringViewBuilder, TimestampMicrosecondBuilder, new_empty_array,
};
use arrow::compute::{cast, concat_batches, filter_record_batch};
use arrow::datatypes::{DataType, Field, Float64Type, Int64Type, TimeUnit};
use arrow::json::writer::{EncoderOptions, make_encoder};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use super::columns::Column;
use super::csv::UniqueNames;
use super::documents::{Documents, MAX_COLUMNS, Parsed, Roles, utc};
use super::encoding::Encoding;
use super::quarantine::{Fault, Kind, Place, Raw};
use super::time;
use crate::error::Result;

/// Rows decoded at a time: few, since a text may be large.
const BATCH_ROWS: usize = 1024;

/// Rows of one Parquet input.
#[derive(Debug)]
pub(crate) struct Rows {
    pub source: Arc<str>,
    /// The number of the first row, 1-based.
    pub first: u64,
    pub batches: Vec<RecordBatch>,
}

/// Opens a file, checking that every column can be taken.
pub(crate) fn open(file: File) -> std::result::Result<ParquetRecordBatchReader, String> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| e.to_string())?;
    for field in builder.schema().fields() {
        plain(field, &new_empty_array(field.data_type())).map_err(|e| {
            format!(
                "column {:?} of type {}: {e}",
                field.name(),
                field.data_type()
            )
        })?;
    }
    builder
        .with_batch_size(BATCH_ROWS)
        .build()
        .map_err(|e| e.to_string())
}

/// Bytes of memory that the rows use, about.
pub(crate) fn weight(batch: &RecordBatch) -> usize {
    let views =
        |lengths: &mut dyn Iterator<Item = u32>| lengths.map(|n| n as usize + 16).sum::<usize>();
    let weight = |column: &ArrayRef| match column.data_type() {
        DataType::Utf8View => views(&mut column.as_string_view().lengths()),
        DataType::BinaryView => views(&mut column.as_binary_view().lengths()),
        _ => column.to_data().get_slice_memory_size().unwrap_or(0),
    };
    batch.columns().iter().map(weight).sum()
}

impl Rows {
    /// Documents and quarantine, as of any other input; a text longer than `limit` bytes is no text.
    pub(crate) fn parse(
        &self,
        roles: &Roles,
        allowed: Option<&HashSet<String>>,
        limit: usize,
    ) -> Result<Parsed> {
        let Some(first) = self.batches.first() else {
            return Documents::new(roles, allowed).finish();
        };
        let batch = concat_batches(&first.schema(), &self.batches)?;
        let schema = batch.schema();
        let text = schema.index_of(&roles.text).ok();
        let bytes = text.and_then(|at| as_bytes(batch.column(at)));
        let full = too_many_columns(&batch, roles, allowed);

        let judge = |row: usize| -> std::result::Result<&str, Fault> {
            let Some(at) = text else {
                let why = format!("there is no {:?} (--text names the column)", roles.text);
                return Err(Fault::new(Kind::NoText, why, 0));
            };
            let Some(bytes) = &bytes else {
                let why = format!(
                    "{:?} is of type {}, not a string",
                    roles.text,
                    batch.column(at).data_type()
                );
                return Err(Fault::new(Kind::NoText, why, 0));
            };
            if bytes.is_null(row) {
                return Err(Fault::new(
                    Kind::NoText,
                    format!("{:?} is null", roles.text),
                    0,
                ));
            }
            let raw = bytes.value(row);
            let fault = |kind, why: String| Fault::new(kind, why, raw.len() as u64);
            if full {
                return Err(fault(
                    Kind::TooManyColumns,
                    format!("its columns make more than {MAX_COLUMNS}"),
                ));
            }
            if raw.len() > limit {
                return Err(fault(
                    Kind::TooLong,
                    format!("longer than {limit} bytes (--max-record-bytes)"),
                ));
            }
            simdutf8::basic::from_utf8(raw).map_err(|_| {
                fault(
                    Kind::Utf8,
                    format!("{:?} holds bytes that are no text", roles.text),
                )
            })
        };
        let mut documents = Documents::new(roles, None);
        let mut keep = Vec::with_capacity(batch.num_rows());
        for row in 0..batch.num_rows() {
            let place = Place {
                source: &self.source,
                number: self.first + row as u64,
                offset: None,
            };
            let judged = judge(row);
            keep.push(judged.is_ok());
            match judged {
                Ok(text) => documents.push_text(place, text),
                Err(fault) => {
                    let raw = bytes
                        .as_ref()
                        .filter(|bytes| bytes.is_valid(row))
                        .map(|bytes| bytes.value(row));
                    let raw = Raw {
                        bytes: raw.unwrap_or_default(),
                        encoding: Encoding::UTF_8,
                    };
                    documents.quarantine.push(place, &fault, raw);
                }
            }
        }
        let mut parsed = documents.finish()?;
        let batch = filter_record_batch(&batch, &BooleanArray::from(keep))?;
        add_columns(&mut parsed, &batch, roles)?;
        Ok(parsed)
    }
}

fn add_columns(parsed: &mut Parsed, batch: &RecordBatch, roles: &Roles) -> Result<()> {
    let schema = batch.schema();
    let mut names = UniqueNames::default();
    let mut role_seen = (false, false);
    for (field, column) in schema.fields().iter().zip(batch.columns()) {
        if *field.name() == roles.text && !std::mem::replace(&mut role_seen.0, true) {
            continue;
        }
        if *field.name() == roles.time && !std::mem::replace(&mut role_seen.1, true) {
            let (ts, unread) = read_times(&plain(field, column)?)?;
            parsed.base[2] = ts;
            if let Some(unread) = unread {
                parsed.unread_times = (unread.len() - unread.null_count()) as u64;
                parsed.columns.push(Column {
                    name: roles.unread_time(),
                    values: unread,
                    rows: None,
                });
            }
            continue;
        }
        let name = names.next(&roles.column_name(field.name()));
        parsed.columns.push(Column {
            name,
            values: plain(field, column)?,
            rows: None,
        });
    }
    Ok(())
}
/// Whether the ingest has no room for a column of the batch.
fn too_many_columns(batch: &RecordBatch, roles: &Roles, allowed: Option<&HashSet<String>>) -> bool {
    match allowed {
        None => batch.num_columns() > MAX_COLUMNS,
        Some(allowed) => {
            let schema = batch.schema();
            let own = |name: &str| name != roles.text && name != roles.time;
            schema
                .fields()
                .iter()
                .any(|f| own(f.name()) && !allowed.contains(&roles.column_name(f.name())))
        }
    }
}

/// The bytes of a column that holds text, or bytes that may be text: some writers do not say which.
fn as_bytes(column: &ArrayRef) -> Option<BinaryViewArray> {
    let values = match column.data_type() {
        DataType::Dictionary(_, values) => values.as_ref(),
        other => other,
    };
    let text = values.is_string()
        || matches!(
            values,
            DataType::Binary | DataType::LargeBinary | DataType::BinaryView
        );
    let plain = text.then(|| cast(column, values).ok()).flatten()?;
    cast(&plain, &DataType::BinaryView)
        .ok()
        .map(|bytes| bytes.as_binary_view().clone())
}

/// The column in a type that a store may hold: strings as views, bytes as [text](bytes_as_text), dictionaries as their values, nested types
/// as JSON text.
fn plain(field: &Field, column: &ArrayRef) -> Result<ArrayRef> {
    let to = match column.data_type() {
        DataType::Dictionary(_, values) => {
            let values = cast(column, values)?;
            return plain(
                &Field::new(field.name(), values.data_type().clone(), true),
                &values,
            );
        }
        DataType::Utf8 | DataType::LargeUtf8 => DataType::Utf8View,
        DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::FixedSizeBinary(_) => return bytes_as_text(column),
        DataType::Float16 => DataType::Float32,
        other if other.is_nested() => return json_text(field, column),
        _ => return Ok(column.clone()),
    };
    Ok(cast(column, &to)?)
}

/// Bytes as text where they are UTF-8, as hexadecimal digits where they are not: a NULL in their place would be a loss.
///
/// They are not kept as bytes, since reading them together with a file that has text under the same name would make
/// strings of them that are no UTF-8, see `tables/parquet_files.rs`.
fn bytes_as_text(column: &ArrayRef) -> Result<ArrayRef> {
    let bytes = cast(column, &DataType::BinaryView)?;
    let mut text = StringViewBuilder::with_capacity(bytes.len());
    for bytes in bytes.as_binary_view() {
        text.append_option(bytes.map(|bytes| match std::str::from_utf8(bytes) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => Cow::Owned(bytes.iter().map(|byte| format!("{byte:02x}")).collect()),
        }));
    }
    Ok(Arc::new(text.finish()))
}

fn json_text(field: &Field, column: &ArrayRef) -> Result<ArrayRef> {
    let field = Arc::new(field.clone());
    let options = EncoderOptions::default();
    let Ok(mut encoder) = make_encoder(&field, column, &options) else {
        // A map whose keys are no strings: JSON has no word for it.
        return as_printed(column);
    };
    let mut text = StringViewBuilder::with_capacity(column.len());
    let mut json = Vec::new();
    for row in 0..column.len() {
        if encoder.is_null(row) {
            text.append_null();
        } else {
            json.clear();
            encoder.encode(row, &mut json);
            text.append_value(String::from_utf8_lossy(&json));
        }
    }
    Ok(Arc::new(text.finish()))
}

/// As Arrow prints it.
fn as_printed(column: &ArrayRef) -> Result<ArrayRef> {
    let options = FormatOptions::default();
    let printed = ArrayFormatter::try_new(column, &options)?;
    let texts = (0..column.len())
        .map(|row| {
            column
                .is_valid(row)
                .then(|| printed.value(row).try_to_string())
                .transpose()
        })
        .collect::<std::result::Result<Vec<_>, _>>()?;
    Ok(Arc::new(StringViewArray::from_iter(texts)))
}

/// The times, and the text of those that cannot be read, if there are any.
fn read_times(column: &ArrayRef) -> Result<(ArrayRef, Option<ArrayRef>)> {
    let whole = |per_value: &dyn Fn(i64) -> Option<i64>| -> Result<Vec<Option<i64>>> {
        let values = cast(column, &DataType::Int64)?;
        Ok(values
            .as_primitive::<Int64Type>()
            .iter()
            .map(|value| value.and_then(per_value))
            .collect())
    };
    let times = match column.data_type() {
        // The numbers of a timestamp are those of UTC, whatever its zone; without a zone it is taken as UTC.
        DataType::Timestamp(TimeUnit::Second, _) => whole(&|n| n.checked_mul(1_000_000))?,
        DataType::Timestamp(TimeUnit::Millisecond, _) | DataType::Date64 => {
            whole(&|n| n.checked_mul(1_000))?
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => whole(&Some)?,
        DataType::Timestamp(TimeUnit::Nanosecond, _) => whole(&|n| Some(n.div_euclid(1_000)))?,
        DataType::Date32 => whole(&|n| n.checked_mul(86_400_000_000))?,
        DataType::Utf8View => column
            .as_string_view()
            .iter()
            .map(|value| value.and_then(time::parse))
            .collect(),
        other if other.is_integer() && *other != DataType::UInt64 => whole(&time::epoch)?,
        other if other.is_floating() => {
            let values = cast(column, &DataType::Float64)?;
            values
                .as_primitive::<Float64Type>()
                .iter()
                .map(|value| value.and_then(time::epoch_float))
                .collect()
        }
        _ => vec![None; column.len()],
    };
    let text = Column {
        name: String::new(),
        values: column.clone(),
        rows: None,
    };
    let text = text.dense(column.len(), &DataType::Utf8View)?;
    let unread = text
        .as_string_view()
        .iter()
        .zip(&times)
        .map(|(text, time)| match time {
            None => text.filter(|text| !text.trim().is_empty()),
            Some(_) => None,
        });
    let mut kept = StringViewBuilder::with_capacity(times.len());
    unread.for_each(|text| kept.append_option(text));
    let kept = kept.finish();
    let mut ts = TimestampMicrosecondBuilder::with_capacity(times.len()).with_data_type(utc());
    times.into_iter().for_each(|time| ts.append_option(time));
    let unread = (kept.null_count() < kept.len()).then(|| Arc::new(kept) as ArrayRef);
    Ok((Arc::new(ts.finish()), unread))
}
