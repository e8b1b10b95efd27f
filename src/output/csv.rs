//! CSV with a header (RFC 4180, `\n` line ends). Lists, structs and maps, which CSV has not, become JSON text.

use std::io::Write;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, StringBuilder};
use arrow::csv::Writer;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::json::writer::{EncoderOptions, make_encoder};

use super::Encoder;
use crate::error::Result;

pub(super) struct Csv<W: Write> {
    writer: Writer<W>,
    schema: SchemaRef,
}

impl<W: Write> Csv<W> {
    pub(super) fn new(schema: &Schema, out: W) -> Result<Self> {
        let fields = schema
            .fields()
            .iter()
            .map(|field| match field.data_type().is_nested() {
                true => Arc::new(Field::new(field.name(), DataType::Utf8, true)),
                false => Arc::clone(field),
            });
        let schema: SchemaRef = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let mut writer = Writer::new(out);
        // An empty batch writes the header, which an empty result has too.
        writer.write(&RecordBatch::new_empty(Arc::clone(&schema)))?;
        Ok(Self { writer, schema })
    }
}

impl<W: Write + Send> Encoder for Csv<W> {
    fn batch(&mut self, batch: &RecordBatch) -> Result<()> {
        let columns =
            batch
                .schema_ref()
                .fields()
                .iter()
                .zip(batch.columns())
                .map(|(field, column)| {
                    if field.data_type().is_nested() {
                        json_text(field, column)
                    } else {
                        Ok(Arc::clone(column))
                    }
                });
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        // Nullability of the text columns may differ from the input's: names and types decide.
        Ok(self
            .writer
            .write(&RecordBatch::try_new(Arc::clone(&self.schema), columns)?)?)
    }

    fn finish(&mut self) -> Result<()> {
        // The writer flushes after every batch.
        Ok(())
    }
}

fn json_text(field: &Arc<Field>, column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let options = EncoderOptions::default().with_explicit_nulls(true);
    let mut encoder = make_encoder(field, column, &options)?;
    let mut cells = StringBuilder::new();
    let mut cell = Vec::new();
    for row in 0..column.len() {
        if encoder.is_null(row) {
            cells.append_null();
            continue;
        }
        cell.clear();
        encoder.encode(row, &mut cell);
        cells.append_value(
            std::str::from_utf8(&cell).map_err(|e| ArrowError::JsonError(e.to_string()))?,
        );
    }
    Ok(Arc::new(cells.finish()))
}
