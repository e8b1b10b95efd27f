//! One file of kept entities.
//!
//! Rows come by label and value; row groups and pages are small and have statistics, and row groups have Bloom filters of
//! label and value, so that a question about a value reads the pages that hold it, and no row group that does not.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::schema::types::ColumnPath;

use crate::error::{Error, Result};
use crate::ingest::Codec;
use crate::ingest::writer::{failed, on_disk};
use crate::output::sync_folder;
use crate::store::{Checked, LABELS_METADATA, kept_name};

/// Some megabytes.
const ROW_GROUP_ROWS: usize = 64 << 10;
/// What a question about one value decodes.
const PAGE_ROWS: usize = 2 << 10;

/// A kept file in the making; dropped before it is finished, it leaves nothing.
pub(crate) struct KeptWriter {
    folder: PathBuf,
    documents: String,
    path: PathBuf,
    schema: SchemaRef,
    /// None once it is finished.
    writer: Option<ArrowWriter<Checked<File>>>,
    rows: u64,
}

impl KeptWriter {
    /// A file for the entities of `documents` under some labels, which have these fingerprints.
    pub(crate) fn create(
        folder: &Path,
        documents: &str,
        labels: BTreeMap<String, String>,
        schema: &Schema,
    ) -> Result<Self> {
        let json = serde_json::to_string(&labels).map_err(|e| Error::io(folder)(e.into()))?;
        Self::with(folder, documents, schema, properties(json)?)
    }

    /// A file of anything else that is kept of `documents`.
    pub(crate) fn with(
        folder: &Path,
        documents: &str,
        schema: &Schema,
        properties: WriterProperties,
    ) -> Result<Self> {
        let path = folder.join(format!(".tmp-{documents}"));
        let schema = SchemaRef::new(Schema::new(schema.fields().clone()));
        let file = File::create(&path).map_err(Error::io(&path))?;
        let writer = ArrowWriter::try_new(
            Checked::new(file),
            SchemaRef::clone(&schema),
            Some(properties),
        )
        .map_err(failed(&path))?;
        Ok(Self {
            folder: folder.to_path_buf(),
            documents: documents.to_string(),
            path,
            schema,
            writer: Some(writer),
            rows: 0,
        })
    }

    /// Adds rows; entities come by label and value.
    pub(crate) fn append(&mut self, batch: &RecordBatch) -> Result<()> {
        let batch = batch.clone().with_schema(SchemaRef::clone(&self.schema))?;
        if let Some(writer) = &mut self.writer {
            writer.write(&batch).map_err(failed(&self.path))?;
        }
        self.rows += batch.num_rows() as u64;
        Ok(())
    }

    /// Gives the file its name: from then on it counts. Says how many rows it has.
    pub(crate) fn finish(self) -> Result<u64> {
        Ok(self.name()?.1)
    }

    /// As [`KeptWriter::finish`], and which name it is.
    pub(crate) fn name(mut self) -> Result<(PathBuf, u64)> {
        let Some(writer) = self.writer.take() else {
            return Ok((PathBuf::new(), 0));
        };
        let named = || {
            let file = writer.into_inner().map_err(failed(&self.path))?;
            let file = on_disk(&self.path, file, self.rows)?;
            let name = kept_name(&self.documents, &file.checksum).unwrap_or_default();
            let named = self.folder.join(name);
            fs::rename(&self.path, &named).map_err(Error::io(&named))?;
            sync_folder(&self.folder).map_err(Error::io(&self.folder))?;
            Ok((named, file.rows))
        };
        named().inspect_err(|_| self.forget())
    }

    /// What cannot be removed now is removed by the next one.
    fn forget(&self) {
        let _ = fs::remove_file(&self.path);
    }
}

impl Drop for KeptWriter {
    fn drop(&mut self) {
        if self.writer.is_some() {
            self.forget();
        }
    }
}

fn properties(labels: String) -> Result<WriterProperties> {
    let column = |name: &str| ColumnPath::from(name);
    let with_filter = |builder: WriterPropertiesBuilder, name: &str| {
        builder
            .set_column_bloom_filter_enabled(column(name), true)
            .set_column_bloom_filter_max_ndv(column(name), ROW_GROUP_ROWS as u64)
            .set_column_statistics_enabled(column(name), EnabledStatistics::Page)
    };
    let builder = WriterProperties::builder()
        .set_compression(Codec::default().compression()?)
        .set_key_value_metadata(Some(vec![
            KeyValue::new(
                "spanql.version".to_string(),
                env!("CARGO_PKG_VERSION").to_string(),
            ),
            KeyValue::new(LABELS_METADATA.to_string(), labels),
        ]))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_write_batch_size(PAGE_ROWS)
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_statistics_truncate_length(Some(64))
        .set_column_index_truncate_length(Some(64))
        .set_column_dictionary_enabled(column("doc_id"), false);
    Ok(with_filter(with_filter(builder, "label"), "value").build())
}
