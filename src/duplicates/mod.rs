//! Copies among documents: reposts, with changes or without, and which document is the original.
//!
//! Owns what makes two texts one: their tokens (`tokens.rs`), a signature of these (`sketch.rs`), and what is joined by them
//! (`clusters.rs`, which sorts with `groups.rs`, over `records.rs`). Reading texts costs most by far; hence signatures are
//! kept in the store, a file for each file of documents (`signatures.rs`), and only new documents are read. Clusters are then
//! found anew, from the signatures of all documents: what was removed or replaced leaves no trace in them, and the answer is
//! that of a store in which nothing was ever kept. Showing the table is `tables/duplicates.rs`'s.

mod clusters;
mod groups;
mod records;
mod signatures;
mod sketch;
mod tokens;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use arrow::array::{
    ArrayRef, BooleanArray, Float32Array, RecordBatch, StringViewArray, StringViewBuilder,
};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::execution::memory_pool::{
    MemoryConsumer, MemoryPool, MemoryReservation, UnboundedMemoryPool,
};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use crate::error::{Error, Result};
use crate::ingest::Codec;
use crate::ingest::content_hash::content_hash;
use crate::keep::{KeptWriter, Progress};
use crate::ner::Cancel;
use crate::session::{Session, no_store};
use crate::store::rewrite::all_rows;
use crate::store::{
    Committed, DUPLICATES_METADATA, Lock, SIGNATURE_METADATA, SIGNATURE_METHOD, Store, check,
    checksum_in, documents_of, duplicates_parts, list, metadata_of, state_of,
};
use clusters::{BYTES_PER_DOCUMENT, BYTES_PER_ITEM, Clusters};
use records::Records;

/// So much is sorted at once where there is memory for it, and at least so much.
const SORTED_BYTES: usize = 256 << 20;
const LEAST_SORTED_BYTES: usize = 1 << 20;

/// Of a file of signatures or duplicates: some megabytes, which a writer holds in memory.
const ROW_GROUP_ROWS: usize = 64 << 10;

/// The columns of the table `duplicates`: one row for each document that is a copy, that there are copies of, or that was
/// dropped as one.
///
/// * `doc_id`, `source`, `ts`, `content_hash`: those of the document.
/// * `duplicate_of`: the first document with exactly the same text; NULL for that document itself.
/// * `cluster_id`: the original, which is the first document of all that are this text or this text with changes; the
///   original's own `doc_id` is its `cluster_id`. First is who has the earliest `ts`, documents without one coming last; and
///   the smaller `doc_id` where times are equal.
/// * `similarity`: the share of runs of three words, or characters of Chinese, that the document and its original have in
///   common, of those in either; estimated, ± 0.04. 1 where they differ in punctuation, width and case at most.
/// * `dropped`: whether the document was removed since another has the same text. Such documents come after all others where
///   it is decided which is the first.
#[must_use]
pub fn duplicates_schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
        let documents = crate::store::document_schema();
        let of_document = documents
            .fields()
            .iter()
            .filter(|field| field.name() != "text")
            .cloned();
        let own = [
            Field::new("duplicate_of", DataType::Utf8View, true),
            Field::new("cluster_id", DataType::Utf8View, false),
            Field::new("similarity", DataType::Float32, false),
            Field::new("dropped", DataType::Boolean, false),
        ];
        Arc::new(Schema::new(
            of_document.chain(own.map(Arc::new)).collect::<Vec<_>>(),
        ))
    });
    Arc::clone(&SCHEMA)
}

/// What finding duplicates may use, and whether they are still wanted.
pub(crate) struct Means {
    pub threads: usize,
    pub memory: Arc<dyn MemoryPool>,
    pub wanted: Box<dyn Fn() -> bool + Send + Sync>,
}

/// What [`keep_duplicates`] found, or had found before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Files of documents that were read, since they had no signatures.
    #[serde(skip)]
    pub signed: u64,
    /// Files of documents that had theirs.
    #[serde(skip)]
    pub current: u64,
    /// Documents that were compared, with those that were removed as copies before.
    pub documents: u64,
    /// Texts that there are copies of.
    pub clusters: u64,
    /// Documents that are copies, with changes or without.
    pub copies: u64,
    /// Those of them whose text is exactly that of another document.
    pub exact: u64,
}

/// Finds which documents of the session's store are copies, and keeps it in the store for the table `duplicates`.
///
/// Only documents that have not been read for this before are; a file of documents is done by itself, so that what was
/// finished before an error or a kill stays. It may run beside an ingest and beside queries, and must be called within a
/// tokio runtime. Dropping the future stops it.
///
/// ```
/// # use std::sync::Arc;
/// # use spanql::ingest::{IngestOptions, ingest};
/// # use spanql::{Session, SessionOptions, duplicates::keep_duplicates};
/// # let dir = tempfile::tempdir()?;
/// # let input = dir.path().join("in.txt").display().to_string();
/// # std::fs::write(&input, "Rain at noon.\nrain at noon\nSun at noon.\n")?;
/// # let store = dir.path().join("store");
/// ingest(&[input], &store, &IngestOptions::default(), &())?;
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// let session = Session::open(SessionOptions { store: Some(store), ..Default::default() }).await?;
/// let found = keep_duplicates(&session, Arc::new(())).await?;
/// assert_eq!((found.documents, found.clusters, found.copies, found.exact), (3, 1, 1, 0));
/// # Ok::<(), spanql::Error>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`Error::Usage`] without a store, [`Error::Busy`] while another one runs on the store, [`Error::Query`] where the
/// session's memory does not suffice, and what reading and writing can give.
pub async fn keep_duplicates(session: &Session, progress: Arc<dyn Progress>) -> Result<Summary> {
    let store = session.store().ok_or_else(no_store)?.clone();
    let cancel = Cancel::default();
    let _wanted = Dropped(cancel.clone());
    let means = Means {
        threads: session.threads(),
        memory: session.memory_pool(),
        wanted: Box::new(move || !cancel.is_cancelled()),
    };
    let work = tokio::task::spawn_blocking(move || keep(&store, &means, progress.as_ref()));
    work.await
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}

/// Says, when it is dropped, that nobody waits any more.
struct Dropped(Cancel);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

fn keep(store: &Store, means: &Means, progress: &dyn Progress) -> Result<Summary> {
    let lock = lock(store)?;
    let [signatures, duplicates] = [store.signatures(), store.duplicates()];
    let reading = store.reading()?;
    let committed = store.committed()?;
    let (files, signed) = signed_files(&committed, &signatures, means, progress)?;
    // What was made by another method, or is damaged.
    let of_use: BTreeSet<PathBuf> = files.iter().cloned().collect();
    let unused = committed.signatures.iter();
    let mut unused: Vec<PathBuf> = unused
        .filter(|path| !of_use.contains(*path))
        .cloned()
        .collect();
    let kept = committed.duplicates.as_deref();
    let whole =
        kept.filter(|path| is_whole(path, duplicates_parts(&name(path)).map(|(_, sum)| sum)));
    let mut summary = match whole.and_then(counts_of) {
        Some(counts) => counts,
        None => {
            let mut found = Found::among(files, committed.dropped.clone(), means)?;
            let counts = found.counts();
            let state = state_of(&committed.documents, &committed.dropped);
            let written = write(found, counts, &duplicates, &state)?;
            unused.extend(committed.duplicates.clone().filter(|kept| *kept != written));
            counts
        }
    };
    summary.signed = signed;
    summary.current = committed.documents.len() as u64 - signed;
    drop(reading);
    store.remove_outdated_duplicates(&unused)?;
    drop(lock);
    Ok(summary)
}

/// Of each file of documents that of its signatures, and how many of these had to be made: in `folder`.
fn signed_files(
    committed: &Committed,
    folder: &Path,
    means: &Means,
    progress: &dyn Progress,
) -> Result<(Vec<PathBuf>, u64)> {
    let kept = kept_signatures(committed, &committed.documents);
    let documents = committed.documents.iter();
    let mut files: Vec<Option<PathBuf>> = documents
        .map(|path| kept.get(&name(path)).cloned())
        .collect();
    let missing = files.iter().filter(|file| file.is_none()).count() as u64;
    progress.start(missing);
    for (file, documents) in files.iter_mut().zip(&committed.documents) {
        if file.is_none() {
            *file = Some(signatures::sign(documents, folder, means)?);
            progress.advance();
        }
    }
    Ok((files.into_iter().flatten().collect(), missing))
}

/// The files of signatures of some documents that can be used, by the name of these; what cannot be read, or is not what was
/// written, is made anew: documents are removed by what is in them.
fn kept_signatures(committed: &Committed, documents: &[PathBuf]) -> BTreeMap<String, PathBuf> {
    let documents: BTreeSet<String> = documents.iter().map(|path| name(path)).collect();
    let kept = committed.signatures.iter().filter_map(|path| {
        let of = documents_of(&name(path))?;
        documents.contains(&of).then_some((of, path))
    });
    let usable = kept.filter(|(_, path)| {
        metadata_of(path, SIGNATURE_METADATA).as_deref() == Some(SIGNATURE_METHOD)
            && is_whole(path, checksum_in(&name(path)))
    });
    usable.map(|(of, path)| (of, path.clone())).collect()
}

/// Whether a file is what it was when it had the checksum that is in its name.
fn is_whole(path: &Path, checksum: Option<&str>) -> bool {
    let whole = checksum.map_or(Ok(()), |checksum| check(path, None, checksum));
    if let Err(what) = &whole {
        tracing::warn!("{}: {what}; it is made anew", path.display());
    }
    whole.is_ok()
}

/// Keeps for the file of documents `merged` the signatures that are kept of all of `files`, in whose place it comes. To be
/// called under [`lock`].
pub(crate) fn carry(
    store: &Store,
    committed: &Committed,
    files: &[PathBuf],
    merged: &str,
) -> Result<()> {
    let kept = kept_signatures(committed, files);
    let of_files = files
        .iter()
        .map(|path| kept.get(&name(path)).map(PathBuf::as_path));
    let of_files: Option<Vec<&Path>> = of_files.collect();
    of_files.map_or(Ok(()), |of_files| {
        signatures::merge(&of_files, &store.signatures(), merged, &all_rows)
    })
}

/// Keeps for the file of documents `rest` the signatures of those that stay, as `keep` says, of these. To be called under
/// [`lock`].
pub(crate) fn keep_some(
    store: &Store,
    signatures: &Path,
    rest: &str,
    keep: &dyn Fn(&RecordBatch) -> BooleanArray,
) -> Result<()> {
    signatures::merge(&[signatures], &store.signatures(), rest, keep)
}

/// Keeps others from writing signatures or duplicates of this store, and removes what killed ones left.
pub(crate) fn lock(store: &Store) -> Result<Lock> {
    let folders = [store.signatures(), store.duplicates()];
    for folder in &folders {
        fs::create_dir_all(folder).map_err(Error::io(folder))?;
    }
    let lock = Lock::take(
        &folders[1],
        "another process is looking for duplicates in this store",
    )?;
    for folder in &folders {
        for name in list(folder)?
            .iter()
            .filter(|name| name.starts_with(".tmp-"))
        {
            let path = folder.join(name);
            fs::remove_file(&path).map_err(Error::io(&path))?;
        }
    }
    Ok(lock)
}

fn name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// What a file of duplicates says of itself; nothing where it cannot be read.
fn counts_of(path: &Path) -> Option<Summary> {
    serde_json::from_str(&metadata_of(path, DUPLICATES_METADATA)?).ok()
}

fn write(found: Found, counts: Summary, folder: &Path, state: &str) -> Result<PathBuf> {
    let counts = serde_json::to_string(&counts).map_err(|e| Error::io(folder)(e.into()))?;
    let properties = WriterProperties::builder()
        .set_compression(Codec::default().compression()?)
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_key_value_metadata(Some(vec![KeyValue::new(
            DUPLICATES_METADATA.to_string(),
            counts,
        )]))
        .build();
    let mut writer = KeptWriter::with(
        folder,
        &format!("{state}.parquet"),
        &duplicates_schema(),
        properties,
    )?;
    found.rows(|rows| writer.append(&rows))?;
    Ok(writer.name()?.0)
}

/// Which documents have exactly the text of another one that comes first.
pub(crate) struct Copies {
    files: Vec<PathBuf>,
    records: Records,
    clusters: Clusters,
}

impl Copies {
    /// Finds them among the documents that count, reading those that have no signatures yet, and keeping theirs. To be
    /// called under [`lock`].
    pub(crate) fn in_store(store: &Store, committed: &Committed) -> Result<Self> {
        let means = Means {
            threads: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            memory: Arc::new(UnboundedMemoryPool::default()),
            wanted: Box::new(|| true),
        };
        let (files, _) = signed_files(committed, &store.signatures(), &means, &())?;
        let records = signatures::records(&files, &committed.dropped, &*means.wanted)?;
        let room = SORTED_BYTES / BYTES_PER_ITEM;
        Ok(Self {
            clusters: Clusters::exact(&records, room, &*means.wanted)?,
            files,
            records,
        })
    }

    /// The files of signatures, one for each file of documents, with as many rows.
    pub(crate) fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// Whether a document is one; they are numbered over all files.
    pub(crate) fn contains(&self, number: u32) -> bool {
        self.clusters.copy_of(number).is_some()
    }

    /// Which documents there are copies of.
    pub(crate) fn originals(&self) -> BTreeSet<u32> {
        let numbers = 0..self.records.count();
        numbers
            .filter_map(|number| self.clusters.copy_of(number))
            .collect()
    }

    /// Whether a document is of this text. 128 bits of SHA-256 tell: see `ingest/content_hash.rs`.
    pub(crate) fn is_text_of(&self, number: u32, text: &str) -> bool {
        self.records.content(number) == u128::from_be_bytes(content_hash(text))
    }
}

/// Which documents are copies, and of which.
pub(crate) struct Found {
    /// Of signatures: of documents, and of those that were removed.
    files: Vec<PathBuf>,
    dropped: Vec<PathBuf>,
    /// Where those of them lie that are not kept.
    folder: Option<TempDir>,
    records: Records,
    clusters: Clusters,
    _memory: MemoryReservation,
}

impl Found {
    /// Finds them among the documents that count, reading those that have no signatures yet.
    pub(crate) fn in_store(committed: &Committed, means: &Means) -> Result<Self> {
        let temporary = std::env::temp_dir();
        let folder = tempfile::tempdir().map_err(Error::io(&temporary))?;
        let (files, _) = signed_files(committed, folder.path(), means, &())?;
        let mut found = Self::among(files, committed.dropped.clone(), means)?;
        found.folder = Some(folder);
        Ok(found)
    }

    fn among(files: Vec<PathBuf>, dropped: Vec<PathBuf>, means: &Means) -> Result<Self> {
        let records = signatures::records(&files, &dropped, &*means.wanted)?;
        let memory = MemoryConsumer::new("duplicates").register(&means.memory);
        memory.try_grow(records.count() as usize * BYTES_PER_DOCUMENT + LEAST_SORTED_BYTES)?;
        let mut sorted = LEAST_SORTED_BYTES;
        while sorted < SORTED_BYTES && memory.try_grow(sorted).is_ok() {
            sorted *= 2;
        }
        let clusters = Clusters::find(&records, sorted / BYTES_PER_ITEM, &*means.wanted)?;
        memory.shrink(sorted);
        Ok(Self {
            files,
            dropped,
            folder: None,
            records,
            clusters,
            _memory: memory,
        })
    }

    fn counts(&mut self) -> Summary {
        let mut counts = Summary {
            documents: u64::from(self.records.count()),
            ..Summary::default()
        };
        for number in 0..self.records.count() {
            if self.clusters.has_company(number) {
                let is_original = self.clusters.original(number) == number;
                *(if is_original {
                    &mut counts.clusters
                } else {
                    &mut counts.copies
                }) += 1;
                counts.exact += u64::from(self.clusters.copy_of(number).is_some());
            }
        }
        counts
    }

    /// The rows of the table, in the order of the documents.
    pub(crate) fn rows(mut self, mut each: impl FnMut(RecordBatch) -> Result<()>) -> Result<()> {
        let mut number = 0;
        let [files, dropped] = [&mut self.files, &mut self.dropped].map(std::mem::take);
        for (files, dropped) in [(files, false), (dropped, true)] {
            for path in files {
                for batch in signatures::batches(&path, true)? {
                    let batch = batch?;
                    let numbers = number..number + batch.num_rows() as u32;
                    number = numbers.end;
                    let rows = self.rows_of(&batch, numbers, dropped)?;
                    if rows.num_rows() > 0 {
                        each(rows)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn rows_of(
        &mut self,
        documents: &RecordBatch,
        numbers: Range<u32>,
        dropped: bool,
    ) -> Result<RecordBatch> {
        let (records, clusters) = (&self.records, &mut self.clusters);
        // Of a dropped document nothing else in the store says that there was one.
        let mut is_row = |number| dropped || clusters.has_company(number);
        let rows: BooleanArray = numbers.clone().map(|number| Some(is_row(number))).collect();
        let documents = filter_record_batch(documents, &rows)?;
        let numbers: Vec<u32> = numbers.filter(|&number| is_row(number)).collect();
        let mut duplicate_of = StringViewBuilder::with_capacity(numbers.len());
        for &number in &numbers {
            duplicate_of.append_option(clusters.copy_of(number).map(|first| records.doc_id(first)));
        }
        let originals = numbers
            .iter()
            .map(|&number| records.doc_id(clusters.original(number)));
        let cluster_id = StringViewArray::from_iter_values(originals);
        let similarity = numbers
            .iter()
            .map(|&number| clusters.similarity(records, number));
        let similarity = Float32Array::from_iter_values(similarity);
        let mut columns = documents.columns().to_vec();
        let own: [ArrayRef; 4] = [
            Arc::new(duplicate_of.finish()),
            Arc::new(cluster_id),
            Arc::new(similarity),
            Arc::new(BooleanArray::from(vec![dropped; numbers.len()])),
        ];
        columns.extend(own);
        Ok(RecordBatch::try_new(duplicates_schema(), columns)?)
    }
}
