//! Documents that were dropped as copies of one that goes now: the first of them takes its place, so that no text is lost
//! which a document of those that were ingested, and that nobody wants to go, has.
//!
//! It comes back as itself, with its own `doc_id`, `source` and `ts`; of its other columns no more is known than the text.
//! Who removes documents says which go; that those are no dropped ones any more is said here.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, RecordBatch, StringViewArray, TimestampMicrosecondArray,
};
use arrow::compute::{cast, filter_record_batch, nullif};
use arrow::datatypes::TimestampMicrosecondType;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::rewrite::{Names, any_row, rewrite};
use super::{RecordedFile, Run};
use crate::error::{Error, Result};
use crate::ingest::content_hash::{content_hash, content_of};
use crate::ingest::writer::failed;

/// A dropped document. The first is the one that `duplicates` has for the first: without a time it comes last.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Heir {
    is_without_time: bool,
    ts: i64,
    doc_id: String,
    source: String,
}

/// Of each text that dropped documents had the first of these.
#[derive(Debug, Default)]
pub(crate) struct Heirs {
    by_content: HashMap<u128, Heir>,
    back: HashSet<String>,
}

impl Heirs {
    /// Among the dropped documents of these files, without those that go themselves.
    pub(crate) fn among(
        dropped: &[PathBuf],
        go: &dyn Fn(&RecordBatch) -> BooleanArray,
    ) -> Result<Self> {
        let mut heirs = Self::default();
        for path in dropped {
            let file = File::open(path).map_err(Error::io(path))?;
            let reader = ParquetRecordBatchReaderBuilder::try_new(file).map_err(failed(path))?;
            let columns = ["doc_id", "source", "ts", "content_hash"];
            let columns = ProjectionMask::columns(reader.parquet_schema(), columns);
            let batches = reader.with_projection(columns).build();
            for batch in batches.map_err(failed(path))? {
                let batch = batch.map_err(|e| Error::io(path)(std::io::Error::other(e)))?;
                heirs.add(path, &batch, &go(&batch))?;
            }
        }
        Ok(heirs)
    }

    fn add(&mut self, path: &Path, batch: &RecordBatch, go: &BooleanArray) -> Result<()> {
        let [ids, sources, ts, hashes] = batch.columns() else {
            return Err(damaged(
                path,
                "its columns are not those of dropped documents",
            ));
        };
        let [ids, sources, hashes]: [&StringViewArray; 3] =
            [ids, sources, hashes].map(|column| column.as_string_view());
        let ts = ts.as_primitive::<TimestampMicrosecondType>();
        for row in (0..batch.num_rows()).filter(|&row| !go.value(row)) {
            let hash = hashes.value(row);
            let content = content_of(hash).ok_or_else(|| {
                damaged(
                    path,
                    &format!("the content_hash of {:?} is {hash:?}", ids.value(row)),
                )
            })?;
            let heir = Heir {
                is_without_time: ts.is_null(row),
                ts: if ts.is_null(row) { 0 } else { ts.value(row) },
                doc_id: ids.value(row).to_string(),
                source: sources.value(row).to_string(),
            };
            match self.by_content.entry(content) {
                Entry::Vacant(entry) => {
                    entry.insert(heir);
                }
                Entry::Occupied(mut entry) if heir < *entry.get() => {
                    entry.insert(heir);
                }
                Entry::Occupied(_) => {}
            }
        }
        Ok(())
    }

    /// Those documents of a batch that stay, and heirs in the place of those that go.
    pub(crate) fn rest(&mut self, batch: &RecordBatch, go: &BooleanArray) -> Result<RecordBatch> {
        let heirs = self.of_rows(batch, go);
        let stay: BooleanArray = (0..batch.num_rows())
            .map(|row| Some(!go.value(row) || heirs[row].is_some()))
            .collect();
        if heirs.iter().all(Option::is_none) {
            return Ok(filter_record_batch(batch, &stay)?);
        }
        let is_heir: BooleanArray = heirs.iter().map(|heir| Some(heir.is_some())).collect();
        let names = |of: fn(&Heir) -> &str, column: &ArrayRef| -> ArrayRef {
            let old = column.as_string_view();
            let rows = heirs.iter().enumerate();
            let new = rows.map(|(row, heir)| heir.as_ref().map_or(old.value(row), of));
            Arc::new(StringViewArray::from_iter_values(new))
        };
        let times = |column: &ArrayRef| -> ArrayRef {
            let old = column.as_primitive::<TimestampMicrosecondType>();
            let rows = heirs.iter().enumerate();
            let new = rows.map(|(row, heir)| match heir {
                Some(heir) => (!heir.is_without_time).then_some(heir.ts),
                None => old.is_valid(row).then(|| old.value(row)),
            });
            Arc::new(new.collect::<TimestampMicrosecondArray>())
        };
        let schema = batch.schema();
        let columns = schema.fields().iter().zip(batch.columns());
        let columns: Vec<ArrayRef> = columns
            .map(|(field, column)| match field.name().as_str() {
                "text" | "content_hash" => Ok(ArrayRef::clone(column)),
                "doc_id" => Ok(names(|heir| &heir.doc_id, column)),
                "source" => Ok(names(|heir| &heir.source, column)),
                "ts" => cast(&times(column), field.data_type()),
                _ => nullif(column, &is_heir),
            })
            .collect::<Result<_, _>>()?;
        self.back
            .extend(heirs.into_iter().flatten().map(|heir| heir.doc_id));
        Ok(filter_record_batch(
            &RecordBatch::try_new(schema, columns)?,
            &stay,
        )?)
    }

    /// For each row of a batch of documents that goes the heir, which is no other row's then.
    fn of_rows(&mut self, batch: &RecordBatch, go: &BooleanArray) -> Vec<Option<Heir>> {
        if self.by_content.is_empty() {
            return vec![None; batch.num_rows()];
        }
        let [text, hashes] = ["text", "content_hash"].map(|name| {
            let column = batch.column_by_name(name);
            column.map(|column| column.as_string_view().clone())
        });
        let content = |row: usize| {
            let hash = hashes.as_ref().filter(|hashes| hashes.is_valid(row));
            // Documents of versions that wrote none have that of their text.
            hash.and_then(|hashes| content_of(hashes.value(row)))
                .or_else(|| {
                    let text = text.as_ref()?;
                    Some(u128::from_be_bytes(content_hash(text.value(row))))
                })
        };
        (0..batch.num_rows())
            .map(|row| {
                let content = go.value(row).then(|| content(row)).flatten()?;
                self.by_content.remove(&content)
            })
            .collect()
    }

    /// Writes a file of dropped documents anew, without those that go, by one of their columns, and those that are
    /// documents again; nothing where it keeps all, and no file where none stays.
    pub(crate) fn without(
        &self,
        run: &Run,
        path: &PathBuf,
        column: &str,
        go: &dyn Fn(&RecordBatch) -> BooleanArray,
        names: &mut Names,
    ) -> Result<Option<Option<RecordedFile>>> {
        let back = |batch: &RecordBatch| self.are_back(batch);
        if !any_row(path, column, go)? && (self.back.is_empty() || !any_row(path, "doc_id", &back)?)
        {
            return Ok(None);
        }
        let stay = |batch: &RecordBatch| -> BooleanArray {
            let (go, back) = (go(batch), back(batch));
            (0..batch.num_rows())
                .map(|row| Some(!go.value(row) && !back.value(row)))
                .collect()
        };
        rewrite(run, std::slice::from_ref(path), names, &stay).map(Some)
    }

    fn are_back(&self, dropped: &RecordBatch) -> BooleanArray {
        let ids = dropped
            .column_by_name("doc_id")
            .map(|column| column.as_string_view());
        let is_back = |row| ids.is_some_and(|ids| self.back.contains(ids.value(row)));
        (0..dropped.num_rows())
            .map(|row| Some(is_back(row)))
            .collect()
    }
}

fn damaged(path: &Path, what: &str) -> Error {
    let what = format!("{what}: the file is damaged (`spanql store verify` names every such file)");
    Error::io(path)(std::io::Error::new(std::io::ErrorKind::InvalidData, what))
}
