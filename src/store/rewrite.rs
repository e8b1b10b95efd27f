//! Files of a store written anew, without some of their rows: into a run's hidden folder, to take their place with its commit.
//!
//! Which rows go is up to the caller. Types, values and the order of rows stay; so does the codec. A damaged file is not
//! written anew, since its new checksum would say that it is whole.

use std::collections::{BTreeSet, HashSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{Schema, SchemaRef};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::arrow::{ArrowWriter, ProjectionMask};

use super::heirs::Heirs;
use super::{Checked, RecordedFile, RecordedFiles, Run, check, stem_of};
use crate::error::{Error, Result};
use crate::ingest::Codec;
use crate::ingest::parquet_input::weight;
use crate::ingest::writer::{failed, on_disk, properties};

/// Rows that are decoded at once: texts may be megabytes long.
const BATCH_ROWS: usize = 256;
/// So much of rows makes a row group, as at ingest.
const ROW_GROUP_BYTES: usize = 8 << 20;

/// Where the next file of a run goes.
#[derive(Debug)]
pub(crate) struct Names {
    run: String,
    folder: PathBuf,
    used: usize,
}

impl Names {
    /// After the files that the run has in its folder already; numbers between them may be missing.
    pub(crate) fn after(run: &Run, folder: PathBuf, files: &[RecordedFile]) -> Self {
        let number = |file: &RecordedFile| {
            let (_, part) = stem_of(&file.name)?.split_once('-')?;
            part.parse().ok()
        };
        let used = files.iter().filter_map(number).max().unwrap_or(0);
        Self {
            run: run.id.clone(),
            folder,
            used,
        }
    }

    fn next(&mut self) -> PathBuf {
        self.used += 1;
        self.folder
            .join(format!("{}-{:04}.parquet", self.run, self.used))
    }
}

/// Writes the rows of some files, which have one schema, into one; nothing where no row stays. `keep` says which do.
///
/// # Errors
/// [`Error::Io`] where a file is not what was recorded of it, or where reading or writing fails.
pub(crate) fn rewrite(
    run: &Run,
    files: &[PathBuf],
    names: &mut Names,
    keep: &dyn Fn(&RecordBatch) -> BooleanArray,
) -> Result<Option<RecordedFile>> {
    rewrite_as(run, files, names, &mut |batch| {
        Ok(filter_record_batch(batch, &keep(batch))?)
    })
}

/// As [`rewrite`], where `rest` says what comes in the place of a batch.
pub(crate) fn rewrite_as(
    run: &Run,
    files: &[PathBuf],
    names: &mut Names,
    rest: &mut dyn FnMut(&RecordBatch) -> Result<RecordBatch>,
) -> Result<Option<RecordedFile>> {
    let mut open: Option<Rewritten> = None;
    for path in files {
        check_whole(run, path)?;
        let file = File::open(path).map_err(Error::io(path))?;
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).map_err(failed(path))?;
        let first = reader.metadata().row_groups().first();
        let codec = first.and_then(|group| group.columns().first());
        let codec = codec.map_or(Codec::default(), |column| Codec::of(column.compression()));
        let batches = reader.with_batch_size(BATCH_ROWS).build();
        for batch in batches.map_err(failed(path))? {
            let batch = batch.map_err(|e| Error::io(path)(std::io::Error::other(e)))?;
            let batch = rest(&batch)?;
            if batch.num_rows() == 0 {
                continue;
            }
            let open = match &mut open {
                Some(open) => open,
                None => open.insert(Rewritten::create(names.next(), &batch.schema(), codec)?),
            };
            open.write(&batch)?;
        }
    }
    open.map(Rewritten::finish).transpose()
}

/// Whether a file is what was recorded of it.
///
/// # Errors
/// [`Error::Io`] where it is not.
pub(crate) fn check_whole(run: &Run, path: &Path) -> Result<()> {
    // Versions that recorded names alone recorded no checksum.
    match run.recorded(path).filter(|file| !file.checksum.is_empty()) {
        None => Ok(()),
        Some(file) => check(path, Some(file.bytes), &file.checksum).map_err(|what| {
            Error::io(path)(std::io::Error::new(
                std::io::ErrorKind::InvalidData,
                format!(
                    "{what}: a damaged file is not written anew (`spanql store verify` names every such file)"
                ),
            ))
        }),
    }
}

struct Rewritten {
    path: PathBuf,
    schema: SchemaRef,
    writer: ArrowWriter<Checked<File>>,
    rows: u64,
    /// Since the last row group.
    bytes: usize,
}

impl Rewritten {
    fn create(path: PathBuf, schema: &Schema, codec: Codec) -> Result<Self> {
        let file = File::create_new(&path).map_err(Error::io(&path))?;
        // Without what a reader put beside it.
        let schema = Arc::new(Schema::new(schema.fields().clone()));
        let properties = properties(codec)?;
        let writer =
            ArrowWriter::try_new(Checked::new(file), Arc::clone(&schema), Some(properties))
                .map_err(failed(&path))?;
        Ok(Self {
            path,
            schema,
            writer,
            rows: 0,
            bytes: 0,
        })
    }

    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        // The same columns; metadata aside.
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), batch.columns().to_vec())?;
        self.writer.write(&batch).map_err(failed(&self.path))?;
        self.rows += batch.num_rows() as u64;
        self.bytes += weight(&batch);
        if self.bytes >= ROW_GROUP_BYTES {
            self.writer.flush().map_err(failed(&self.path))?;
            self.bytes = 0;
        }
        Ok(())
    }

    fn finish(self) -> Result<RecordedFile> {
        let file = self.writer.into_inner().map_err(failed(&self.path))?;
        on_disk(&self.path, file, self.rows)
    }
}

/// Writes anew what the store has of some sources' files, without those sources: adds the files to those of the run, and
/// says which they replace.
pub(crate) fn without_sources(
    run: &Run,
    sources: &BTreeSet<String>,
    files: &mut RecordedFiles,
) -> Result<BTreeSet<String>> {
    let mut replaced = BTreeSet::new();
    if sources.is_empty() {
        return Ok(replaced);
    }
    let committed = run.store().committed()?;
    let recorded = run.records().iter().flat_map(|record| &record.sources);
    let known: HashSet<&str> = recorded.map(|source| source.source.as_str()).collect();
    // A file in an archive has the archive's name before its own: a row is of the longest name that was ingested.
    let owner = |source: &str| -> bool {
        let around = source.rmatch_indices('/').map(|(at, _)| &source[..at]);
        let names = std::iter::once(source).chain(around);
        let mut known = names.filter(|name| known.contains(name));
        known.next().is_some_and(|name| sources.contains(name))
    };
    let is_of = |wanted: bool| {
        let owner = &owner;
        move |batch: &RecordBatch| -> BooleanArray {
            let of = batch
                .column_by_name("source")
                .map(|column| column.as_string_view());
            let is_of = |row| of.is_some_and(|of| owner(of.value(row)));
            (0..batch.num_rows())
                .map(|row| Some(is_of(row) == wanted))
                .collect()
        }
    };
    let goes = is_of(true);
    let mut replace = |folder: &str, path: &Path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        replaced.insert(format!("{folder}/{name}"));
    };
    let mut heirs = Heirs::among(&committed.dropped, &goes)?;
    let mut names = Names::after(run, run.documents(), &files.documents);
    for path in &committed.documents {
        if any_row(path, "source", &goes)? {
            let rest = rewrite_as(run, std::slice::from_ref(path), &mut names, &mut |batch| {
                heirs.rest(batch, &goes(batch))
            })?;
            files.documents.extend(rest);
            replace("documents", path);
        }
    }
    let mut names = Names::after(run, run.quarantine(), &files.quarantine);
    for path in &committed.quarantine {
        if any_row(path, "source", &goes)? {
            let rest = rewrite(run, std::slice::from_ref(path), &mut names, &is_of(false))?;
            files.quarantine.extend(rest);
            replace("quarantine", path);
        }
    }
    let mut names = Names::after(run, run.dropped(), &files.dropped);
    for path in &committed.dropped {
        if let Some(rest) = heirs.without(run, path, "source", &goes, &mut names)? {
            files.dropped.extend(rest);
            replace("dropped", path);
        }
    }
    Ok(replaced)
}

/// Whether some row of a file is such a one, by one column alone.
pub(crate) fn any_row(
    path: &Path,
    column: &str,
    is_such: &dyn Fn(&RecordBatch) -> BooleanArray,
) -> Result<bool> {
    let file = File::open(path).map_err(Error::io(path))?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).map_err(failed(path))?;
    let column = ProjectionMask::columns(reader.parquet_schema(), [column]);
    for batch in reader
        .with_projection(column)
        .build()
        .map_err(failed(path))?
    {
        let batch = batch.map_err(|e| Error::io(path)(std::io::Error::other(e)))?;
        if is_such(&batch).true_count() > 0 {
            return Ok(true);
        }
    }
    Ok(false)
}

/// For [`rewrite`]: every row.
pub(crate) fn all_rows(batch: &RecordBatch) -> BooleanArray {
    BooleanArray::from(vec![true; batch.num_rows()])
}
