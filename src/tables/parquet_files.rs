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
use parquet::arrow::arrow_reader::ArrowReaderMetadata;

use crate::error::{Error, Result};

/// The table over `files`, with the schema that `merge` makes of theirs.
pub(super) fn table(
    files: &[PathBuf],
    merge: impl FnOnce(&[SchemaRef]) -> SchemaRef,
) -> Result<Arc<dyn TableProvider>> {
    let mut schemas = Vec::with_capacity(files.len());
    let mut urls = Vec::with_capacity(files.len());
    for path in files {
        schemas.push(schema_of(path)?);
        let absolute = std::path::absolute(path).map_err(Error::io(path))?;
        // Parsed as a URL and not as a path, in which `*` and `[` of a folder's name would be a pattern.
        let url = url::Url::from_file_path(&absolute)
            .map_err(|()| Error::Usage(format!("{}: not a usable path", absolute.display())))?;
        urls.push(ListingTableUrl::try_new(url, None)?);
    }
    let schema = merge(&schemas);
    if urls.is_empty() {
        return Ok(Arc::new(EmptyTable::new(schema)));
    }
    let options =
        ListingOptions::new(Arc::new(ParquetFormat::default())).with_file_extension(".parquet");
    let config = ListingTableConfig::new_with_multi_paths(urls)
        .with_listing_options(options)
        .with_schema(schema);
    Ok(Arc::new(ListingTable::try_new(config)?))
}

fn schema_of(path: &Path) -> Result<SchemaRef> {
    let file = std::fs::File::open(path).map_err(Error::io(path))?;
    let metadata = ArrowReaderMetadata::load(&file, Default::default()).map_err(|e| {
        Error::io(path)(std::io::Error::other(format!(
            "not a readable Parquet file: {e}"
        )))
    })?;
    // Without the files' own metadata: tables compare by columns.
    Ok(Arc::new(Schema::new(metadata.schema().fields().clone())))
}
