//! Documents removed whose text another document has.
//!
//! What is known of them but the text stays, in `dropped/`: they are still rows of the table `duplicates`, so that copies are
//! counted as before.

use std::cell::Cell;

use arrow::array::{BooleanArray, RecordBatch};

use super::{Replaced, Summary, commit};
use crate::duplicates::{self, Copies};
use crate::error::Result;
use crate::store::rewrite::{Names, rewrite};
use crate::store::{Kind, RecordedFiles, Run, Store, rows_of};

/// Removes each document whose text is exactly that of another, all but the first of them: the one with the earliest `ts`,
/// documents without a time coming last, or with the smaller `doc_id`. Those removed are rows of `duplicates` with `dropped`
/// set; their sources stay known. Where the document that has their text goes later, by its time or since its file is
/// replaced, the first of them that does not go is a document again (see [`super::prune`]).
///
/// # Errors
/// [`crate::Error::Busy`] while another process writes to the store, or looks for duplicates in it; [`crate::Error::Io`]
/// where reading or writing fails.
pub fn drop_duplicates(store: &Store) -> Result<Summary> {
    let run = Run::begin(store.clone())?;
    // Signatures are carried along: nobody else may write any meanwhile.
    let _signing = duplicates::lock(store)?;
    let committed = store.committed()?;
    let copies = Copies::in_store(&committed)?;
    let mut replaced = Replaced::default();
    let mut files = RecordedFiles::default();
    let mut names = Names::after(&run, run.documents(), &[]);
    let mut before = 0;
    for (path, signatures) in committed.documents.iter().zip(copies.files()) {
        let rows = rows_of(path)? as u32;
        let numbers = before..before + rows;
        before = numbers.end;
        if !numbers.clone().any(|number| copies.contains(number)) {
            continue;
        }
        let stays = by_number(numbers.start, |number| !copies.contains(number));
        replaced.add("documents", path, u64::from(rows));
        if let Some(rest) = rewrite(&run, std::slice::from_ref(path), &mut names, &stays)? {
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
