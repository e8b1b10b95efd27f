//! `duplicates`: one row a document that is a copy, or that there are copies of; read where it is kept of exactly the documents
//! that there are, otherwise found when it is asked for, with the same rows.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::catalog::TableProvider;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::datasource::empty::EmptyTable;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchReceiverStream;
use datafusion::physical_plan::streaming::PartitionStream;

use super::parquet_files;
use crate::duplicates::{Found, Means, duplicates_schema};
use crate::error::{Error, Result};
use crate::functions::run::Run;
use crate::store::{Committed, schema_of};

/// The table over some files of a store.
pub(super) fn table(files: &Committed) -> Result<Arc<dyn TableProvider>> {
    let schema = duplicates_schema();
    if files.documents.is_empty() && files.dropped.is_empty() {
        return Ok(Arc::new(EmptyTable::new(schema)));
    }
    if let Some(kept) = &files.duplicates {
        match schema_of(kept) {
            Ok(_) => return parquet_files::table_of(std::slice::from_ref(kept), schema),
            Err(error) => tracing::warn!("{error}; duplicates are found anew"),
        }
    }
    let finding = Arc::new(Finding {
        files: files.clone(),
        schema: SchemaRef::clone(&schema),
    });
    Ok(Arc::new(StreamingTable::try_new(schema, vec![finding])?))
}

/// Finds duplicates when it is read.
#[derive(Debug)]
struct Finding {
    files: Committed,
    schema: SchemaRef,
}

impl PartitionStream for Finding {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let mut stream = RecordBatchReceiverStream::builder(SchemaRef::clone(&self.schema), 2);
        let (send, files) = (stream.tx(), self.files.clone());
        stream.spawn_blocking(move || {
            let run = Run::of(context.session_config().options());
            let is_read = send.clone();
            let means = Means {
                threads: context.session_config().target_partitions(),
                memory: Arc::clone(context.memory_pool()),
                wanted: Box::new(move || !run.cancel().is_cancelled() && !is_read.is_closed()),
            };
            let found = Found::in_store(&files, &means)?;
            found.rows(|rows| send.blocking_send(Ok(rows)).map_err(|_| Error::Interrupted))?;
            Ok(())
        });
        stream.build()
    }
}
