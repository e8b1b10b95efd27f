//! Batches in the types that every consumer of Arrow can compute with.
//!
//! Views are the engine's own strings, but pyarrow's kernels (sort, take, comparison, join) still fail on them; plain
//! strings are what leaves unless a consumer asks for views. Dictionaries stay dictionaries.

use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch, RecordBatchOptions};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use arrow::error::ArrowError;

/// What 32-bit offsets can reach.
const MOST_BYTES: usize = i32::MAX as usize;

/// The schema with strings and lists for views, at any depth.
pub fn plain_schema(schema: &Schema) -> SchemaRef {
    let fields: Vec<FieldRef> = schema.fields().iter().map(plain_field).collect();
    Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
}

fn plain_field(field: &FieldRef) -> FieldRef {
    let plain = plain_type(field.data_type());
    if plain == *field.data_type() { Arc::clone(field) } else { Arc::new(Field::clone(field).with_data_type(plain)) }
}

fn plain_type(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Utf8View => DataType::Utf8,
        DataType::BinaryView => DataType::Binary,
        DataType::List(item) | DataType::ListView(item) => DataType::List(plain_field(item)),
        DataType::LargeList(item) | DataType::LargeListView(item) => DataType::LargeList(plain_field(item)),
        DataType::FixedSizeList(item, size) => DataType::FixedSizeList(plain_field(item), *size),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(plain_field).collect()),
        DataType::Map(entries, sorted) => DataType::Map(plain_field(entries), *sorted),
        DataType::Dictionary(key, value) => DataType::Dictionary(key.clone(), Box::new(plain_type(value))),
        other => other.clone(),
    }
}

/// Whether the columns can be handed out in these types.
pub fn can_become(from: &Schema, to: &Schema) -> bool {
    from.fields().len() == to.fields().len()
        && from
            .fields()
            .iter()
            .zip(to.fields())
            .all(|(from, to)| arrow::compute::can_cast_types(from.data_type(), to.data_type()))
}

/// The batch in the types of `schema`, in as many parts as 32-bit offsets demand.
///
/// # Errors
/// Where a value has no place in the type asked for, such as a single text of more than 2 GiB in a plain string.
pub fn convert(batch: &RecordBatch, schema: &SchemaRef, parts: &mut Vec<RecordBatch>) -> Result<(), ArrowError> {
    let crowded = batch
        .columns()
        .iter()
        .zip(schema.fields())
        .find(|(column, field)| column.data_type() != field.data_type() && view_bytes(column) > MOST_BYTES);
    if let Some((_, field)) = crowded {
        let half = batch.num_rows() / 2;
        if half == 0 {
            return Err(ArrowError::InvalidArgumentError(format!(
                "column {:?} holds a value of more than 2 GiB, which fits no plain string: ask for string_view through \
                 requested_schema",
                field.name()
            )));
        }
        convert(&batch.slice(0, half), schema, parts)?;
        return convert(&batch.slice(half, batch.num_rows() - half), schema, parts);
    }
    let columns = batch
        .columns()
        .iter()
        .zip(schema.fields())
        .map(|(column, field)| if column.data_type() == field.data_type() {
            Ok(Arc::clone(column))
        } else {
            cast(column, field.data_type())
        })
        .collect::<Result<Vec<_>, _>>()?;
    // A batch without columns still has rows.
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    parts.push(RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?);
    Ok(())
}

/// The bytes of the longest child that views would become.
fn view_bytes(array: &dyn Array) -> usize {
    match array.data_type() {
        DataType::Utf8View => array.as_string_view().total_bytes_len(),
        DataType::BinaryView => array.as_binary_view().total_bytes_len(),
        DataType::Struct(_) => array.as_struct().columns().iter().map(|child| view_bytes(child)).max().unwrap_or(0),
        DataType::List(_) => {
            let list = array.as_list::<i32>();
            let (first, last) = (list.value_offsets()[0], list.value_offsets()[list.len()]);
            // Offsets of an array are never negative.
            view_bytes(&list.values().slice(first as usize, (last - first) as usize))
        }
        _ => 0,
    }
}
