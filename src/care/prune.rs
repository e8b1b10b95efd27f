//! Old documents removed.

use std::collections::BTreeSet;
use std::path::PathBuf;

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use arrow::datatypes::TimestampMicrosecondType;
use chrono::{DateTime, Utc};

use super::{Replaced, Summary, commit, name};
use crate::error::Result;
use crate::store::rewrite::{Names, any_row, rewrite};
use crate::store::{Kind, RecordedFiles, Run, Store, rows_of, run_of};

/// Removes the documents whose `ts` is before a moment, and the quarantined records of runs that ended before it. Documents
/// without a time stay. Their sources stay known: ingesting them again adds nothing.
///
/// # Errors
/// [`crate::Error::Busy`] while another process writes to the store; [`crate::Error::Io`] where reading or writing fails.
pub fn prune(store: &Store, before: DateTime<Utc>) -> Result<Summary> {
    let run = Run::begin(store.clone())?;
    let committed = store.committed()?;
    let mut replaced = Replaced::default();
    let mut files = RecordedFiles::default();
    let mut names = Names::after(&run, run.documents(), &[]);
    let moment = before.timestamp_micros();
    let is_old = |batch: &RecordBatch| -> BooleanArray {
        let ts = batch.column_by_name("ts");
        let ts = ts.map(|column| column.as_primitive::<TimestampMicrosecondType>().clone());
        let old = |row| {
            ts.as_ref()
                .is_some_and(|ts| ts.is_valid(row) && ts.value(row) < moment)
        };
        (0..batch.num_rows()).map(|row| Some(old(row))).collect()
    };
    let keep =
        |batch: &RecordBatch| arrow::compute::not(&is_old(batch)).unwrap_or_else(|_| is_old(batch));
    for path in committed.documents {
        if any_row(&path, "ts", &is_old)? {
            replaced.add("documents", &path, rows_of(&path)?);
            files.documents.extend(rewrite(&[path], &mut names, &keep)?);
        }
    }
    let mut names = Names::after(&run, run.dropped(), &[]);
    for path in committed.dropped {
        if any_row(&path, "ts", &is_old)? {
            replaced.files.insert(format!("dropped/{}", name(&path)));
            files.dropped.extend(rewrite(&[path], &mut names, &keep)?);
        }
    }
    let ended: BTreeSet<&str> = run
        .records()
        .iter()
        .filter(|record| DateTime::parse_from_rfc3339(&record.finished).is_ok_and(|at| at < before))
        .map(|record| record.run.as_str())
        .collect();
    let is_ended = |path: &PathBuf| run_of(&name(path)).is_some_and(|run| ended.contains(run));
    for path in committed.quarantine.iter().filter(|path| is_ended(path)) {
        replaced.add("quarantine", path, rows_of(path)?);
    }
    commit(run, Kind::Prune, files, replaced)
}
