//! What a finished run says of itself: `ingests/RUN.json`, and what it replaced.
//!
//! A run's record is its commit. Files of the run that are beside it, documents, quarantine and the list of what it
//! replaced, count from the moment the record is there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Store, stem_of};
use crate::error::{Error, Result};

/// What a run did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    #[default]
    Ingest,
    Compact,
    Prune,
}

/// What `ingests/RUN.json` says.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Record {
    pub run: String,
    #[serde(default)]
    pub kind: Kind,
    pub version: String,
    /// When the run was committed, RFC 3339; for people and for keeping quarantine by date.
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
    /// What the file was like when it was read; none for a stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stamp: Option<Stamp>,
    /// The options that its documents depend on; none in records of versions that wrote none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub options: Option<String>,
    /// Whether its store failed before its end: it is to be read anew.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unfinished: bool,
}

/// What tells whether a file is still what it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stamp {
    pub size: u64,
    /// Times of modification and of change in nanoseconds since 1970; none where they could not be relied on.
    pub times: Option<(i64, i64)>,
    /// xxHash64 of the file's bytes; empty where not all of an object was read.
    pub hash: String,
    /// What an object's store said of it; none for a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<ObjectVersion>,
}

/// What a store says of an object's content.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ObjectVersion {
    pub etag: Option<String>,
    /// When it was modified, in seconds since 1970.
    pub modified: Option<i64>,
}

impl ObjectVersion {
    /// Whether it says anything.
    pub(crate) fn tells(&self) -> bool {
        self.etag.is_some() || self.modified.is_some()
    }

    /// Whether both are of the same content; nothing where that cannot be told.
    pub(crate) fn same(&self, other: &Self) -> Option<bool> {
        fn both<T: PartialEq>(a: &Option<T>, b: &Option<T>) -> Option<bool> {
            Some(a.as_ref()? == b.as_ref()?)
        }
        both(&self.etag, &other.etag).or_else(|| both(&self.modified, &other.modified))
    }
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct RecordedFiles {
    pub documents: Vec<RecordedFile>,
    pub quarantine: Vec<RecordedFile>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dropped: Vec<RecordedFile>,
}

/// A file, and what it was when it was committed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "NameOrFile")]
pub(crate) struct RecordedFile {
    pub name: String,
    pub rows: u64,
    pub bytes: u64,
    /// xxHash64 of its bytes; empty in records of versions that wrote none.
    pub checksum: String,
}

/// The first stores had names only.
#[derive(Deserialize)]
#[serde(untagged)]
enum NameOrFile {
    Name(String),
    File {
        name: String,
        rows: u64,
        bytes: u64,
        checksum: String,
    },
}

impl From<NameOrFile> for RecordedFile {
    fn from(either: NameOrFile) -> Self {
        match either {
            NameOrFile::Name(name) => Self {
                name,
                rows: 0,
                bytes: 0,
                checksum: String::new(),
            },
            NameOrFile::File {
                name,
                rows,
                bytes,
                checksum,
            } => Self {
                name,
                rows,
                bytes,
                checksum,
            },
        }
    }
}

impl Store {
    /// The names of all finished runs.
    pub(crate) fn runs(&self) -> Result<BTreeSet<String>> {
        let names = list(&self.ingests())?.into_iter();
        let runs = names.filter_map(|name| Some(name.strip_suffix(".json")?.to_string()));
        Ok(runs.collect())
    }

    /// The records of all finished runs, in their order.
    pub(crate) fn records(&self) -> Result<Vec<Record>> {
        let mut records = Vec::new();
        for run in self.runs()? {
            let path = self.ingests().join(format!("{run}.json"));
            records.push(read_record(&path)?);
        }
        records.sort_by_key(|record| record.run.parse::<u64>().unwrap_or(0));
        Ok(records)
    }

    /// The files, as `documents/000001-0001.parquet`, that these finished runs put others in the place of.
    pub(crate) fn replaced(&self, runs: &BTreeSet<String>) -> Result<BTreeSet<String>> {
        let mut replaced = BTreeSet::new();
        let folder = self.replaced_folder();
        for name in list(&folder)? {
            if name
                .strip_suffix(".json")
                .is_some_and(|run| runs.contains(run))
            {
                replaced.extend(read_json::<Vec<String>>(&folder.join(name))?);
            }
        }
        // Others than ours are nothing that may be removed.
        replaced.retain(|file| {
            let name = ["documents/", "quarantine/", "dropped/"]
                .iter()
                .find_map(|folder| file.strip_prefix(folder));
            name.is_some_and(|name| run_of(name).is_some())
        });
        Ok(replaced)
    }
}

/// The names in a folder, sorted; none where it is not there.
pub(crate) fn list(folder: &Path) -> Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(Error::io(folder)(e)),
    };
    let mut names = entries
        .map(|entry| {
            let entry = entry.map_err(Error::io(folder))?;
            Ok(entry.file_name().to_string_lossy().into_owned())
        })
        .collect::<Result<Vec<_>>>()?;
    names.sort();
    Ok(names)
}

/// The record of one run.
pub(crate) fn read_record(path: &Path) -> Result<Record> {
    read_json(path)
}

fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T> {
    let bytes = fs::read(path).map_err(Error::io(path))?;
    serde_json::from_slice(&bytes).map_err(|e| Error::io(path)(e.into()))
}

/// The run that a file of a store belongs to: `000001-0001.parquet` → `000001`.
pub(crate) fn run_of(file: &str) -> Option<&str> {
    let (run, part) = stem_of(file)?.split_once('-')?;
    let digits =
        |text: &str, least: usize| text.len() >= least && text.bytes().all(|b| b.is_ascii_digit());
    (digits(run, 6) && digits(part, 4)).then_some(run)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_were_recorded_by_name_alone_are_read() {
        let files: Vec<RecordedFile> =
            serde_json::from_str(r#"["a", {"name":"b","rows":1,"bytes":2,"checksum":"c"}]"#)
                .unwrap();
        assert_eq!((files[0].name.as_str(), files[0].bytes), ("a", 0));
        assert_eq!((files[1].rows, files[1].checksum.as_str()), (1, "c"));
    }

    #[test]
    fn runs_of_files() {
        assert_eq!(run_of("000001-0001.parquet"), Some("000001"));
        assert_eq!(run_of("1000001-10001.parquet"), Some("1000001"));
        for other in [
            "mine.parquet",
            "1-0001.parquet",
            "000001-0001.csv",
            "000001.json",
        ] {
            assert_eq!(run_of(other), None, "{other}");
        }
    }
}
