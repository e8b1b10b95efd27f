//! Old documents removed.

use std::collections::BTreeSet;
use std::path::PathBuf;

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use arrow::datatypes::TimestampMicrosecondType;
use chrono::{DateTime, Utc};

use super::{Replaced, Summary, commit, name};
use crate::error::Result;
use crate::store::heirs::Heirs;
use crate::store::rewrite::{Names, any_row, rewrite_as};
use crate::store::{Kind, RecordedFiles, Run, Store, rows_of, run_of};

/// Removes the documents whose `ts` is before a moment, and the quarantined records of runs that ended before it. Documents
/// without a time stay. Their sources stay known: ingesting them again adds nothing. Where documents that do not go were
/// dropped as copies of one that goes ([`super::drop_duplicates`]), the first of them is a document again, as if it had
/// taken the place of that one: with its own `doc_id`, `source` and `ts`, and NULL in columns that not every document has.
///
/// # Errors
/// [`crate::Error::Busy`] while another process writes to the store; [`crate::Error::Io`] where reading or writing fails,
/// or a file that would lose some of its documents is not what was written.
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
    let mut heirs = Heirs::among(&committed.dropped, &is_old)?;
    for path in committed.documents {
        if any_row(&path, "ts", &is_old)? {
            replaced.add("documents", &path, rows_of(&path)?);
            let rest = rewrite_as(&run, &[path], &mut names, &mut |batch| {
                heirs.rest(batch, &is_old(batch))
            })?;
            files.documents.extend(rest);
        }
    }
    let mut names = Names::after(&run, run.dropped(), &[]);
    for path in committed.dropped {
        if let Some(rest) = heirs.without(&run, &path, "ts", &is_old, &mut names)? {
            replaced.files.insert(format!("dropped/{}", name(&path)));
            files.dropped.extend(rest);
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
