//! Entities kept: computed once, written beside the documents, read by every later query.
//!
//! Owns which files of documents lack which labels, and when a kept file is there (`writer.rs`: at one rename). What is
//! kept of what, and whether it is current, is `store/kept.rs`'s and `tables/kept.rs`'s; finding entities is the
//! session's. Queries give the same answers with and without what is kept here.

mod writer;

use std::fs;

use futures::StreamExt;

use crate::error::{Error, Result};
use crate::session::{Session, no_store};
use crate::store::{Lock, list, remove};
use crate::tables::Kept;
pub(crate) use writer::KeptWriter;

/// What [`keep_entities`] did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Files of documents that were scanned, for some labels or all.
    pub scanned: u64,
    /// Files of documents whose entities were all there.
    pub current: u64,
    /// Entities that were found.
    pub entities: u64,
}

/// Told how it goes on.
pub trait Progress: Send + Sync {
    /// How many files of documents are to be scanned, before the first is.
    fn start(&self, _files: u64) {}
    /// One more is done.
    fn advance(&self) {}
}

/// Tells nobody.
impl Progress for () {}

/// Finds the entities of some labels, of all where none is named, in the documents that lack them, and keeps them.
///
/// Labels are independent: where a recognizer has changed, its label alone is computed anew. Each file of documents is done
/// by itself, so that what was finished before an error or a kill stays. It may run beside an ingest and beside queries.
///
/// ```
/// # use spanql::ingest::{IngestOptions, ingest};
/// # use spanql::{Session, SessionOptions, keep::keep_entities};
/// # let dir = tempfile::tempdir()?;
/// # let input = dir.path().join("in.txt").display().to_string();
/// # std::fs::write(&input, "to a@example.com\n")?;
/// # let store = dir.path().join("store");
/// ingest(&[input], &store, &IngestOptions::default(), &())?;
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// let session = Session::open(SessionOptions { store: Some(store), ..Default::default() }).await?;
/// assert_eq!(keep_entities(&session, &[], &()).await?.entities, 1);
/// assert_eq!(keep_entities(&session, &[], &()).await?.current, 1);
/// # Ok::<(), spanql::Error>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`Error::Usage`] without a store, [`Error::UnknownLabel`], [`Error::Busy`] while another one runs on the store, and
/// what scanning and writing can give.
pub async fn keep_entities(
    session: &Session,
    labels: &[String],
    progress: &dyn Progress,
) -> Result<Summary> {
    let store = session.store().ok_or_else(no_store)?;
    let registry = session.registry();
    registry.scanner(labels)?;
    let wanted: Vec<String> = registry
        .labels()
        .filter(|label| labels.is_empty() || labels.iter().any(|wanted| wanted == label))
        .map(str::to_string)
        .collect();
    let folder = store.entities();
    fs::create_dir_all(&folder).map_err(Error::io(&folder))?;
    let lock = Lock::take(&folder, "another process is keeping entities of this store")?;
    for name in list(&folder)? {
        if name.starts_with(".tmp-") {
            let path = folder.join(name);
            fs::remove_file(&path).map_err(Error::io(&path))?;
        }
    }
    let reading = store.reading()?;
    let committed = store.committed()?;
    let kept = Kept::of(&committed, session.models());
    let files = committed.documents.iter().enumerate();
    let todo: Vec<_> = files
        .map(|(number, path)| (path, kept.missing(number, &wanted)))
        .filter(|(_, missing)| !missing.is_empty())
        .collect();
    progress.start(todo.len() as u64);
    let mut summary = Summary {
        scanned: todo.len() as u64,
        current: (committed.documents.len() - todo.len()) as u64,
        entities: 0,
    };
    for (documents, missing) in todo {
        let name = documents.file_name().unwrap_or_default().to_string_lossy();
        let query = session.computed(documents, &missing)?;
        let of_labels = missing.into_iter().map(|label| {
            let fingerprint = session.models().label_fingerprint(&label);
            (label, fingerprint)
        });
        let mut stream = query.stream().await?;
        let mut writer = KeptWriter::create(&folder, &name, of_labels.collect(), &stream.schema())?;
        while let Some(batch) = stream.next().await {
            writer.append(&batch?)?;
        }
        summary.entities += writer.finish()?;
        progress.advance();
    }
    drop(reading);
    remove_outdated(session)?;
    drop(lock);
    Ok(summary)
}

/// Removes kept files that no query reads any more, unless one may be reading just now.
fn remove_outdated(session: &Session) -> Result<()> {
    let store = session.store().ok_or_else(no_store)?;
    // Nobody may remove or rename any between the look and the removal.
    let Some(_alone) = store.alone()? else {
        return Ok(());
    };
    remove(&Kept::of(&store.committed()?, session.models()).outdated())
}
