//! The folder with the Parquet: where things lie and which columns they have.
//!
//! Reading it as tables is `tables/`; this file holds what readers and writers must agree on. `commit.rs` is how a run's
//! files come to count, `record.rs` what is remembered of it, `checked.rs` the checksums in it, `kept.rs` which entities are
//! kept and `signatures.rs` what of copies, `reading.rs` how files that were replaced outlast their readers, and `lock.rs` that one process at a time does what
//! must not be done twice.

mod checked;
mod commit;
mod footer;
pub(crate) mod heirs;
mod kept;
mod lock;
mod reading;
mod record;
pub(crate) mod rewrite;
mod signatures;

use std::collections::{BTreeSet, HashMap};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

use crate::error::{Error, Result};
pub(crate) use checked::{Checked, check, checksum_of};
pub(crate) use commit::Run;
pub(crate) use footer::{readable_rows, rows_of, schema_of};
pub(crate) use kept::{LABELS_METADATA, checksum_in, documents_of, kept_name, labels_of};
pub(crate) use lock::Lock;
pub(crate) use reading::{Reading, remove};
pub(crate) use record::{
    Kind, ObjectVersion, Record, RecordedFile, RecordedFiles, RecordedSource, Stamp, list,
    read_record, run_of,
};
pub(crate) use signatures::{
    DUPLICATES_METADATA, SIGNATURE_METADATA, SIGNATURE_METHOD, metadata_of,
    parts as duplicates_parts, state_of,
};

/// A store on the local disk.
///
/// ```text
/// DIR/documents/*.parquet    one row a document
/// DIR/entities/*.parquet     one row an entity, for files of documents whose entities are kept
/// DIR/signatures/*.parquet   one row a document, by which copies are found, for files of documents that were compared
/// DIR/duplicates/*.parquet   one row a document that has copies or is one, of the documents that there were then
/// DIR/quarantine/*.parquet   one row a record that could not become a document
/// DIR/dropped/*.parquet      one row a document that was removed since another has the same text
/// DIR/ingests/*.json         one file a finished run: its sources, counts and files, written last (the commit)
/// DIR/replaced/*.json        one file a run that put files in the place of others: which others
/// DIR/schedule/*.json        one file a report that was due: what ran last, and what failed
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
        let root = root.as_ref();
        let store = without_parents(root).map(|root| Self { root }).ok();
        store
            .filter(|store| store.documents().is_dir())
            .ok_or_else(|| Error::MissingStore {
                path: root.to_path_buf(),
            })
    }

    /// The store in this folder, made if it is not there.
    ///
    /// # Errors
    /// [`Error::Io`] where folders cannot be made.
    pub fn create(root: impl AsRef<Path>) -> Result<Self> {
        let root = root.as_ref();
        std::fs::create_dir_all(root).map_err(Error::io(root))?;
        let store = Self {
            root: without_parents(root).map_err(Error::io(root))?,
        };
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

    /// Where it is said which documents were removed as copies; made when the first are.
    #[must_use]
    pub fn dropped(&self) -> PathBuf {
        self.root.join("dropped")
    }

    /// Where finished ingests are recorded.
    #[must_use]
    pub fn ingests(&self) -> PathBuf {
        self.root.join("ingests")
    }

    /// Where it is said which files were replaced; made when the first are.
    fn replaced_folder(&self) -> PathBuf {
        self.root.join("replaced")
    }

    /// Where due reports are remembered; made when the first is.
    #[must_use]
    pub fn schedule(&self) -> PathBuf {
        self.root.join("schedule")
    }

    /// The Parquet files that count at this moment: those of finished runs that no other run put files in the place of.
    /// What a killed run left behind is not shown, and a run that ends meanwhile is shown with all of its files or none.
    ///
    /// # Errors
    /// [`Error::Io`] where a folder is there but cannot be listed.
    pub fn committed(&self) -> Result<Committed> {
        // The runs first: files of a run that ends after this are files of no run.
        self.committed_by(&self.runs()?)
    }

    /// The files that count where these are the finished runs.
    pub(crate) fn committed_by(&self, runs: &BTreeSet<String>) -> Result<Committed> {
        let replaced = self.replaced(runs)?;
        let files = |folder: PathBuf, name: &str| -> Result<Vec<PathBuf>> {
            let counts = |file: &String| {
                run_of(file).is_some_and(|run| runs.contains(run))
                    && !replaced.contains(&format!("{name}/{file}"))
            };
            let files = list(&folder)?.into_iter().filter(counts);
            Ok(files.map(|file| folder.join(file)).collect())
        };
        let documents = files(self.documents(), "documents")?;
        let of_committed = |kept: &String| {
            documents_of(kept).is_some_and(|file| {
                let path = self.documents().join(file);
                documents.binary_search(&path).is_ok()
            })
        };
        let entities = list(&self.entities())?.into_iter().filter(of_committed);
        let signatures = list(&self.signatures())?.into_iter().filter(of_committed);
        let dropped = files(self.dropped(), "dropped")?;
        Ok(Committed {
            signatures: signatures
                .map(|file| self.signatures().join(file))
                .collect(),
            duplicates: self.kept_duplicates(&documents, &dropped)?,
            entities: entities.map(|file| self.entities().join(file)).collect(),
            documents,
            quarantine: files(self.quarantine(), "quarantine")?,
            dropped,
        })
    }
}

/// The path as it is given, but without `..`, which is part of no object's name and so of no file that a query reads.
pub(crate) fn without_parents(path: &Path) -> std::io::Result<PathBuf> {
    match path.components().any(|part| part == Component::ParentDir) {
        true => path.canonicalize(),
        false => Ok(path.to_path_buf()),
    }
}

/// The files of a store that count at one moment, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Committed {
    /// Of documents.
    pub documents: Vec<PathBuf>,
    /// Of quarantined records.
    pub quarantine: Vec<PathBuf>,
    /// Of entities that are kept of these documents, current or not.
    pub entities: Vec<PathBuf>,
    /// Of signatures that are kept of these documents.
    pub signatures: Vec<PathBuf>,
    /// Of documents that were removed as copies.
    pub dropped: Vec<PathBuf>,
    /// The copies among exactly these documents, where they are kept.
    pub duplicates: Option<PathBuf>,
}

/// The name of a Parquet file without its ending.
pub(crate) fn stem_of(file: &str) -> Option<&str> {
    file.strip_suffix(".parquet")
}

/// The columns that every document has; the user's own follow them.
///
/// `content_hash` is the same for documents with the same text and for no others: 32 hexadecimal digits, the first half of
/// the text's SHA-256, on every machine and in every version. It is NULL in files of versions that wrote none.
#[must_use]
pub fn document_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("doc_id", DataType::Utf8View, false),
        Field::new("source", DataType::Utf8View, false),
        Field::new(
            "ts",
            DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            true,
        ),
        Field::new("text", DataType::Utf8View, false),
        Field::new("content_hash", DataType::Utf8View, true),
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

/// The narrowest type that holds the values of both: how a column is read whose files disagree on its type.
///
/// Equal types stay; NULL gives way to anything; whole numbers meet in Int64, numbers in Float64 (whole numbers beyond
/// 2⁵³ are rounded there); all else meets in Utf8View. The order of the arguments, and of several calls in a row, does
/// not matter.
///
/// ```
/// # use arrow::datatypes::DataType;
/// # use spanql::store::widen;
/// assert_eq!(widen(&DataType::Int64, &DataType::Float64), DataType::Float64);
/// assert_eq!(widen(&DataType::Float64, &DataType::Boolean), DataType::Utf8View);
/// ```
#[must_use]
pub fn widen(a: &DataType, b: &DataType) -> DataType {
    // UInt64 joins neither kind of number: half of its values fit no Int64, and Float64 would round ids.
    let whole = |t: &DataType| t.is_integer() && *t != DataType::UInt64;
    let number = |t: &DataType| whole(t) || t.is_floating();
    match (a, b) {
        (DataType::Null, other) | (other, DataType::Null) => other.clone(),
        (a, b) if a == b => a.clone(),
        (a, b) if whole(a) && whole(b) => DataType::Int64,
        (a, b) if number(a) && number(b) => DataType::Float64,
        _ => DataType::Utf8View,
    }
}

/// The schema that can hold the rows of all the schemas: the columns that every document has first, then the others in
/// the order in which they are first met, each [`widen`]ed over all of its types.
///
/// A column that a schema lacks is NULL in its rows, hence every column outside [`document_schema`] is nullable.
pub fn merge_schemas<'a>(schemas: impl Iterator<Item = &'a Schema>) -> Schema {
    let base = document_schema();
    let mut fields: Vec<Field> = base
        .fields()
        .iter()
        .map(|field| field.as_ref().clone())
        .collect();
    let mut at: HashMap<String, usize> = fields
        .iter()
        .enumerate()
        .map(|(i, field)| (field.name().clone(), i))
        .collect();
    for field in schemas.flat_map(|schema| schema.fields().iter()) {
        match at.get(field.name()) {
            Some(&i) if i < base.fields().len() => {}
            Some(&i) => {
                let widened = widen(fields[i].data_type(), field.data_type());
                fields[i].set_data_type(widened);
            }
            None => {
                at.insert(field.name().clone(), fields.len());
                fields.push(Field::new(field.name(), field.data_type().clone(), true));
            }
        }
    }
    Schema::new(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPES: [DataType; 12] = [
        DataType::Null,
        DataType::Boolean,
        DataType::Int16,
        DataType::Int64,
        DataType::UInt32,
        DataType::UInt64,
        DataType::Float32,
        DataType::Float64,
        DataType::Utf8,
        DataType::Utf8View,
        DataType::Date32,
        DataType::Binary,
    ];

    #[test]
    fn widening_depends_on_no_order() {
        for a in &TYPES {
            assert_eq!(widen(a, a), *a);
            for b in &TYPES {
                assert_eq!(widen(a, b), widen(b, a), "{a} {b}");
                for c in &TYPES {
                    assert_eq!(
                        widen(&widen(a, b), c),
                        widen(a, &widen(b, c)),
                        "{a} {b} {c}"
                    );
                }
            }
        }
    }

    #[test]
    fn widening_by_example() {
        use DataType::{
            Boolean, Float32, Float64, Int16, Int64, Null, UInt32, UInt64, Utf8, Utf8View,
        };
        let cases = [
            (Int64, Float64, Float64),
            (Int16, UInt32, Int64),
            (Int64, Float32, Float64),
            (UInt64, Int64, Utf8View),
            (Boolean, Int64, Utf8View),
            (Utf8, Utf8View, Utf8View),
            (Null, Boolean, Boolean),
        ];
        for (a, b, wide) in cases {
            assert_eq!(widen(&a, &b), wide, "{a} {b}");
        }
    }

    #[test]
    fn merged_schemas_begin_with_the_base_and_keep_first_seen_order() {
        let with = |fields: &[(&str, DataType)]| {
            let own = fields
                .iter()
                .map(|(name, data_type)| Field::new(*name, data_type.clone(), false));
            let base = document_schema();
            Schema::new(
                base.fields()
                    .iter()
                    .map(|f| f.as_ref().clone())
                    .chain(own)
                    .collect::<Vec<_>>(),
            )
        };
        let a = with(&[("likes", DataType::Int64), ("lang", DataType::Utf8View)]);
        let b = with(&[("b", DataType::Boolean), ("likes", DataType::Float64)]);
        let merged = merge_schemas([&a, &b].into_iter());
        let names: Vec<&str> = merged.fields().iter().map(|f| f.name().as_str()).collect();
        assert_eq!(
            names,
            [
                "doc_id",
                "source",
                "ts",
                "text",
                "content_hash",
                "likes",
                "lang",
                "b"
            ]
        );
        assert_eq!(merged.field(5).data_type(), &DataType::Float64);
        assert!(merged.fields().iter().skip(4).all(|f| f.is_nullable()));
        assert_eq!(merge_schemas(std::iter::empty()), *document_schema());
    }
}
