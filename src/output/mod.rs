//! Results leave the engine: JSON, NDJSON, CSV, Parquet, Arrow IPC, or, for people, a table or one column a line.
//!
//! Owns the formats, one file each, and how a file comes to be under its name ([`write_file`]). Every writer is fed
//! batch by batch and holds at most a row group (Parquet) or a screenful (the table). What a query is, and how many
//! batches it keeps, is the session's; which format is the default on a terminal is the command line's.

mod csv;
mod file;
mod ipc;
mod json;
mod parquet;
mod plain;
mod sink;
mod table;
mod vertical;

use std::fmt;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::str::FromStr;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::execution::SendableRecordBatchStream;
use futures::StreamExt;

use crate::error::{Error, Result};
pub use file::write_file;
pub(crate) use file::{replace_file, sync_folder};
pub use plain::{plain_batches, plain_schema, viewless_schema};
use sink::Sink;

/// How a result is written.
///
/// | format | shape | empty result | NULL |
/// |---|---|---|---|
/// | `json` | one array, one object a line | `[]` | `null`, the key is always there |
/// | `ndjson` | one object a line | nothing | `null`, the key is always there |
/// | `csv` | header, then RFC 4180 records; lists and structs as JSON text | header | empty cell |
/// | `parquet` | zstd pages, row groups of at most 64 MiB | a file without rows | NULL |
/// | `arrow` | Arrow IPC: the stream format in a pipe, the file format in a file | schema only | NULL |
/// | `table` | aligned columns for people: at most 1,000 rows, long cells cut | header | `NULL` |
/// | `vertical` | one column a line for people: all rows, whole texts | the number of rows | `NULL` |
///
/// Timestamps are RFC 3339 in the text formats. In JSON, NaN and infinities become `null`, binary becomes
/// hexadecimal. Parquet and Arrow leave with plain types ([`plain_schema`]), which every reader has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// For people: a row a line.
    Table,
    /// For people: a column a line.
    Vertical,
    /// One JSON array.
    Json,
    /// One JSON object a line.
    Ndjson,
    /// Comma-separated values with a header.
    Csv,
    /// Apache Parquet.
    Parquet,
    /// Arrow IPC.
    Arrow,
}

impl Format {
    /// All formats, in the order of the documentation.
    pub const ALL: [Self; 7] = [
        Self::Table,
        Self::Vertical,
        Self::Json,
        Self::Ndjson,
        Self::Csv,
        Self::Parquet,
        Self::Arrow,
    ];

    /// The name as given to `--format`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Vertical => "vertical",
            Self::Json => "json",
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
            Self::Parquet => "parquet",
            Self::Arrow => "arrow",
        }
    }

    /// The usual extension of a file's name.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Table | Self::Vertical => "txt",
            other => other.name(),
        }
    }

    /// The format that a file name asks for: `.json`, `.ndjson` or `.jsonl`, `.csv`, `.parquet`, `.arrow`, `.ipc` or
    /// `.feather`, and `.txt` for the table.
    ///
    /// # Errors
    /// [`Error::Usage`] where the extension is none of these.
    ///
    /// ```
    /// # use spanql::output::Format;
    /// # use std::path::Path;
    /// assert_eq!(Format::from_extension(Path::new("out/top.JSONL"))?, Format::Ndjson);
    /// assert!(Format::from_extension(Path::new("out/top.xlsx")).is_err());
    /// # Ok::<(), spanql::Error>(())
    /// ```
    pub fn from_extension(path: &Path) -> Result<Self> {
        let extension = path
            .extension()
            .map(|e| e.to_string_lossy().to_ascii_lowercase());
        Ok(match extension.as_deref() {
            Some("json") => Self::Json,
            Some("ndjson" | "jsonl") => Self::Ndjson,
            Some("csv") => Self::Csv,
            Some("parquet") => Self::Parquet,
            Some("arrow" | "ipc" | "feather") => Self::Arrow,
            Some("txt") => Self::Table,
            _ => {
                return Err(Error::Usage(format!(
                    "{}: the name does not say the format: end it in .json, .ndjson, .csv, .parquet, .arrow or \
                     .txt, or name the format",
                    path.display()
                )));
            }
        })
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|format| format.name() == name)
            .ok_or_else(|| {
                Error::Usage(format!(
                    "unknown format {name:?}: the formats are {}",
                    Self::ALL.map(Self::name).join(", ")
                ))
            })
    }
}

/// One format, fed batch by batch.
trait Encoder: Send {
    /// Writes the rows of `batch`.
    fn batch(&mut self, batch: &RecordBatch) -> Result<()>;

    /// Writes what closes the output. The caller flushes.
    fn finish(&mut self) -> Result<()>;
}

/// Whether the output can be read back to front.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Target {
    Pipe,
    File,
}

/// Writes a result to `out` as it is computed and gives the number of rows.
///
/// A reader that hangs up (`spanql sql … | head`) ends the writing without an error, and ends the query with it.
/// Arrow IPC is written in its stream format; [`write_file`] writes the file format.
///
/// # Errors
/// [`Error::Query`] where the query fails in the middle: what was written before it stays written, which is why
/// files are written with [`write_file`]. [`Error::Io`] where `out` refuses bytes. [`Error::Usage`] where a result
/// cannot be expressed in the format (two columns of one name in JSON).
///
/// ```
/// # use std::sync::Arc;
/// # use arrow::array::{Int64Array, RecordBatch};
/// # use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
/// # use spanql::output::{self, Format};
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let batch = RecordBatch::try_from_iter([("n", Arc::new(Int64Array::from(vec![Some(1), None])) as _)])?;
/// let stream = RecordBatchStreamAdapter::new(batch.schema(), futures::stream::iter([Ok(batch)]));
/// let mut out = Vec::new();
/// assert_eq!(output::write(Box::pin(stream), Format::Ndjson, &mut out).await?, 2);
/// assert_eq!(out, b"{\"n\":1}\n{\"n\":null}\n");
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// # Ok::<(), std::io::Error>(())
/// ```
pub async fn write(
    stream: SendableRecordBatchStream,
    format: Format,
    out: impl Write + Send,
) -> Result<u64> {
    match drive(stream, format, Target::Pipe, out, Path::new("output")).await {
        Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::BrokenPipe => Ok(0),
        other => other,
    }
}

/// Feeds the encoder of `format`; `path` is for messages.
async fn drive(
    mut stream: SendableRecordBatchStream,
    format: Format,
    target: Target,
    out: impl Write + Send,
    path: &Path,
) -> Result<u64> {
    let failure = sink::Failure::default();
    // Encoders turn an I/O error into text on its way up; the sink has kept the original.
    let blame = |error: Error| {
        failure
            .take()
            .map_or(error, |source| Error::io(path)(source))
    };
    let out = BufWriter::with_capacity(128 << 10, Sink::new(out, failure.clone()));
    let mut encoder = encoder(format, target, &stream.schema(), out).map_err(blame)?;
    let mut rows = 0;
    while let Some(batch) = stream.next().await {
        let batch = batch?;
        rows += batch.num_rows() as u64;
        encoder.batch(&batch).map_err(blame)?;
        // A stream that is always ready would otherwise never let an abort (Ctrl-C) through.
        tokio::task::yield_now().await;
    }
    encoder.finish().map_err(blame)?;
    Ok(rows)
}

fn encoder<'a>(
    format: Format,
    target: Target,
    schema: &SchemaRef,
    out: impl Write + Send + 'a,
) -> Result<Box<dyn Encoder + 'a>> {
    Ok(match format {
        // A plan is one long cell, which a table would cut.
        Format::Table if is_plan(schema) => Box::new(vertical::Vertical::new(schema, out)),
        Format::Table => Box::new(table::Table::new(schema, out)),
        Format::Vertical => Box::new(vertical::Vertical::new(schema, out)),
        Format::Json => Box::new(json::Array::new(schema, out)?),
        Format::Ndjson => Box::new(json::Lines::new(schema, out)?),
        Format::Csv => Box::new(csv::Csv::new(schema, out)?),
        Format::Parquet => Box::new(parquet::Parquet::new(schema, out)?),
        Format::Arrow if target == Target::File => Box::new(ipc::File::new(schema, out)?),
        Format::Arrow => Box::new(ipc::Stream::new(schema, out)?),
    })
}

/// Whether EXPLAIN made it.
fn is_plan(schema: &SchemaRef) -> bool {
    let names = schema.fields().iter().map(|field| field.name().as_str());
    names.eq(["plan_type", "plan"])
}

#[cfg(test)]
mod tests;
