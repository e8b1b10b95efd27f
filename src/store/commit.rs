//! All or nothing: a run's files appear under their final names together, and once.
//!
//! Files are written in a hidden folder of the store, put on disk, renamed, and then a record of the run is written:
//! with it the run counts, without it its files are remains that the next run removes. Which files a run replaces stands in
//! a file of its own, renamed before the record, so that new files come and old ones go in the same instant. One run at a
//! time holds the store's lock. What is in the files is not decided here.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::record::{list, run_of};
use super::{Lock, Record, Store, documents_of};
use crate::error::{Error, Result};

/// A run in progress; dropped without [`Run::commit`], it leaves nothing behind.
#[derive(Debug)]
pub(crate) struct Run {
    store: Store,
    /// Held until the run is dropped.
    _lock: Lock,
    pub id: String,
    /// Those of all finished runs.
    records: Vec<Record>,
    /// Files that got their final names.
    published: Vec<PathBuf>,
    committed: bool,
}

impl Run {
    /// Takes the store's lock and removes the remains of runs that were killed, and replaced files that nobody reads.
    ///
    /// # Errors
    /// [`Error::Busy`] while another run holds the lock.
    pub(crate) fn begin(store: Store) -> Result<Self> {
        let lock = Lock::take(store.root(), "another process is writing to this store")?;
        let records = store.records()?;
        clean(&store)?;
        // Makes its file, for readers who may not write here.
        drop(store.reading()?);
        store.remove_replaced()?;
        let last = records
            .last()
            .and_then(|record| record.run.parse::<u64>().ok())
            .unwrap_or(0);
        let run = Self {
            store,
            _lock: lock,
            id: format!("{:06}", last + 1),
            records,
            published: Vec::new(),
            committed: false,
        };
        for folder in [run.documents(), run.quarantine(), run.dropped()] {
            fs::create_dir_all(&folder).map_err(Error::io(&folder))?;
        }
        Ok(run)
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
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

    /// Where it is to be written which documents were removed as copies.
    pub(crate) fn dropped(&self) -> PathBuf {
        self.temp().join("dropped")
    }

    /// The records of all finished runs, in their order.
    pub(crate) fn records(&self) -> &[Record] {
        &self.records
    }

    /// Gives the files, which must be on disk, their final names, in the place of those of `replaced`, such as
    /// `documents/000001-0001.parquet`, and records the run.
    pub(crate) fn commit(mut self, record: &Record, replaced: &BTreeSet<String>) -> Result<()> {
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
            (self.dropped(), self.store.dropped(), &record.files.dropped),
        ];
        for (from, to, files) in moves {
            if files.is_empty() {
                continue;
            }
            fs::create_dir_all(&to).map_err(Error::io(&to))?;
            for file in files {
                self.publish(&from.join(&file.name), to.join(&file.name))?;
            }
            sync_folder(&to)?;
        }
        let name = format!("{}.json", self.id);
        if !replaced.is_empty() {
            let folder = self.store.replaced_folder();
            fs::create_dir_all(&folder).map_err(Error::io(&folder))?;
            let written = self.write("replaced.json", replaced)?;
            self.publish(&written, folder.join(&name))?;
            sync_folder(&folder)?;
            sync_folder(self.store.root())?;
        }
        let written = self.write("record.json", record)?;
        let path = self.store.ingests().join(&name);
        fs::rename(&written, &path).map_err(Error::io(&path))?;
        // From here on the run counts, even if the folder cannot be synced.
        self.committed = true;
        sync_folder(&self.store.ingests())?;
        // What cannot be removed now is removed by the next run.
        if let Err(error) = self.store.remove_replaced() {
            tracing::warn!("{error}: replaced files stay for now");
        }
        Ok(())
    }

    fn publish(&mut self, from: &Path, to: PathBuf) -> Result<()> {
        fs::rename(from, &to).map_err(Error::io(&to))?;
        self.published.push(to);
        Ok(())
    }

    fn write(&self, name: &str, what: &impl Serialize) -> Result<PathBuf> {
        let path = self.temp().join(name);
        let mut json = serde_json::to_vec_pretty(what).map_err(|e| Error::io(&path)(e.into()))?;
        json.push(b'\n');
        File::create_new(&path)
            .and_then(|mut file| file.write_all(&json).and_then(|()| file.sync_all()))
            .map_err(Error::io(&path))?;
        Ok(path)
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
pub(super) fn sync_folder(folder: &Path) -> Result<()> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(Error::io(folder))
}

/// Removes hidden folders, and files of runs without a record; files that no run of ours made stay.
fn clean(store: &Store) -> Result<()> {
    let runs = store.runs()?;
    let remains = |path: &Path| tracing::info!(path = %path.display(), "removing the remains of a run that did not end");
    for name in list(store.root())? {
        let path = store.root().join(&name);
        if is_temp(&name) && path.is_dir() {
            remains(&path);
            fs::remove_dir_all(&path).map_err(Error::io(&path))?;
        }
    }
    for folder in [
        store.documents(),
        store.quarantine(),
        store.dropped(),
        store.replaced_folder(),
    ] {
        for name in list(&folder)? {
            let run =
                run_of(&name).or_else(|| name.strip_suffix(".json").filter(|run| is_run(run)));
            if run.is_some_and(|run| !runs.contains(run)) {
                let path = folder.join(&name);
                remains(&path);
                fs::remove_file(&path).map_err(Error::io(&path))?;
            }
        }
    }
    // What is kept of documents that never counted must not be taken for that of the next run's.
    for folder in [store.entities(), store.signatures()] {
        for name in list(&folder)? {
            let documents = documents_of(&name);
            let run = documents.as_deref().and_then(run_of);
            if run.is_some_and(|run| !runs.contains(run)) {
                let path = folder.join(&name);
                remains(&path);
                fs::remove_file(&path).map_err(Error::io(&path))?;
            }
        }
    }
    Ok(())
}

/// Nothing but [`Run::temp`] may match: the folder of a store may be one that holds other things, too.
fn is_temp(name: &str) -> bool {
    name.strip_prefix(".tmp-").is_some_and(is_run)
}

fn is_run(name: &str) -> bool {
    name.len() >= 6 && name.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::super::{RecordedFile, RecordedFiles};
    use super::*;

    fn record(run: &Run, documents: &[&str]) -> Record {
        let documents = documents.iter().map(|name| RecordedFile {
            name: name.to_string(),
            rows: 1,
            bytes: 1,
            checksum: String::new(),
        });
        Record {
            run: run.id.clone(),
            files: RecordedFiles {
                documents: documents.collect(),
                ..RecordedFiles::default()
            },
            ..Record::default()
        }
    }

    fn begin(root: &Path) -> Result<Run> {
        Run::begin(Store::create(root)?)
    }

    fn shown(root: &Path) -> Vec<String> {
        let files = Store::open(root).unwrap().committed().unwrap().documents;
        let names = files.iter().map(|path| path.file_name().unwrap());
        names
            .map(|name| name.to_string_lossy().into_owned())
            .collect()
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
            .filter(|path| {
                path.contains('.') && path != ".lock" && path != ".reading" && path != ".tmp-mine"
            })
            .collect();
        all.sort();
        all
    }

    #[test]
    fn files_appear_with_the_commit() {
        let dir = tempfile::tempdir().unwrap();
        let run = begin(dir.path()).unwrap();
        fs::write(run.documents().join("000001-0001.parquet"), "x").unwrap();
        assert!(list(&dir.path().join("documents")).unwrap().is_empty());
        let record = record(&run, &["000001-0001.parquet"]);
        run.commit(&record, &BTreeSet::new()).unwrap();
        assert_eq!(
            listing(dir.path()),
            ["documents/000001-0001.parquet", "ingests/000001.json"]
        );
        let next = begin(dir.path()).unwrap();
        assert_eq!(next.id, "000002");
        assert_eq!(next.records()[0].run, "000001");
    }

    #[test]
    fn a_run_that_fails_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let run = begin(dir.path()).unwrap();
        fs::write(run.documents().join("000001-0001.parquet"), "x").unwrap();
        // The second file is not there, so that the first has its final name when the commit fails.
        let record = record(&run, &["000001-0001.parquet", "000001-0002.parquet"]);
        let error = run
            .commit(&record, &BTreeSet::new())
            .unwrap_err()
            .to_string();
        assert!(error.contains("000001-0002.parquet"), "{error}");
        assert_eq!(listing(dir.path()), Vec::<String>::new());
    }

    #[test]
    fn one_run_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let run = begin(dir.path()).unwrap();
        let error = begin(dir.path()).unwrap_err().to_string();
        assert!(error.contains("another process"), "{error}");
        drop(run);
        begin(dir.path()).unwrap();
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
        fs::create_dir(store.dropped()).unwrap();
        for folder in [store.quarantine(), store.dropped()] {
            fs::write(folder.join("000001-0001.parquet"), "x").unwrap();
        }
        fs::create_dir(store.replaced_folder()).unwrap();
        let kept = "000001-0001.0123456789abcdef.parquet";
        for folder in [store.entities(), store.signatures()] {
            fs::create_dir(&folder).unwrap();
            fs::write(folder.join(kept), "x").unwrap();
        }
        let _reading = store.reading().unwrap();
        fs::write(store.replaced_folder().join("000001.json"), "[]").unwrap();
        fs::write(store.documents().join("mine.parquet"), "x").unwrap();
        fs::create_dir(dir.path().join(".tmp-mine")).unwrap();
        fs::write(dir.path().join(".tmp-mine/x"), "x").unwrap();
        drop(begin(dir.path()).unwrap());
        assert_eq!(
            listing(dir.path()),
            [".tmp-mine/x", "documents/mine.parquet"]
        );
    }

    /// A store with a run of two files, and a run that is to put one in their place.
    fn replacing(root: &Path) -> (Run, Record, BTreeSet<String>) {
        let first = begin(root).unwrap();
        let names = ["000001-0001.parquet", "000001-0002.parquet"];
        for name in names {
            fs::write(first.documents().join(name), "x").unwrap();
        }
        let of_first = record(&first, &names);
        first.commit(&of_first, &BTreeSet::new()).unwrap();
        let second = begin(root).unwrap();
        fs::write(second.documents().join("000002-0001.parquet"), "xx").unwrap();
        let of_second = record(&second, &["000002-0001.parquet"]);
        let replaced = names.map(|name| format!("documents/{name}"));
        (second, of_second, replaced.into())
    }

    #[test]
    fn files_are_replaced_in_one_step_and_removed_when_nobody_reads() {
        let dir = tempfile::tempdir().unwrap();
        let (run, record, replaced) = replacing(dir.path());
        assert_eq!(shown(dir.path()).len(), 2);
        let reading = Store::open(dir.path()).unwrap().reading().unwrap();
        run.commit(&record, &replaced).unwrap();
        assert_eq!(shown(dir.path()), ["000002-0001.parquet"]);
        let documents = dir.path().join("documents");
        assert_eq!(list(&documents).unwrap().len(), 3, "somebody reads them");
        drop(begin(dir.path()).unwrap());
        assert_eq!(list(&documents).unwrap().len(), 3);
        drop(reading);
        drop(begin(dir.path()).unwrap());
        assert_eq!(list(&documents).unwrap(), ["000002-0001.parquet"]);
    }

    #[test]
    fn a_run_that_fails_replaces_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let (run, record, replaced) = replacing(dir.path());
        // In the way of the record.
        fs::create_dir_all(dir.path().join("ingests/000002.json/x")).unwrap();
        run.commit(&record, &replaced).unwrap_err();
        fs::remove_dir_all(dir.path().join("ingests/000002.json")).unwrap();
        assert_eq!(
            listing(dir.path()),
            [
                "documents/000001-0001.parquet",
                "documents/000001-0002.parquet",
                "ingests/000001.json"
            ]
        );
    }
}
