//! Parquet files, whose columns may differ from file to file, as one table.
//!
//! Who asks says how the files' schemas become one; DataFusion fills what a file lacks and casts what is narrower.
//! The files are named one by one, so that a table never sees a file that came after it was planned.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::datasource::empty::EmptyTable;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{
    ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl,
};

use super::listed::Listed;
use crate::error::{Error, Result};
use crate::store::schema_of;

/// The table over `files`, with the schema that `merge` makes of theirs.
pub(super) fn table(
    files: &[PathBuf],
    merge: impl FnOnce(&[SchemaRef]) -> SchemaRef,
) -> Result<Arc<dyn TableProvider>> {
    let schemas = files
        .iter()
        .map(|path| schema_of(path))
        .collect::<Result<Vec<_>>>()?;
    let schema = merge(&schemas);
    for (path, of_file) in files.iter().zip(&schemas) {
        check_bytes(path, of_file, &schema)?;
    }
    table_of(files, schema)
}

/// The table over `files`, which are known to have columns that this schema can be made of.
pub(super) fn table_of(files: &[PathBuf], schema: SchemaRef) -> Result<Arc<dyn TableProvider>> {
    let mut urls = Vec::with_capacity(files.len());
    for path in files {
        let absolute = std::path::absolute(path).map_err(Error::io(path))?;
        // Parsed as a URL and not as a path, in which `*` and `[` of a folder's name would be a pattern.
        let url = url::Url::from_file_path(&absolute)
            .map_err(|()| Error::Usage(format!("{}: not a usable path", absolute.display())))?;
        urls.push(ListingTableUrl::try_new(url, None)?);
    }
    if urls.is_empty() {
        return Ok(Arc::new(EmptyTable::new(schema)));
    }
    let options =
        ListingOptions::new(Arc::new(ParquetFormat::default())).with_file_extension(".parquet");
    let config = ListingTableConfig::new_with_multi_paths(urls)
        .with_listing_options(options)
        .with_schema(schema);
    Ok(Arc::new(Listed {
        listed: ListingTable::try_new(config)?,
        files: files.to_vec(),
    }))
}

/// DataFusion reads bytes as strings, unchecked, where the table wants strings: what is no UTF-8 is then undefined
/// behaviour. `ingest` writes no such files.
fn check_bytes(path: &Path, of_file: &Schema, of_table: &Schema) -> Result<()> {
    for field in of_file.fields() {
        if field.data_type().is_binary()
            && let Ok(wanted) = of_table.field_with_name(field.name())
            && wanted.data_type().is_string()
        {
            return Err(Error::io(path)(std::io::Error::other(format!(
                "column {:?} holds bytes where the table has text: no ingest wrote this file",
                field.name()
            ))));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, BinaryArray, RecordBatch, StringArray};
    use parquet::arrow::ArrowWriter;

    use super::*;
    use crate::store::merge_schemas;

    #[test]
    fn bytes_are_not_read_as_text() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, column: ArrayRef| {
            let path = dir.path().join(name);
            let batch = RecordBatch::try_from_iter([("c", column)]).unwrap();
            let file = std::fs::File::create(&path).unwrap();
            let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
            writer.write(&batch).unwrap();
            writer.close().unwrap();
            path
        };
        let bytes = write(
            "a.parquet",
            Arc::new(BinaryArray::from(vec![&b"\xFF"[..]])) as _,
        );
        let text = write("b.parquet", Arc::new(StringArray::from(vec!["text"])) as _);
        let open = |files: &[PathBuf]| {
            table(files, |schemas| {
                Arc::new(merge_schemas(schemas.iter().map(AsRef::as_ref)))
            })
        };
        assert!(open(std::slice::from_ref(&bytes)).is_ok());
        let error = open(&[text, bytes]).unwrap_err().to_string();
        assert!(
            error.contains("a.parquet: column \"c\" holds bytes"),
            "{error}"
        );
    }
}
