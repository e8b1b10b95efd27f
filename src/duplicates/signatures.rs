//! Signatures of documents: one file for each file of documents, in its order, made once.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, FixedSizeBinaryBuilder, RecordBatch, StringViewArray,
    StringViewBuilder, TimestampMicrosecondArray,
};
use arrow::compute::{cast, filter_record_batch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimestampMicrosecondType};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ParquetRecordBatchReaderBuilder};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;

use super::records::{Document, Recorder, Records};
use super::sketch::{BINS, Signature};
use super::{Means, ROW_GROUP_ROWS};
use crate::error::{Error, Result};
use crate::ingest::Codec;
use crate::ingest::content_hash::{content_hash, content_of};
use crate::ingest::writer::failed;
use crate::keep::KeptWriter;
use crate::store::{SIGNATURE_METADATA, SIGNATURE_METHOD, document_schema};

/// Rows that are decoded at once: texts may be megabytes long.
const BATCH_ROWS: usize = 256;

/// `doc_id`, `source`, `ts`, `content_hash` as in `documents`, then what is compared.
fn schema() -> SchemaRef {
    let columns = document_schema();
    let of_document = columns
        .fields()
        .iter()
        .filter(|field| field.name() != "text")
        .cloned();
    let own = [
        Field::new("normal", DataType::FixedSizeBinary(16), false),
        Field::new("sketch", DataType::FixedSizeBinary(BINS as i32), true),
    ];
    Arc::new(Schema::new(
        of_document.chain(own.map(Arc::new)).collect::<Vec<_>>(),
    ))
}

/// Makes the signatures of a file of documents, as a file in `folder`.
pub(super) fn sign(documents: &Path, folder: &Path, means: &Means) -> Result<PathBuf> {
    let name = documents.file_name().unwrap_or_default().to_string_lossy();
    let mut writer = KeptWriter::with(folder, &name, &schema(), properties()?)?;
    let file = File::open(documents).map_err(Error::io(documents))?;
    let metadata =
        ArrowReaderMetadata::load(&file, Default::default()).map_err(failed(documents))?;
    let groups: Vec<usize> = (0..metadata.metadata().num_row_groups()).collect();
    // As many at once as there are threads: they are of one size.
    for groups in groups.chunks(means.threads.max(1)) {
        if !(means.wanted)() {
            return Err(Error::Interrupted);
        }
        let signed: Vec<Result<Vec<RecordBatch>>> = std::thread::scope(|threads| {
            let work = |group| {
                let metadata = metadata.clone();
                threads.spawn(move || signed(documents, metadata, group))
            };
            let threads: Vec<_> = groups.iter().map(|&group| work(group)).collect();
            let results = threads.into_iter().map(std::thread::ScopedJoinHandle::join);
            results
                .map(|result| result.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect()
        });
        for batches in signed {
            for batch in batches? {
                writer.append(&batch)?;
            }
        }
    }
    Ok(writer.name()?.0)
}

fn properties() -> Result<WriterProperties> {
    let method = KeyValue::new(SIGNATURE_METADATA.to_string(), SIGNATURE_METHOD.to_string());
    Ok(WriterProperties::builder()
        .set_compression(Codec::default().compression()?)
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_dictionary_enabled(false)
        .set_column_dictionary_enabled(ColumnPath::from("source"), true)
        .set_key_value_metadata(Some(vec![method]))
        .build())
}

/// Puts those rows of files of signatures after each other that stay, into one of the documents of all.
pub(super) fn merge(
    files: &[&Path],
    folder: &Path,
    documents: &str,
    keep: &dyn Fn(&RecordBatch) -> BooleanArray,
) -> Result<()> {
    let mut writer = KeptWriter::with(folder, documents, &schema(), properties()?)?;
    for path in files {
        for batch in batches(path, false)? {
            let batch = batch?;
            writer.append(&filter_record_batch(&batch, &keep(&batch))?)?;
        }
    }
    writer.finish()?;
    Ok(())
}

/// The signatures of one row group.
fn signed(
    documents: &Path,
    metadata: ArrowReaderMetadata,
    group: usize,
) -> Result<Vec<RecordBatch>> {
    let file = File::open(documents).map_err(Error::io(documents))?;
    let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata);
    let names = document_schema();
    let columns = ProjectionMask::columns(
        reader.parquet_schema(),
        names.fields().iter().map(|f| f.name().as_str()),
    );
    let reader = reader
        .with_projection(columns)
        .with_row_groups(vec![group])
        .with_batch_size(BATCH_ROWS);
    let batches = reader.build().map_err(failed(documents))?;
    batches.map(|batch| signatures(&batch?)).collect()
}

fn signatures(documents: &RecordBatch) -> Result<RecordBatch> {
    let schema = schema();
    let column = |name: &str| -> Result<Option<ArrayRef>> {
        let column = documents.column_by_name(name);
        let to = document_schema().field_with_name(name)?.data_type().clone();
        Ok(column.map(|column| cast(column, &to)).transpose()?)
    };
    let missing = |name: &str| {
        Error::Usage(format!(
            "a file of documents has no column {name:?}: no ingest wrote it"
        ))
    };
    let required = |name: &str| column(name)?.ok_or_else(|| missing(name));
    let text = required("text")?;
    let text = text.as_string_view();
    let hashes = column("content_hash")?;
    let hashes = hashes.as_ref().map(|hashes| hashes.as_string_view());
    let mut content = StringViewBuilder::with_capacity(text.len());
    let mut normal = FixedSizeBinaryBuilder::with_capacity(text.len(), 16);
    let mut sketch = FixedSizeBinaryBuilder::with_capacity(text.len(), BINS as i32);
    for row in 0..text.len() {
        let text = text.value(row);
        let hash = hashes
            .filter(|hashes| hashes.is_valid(row))
            .map(|hashes| hashes.value(row));
        match hash.filter(|hash| content_of(hash).is_some()) {
            Some(hash) => content.append_value(hash),
            // Documents of versions that wrote none.
            None => {
                content.append_value(format!("{:032x}", u128::from_be_bytes(content_hash(text))))
            }
        }
        let signature = Signature::of(text);
        normal.append_value(signature.normal.to_le_bytes())?;
        match signature.sketch {
            Some(of) => sketch.append_value(of)?,
            None => sketch.append_null(),
        }
    }
    let ts = match column("ts")? {
        Some(ts) => ts,
        None => Arc::new(TimestampMicrosecondArray::new_null(text.len()).with_timezone("UTC")),
    };
    let columns: Vec<ArrayRef> = vec![
        required("doc_id")?,
        required("source")?,
        ts,
        Arc::new(content.finish()),
        Arc::new(normal.finish()),
        Arc::new(sketch.finish()),
    ];
    Ok(RecordBatch::try_new(schema, columns)?)
}

/// The batches of a file of signatures; without `normal` and `sketch` where `described` is all that is wanted.
pub(super) fn batches(
    path: &Path,
    described: bool,
) -> Result<impl Iterator<Item = Result<RecordBatch>>> {
    let file = File::open(path).map_err(Error::io(path))?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).map_err(failed(path))?;
    let columns = ["doc_id", "source", "ts", "content_hash", "normal", "sketch"];
    let columns = if described {
        &columns[..4]
    } else {
        &columns[..]
    };
    let columns = ProjectionMask::columns(reader.parquet_schema(), columns.iter().copied());
    let path = path.to_path_buf();
    let batches = reader
        .with_projection(columns)
        .build()
        .map_err(failed(&path))?;
    Ok(batches.map(move |batch| batch.map_err(|e| Error::io(&path)(std::io::Error::other(e)))))
}

/// The documents of files of signatures, for comparison, in their order: those that there are, then those that were removed.
pub(super) fn records(
    files: &[PathBuf],
    dropped: &[PathBuf],
    wanted: &dyn Fn() -> bool,
) -> Result<Records> {
    let temporary = std::env::temp_dir();
    let mut recorder = Recorder::new().map_err(Error::io(&temporary))?;
    for (files, dropped) in [(files, false), (dropped, true)] {
        for path in files {
            for batch in batches(path, false)? {
                if !wanted() {
                    return Err(Error::Interrupted);
                }
                record(&batch?, dropped, &mut recorder, path)?;
            }
        }
    }
    recorder.finish().map_err(Error::io(&temporary))
}

fn record(batch: &RecordBatch, dropped: bool, recorder: &mut Recorder, path: &Path) -> Result<()> {
    let batch = batch.project(&[0, 2, 3, 4, 5])?;
    let [ids, ts, content, normal, sketch] = batch.columns() else {
        return Ok(());
    };
    let [ids, content]: [&StringViewArray; 2] =
        [ids, content].map(|column| column.as_string_view());
    let ts = ts.as_primitive::<TimestampMicrosecondType>();
    let [normal, sketch] = [normal, sketch].map(|column| column.as_fixed_size_binary());
    for row in 0..batch.num_rows() {
        let document = Document {
            doc_id: ids.value(row),
            ts: ts.is_valid(row).then(|| ts.value(row)),
            content: content_of(content.value(row)).ok_or_else(|| {
                let (id, hash) = (ids.value(row), content.value(row));
                damaged(
                    path,
                    &format!("the content_hash of {id:?} is {hash:?}"),
                    dropped,
                )
            })?,
            normal: normal
                .value(row)
                .try_into()
                .map(u128::from_le_bytes)
                .unwrap_or_default(),
            sketch: sketch
                .is_valid(row)
                .then(|| sketch.value(row).try_into().ok())
                .flatten(),
            dropped,
        };
        recorder.add(&document).map_err(Error::io(path))?;
    }
    Ok(())
}

fn damaged(path: &Path, what: &str, dropped: bool) -> Error {
    let to_do = if dropped {
        "`spanql store verify` names every such file"
    } else {
        "delete it, and `spanql duplicates` makes it anew"
    };
    let what = format!("{what}: the file is damaged; {to_do}");
    Error::io(path)(std::io::Error::new(std::io::ErrorKind::InvalidData, what))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_whose_hashes_cannot_be_read_are_no_copies_of_each_other() {
        let rows = 2;
        let mut normal = FixedSizeBinaryBuilder::new(16);
        for _ in 0..rows {
            normal.append_value([0; 16]).unwrap();
        }
        let columns: Vec<ArrayRef> = vec![
            Arc::new(StringViewArray::from(vec!["a#1", "a#2"])),
            Arc::new(StringViewArray::from(vec!["a", "a"])),
            Arc::new(TimestampMicrosecondArray::new_null(rows).with_timezone("UTC")),
            Arc::new(StringViewArray::from(vec!["?", "??"])),
            Arc::new(normal.finish()),
            arrow::array::new_null_array(&DataType::FixedSizeBinary(BINS as i32), rows),
        ];
        let batch = RecordBatch::try_new(schema(), columns).unwrap();
        let mut recorder = Recorder::new().unwrap();
        let error = record(&batch, false, &mut recorder, Path::new("of/a.parquet")).unwrap_err();
        let error = error.to_string();
        for part in ["of/a.parquet", "a#1", "\"?\"", "delete it"] {
            assert!(error.contains(part), "{error}");
        }
    }
}
