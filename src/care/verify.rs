//! Whether every file of a store is what was written.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::name;
use crate::error::Result;
use crate::store::{
    RecordedFile, Store, check, checksum_in, duplicates_parts, read_record, readable_rows,
};

/// A file that is not what was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// Which.
    pub path: PathBuf,
    /// What is wrong with it.
    pub what: String,
}

/// What [`verify`] found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verified {
    /// Files that are what was written.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The others.
    pub damaged: Vec<Damage>,
}

/// Reads every file of the store that counts and compares size and checksum with what was recorded when it was committed;
/// what is kept beside documents has its checksum in its name. Files of versions that recorded none are decoded instead.
///
/// # Errors
/// [`crate::Error::Io`] where the store's folders cannot be listed; damaged files are no errors.
pub fn verify(store: &Store) -> Result<Verified> {
    let _reading = store.reading()?;
    let mut verified = Verified::default();
    let mut recorded: BTreeMap<PathBuf, RecordedFile> = BTreeMap::new();
    let runs = store.runs()?;
    for run in missing(&runs) {
        let path = store.ingests().join(format!("{run}.json"));
        let what = "it is not there: what its run ingested does not count, and the next run removes its files";
        verified.damage(&path, what.to_string());
    }
    for run in &runs {
        let path = store.ingests().join(format!("{run}.json"));
        match read_record(&path) {
            Ok(record) => {
                let folders = [
                    (store.documents(), record.files.documents),
                    (store.quarantine(), record.files.quarantine),
                    (store.dropped(), record.files.dropped),
                ];
                for (folder, files) in folders {
                    let files = files
                        .into_iter()
                        .map(|file| (folder.join(&file.name), file));
                    recorded.extend(files);
                }
            }
            Err(error) => verified.damage(&path, error.to_string()),
        }
    }
    let replaced = store.replaced(&runs)?;
    recorded.retain(|path, _| {
        let folder = path.parent().map(name).unwrap_or_default();
        !replaced.contains(&format!("{folder}/{}", name(path)))
    });
    let committed = store.committed_by(&runs)?;
    let files = committed.documents.iter().chain(&committed.quarantine);
    for path in files.chain(&committed.dropped) {
        match recorded.remove(path) {
            Some(file) if file.checksum.is_empty() => {
                verified.take(path, readable_rows(path).map(|_| ()));
            }
            Some(file) => verified.compare(path, Some(file.bytes), &file.checksum),
            None => verified.take(path, readable_rows(path).map(|_| ())),
        }
    }
    for path in recorded.into_keys() {
        verified.damage(&path, "it is not there".to_string());
    }
    for path in committed.entities.iter().chain(&committed.signatures) {
        if let Some(checksum) = checksum_in(&name(path)) {
            verified.compare(path, None, checksum);
        }
    }
    if let Some(path) = &committed.duplicates
        && let Some((_, checksum)) = duplicates_parts(&name(path))
    {
        verified.compare(path, None, checksum);
    }
    Ok(verified)
}

/// The runs before the last one that have no record: each takes the next number, and no record is ever removed.
fn missing(runs: &BTreeSet<String>) -> impl Iterator<Item = String> + '_ {
    let last = runs.iter().filter_map(|run| run.parse().ok()).max();
    (1..last.unwrap_or(0_u64))
        .map(|run| format!("{run:06}"))
        .filter(|run| !runs.contains(run))
}

impl Verified {
    fn damage(&mut self, path: &Path, what: String) {
        self.damaged.push(Damage {
            path: path.to_path_buf(),
            what,
        });
    }

    fn compare(&mut self, path: &Path, bytes: Option<u64>, checksum: &str) {
        self.take(path, check(path, bytes, checksum));
    }

    fn take(&mut self, path: &Path, result: Result<(), String>) {
        match result {
            Ok(()) => {
                self.files += 1;
                self.bytes += path.metadata().map_or(0, |metadata| metadata.len());
            }
            Err(what) => self.damage(path, what),
        }
    }
}
