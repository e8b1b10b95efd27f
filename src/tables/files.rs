//! Files that are no store's as a table: Parquet, CSV or JSON lines, one path or a glob.
//!
//! They are read as they are, with DataFusion's readers; raw text goes through `ingest`. The files are those that there
//! are now.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::datatypes::Schema;
use datafusion::catalog::TableProvider;
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::file_format::csv::CsvFormat;
use datafusion::datasource::file_format::json::JsonFormat;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{
    ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl,
};
use datafusion::execution::SessionState;

use super::listed::Listed;
use crate::error::{Error, Result};
use crate::store::without_parents;

/// The table over the files that `pattern` names. The columns are those of all files; a type that files disagree on is
/// an error.
pub async fn table(state: &SessionState, pattern: &str) -> Result<Arc<dyn TableProvider>> {
    let files = matching(pattern)?;
    let format = format_of(&files)?;
    let options = ListingOptions::new(format).with_file_extension("");
    let (mut urls, mut schemas) = (Vec::new(), Vec::new());
    for path in &files {
        let absolute = without_parents(path).and_then(std::path::absolute);
        let absolute = absolute.map_err(Error::io(path))?;
        let url = url::Url::from_file_path(&absolute)
            .map_err(|()| Error::Usage(format!("{}: not a usable path", absolute.display())))?;
        let url = ListingTableUrl::try_new(url, None)?;
        let schema = options.infer_schema(state, &url).await.map_err(|error| {
            Error::io(path)(std::io::Error::other(Error::from(error).to_string()))
        })?;
        schemas.push(schema.as_ref().clone());
        urls.push(url);
    }
    let schema = Schema::try_merge(schemas)
        .map_err(|error| Error::Usage(format!("{pattern}: the files do not agree: {error}")))?;
    let config = ListingTableConfig::new_with_multi_paths(urls)
        .with_listing_options(options)
        .with_schema(Arc::new(schema));
    Ok(Arc::new(Listed {
        listed: ListingTable::try_new(config)?,
        files,
    }))
}

/// The file of that name, or those that match it, in order of their names.
fn matching(pattern: &str) -> Result<Vec<PathBuf>> {
    let path = Path::new(pattern);
    if path.is_file() {
        return Ok(vec![path.to_path_buf()]);
    }
    let matches = glob::glob(pattern)
        .map_err(|error| Error::Usage(format!("{pattern}: not a glob: {error}")))?;
    let files: Vec<PathBuf> = matches.flatten().filter(|path| path.is_file()).collect();
    if files.is_empty() {
        let absent = std::io::Error::new(std::io::ErrorKind::NotFound, "there is no such file");
        return Err(Error::io(path)(absent));
    }
    Ok(files)
}

fn format_of(files: &[PathBuf]) -> Result<Arc<dyn FileFormat>> {
    let extension = |path: &PathBuf| {
        let extension = path.extension().unwrap_or_default();
        extension.to_string_lossy().to_ascii_lowercase()
    };
    let first = extension(&files[0]);
    if let Some(other) = files.iter().find(|path| extension(path) != first) {
        return Err(Error::Usage(format!(
            "{} and {} are of different formats: register them under two names",
            files[0].display(),
            other.display()
        )));
    }
    let csv = |delimiter| {
        let csv = CsvFormat::default().with_has_header(true);
        csv.with_delimiter(delimiter).with_newlines_in_values(true)
    };
    Ok(match first.as_str() {
        "parquet" => Arc::new(ParquetFormat::default()),
        "csv" => Arc::new(csv(b',')),
        "tsv" => Arc::new(csv(b'\t')),
        "jsonl" | "ndjson" => Arc::new(JsonFormat::default()),
        _ => {
            return Err(Error::Usage(format!(
                "{}: a table is made of .parquet, .csv, .tsv, .jsonl or .ndjson; other texts are ingested into a store",
                files[0].display()
            )));
        }
    })
}
