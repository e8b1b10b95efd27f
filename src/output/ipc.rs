//! Arrow IPC: the file format (random access, for `mmap`) in files, the stream format in pipes.

use std::io::Write;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::ipc::writer::{FileWriter, StreamWriter};

use super::Encoder;
use super::plain::{plain_batches, plain_schema};
use crate::error::Result;

pub(super) struct File<W: Write> {
    writer: FileWriter<W>,
    schema: SchemaRef,
}

impl<W: Write> File<W> {
    pub(super) fn new(schema: &Schema, out: W) -> Result<Self> {
        let schema = plain_schema(schema);
        Ok(Self {
            writer: FileWriter::try_new(out, &schema)?,
            schema,
        })
    }
}

impl<W: Write + Send> Encoder for File<W> {
    fn batch(&mut self, batch: &RecordBatch) -> Result<()> {
        for batch in plain_batches(batch, &self.schema) {
            self.writer.write(&batch?)?;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        self.writer.finish()?;
        Ok(self.writer.flush()?)
    }
}

pub(super) struct Stream<W: Write> {
    writer: StreamWriter<W>,
    schema: SchemaRef,
}

impl<W: Write> Stream<W> {
    pub(super) fn new(schema: &Schema, out: W) -> Result<Self> {
        let schema = plain_schema(schema);
        Ok(Self {
            writer: StreamWriter::try_new(out, &schema)?,
            schema,
        })
    }
}

impl<W: Write + Send> Encoder for Stream<W> {
    fn batch(&mut self, batch: &RecordBatch) -> Result<()> {
        for batch in plain_batches(batch, &self.schema) {
            self.writer.write(&batch?)?;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        self.writer.finish()?;
        Ok(self.writer.flush()?)
    }
}
