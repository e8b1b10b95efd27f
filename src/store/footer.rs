//! What a Parquet file of a store says of itself in its footer.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ParquetRecordBatchReaderBuilder};

use crate::error::{Error, Result};

fn load(path: &Path) -> Result<ArrowReaderMetadata> {
    let file = File::open(path).map_err(Error::io(path))?;
    ArrowReaderMetadata::load(&file, Default::default()).map_err(|e| {
        Error::io(path)(std::io::Error::other(format!(
            "not a readable Parquet file: {e}"
        )))
    })
}

/// Its columns, without the file's own metadata: tables compare by columns.
pub(crate) fn schema_of(path: &Path) -> Result<SchemaRef> {
    Ok(Arc::new(Schema::new(load(path)?.schema().fields().clone())))
}

/// How many rows it has.
pub(crate) fn rows_of(path: &Path) -> Result<u64> {
    let metadata = load(path)?;
    Ok(metadata
        .metadata()
        .file_metadata()
        .num_rows()
        .unsigned_abs())
}

/// How many rows can be read, which is all of them or a message.
pub(crate) fn readable_rows(path: &Path) -> Result<u64, String> {
    let file = File::open(path).map_err(|e| e.to_string())?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| e.to_string())?;
    let mut rows = 0;
    for batch in reader.build().map_err(|e| e.to_string())? {
        rows += batch.map_err(|e| e.to_string())?.num_rows() as u64;
    }
    Ok(rows)
}
