//! All or nothing: an ingest's files appear under their final names together, and once.
//!
//! Files are written in a hidden folder of the store, put on disk, renamed, and then a record of the run is written:
//! with it the run counts, without it its files are remains that the next ingest removes. One ingest at a time holds
//! the store's lock. What is in the files is not decided here.

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::store::{Lock, Store, run_of};

/// What `ingests/<run>.json` says of a finished run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Record {
    pub run: String,
    pub version: String,
    /// When the run was committed, RFC 3339.
    pub finished: String,
    pub documents: u64,
    pub quarantined: u64,
    /// Documents in which bytes were replaced that their encoding does not have.
    #[serde(default)]
    pub replaced: u64,
    /// Quarantined records by kind.
    pub reasons: BTreeMap<String, u64>,
    pub bytes: u64,
    pub sources: Vec<RecordedSource>,
    pub files: RecordedFiles,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct RecordedSource {
    /// The column `source`.
    pub source: String,
    /// The absolute path of a file; none for a stream.
    pub path: Option<String>,
    /// The encoding that was chosen for it; none for what is not text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct RecordedFiles {
    pub documents: Vec<String>,
    pub quarantine: Vec<String>,
}

/// A run in progress; dropped without [`Run::commit`], it leaves nothing behind.
#[derive(Debug)]
pub(crate) struct Run {
    store: Store,
    /// Held until the run is dropped.
    _lock: Lock,
    pub id: String,
    /// Files that got their final names.
    published: Vec<PathBuf>,
    /// The names of all sources.
    sources: HashSet<String>,
    /// The paths of all files.
    paths: HashSet<String>,
    committed: bool,
}

impl Run {
    /// Makes the store if need be, takes its lock and removes the remains of runs that were killed.
    ///
    /// # Errors
    /// [`Error::Busy`] while another ingest holds the lock.
    pub(crate) fn begin(root: &Path) -> Result<Self> {
        let store = Store::create(root)?;
        let lock = Lock::take(root, "another ingest is writing to this store")?;
        let records = records(&store)?;
        clean(&store, &records)?;
        let last = records
            .last()
            .and_then(|record| record.run.parse::<u64>().ok())
            .unwrap_or(0);
        let (sources, paths): (HashSet<_>, HashSet<_>) = records
            .into_iter()
            .flat_map(|record| record.sources)
            .map(|source| (source.source, source.path))
            .unzip();
        let run = Self {
            store,
            _lock: lock,
            id: format!("{:06}", last + 1),
            published: Vec::new(),
            sources,
            paths: paths.into_iter().flatten().collect(),
            committed: false,
        };
        for folder in [run.documents(), run.quarantine()] {
            fs::create_dir_all(&folder).map_err(Error::io(&folder))?;
        }
        Ok(run)
    }

    fn temp(&self) -> PathBuf {
        self.store.root().join(format!(".tmp-{}", self.id))
    }

    /// Where documents are to be written.
    pub(crate) fn documents(&self) -> PathBuf {
        self.temp().join("documents")
    }

    /// Where quarantined records are to be written.
    pub(crate) fn quarantine(&self) -> PathBuf {
        self.temp().join("quarantine")
    }

    /// The paths of all files that were ever ingested.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &str> {
        self.paths.iter().map(String::as_str)
    }

    /// Whether documents with this source are in the store.
    pub(crate) fn has_source(&self, source: &str) -> bool {
        self.sources.contains(source)
    }

    /// Gives the files, which must be on disk, their final names and records the run.
    pub(crate) fn commit(mut self, record: &Record) -> Result<()> {
        let moves = [
            (
                self.documents(),
                self.store.documents(),
                &record.files.documents,
            ),
            (
                self.quarantine(),
                self.store.quarantine(),
                &record.files.quarantine,
            ),
        ];
        for (from, to, files) in moves {
            for file in files {
                let (from, to) = (from.join(file), to.join(file));
                fs::rename(&from, &to).map_err(Error::io(&to))?;
                self.published.push(to);
            }
            sync_folder(&to)?;
        }
        let path = self.store.ingests().join(format!("{}.json", self.id));
        let mut json = serde_json::to_vec_pretty(record).map_err(|e| Error::io(&path)(e.into()))?;
        json.push(b'\n');
        let written = self.temp().join("record.json");
        File::create_new(&written)
            .and_then(|mut file| file.write_all(&json).and_then(|()| file.sync_all()))
            .map_err(Error::io(&written))?;
        fs::rename(&written, &path).map_err(Error::io(&path))?;
        // From here on the run counts, even if the folder cannot be synced.
        self.committed = true;
        sync_folder(&self.store.ingests())
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // What cannot be removed now is removed by the next run.
        if !self.committed {
            for file in &self.published {
                let _ = fs::remove_file(file);
            }
        }
        let _ = fs::remove_dir_all(self.temp());
    }
}

/// Renames are on disk when the folder is.
fn sync_folder(folder: &Path) -> Result<()> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(Error::io(folder))
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).map_err(Error::io(folder))?;
    let mut files = entries
        .map(|entry| Ok(entry.map_err(Error::io(folder))?.path()))
        .collect::<Result<Vec<_>>>()?;
    files.sort();
    Ok(files)
}

/// The records of all finished runs, in their order.
fn records(store: &Store) -> Result<Vec<Record>> {
    let mut records = Vec::new();
    for path in files(&store.ingests())? {
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let bytes = fs::read(&path).map_err(Error::io(&path))?;
        let record: Record =
            serde_json::from_slice(&bytes).map_err(|e| Error::io(&path)(e.into()))?;
        records.push(record);
    }
    records.sort_by_key(|record| record.run.parse::<u64>().unwrap_or(0));
    Ok(records)
}

/// Removes hidden folders, and files of runs without a record; files that no run of ours made stay.
fn clean(store: &Store, records: &[Record]) -> Result<()> {
    for path in files(store.root())? {
        if path.is_dir() && is_temp(&name(&path)) {
            tracing::info!(path = %path.display(), "removing the remains of an ingest that did not end");
            fs::remove_dir_all(&path).map_err(Error::io(&path))?;
        }
    }
    for folder in [store.documents(), store.quarantine()] {
        for path in files(&folder)? {
            let name = name(&path);
            if run_of(&name).is_some_and(|run| records.iter().all(|record| record.run != run)) {
                tracing::info!(path = %path.display(), "removing the remains of an ingest that did not end");
                fs::remove_file(&path).map_err(Error::io(&path))?;
            }
        }
    }
    Ok(())
}

/// Nothing but [`Run::temp`] may match: the folder of a store may be one that holds other things, too.
fn is_temp(name: &str) -> bool {
    name.strip_prefix(".tmp-")
        .is_some_and(|run| run.len() >= 6 && run.bytes().all(|byte| byte.is_ascii_digit()))
}

fn name(path: &Path) -> String {
    path.file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(run: &Run, documents: &[&str]) -> Record {
        Record {
            run: run.id.clone(),
            version: "0".into(),
            finished: "2026-11-22T00:00:00Z".into(),
            documents: 1,
            quarantined: 0,
            replaced: 0,
            reasons: BTreeMap::new(),
            bytes: 1,
            sources: vec![RecordedSource {
                source: "a.txt".into(),
                path: Some("/in/a.txt".into()),
                encoding: None,
            }],
            files: RecordedFiles {
                documents: documents.iter().map(ToString::to_string).collect(),
                quarantine: Vec::new(),
            },
        }
    }

    fn listing(root: &Path) -> Vec<String> {
        let mut all: Vec<String> = walkdir::WalkDir::new(root)
            .into_iter()
            .map(|entry| {
                entry
                    .unwrap()
                    .path()
                    .strip_prefix(root)
                    .unwrap()
                    .to_string_lossy()
                    .into_owned()
            })
            .filter(|path| path.contains('.') && path != ".lock" && path != ".tmp-mine")
            .collect();
        all.sort();
        all
    }

    #[test]
    fn files_appear_with_the_commit() {
        let dir = tempfile::tempdir().unwrap();
        let run = Run::begin(dir.path()).unwrap();
        fs::write(run.documents().join("000001-0001.parquet"), "x").unwrap();
        assert!(files(&dir.path().join("documents")).unwrap().is_empty());
        let record = record(&run, &["000001-0001.parquet"]);
        run.commit(&record).unwrap();
        assert_eq!(
            listing(dir.path()),
            ["documents/000001-0001.parquet", "ingests/000001.json"]
        );
        let next = Run::begin(dir.path()).unwrap();
        assert_eq!(next.id, "000002");
        assert_eq!(next.paths().collect::<Vec<_>>(), ["/in/a.txt"]);
        assert!(next.has_source("a.txt"));
    }

    #[test]
    fn a_run_that_fails_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let run = Run::begin(dir.path()).unwrap();
        fs::write(run.documents().join("000001-0001.parquet"), "x").unwrap();
        // The second file is not there, so that the first has its final name when the commit fails.
        let record = record(&run, &["000001-0001.parquet", "000001-0002.parquet"]);
        let error = run.commit(&record).unwrap_err().to_string();
        assert!(error.contains("000001-0002.parquet"), "{error}");
        assert_eq!(listing(dir.path()), Vec::<String>::new());
    }

    #[test]
    fn one_run_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let run = Run::begin(dir.path()).unwrap();
        let error = Run::begin(dir.path()).unwrap_err().to_string();
        assert!(error.contains("another ingest"), "{error}");
        drop(run);
        Run::begin(dir.path()).unwrap();
    }

    #[test]
    fn remains_of_killed_runs_are_removed_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::create(dir.path()).unwrap();
        fs::create_dir_all(dir.path().join(".tmp-000001/documents")).unwrap();
        fs::write(
            dir.path().join(".tmp-000001/documents/000001-0001.parquet"),
            "x",
        )
        .unwrap();
        fs::write(store.documents().join("000001-0001.parquet"), "x").unwrap();
        fs::write(store.quarantine().join("000001-0001.parquet"), "x").unwrap();
        fs::write(store.documents().join("mine.parquet"), "x").unwrap();
        fs::create_dir(dir.path().join(".tmp-mine")).unwrap();
        fs::write(dir.path().join(".tmp-mine/x"), "x").unwrap();
        drop(Run::begin(dir.path()).unwrap());
        assert_eq!(
            listing(dir.path()),
            [".tmp-mine/x", "documents/mine.parquet"]
        );
    }
}
