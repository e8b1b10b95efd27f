//! Entities that are kept: which file holds those of which documents, under which labels, and what they were made by.
//!
//! A kept file is `entities/DOCUMENTS.CHECKSUM.parquet`: the name of the file of documents that it belongs to, and the
//! checksum of its own bytes. It says in its metadata which labels it holds and the fingerprint of each, so that nothing else
//! need be written for it to count; and it counts while that file of documents does. Entities can be computed anew at any
//! time: a kept file that cannot be read costs time, no answer.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use parquet::arrow::arrow_reader::ArrowReaderMetadata;

use super::record::run_of;
use super::{Store, stem_of};

/// The key under which a kept file says, as a JSON object, its labels and their fingerprints.
pub(crate) const LABELS_METADATA: &str = "spanql.entities";

impl Store {
    /// Where entities are kept; made when the first are.
    #[must_use]
    pub fn entities(&self) -> PathBuf {
        self.root.join("entities")
    }
}

/// The file of documents that a kept file belongs to: `000001-0001.0123456789abcdef.parquet` → `000001-0001.parquet`.
pub(crate) fn documents_of(kept: &str) -> Option<String> {
    let (documents, _) = parts(kept)?;
    Some(format!("{documents}.parquet"))
}

/// The checksum in a kept file's name.
pub(crate) fn checksum_in(kept: &str) -> Option<&str> {
    parts(kept).map(|(_, checksum)| checksum)
}

/// The name of a kept file.
pub(crate) fn kept_name(documents: &str, checksum: &str) -> Option<String> {
    Some(format!("{}.{checksum}.parquet", stem_of(documents)?))
}

fn parts(kept: &str) -> Option<(&str, &str)> {
    let (documents, checksum) = stem_of(kept)?.split_once('.')?;
    run_of(&format!("{documents}.parquet"))?;
    let is_checksum = checksum.len() == 16 && checksum.bytes().all(|b| b.is_ascii_hexdigit());
    is_checksum.then_some((documents, checksum))
}

/// The labels of a kept file and their fingerprints.
///
/// # Errors
/// What is wrong with a file that cannot be read, in words.
pub(crate) fn labels_of(path: &Path) -> Result<BTreeMap<String, String>, String> {
    let file = File::open(path).map_err(|e| e.to_string())?;
    let metadata =
        ArrowReaderMetadata::load(&file, Default::default()).map_err(|e| e.to_string())?;
    let pairs = metadata.metadata().file_metadata().key_value_metadata();
    let labels = pairs
        .into_iter()
        .flatten()
        .find(|pair| pair.key == LABELS_METADATA);
    let labels = labels.and_then(|pair| pair.value.as_deref());
    let labels = labels.ok_or("it does not say which labels it holds")?;
    serde_json::from_str(labels).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_is_kept() {
        let name = kept_name("000001-0002.parquet", "0123456789abcdef").unwrap();
        assert_eq!(name, "000001-0002.0123456789abcdef.parquet");
        assert_eq!(checksum_in(&name), Some("0123456789abcdef"));
        assert_eq!(documents_of(&name).as_deref(), Some("000001-0002.parquet"));
        for other in [
            "000001-0002.parquet",
            "mine.0123456789abcdef.parquet",
            "000001-0002.0123.parquet",
            ".tmp-000001-0002.parquet",
        ] {
            assert_eq!(documents_of(other), None, "{other}");
        }
    }
}
