//! What is in a store, as a table.

use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch, StringArray};

use super::name;
use crate::error::{Error, Result};
use crate::ner::Models;
use crate::store::{Store, rows_of};
use crate::tables::Kept;

/// One row a part of the store: `documents`, `quarantine`, `dropped` (documents that were copies), `entities` (one row a label), `signatures` and `duplicates` (what
/// is kept of copies), `replaced` (files that count no more and wait for their readers); then `label`, `files`, `rows`, `bytes`, `fingerprint`.
///
/// For a label, `files` counts the files of documents whose entities are kept and current, and `fingerprint` is that of its
/// recognizers; `rows` and `bytes` are NULL there, and stand in the row without a label.
///
/// # Errors
/// [`Error::Io`] where a file of the store cannot be read.
pub fn info(store: &Store, models: &Models) -> Result<RecordBatch> {
    let _reading = store.reading()?;
    let committed = store.committed()?;
    let mut rows = Rows::default();
    rows.part("documents", &committed.documents)?;
    rows.part("quarantine", &committed.quarantine)?;
    rows.part("dropped", &committed.dropped)?;
    rows.part("entities", &committed.entities)?;
    let kept = Kept::of(&committed, models);
    for label in models.registry().labels() {
        rows.push(Row {
            part: "entities",
            label: Some(label.to_string()),
            files: kept.current(label) as i64,
            rows: None,
            bytes: None,
            fingerprint: Some(models.label_fingerprint(label)),
        });
    }
    rows.part("signatures", &committed.signatures)?;
    rows.part("duplicates", committed.duplicates.as_slice())?;
    rows.part("replaced", &store.outlived()?)?;
    rows.finish()
}

#[derive(Debug)]
struct Row {
    part: &'static str,
    label: Option<String>,
    files: i64,
    rows: Option<i64>,
    bytes: Option<i64>,
    fingerprint: Option<String>,
}

#[derive(Debug, Default)]
struct Rows(Vec<Row>);

impl Rows {
    fn push(&mut self, row: Row) {
        self.0.push(row);
    }

    fn part(&mut self, part: &'static str, files: &[PathBuf]) -> Result<()> {
        let (mut rows, mut bytes) = (0, 0);
        for path in files {
            bytes += path.metadata().map_err(Error::io(path))?.len();
            // A damaged kept file costs time only; verify tells.
            rows += match rows_of(path) {
                Ok(rows) => rows,
                Err(error) if ["entities", "signatures", "duplicates"].contains(&part) => {
                    tracing::warn!("{}: {error}", name(path));
                    0
                }
                Err(error) => return Err(error),
            };
        }
        self.push(Row {
            part,
            label: None,
            files: files.len() as i64,
            rows: Some(rows as i64),
            bytes: Some(bytes as i64),
            fingerprint: None,
        });
        Ok(())
    }

    fn finish(self) -> Result<RecordBatch> {
        let rows = &self.0;
        let part: StringArray = rows.iter().map(|row| Some(row.part)).collect();
        let label: StringArray = rows.iter().map(|row| row.label.as_deref()).collect();
        let files: Int64Array = rows.iter().map(|row| Some(row.files)).collect();
        let of_rows: Int64Array = rows.iter().map(|row| row.rows).collect();
        let bytes: Int64Array = rows.iter().map(|row| row.bytes).collect();
        let fingerprint: StringArray = rows.iter().map(|row| row.fingerprint.as_deref()).collect();
        Ok(RecordBatch::try_from_iter_with_nullable([
            ("part", Arc::new(part) as _, false),
            ("label", Arc::new(label) as _, true),
            ("files", Arc::new(files) as _, false),
            ("rows", Arc::new(of_rows) as _, true),
            ("bytes", Arc::new(bytes) as _, true),
            ("fingerprint", Arc::new(fingerprint) as _, true),
        ])?)
    }
}
