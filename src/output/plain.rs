//! The types in which columnar results leave: views and dictionaries become plain strings.
//!
//! Inside, text is views and labels are dictionaries. Outside, many kernels cannot take a view yet, and an Arrow IPC
//! file may hold only one dictionary a column. So what leaves has the types that every reader has.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};

use crate::error::Result;

/// Text bytes that one plain batch may hold. Views can name one long text many times (each entity beside its
/// document); written out they could pass the 2 GiB that 32-bit offsets reach, and any memory limit.
const PIECE_BYTES: u64 = 64 << 20;

/// The schema with `Utf8View` as `Utf8`, `BinaryView` as `Binary`, and dictionaries as their values, also within
/// lists and structs. Names, nullability and metadata stay.
#[must_use]
pub fn plain_schema(schema: &Schema) -> SchemaRef {
    converted(schema, Dictionaries::Unpacked)
}

/// As [`plain_schema`], but dictionaries stay: in memory they are what pandas calls categories.
#[must_use]
pub fn viewless_schema(schema: &Schema) -> SchemaRef {
    converted(schema, Dictionaries::Kept)
}

#[derive(Clone, Copy)]
enum Dictionaries {
    Kept,
    Unpacked,
}

fn converted(schema: &Schema, dictionaries: Dictionaries) -> SchemaRef {
    let fields: Vec<FieldRef> = schema
        .fields()
        .iter()
        .map(|field| plain_field(field, dictionaries))
        .collect();
    Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
}

/// The batch in the types of [`plain_schema`], or others that its columns can be cast to, in pieces of bounded size.
///
/// # Errors
/// A piece that cannot be cast (a single text of more than 2 GiB, a time that a finer unit cannot hold): no value
/// becomes NULL.
pub fn plain_batches(
    batch: &RecordBatch,
    schema: &SchemaRef,
) -> impl Iterator<Item = Result<RecordBatch>> {
    let mut pieces = Vec::new();
    split(batch, &mut pieces);
    let strict = CastOptions {
        safe: false,
        ..CastOptions::default()
    };
    pieces.into_iter().map(move |piece| {
        let columns = piece.columns().iter().zip(schema.fields());
        let columns =
            columns.map(
                |(column, field)| match column.data_type() == field.data_type() {
                    true => Ok(Arc::clone(column)),
                    false => cast_with_options(column, field.data_type(), &strict),
                },
            );
        let options = RecordBatchOptions::new().with_row_count(Some(piece.num_rows()));
        Ok(RecordBatch::try_new_with_options(
            Arc::clone(schema),
            columns.collect::<Result<Vec<ArrayRef>, _>>()?,
            &options,
        )?)
    })
}

fn plain_field(field: &FieldRef, dictionaries: Dictionaries) -> FieldRef {
    let plain = plain_type(field.data_type(), dictionaries);
    if plain == *field.data_type() {
        Arc::clone(field)
    } else {
        Arc::new(Field::clone(field).with_data_type(plain))
    }
}

fn plain_type(data_type: &DataType, dictionaries: Dictionaries) -> DataType {
    let of = |field: &FieldRef| plain_field(field, dictionaries);
    match data_type {
        DataType::Utf8View => DataType::Utf8,
        DataType::BinaryView => DataType::Binary,
        DataType::Dictionary(key, value) => {
            let value = plain_type(value, dictionaries);
            match dictionaries {
                Dictionaries::Kept => DataType::Dictionary(key.clone(), Box::new(value)),
                Dictionaries::Unpacked => value,
            }
        }
        DataType::List(item) | DataType::ListView(item) => DataType::List(of(item)),
        DataType::LargeList(item) | DataType::LargeListView(item) => DataType::LargeList(of(item)),
        DataType::FixedSizeList(item, n) => DataType::FixedSizeList(of(item), *n),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(of).collect()),
        DataType::Map(entries, sorted) => DataType::Map(of(entries), *sorted),
        other => other.clone(),
    }
}

/// Halves the batch until its texts, written out, fit.
fn split(batch: &RecordBatch, pieces: &mut Vec<RecordBatch>) {
    let rows = batch.num_rows();
    if rows > 1 && batch.columns().iter().map(|c| text_bytes(c)).sum::<u64>() > PIECE_BYTES {
        split(&batch.slice(0, rows / 2), pieces);
        split(&batch.slice(rows / 2, rows - rows / 2), pieces);
    } else {
        pieces.push(batch.clone());
    }
}

/// What the views of an array would take when written out.
fn text_bytes(array: &dyn Array) -> u64 {
    // The low 32 bits of a view are the length.
    let sum = |views: &[u128]| views.iter().map(|&view| u64::from(view as u32)).sum();
    match array.data_type() {
        DataType::Utf8View => sum(array.as_string_view().views()),
        DataType::BinaryView => sum(array.as_binary_view().views()),
        DataType::Struct(_) => array
            .as_struct()
            .columns()
            .iter()
            .map(|c| text_bytes(c))
            .sum(),
        DataType::List(_) => {
            let list = array.as_list::<i32>();
            let (Some(&first), Some(&end)) = (list.offsets().first(), list.offsets().last()) else {
                return 0;
            };
            text_bytes(&list.values().slice(first as usize, (end - first) as usize))
        }
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{StringViewArray, StringViewBuilder};

    use super::*;

    #[test]
    fn one_text_named_many_times_is_written_in_pieces() {
        let text = "x".repeat(1 << 20);
        let mut builder = StringViewBuilder::new();
        let block = builder.append_block(text.as_bytes().into());
        for _ in 0..300 {
            builder
                .try_append_view(block, 0, text.len() as u32)
                .unwrap();
        }
        let column: StringViewArray = builder.finish();
        let batch = RecordBatch::try_from_iter([("text", Arc::new(column) as ArrayRef)]).unwrap();
        let schema = plain_schema(batch.schema_ref());
        let (mut rows, mut pieces) = (0, 0);
        for piece in plain_batches(&batch, &schema) {
            let piece = piece.unwrap();
            let bytes = piece.column(0).as_string::<i32>().values().len() as u64;
            assert!(bytes <= PIECE_BYTES, "{bytes}");
            assert_eq!(bytes, piece.num_rows() as u64 * (1 << 20));
            rows += piece.num_rows();
            pieces += 1;
        }
        assert_eq!(rows, 300);
        assert!(pieces > 1);
    }
}
