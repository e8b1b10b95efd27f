//! The folder with the Parquet: where things lie and which columns they have.
//!
//! Reading it as tables is `tables/`, writing it is `ingest/`; this file holds only what both must agree on, and
//! `lock.rs` that one process at a time does what must not be done twice.

mod lock;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

use crate::error::{Error, Result};
pub(crate) use lock::Lock;

/// A store on the local disk.
///
/// ```text
/// DIR/documents/*.parquet    one row a document
/// DIR/quarantine/*.parquet   one row a record that could not become a document
/// DIR/ingests/*.json         one file a finished ingest: its sources and counts, written last (the commit)
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
        let store = Self {
            root: root.as_ref().to_path_buf(),
        };
        if store.documents().is_dir() {
            Ok(store)
        } else {
            Err(Error::MissingStore { path: store.root })
        }
    }

    /// The store in this folder, made if it is not there.
    ///
    /// # Errors
    /// [`Error::Io`] where folders cannot be made.
    pub fn create(root: impl AsRef<Path>) -> Result<Self> {
        let store = Self {
            root: root.as_ref().to_path_buf(),
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

    /// Where finished ingests are recorded.
    #[must_use]
    pub fn ingests(&self) -> PathBuf {
        self.root.join("ingests")
    }

    /// Where due reports are remembered; made when the first is.
    #[must_use]
    pub fn schedule(&self) -> PathBuf {
        self.root.join("schedule")
    }

    /// The Parquet files of `folder` ([`Store::documents`] or [`Store::quarantine`]) that belong to finished ingests, in
    /// order. A file counts from the moment its run's record is there: what a killed ingest left behind is not shown.
    ///
    /// # Errors
    /// [`Error::Io`] where the folder is there but cannot be listed.
    pub fn committed(&self, folder: &Path) -> Result<Vec<PathBuf>> {
        let entries = match std::fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(Error::io(folder)(e)),
        };
        let mut files = Vec::new();
        for entry in entries {
            let path = entry.map_err(Error::io(folder))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if let Some(run) = run_of(&name)
                && self.ingests().join(format!("{run}.json")).exists()
            {
                files.push(path);
            }
        }
        files.sort();
        Ok(files)
    }
}

/// The run that a file of a store belongs to: `000001-0001.parquet` → `000001`.
pub(crate) fn run_of(file: &str) -> Option<&str> {
    let (run, part) = file.strip_suffix(".parquet")?.split_once('-')?;
    let digits =
        |text: &str, least: usize| text.len() >= least && text.bytes().all(|b| b.is_ascii_digit());
    (digits(run, 6) && digits(part, 4)).then_some(run)
}

/// The columns that every document has; the user's own follow them.
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
            ["doc_id", "source", "ts", "text", "likes", "lang", "b"]
        );
        assert_eq!(merged.field(4).data_type(), &DataType::Float64);
        assert!(merged.fields().iter().skip(4).all(|f| f.is_nullable()));
        assert_eq!(merge_schemas(std::iter::empty()), *document_schema());
    }
}
