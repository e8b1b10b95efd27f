//! Kept entities of files of documents that become one: merged, where all of them have a label from the same recognizers.
//!
//! One label at a time is in memory. The merged file is there before its documents count, and is removed with the remains
//! where they never do.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use arrow::array::{ArrayRef, AsArray, BooleanArray, RecordBatch};
use arrow::compute::{
    SortColumn, concat_batches, filter_record_batch, lexsort_to_indices, take_record_batch,
};
use arrow::datatypes::Int32Type;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::name;
use crate::error::{Error, Result};
use crate::ingest::writer::failed;
use crate::keep::KeptWriter;
use crate::store::{Committed, Store, check, checksum_in, documents_of, labels_of};

/// As kept files are sorted, their label aside.
const ORDER: [&str; 4] = ["value", "doc_id", "span_start", "span_end"];

/// Keeps for the file of documents `merged` what is kept for all of `files`, in whose place it comes.
pub(super) fn carry(
    store: &Store,
    committed: &Committed,
    files: &[PathBuf],
    merged: &str,
) -> Result<()> {
    let labels = common(committed, files);
    let mut writer: Option<KeptWriter> = None;
    let fingerprints: BTreeMap<_, _> = labels
        .iter()
        .map(|(label, (fingerprint, _))| (label.clone(), fingerprint.clone()))
        .collect();
    for (label, (_, kept)) in &labels {
        let mut batches = Vec::new();
        for path in kept {
            batches.extend(of_label(path, label)?);
        }
        let Some(first) = batches.first() else {
            continue;
        };
        let all = concat_batches(&first.schema(), &batches)?;
        let columns: Vec<SortColumn> = ORDER
            .iter()
            .filter_map(|name| all.column_by_name(name))
            .map(|column| SortColumn {
                values: ArrayRef::clone(column),
                options: None,
            })
            .collect();
        let sorted = take_record_batch(&all, &lexsort_to_indices(&columns, None)?)?;
        let writer = match &mut writer {
            Some(writer) => writer,
            None => writer.insert(KeptWriter::create(
                &store.entities(),
                merged,
                fingerprints.clone(),
                &sorted.schema(),
            )?),
        };
        writer.append(&sorted)?;
    }
    writer.map(KeptWriter::finish).transpose()?;
    Ok(())
}

/// By label, the fingerprint under which each of the files has it, and the kept files that do.
fn common(committed: &Committed, files: &[PathBuf]) -> BTreeMap<String, (String, Vec<PathBuf>)> {
    let mut of_files: Vec<BTreeMap<(String, String), PathBuf>> = vec![BTreeMap::new(); files.len()];
    for kept in &committed.entities {
        let documents = documents_of(&name(kept));
        let at = files
            .iter()
            .position(|file| documents.as_deref() == Some(&*name(file)));
        if let Some(at) = at
            // What cannot be read, or is not what was written, is computed anew.
            && is_whole(kept)
            && let Ok(labels) = labels_of(kept)
        {
            for label in labels {
                of_files[at].entry(label).or_insert_with(|| kept.clone());
            }
        }
    }
    let mut common = BTreeMap::new();
    for key in of_files.first().into_iter().flat_map(BTreeMap::keys) {
        let kept: Option<Vec<_>> = of_files.iter().map(|of| of.get(key).cloned()).collect();
        if let Some(kept) = kept {
            let (label, fingerprint) = key.clone();
            common.insert(label, (fingerprint, kept));
        }
    }
    common
}

fn is_whole(kept: &Path) -> bool {
    let name = name(kept);
    let whole = checksum_in(&name).map_or(Ok(()), |checksum| check(kept, None, checksum));
    if let Err(what) = &whole {
        tracing::warn!("{}: {what}; its entities are computed anew", kept.display());
    }
    whole.is_ok()
}

/// The rows of one label of a kept file.
fn of_label(path: &Path, label: &str) -> Result<Vec<RecordBatch>> {
    let file = File::open(path).map_err(Error::io(path))?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).map_err(failed(path))?;
    let mut batches = Vec::new();
    for batch in reader.build().map_err(failed(path))? {
        let batch = batch.map_err(|e| Error::io(path)(std::io::Error::other(e)))?;
        let labels = batch.column_by_name("label").map(|column| {
            let labels = column.as_dictionary::<Int32Type>();
            let words = labels.values().as_string::<i32>();
            let is_wanted = |key: Option<usize>| key.is_some_and(|key| words.value(key) == label);
            labels
                .keys_iter()
                .map(|key| Some(is_wanted(key)))
                .collect::<BooleanArray>()
        });
        if let Some(wanted) = labels {
            let wanted = filter_record_batch(&batch, &wanted)?;
            if wanted.num_rows() > 0 {
                batches.push(wanted);
            }
        }
    }
    Ok(batches)
}
