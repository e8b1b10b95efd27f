//! The types in which results leave for Python.
//!
//! Views are the engine's own strings, but pyarrow's kernels (sort, take, comparison, join) still fail on them, so
//! plain strings are what leaves unless a consumer asks for views. Unlike in files, dictionaries stay what they are:
//! they are pandas' categories. The conversion itself is `spanql::output::plain_batches`.

use std::sync::Arc;

use arrow::compute::can_cast_types;
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};

/// The schema with strings and lists for views, at any depth.
pub fn plain_schema(schema: &Schema) -> SchemaRef {
    let fields: Vec<FieldRef> = schema.fields().iter().map(plain_field).collect();
    Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
}

fn plain_field(field: &FieldRef) -> FieldRef {
    let plain = plain_type(field.data_type());
    if plain == *field.data_type() {
        Arc::clone(field)
    } else {
        Arc::new(Field::clone(field).with_data_type(plain))
    }
}

fn plain_type(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Utf8View => DataType::Utf8,
        DataType::BinaryView => DataType::Binary,
        DataType::List(item) | DataType::ListView(item) => DataType::List(plain_field(item)),
        DataType::LargeList(item) | DataType::LargeListView(item) => {
            DataType::LargeList(plain_field(item))
        }
        DataType::FixedSizeList(item, size) => DataType::FixedSizeList(plain_field(item), *size),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(plain_field).collect()),
        DataType::Map(entries, sorted) => DataType::Map(plain_field(entries), *sorted),
        DataType::Dictionary(key, value) => {
            DataType::Dictionary(key.clone(), Box::new(plain_type(value)))
        }
        other => other.clone(),
    }
}

/// Whether columns of one schema can be handed out as those of another.
pub fn can_become(from: &Schema, to: &Schema) -> bool {
    from.fields().len() == to.fields().len()
        && from
            .fields()
            .iter()
            .zip(to.fields())
            .all(|(from, to)| can_cast_types(from.data_type(), to.data_type()))
}
