//! Documents removed whose text another document has.
//!
//! What is known of them but the text stays, in `dropped/`: they are still rows of the table `duplicates`, so that copies are
//! counted as before.

use std::cell::Cell;
use std::io;
use std::path::Path;

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;

use super::{Replaced, Summary, commit};
use crate::duplicates::{self, Copies};
use crate::error::{Error, Result};
use crate::store::rewrite::{Names, check_whole, rewrite, rewrite_as};
use crate::store::{Kind, RecordedFiles, Run, Store, rows_of};

/// Removes each document whose text is exactly that of another, all but the first of them: the one with the earliest `ts`,
/// documents without a time coming last, or with the smaller `doc_id`. Those removed are rows of `duplicates` with `dropped`
/// set; their sources stay known. Where the document that has their text goes later, by its time or since its file is
/// replaced, the first of them that does not go is a document again (see [`super::prune`]).
///
/// # Errors
/// [`crate::Error::Busy`] while another process writes to the store, or looks for duplicates in it; [`crate::Error::Io`]
/// where reading or writing fails, or a file of documents that are to go, or of those that have their text, is not what was
/// written.
pub fn drop_duplicates(store: &Store) -> Result<Summary> {
    let run = Run::begin(store.clone())?;
    // Signatures are carried along: nobody else may write any meanwhile.
    let _signing = duplicates::lock(store)?;
    let committed = store.committed()?;
    let copies = Copies::in_store(store, &committed)?;
    let originals = copies.originals();
    let mut replaced = Replaced::default();
    let mut files = RecordedFiles::default();
    let mut names = Names::after(&run, run.documents(), &[]);
    let mut before = 0;
    for (path, signatures) in committed.documents.iter().zip(copies.files()) {
        let rows = rows_of(path)? as u32;
        let numbers = before..before + rows;
        before = numbers.end;
        if !numbers.clone().any(|number| copies.contains(number)) {
            if originals.range(numbers).next().is_some() {
                check_whole(&run, path)?;
            }
            continue;
        }
        replaced.add("documents", path, u64::from(rows));
        let mut first = numbers.start;
        let rest = rewrite_as(&run, std::slice::from_ref(path), &mut names, &mut |batch| {
            let stays = others(&copies, first, batch, path)?;
            first += batch.num_rows() as u32;
            Ok(filter_record_batch(batch, &stays)?)
        })?;
        if let Some(rest) = rest {
            let stays = by_number(numbers.start, |number| !copies.contains(number));
            duplicates::keep_some(store, signatures, &rest.name, &stays)?;
            files.documents.push(rest);
        }
    }
    let goes = by_number(0, |number| copies.contains(number));
    let mut names = Names::after(&run, run.dropped(), &[]);
    files
        .dropped
        .extend(rewrite(&run, copies.files(), &mut names, &goes)?);
    commit(run, Kind::Prune, files, replaced)
}

/// Which documents of a batch are no copies; `first` is the number of the first of them.
fn others(copies: &Copies, first: u32, batch: &RecordBatch, path: &Path) -> Result<BooleanArray> {
    let [ids, texts] = ["doc_id", "text"].map(|name| {
        let column = batch.column_by_name(name);
        column.map(|column| column.as_string_view())
    });
    (first..)
        .zip(0..batch.num_rows())
        .map(|(number, row)| {
            let is_copy = copies.contains(number);
            if is_copy && !texts.is_some_and(|texts| copies.is_text_of(number, texts.value(row))) {
                let what = format!(
                    "the text of {:?} has another hash than its signature says: nothing is removed; \
                     delete the folder `signatures` of the store, and try again",
                    ids.map_or("", |ids| ids.value(row))
                );
                return Err(Error::io(path)(io::Error::new(io::ErrorKind::InvalidData, what)));
            }
            Ok(Some(!is_copy))
        })
        .collect()
}

/// Chooses rows by their number, where batches come in order.
fn by_number(first: u32, is_such: impl Fn(u32) -> bool) -> impl Fn(&RecordBatch) -> BooleanArray {
    let next = Cell::new(first);
    move |batch| {
        let first = next.get();
        next.set(first + batch.num_rows() as u32);
        (first..next.get())
            .map(|number| Some(is_such(number)))
            .collect()
    }
}
