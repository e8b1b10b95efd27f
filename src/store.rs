//! The folder with the Parquet: where things lie and which columns they have.
//!
//! Reading it as tables is `tables/`, writing it is `ingest/`; this file holds only what both must agree on.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

use crate::error::{Error, Result};

/// A store on the local disk.
///
/// ```text
/// DIR/documents/*.parquet    one row a document
/// DIR/quarantine/*.parquet   one row a record that could not become a document
/// DIR/ingests/*.json         one file a finished ingest: its sources and counts, written last (the commit)
/// ```
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
}

impl Store {
    /// The store in an existing folder.
    ///
    /// # Errors
    /// [`Error::MissingStore`] where the folder or its `documents` is absent.
    pub fn open(root: impl AsRef<Path>) -> Result<Self> {
        let store = Self { root: root.as_ref().to_path_buf() };
        if store.documents().is_dir() { Ok(store) } else { Err(Error::MissingStore { path: store.root }) }
    }

    /// The store in this folder, made if it is not there.
    ///
    /// # Errors
    /// [`Error::Io`] where folders cannot be made.
    pub fn create(root: impl AsRef<Path>) -> Result<Self> {
        let store = Self { root: root.as_ref().to_path_buf() };
        for dir in [store.documents(), store.quarantine(), store.ingests()] {
            std::fs::create_dir_all(&dir).map_err(Error::io(&dir))?;
        }
        Ok(store)
    }

    /// The folder itself.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where documents lie.
    #[must_use]
    pub fn documents(&self) -> PathBuf {
        self.root.join("documents")
    }

    /// Where quarantined records lie.
    #[must_use]
    pub fn quarantine(&self) -> PathBuf {
        self.root.join("quarantine")
    }

    /// Where finished ingests are recorded.
    #[must_use]
    pub fn ingests(&self) -> PathBuf {
        self.root.join("ingests")
    }
}

/// The columns that every document has; the user's own follow them.
#[must_use]
pub fn document_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("doc_id", DataType::Utf8View, false),
        Field::new("source", DataType::Utf8View, false),
        Field::new("ts", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), true),
        Field::new("text", DataType::Utf8View, false),
    ]))
}

/// The columns of `quarantine`: where a record stood, why it was refused, and its first bytes.
///
/// `record` counts as `doc_id` does; `byte_offset` is that of the record's first byte in the decompressed input, NULL
/// where a format has none (Parquet); `raw` holds at most 64 KiB of the record, `length` how many bytes it had.
#[must_use]
pub fn quarantine_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("source", DataType::Utf8View, false),
        Field::new("record", DataType::Int64, false),
        Field::new("byte_offset", DataType::Int64, true),
        Field::new("reason", DataType::Utf8View, false),
        Field::new("raw", DataType::BinaryView, false),
        Field::new("length", DataType::Int64, false),
    ]))
}
