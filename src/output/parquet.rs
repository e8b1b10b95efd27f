//! Parquet: zstd pages, row groups bounded in bytes, so that memory does not grow with the width of rows.

use std::io::Write;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;

use super::Encoder;
use super::plain::{plain_batches, plain_schema};
use crate::error::Result;

/// Encoded bytes a row group may hold; the writer keeps one in memory.
const ROW_GROUP_BYTES: usize = 64 << 20;

pub(super) struct Parquet<W: Write + Send> {
    writer: ArrowWriter<W>,
    schema: SchemaRef,
}

impl<W: Write + Send> Parquet<W> {
    pub(super) fn new(schema: &Schema, out: W) -> Result<Self> {
        let schema = plain_schema(schema);
        // arrow-rs hides it in the encoded Arrow schema, where readers of Parquet do not look.
        let metadata = schema.metadata().iter();
        let metadata = metadata
            .map(|(key, value)| KeyValue::new(key.clone(), value.clone()))
            .collect();
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
            .set_max_row_group_bytes(Some(ROW_GROUP_BYTES))
            .set_key_value_metadata(Some(metadata))
            .build();
        let writer = ArrowWriter::try_new(out, SchemaRef::clone(&schema), Some(properties))?;
        Ok(Self { writer, schema })
    }
}

impl<W: Write + Send> Encoder for Parquet<W> {
    fn batch(&mut self, batch: &RecordBatch) -> Result<()> {
        for batch in plain_batches(batch, &self.schema) {
            self.writer.write(&batch?)?;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        self.writer.finish()?;
        Ok(self.writer.sync().map_err(arrow::error::ArrowError::from)?)
    }
}
