//! What is kept of copies: documents' signatures, and which documents were found to be copies.
//!
//! A file of signatures is `signatures/DOCUMENTS.CHECKSUM.parquet`, named and counted as kept entities are (`kept.rs`): its
//! documents never change, hence neither do their signatures. What was found is `duplicates/STATE.CHECKSUM.parquet`, where
//! the state is a hash of the names of all files of documents, dropped ones included, that were compared: with any other set of files it does not
//! count, so that it is never out of date. Both can be computed anew at any time.

use std::fs::File;
use std::hash::Hasher;
use std::path::{Path, PathBuf};

use parquet::arrow::arrow_reader::ArrowReaderMetadata;
use twox_hash::XxHash64;

use super::record::list;
use super::{Committed, Store, stem_of};
use crate::error::Result;

/// The key under which a file of signatures says what they were made by.
pub(crate) const SIGNATURE_METADATA: &str = "spanql.signatures";

/// The key under which a file of duplicates says, as a JSON object, how many there are.
pub(crate) const DUPLICATES_METADATA: &str = "spanql.duplicates";

/// How signatures are made and compared; to be changed with either.
pub(crate) const SIGNATURE_METHOD: &str = "minhash 2";

impl Store {
    /// Where signatures are kept; made when the first are.
    #[must_use]
    pub fn signatures(&self) -> PathBuf {
        self.root.join("signatures")
    }

    /// Where it is kept which documents are copies; made when that is first done.
    #[must_use]
    pub fn duplicates(&self) -> PathBuf {
        self.root.join("duplicates")
    }

    /// What was found among other files than those that count now.
    pub(super) fn outdated_duplicates(&self, committed: &Committed) -> Result<Vec<PathBuf>> {
        let names = list(&self.duplicates())?
            .into_iter()
            .filter(|name| parts(name).is_some());
        let files = names.map(|name| self.duplicates().join(name));
        Ok(files
            .filter(|path| committed.duplicates.as_ref() != Some(path))
            .collect())
    }

    /// What was found among exactly these files.
    pub(super) fn kept_duplicates(
        &self,
        documents: &[PathBuf],
        dropped: &[PathBuf],
    ) -> Result<Option<PathBuf>> {
        let state = state_of(documents, dropped);
        let kept = list(&self.duplicates())?.into_iter();
        let mut kept = kept.filter(|name| parts(name).is_some_and(|(of, _)| of == state));
        Ok(kept.next().map(|name| self.duplicates().join(name)))
    }
}

/// The state and the checksum in the name of a file of duplicates.
pub(crate) fn parts(name: &str) -> Option<(&str, &str)> {
    let (state, checksum) = stem_of(name)?.split_once('.')?;
    let is_hash = |part: &str| part.len() == 16 && part.bytes().all(|b| b.is_ascii_hexdigit());
    (is_hash(state) && is_hash(checksum)).then_some((state, checksum))
}

/// Tells sets of files apart, and ways to compare them: 16 hexadecimal digits.
pub(crate) fn state_of(documents: &[PathBuf], dropped: &[PathBuf]) -> String {
    let mut hasher = XxHash64::with_seed(0);
    hasher.write(SIGNATURE_METHOD.as_bytes());
    for files in [documents, dropped] {
        hasher.write(b"\n");
        for name in files.iter().filter_map(|path| path.file_name()) {
            hasher.write(b"\n");
            hasher.write(name.as_encoded_bytes());
        }
    }
    format!("{:016x}", hasher.finish())
}

/// What a file of signatures or duplicates says of itself under a key; nothing where it cannot be read.
pub(crate) fn metadata_of(path: &Path, key: &str) -> Option<String> {
    let file = File::open(path).ok()?;
    let metadata = ArrowReaderMetadata::load(&file, Default::default()).ok()?;
    let pairs = metadata.metadata().file_metadata().key_value_metadata();
    let mut pairs = pairs.into_iter().flatten();
    pairs.find(|pair| pair.key == key)?.value.clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_among_which_files() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::create(dir.path()).unwrap();
        let files = [
            PathBuf::from("a/000001-0001.parquet"),
            PathBuf::from("a/000002-0001.parquet"),
        ];
        assert_eq!(store.kept_duplicates(&files, &[]).unwrap(), None);
        let state = state_of(&files, &[]);
        std::fs::create_dir(store.duplicates()).unwrap();
        let path = store
            .duplicates()
            .join(format!("{state}.0123456789abcdef.parquet"));
        for path in [
            &path,
            &store.duplicates().join(format!("{state}.mine.parquet")),
        ] {
            std::fs::write(path, "").unwrap();
        }
        assert_eq!(store.kept_duplicates(&files, &[]).unwrap(), Some(path));
        assert_eq!(
            store.kept_duplicates(&files[..1], &files[1..]).unwrap(),
            None
        );
        assert_ne!(state_of(&files[1..], &[]), state_of(&files[..1], &[]));
        assert_eq!(parts("mine.0123456789abcdef.parquet"), None);
    }
}
