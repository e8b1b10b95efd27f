//! Batches → row groups → part files.
//!
//! Workers encode row groups by themselves ([`Part::encode`]); one thread appends them in order ([`PartWriter`]).
//! A part file has one schema: a chunk that brings a new column or a wider type begins the next part.

use std::collections::HashSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::ColumnPath;

use super::documents::{MAX_COLUMNS, Parsed};
use crate::error::{Error, Result};
use crate::store::{Checked, RecordedFile, document_schema, merge_schemas};

/// A part file is closed when so many bytes of input have gone into it.
const PART_BYTES: usize = 1 << 30;
/// Rows of quarantine that are held back until so many bytes of them make a row group.
const QUARANTINE_BYTES: usize = 16 << 20;

/// How the pages of the store's Parquet are compressed: what a query pays for decoding, against disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Codec {
    /// The smallest files, at a level from 1 to 22.
    Zstd(i32),
    /// Fast to decode.
    #[default]
    Lz4,
    /// Between LZ4 and none.
    Snappy,
    /// The fastest to decode, the largest files.
    None,
}

impl FromStr for Codec {
    type Err = String;

    fn from_str(name: &str) -> std::result::Result<Self, String> {
        let level = |level: &str| {
            level
                .parse()
                .ok()
                .filter(|level| (1..=22).contains(level))
                .map(Self::Zstd)
        };
        match name.to_ascii_lowercase().split_once(':') {
            Some(("zstd", number)) => level(number),
            None => match name.to_ascii_lowercase().as_str() {
                "zstd" => Some(Self::Zstd(3)),
                "lz4" => Some(Self::Lz4),
                "snappy" => Some(Self::Snappy),
                "none" => Some(Self::None),
                _ => None,
            },
            Some(_) => None,
        }
        .ok_or_else(|| {
            format!("{name:?} is no codec: it is zstd, zstd:1 to zstd:22, lz4, snappy or none")
        })
    }
}

impl Codec {
    /// The one that a file was written with.
    pub(crate) fn of(compression: Compression) -> Self {
        match compression {
            Compression::ZSTD(level) => Self::Zstd(level.compression_level()),
            Compression::SNAPPY => Self::Snappy,
            Compression::UNCOMPRESSED => Self::None,
            _ => Self::Lz4,
        }
    }

    pub(crate) fn compression(self) -> Result<Compression> {
        Ok(match self {
            Self::Zstd(level) => Compression::ZSTD(ZstdLevel::try_new(level)?),
            Self::Lz4 => Compression::LZ4_RAW,
            Self::Snappy => Compression::SNAPPY,
            Self::None => Compression::UNCOMPRESSED,
        })
    }
}

/// How the store's files are written.
pub(crate) fn properties(codec: Codec) -> Result<WriterProperties> {
    let column = |name: &str| ColumnPath::from(name);
    Ok(WriterProperties::builder()
        .set_compression(codec.compression()?)
        .set_key_value_metadata(Some(vec![KeyValue::new(
            "spanql.version".to_string(),
            env!("CARGO_PKG_VERSION").to_string(),
        )]))
        // Pages are measured after each such batch: with many rows in it, one of long texts would be all of a page.
        .set_write_batch_size(64)
        .set_data_page_size_limit(1 << 20)
        .set_dictionary_page_size_limit(256 << 10)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_statistics_truncate_length(Some(64))
        .set_column_index_truncate_length(Some(64))
        .set_column_statistics_enabled(column("doc_id"), EnabledStatistics::Page)
        .set_column_statistics_enabled(column("source"), EnabledStatistics::Page)
        .set_column_statistics_enabled(column("ts"), EnabledStatistics::Page)
        .set_column_statistics_enabled(column("text"), EnabledStatistics::None)
        .set_column_statistics_enabled(column("raw"), EnabledStatistics::None)
        .set_column_statistics_enabled(column("content_hash"), EnabledStatistics::None)
        // Hardly a text or an id is there twice.
        .set_column_dictionary_enabled(column("text"), false)
        .set_column_dictionary_enabled(column("doc_id"), false)
        .set_column_dictionary_enabled(column("raw"), false)
        .set_column_dictionary_enabled(column("content_hash"), false)
        .build())
}

/// A part file to be: its schema and what encodes row groups for it.
#[derive(Debug)]
pub(crate) struct Part {
    number: usize,
    schema: SchemaRef,
    codec: Codec,
    factory: ArrowRowGroupWriterFactory,
}

impl Part {
    fn new(number: usize, schema: SchemaRef, codec: Codec) -> Result<Self> {
        let writer =
            ArrowWriter::try_new(std::io::sink(), schema.clone(), Some(properties(codec)?))?;
        let (_, factory) = writer.into_serialized_writer()?;
        Ok(Self {
            number,
            schema,
            codec,
            factory,
        })
    }

    /// One row group, compressed; the values of one column at a time are in memory twice.
    pub(crate) fn encode(self: &Arc<Self>, parsed: &Parsed) -> Result<RowGroup> {
        let writers = self.factory.create_column_writers(0)?;
        let mut columns = Vec::with_capacity(writers.len());
        // Every type that a store holds is flat, hence one writer a field.
        for ((at, field), mut writer) in self.schema.fields().iter().enumerate().zip(writers) {
            for leaf in compute_leaves(field, &parsed.column(at, field)?)? {
                writer.write(&leaf)?;
            }
            columns.push(writer.close()?);
        }
        Ok(RowGroup {
            part: self.clone(),
            columns,
        })
    }
}

/// An encoded row group and the part that it belongs to.
#[derive(Debug)]
pub(crate) struct RowGroup {
    part: Arc<Part>,
    columns: Vec<ArrowColumnChunk>,
}

/// Which part a chunk goes to, given all the chunks before it.
#[derive(Debug)]
pub(crate) struct Parts {
    codec: Codec,
    schema: Schema,
    current: Option<Arc<Part>>,
    bytes: usize,
}

/// What [`Parts::place`] decided.
pub(crate) enum Placed {
    In(Arc<Part>),
    /// The chunk has more columns than there is room for; it may have these.
    Full(HashSet<String>),
}

impl Parts {
    pub(crate) fn new(codec: Codec) -> Self {
        Self {
            codec,
            schema: document_schema().as_ref().clone(),
            current: None,
            bytes: 0,
        }
    }

    /// Must be called in the order of the chunks.
    pub(crate) fn place(&mut self, schema: &Schema, bytes: usize) -> Result<Placed> {
        let merged = merge_schemas([&self.schema, schema].into_iter());
        let base = document_schema().fields().len();
        if merged.fields().len() > base + MAX_COLUMNS {
            let room = merged.fields().iter().skip(base).take(MAX_COLUMNS);
            return Ok(Placed::Full(
                room.map(|field| field.name().clone()).collect(),
            ));
        }
        self.bytes += bytes;
        let part = match self.current.take() {
            Some(part) if merged == self.schema && self.bytes <= PART_BYTES => part,
            last => {
                self.bytes = bytes;
                let number = last.map_or(1, |part| part.number + 1);
                Arc::new(Part::new(number, Arc::new(merged.clone()), self.codec)?)
            }
        };
        self.schema = merged;
        self.current = Some(part.clone());
        Ok(Placed::In(part))
    }
}

/// Forces a written file to the disk and says what it is.
pub(crate) fn on_disk(path: &Path, file: Checked<File>, rows: u64) -> Result<RecordedFile> {
    let name = path.file_name().unwrap_or_default();
    let recorded = RecordedFile {
        name: name.to_string_lossy().into_owned(),
        rows,
        bytes: file.count(),
        checksum: file.checksum(),
    };
    file.into_inner().sync_all().map_err(Error::io(path))?;
    Ok(recorded)
}

/// Says where writing failed, with the operating system's own error where there is one.
pub(crate) fn failed(path: &Path) -> impl FnOnce(ParquetError) -> Error {
    move |error| {
        let source = match error {
            ParquetError::External(inner) => match inner.downcast::<std::io::Error>() {
                Ok(source) => *source,
                Err(inner) => std::io::Error::other(inner),
            },
            other => std::io::Error::other(other),
        };
        Error::io(path)(source)
    }
}

/// Writes part files into a folder, one after the other.
#[derive(Debug)]
pub(crate) struct PartWriter {
    folder: PathBuf,
    run: String,
    open: Option<(usize, PathBuf, SerializedFileWriter<Checked<File>>)>,
    files: Vec<RecordedFile>,
}

impl PartWriter {
    pub(crate) fn new(folder: PathBuf, run: &str) -> Self {
        Self {
            folder,
            run: run.to_string(),
            open: None,
            files: Vec::new(),
        }
    }

    pub(crate) fn append(&mut self, row_group: RowGroup) -> Result<()> {
        let part = &row_group.part;
        if self
            .open
            .as_ref()
            .is_none_or(|(number, ..)| *number != part.number)
        {
            self.close()?;
            let name = format!("{}-{:04}.parquet", self.run, part.number);
            let path = self.folder.join(&name);
            let file = File::create_new(&path).map_err(Error::io(&path))?;
            let writer = ArrowWriter::try_new(
                Checked::new(file),
                part.schema.clone(),
                Some(properties(part.codec)?),
            )
            .and_then(ArrowWriter::into_serialized_writer)
            .map_err(failed(&path))?;
            self.open = Some((part.number, path, writer.0));
        }
        if let Some((_, path, writer)) = &mut self.open {
            let write = |writer: &mut SerializedFileWriter<Checked<File>>| {
                let mut group = writer.next_row_group()?;
                for column in row_group.columns {
                    column.append_to_row_group(&mut group)?;
                }
                group.close()
            };
            write(writer).map_err(failed(path))?;
        }
        Ok(())
    }

    fn close(&mut self) -> Result<()> {
        if let Some((_, path, writer)) = self.open.take() {
            let rows = writer.flushed_row_groups().iter().map(|g| g.num_rows());
            let rows = rows.sum::<i64>().unsigned_abs();
            let file = writer.into_inner().map_err(failed(&path))?;
            self.files.push(on_disk(&path, file, rows)?);
        }
        Ok(())
    }

    /// The files, all on disk.
    pub(crate) fn finish(mut self) -> Result<Vec<RecordedFile>> {
        self.close()?;
        Ok(self.files)
    }
}

/// Writes the rows of quarantine into one file, made with the first of them.
#[derive(Debug)]
pub(crate) struct QuarantineWriter {
    path: PathBuf,
    rows: u64,
    open: Option<ArrowWriter<Checked<File>>>,
}

impl QuarantineWriter {
    pub(crate) fn new(folder: &Path, run: &str) -> Self {
        Self {
            path: folder.join(format!("{run}-0001.parquet")),
            rows: 0,
            open: None,
        }
    }

    pub(crate) fn append(&mut self, batch: &RecordBatch) -> Result<()> {
        let writer = match &mut self.open {
            Some(writer) => writer,
            None => {
                let file = File::create_new(&self.path).map_err(Error::io(&self.path))?;
                // Raw bytes compress well and are seldom read.
                let writer = ArrowWriter::try_new(
                    Checked::new(file),
                    batch.schema(),
                    Some(properties(Codec::Zstd(3))?),
                )
                .map_err(failed(&self.path))?;
                self.open.insert(writer)
            }
        };
        writer.write(batch).map_err(failed(&self.path))?;
        self.rows += batch.num_rows() as u64;
        if writer.in_progress_size() > QUARANTINE_BYTES {
            writer.flush().map_err(failed(&self.path))?;
        }
        Ok(())
    }

    /// The file, if there is one, on disk.
    pub(crate) fn finish(self) -> Result<Vec<RecordedFile>> {
        let Some(writer) = self.open else {
            return Ok(Vec::new());
        };
        let file = writer.into_inner().map_err(failed(&self.path))?;
        Ok(vec![on_disk(&self.path, file, self.rows)?])
    }
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::{DataType, Field};

    use super::*;

    #[test]
    fn codecs_by_name() {
        assert_eq!("zstd".parse(), Ok(Codec::Zstd(3)));
        assert_eq!("ZSTD:19".parse(), Ok(Codec::Zstd(19)));
        assert_eq!("lz4".parse(), Ok(Codec::Lz4));
        assert_eq!("none".parse(), Ok(Codec::None));
        for bad in ["", "zstd:0", "zstd:23", "zstd:x", "lz4:1", "brotli"] {
            assert!(bad.parse::<Codec>().unwrap_err().contains(bad), "{bad}");
        }
    }

    #[test]
    fn a_part_ends_where_the_schema_widens_or_it_is_full() {
        let schema = |fields: &[(&str, DataType)]| {
            Schema::new(
                fields
                    .iter()
                    .map(|(n, t)| Field::new(*n, t.clone(), true))
                    .collect::<Vec<_>>(),
            )
        };
        let mut parts = Parts::new(Codec::None);
        let mut number =
            |fields: &[(&str, DataType)], bytes| match parts.place(&schema(fields), bytes).unwrap()
            {
                Placed::In(part) => part.number,
                Placed::Full(_) => panic!("not full"),
            };
        let int = ("n", DataType::Int64);
        assert_eq!(number(std::slice::from_ref(&int), 1), 1);
        assert_eq!(number(&[], 1), 1);
        assert_eq!(number(&[("n", DataType::Float64)], 1), 2);
        assert_eq!(number(std::slice::from_ref(&int), 1), 2);
        assert_eq!(number(&[("m", DataType::Boolean)], 1), 3);
        assert_eq!(number(std::slice::from_ref(&int), PART_BYTES), 4);
    }

    #[test]
    fn columns_beyond_the_limit_are_not_allowed() {
        let fields = |from: usize, to: usize| {
            Schema::new(
                (from..to)
                    .map(|n| Field::new(format!("c{n}"), DataType::Int64, true))
                    .collect::<Vec<_>>(),
            )
        };
        let mut parts = Parts::new(Codec::None);
        assert!(matches!(
            parts.place(&fields(0, 999), 1).unwrap(),
            Placed::In(_)
        ));
        let Placed::Full(allowed) = parts.place(&fields(990, 1005), 1).unwrap() else {
            panic!("full")
        };
        assert_eq!(allowed.len(), MAX_COLUMNS);
        assert!(allowed.contains("c999") && !allowed.contains("c1000"));
    }
}
