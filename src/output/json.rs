//! JSON: one array with one object a line, or one object a line (NDJSON).
//!
//! The values themselves are arrow-json's. Keys are always present: a reader that infers a schema from the first
//! lines must not miss a column that is NULL there.

use std::collections::HashSet;
use std::io::Write;

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use arrow::error::ArrowError;
use arrow::json::WriterBuilder;
use arrow::json::writer::{JsonFormat, LineDelimited, Writer};

use super::Encoder;
use crate::error::{Error, Result};

/// One object a line inside the brackets, so that `grep`, `diff` and people can read an array too.
#[derive(Debug, Default)]
struct ArrayOfLines;

impl JsonFormat for ArrayOfLines {
    fn start_stream<W: Write>(&self, out: &mut W) -> Result<(), ArrowError> {
        Ok(out.write_all(b"[\n")?)
    }

    fn start_row<W: Write>(&self, out: &mut W, is_first_row: bool) -> Result<(), ArrowError> {
        Ok(out.write_all(if is_first_row { b"" } else { b",\n" })?)
    }

    fn end_stream<W: Write>(&self, out: &mut W) -> Result<(), ArrowError> {
        Ok(out.write_all(b"\n]\n")?)
    }
}

pub(super) struct Array<W: Write> {
    writer: Writer<W, ArrayOfLines>,
    empty: bool,
}

impl<W: Write> Array<W> {
    pub(super) fn new(schema: &Schema, out: W) -> Result<Self> {
        check_names(schema)?;
        Ok(Self {
            writer: options().build(out),
            empty: true,
        })
    }
}

impl<W: Write + Send> Encoder for Array<W> {
    fn batch(&mut self, batch: &RecordBatch) -> Result<()> {
        self.empty &= batch.num_rows() == 0;
        Ok(self.writer.write(batch)?)
    }

    fn finish(&mut self) -> Result<()> {
        if self.empty {
            self.writer
                .get_mut()
                .write_all(b"[]\n")
                .map_err(ArrowError::from)?;
        } else {
            self.writer.finish()?;
        }
        Ok(self.writer.get_mut().flush().map_err(ArrowError::from)?)
    }
}

pub(super) struct Lines<W: Write>(Writer<W, LineDelimited>);

impl<W: Write> Lines<W> {
    pub(super) fn new(schema: &Schema, out: W) -> Result<Self> {
        check_names(schema)?;
        Ok(Self(options().build(out)))
    }
}

impl<W: Write + Send> Encoder for Lines<W> {
    fn batch(&mut self, batch: &RecordBatch) -> Result<()> {
        Ok(self.0.write(batch)?)
    }

    fn finish(&mut self) -> Result<()> {
        self.0.finish()?;
        Ok(self.0.get_mut().flush().map_err(ArrowError::from)?)
    }
}

fn options() -> WriterBuilder {
    WriterBuilder::new().with_explicit_nulls(true)
}

/// A join may give two columns of one name; as keys of one object, readers would silently drop one of them.
fn check_names(schema: &Schema) -> Result<()> {
    let mut seen = HashSet::new();
    match schema
        .fields()
        .iter()
        .find(|field| !seen.insert(field.name()))
    {
        None => Ok(()),
        Some(twice) => Err(Error::Usage(format!(
            "two columns are named {:?}, which JSON cannot hold: give one another name with AS",
            twice.name()
        ))),
    }
}
