//! Files that are named one by one as a table, which says so where one of them has gone.
//!
//! A view or a prepared statement may be older than the files that there are now.

use std::path::PathBuf;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Statistics;
use datafusion::datasource::listing::ListingTable;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;

use crate::error::Error;

/// The files as DataFusion reads them, which takes one that is gone for an empty folder.
#[derive(Debug)]
pub(super) struct Listed {
    pub listed: ListingTable,
    pub files: Vec<PathBuf>,
}

#[async_trait]
impl TableProvider for Listed {
    fn schema(&self) -> SchemaRef {
        self.listed.schema()
    }

    fn table_type(&self) -> TableType {
        self.listed.table_type()
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> datafusion::error::Result<Arc<dyn ExecutionPlan>> {
        for path in &self.files {
            std::fs::metadata(path).map_err(Error::io(path))?;
        }
        self.listed.scan(session, projection, filters, limit).await
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> datafusion::error::Result<Vec<TableProviderFilterPushDown>> {
        self.listed.supports_filters_pushdown(filters)
    }

    fn statistics(&self) -> Option<Statistics> {
        self.listed.statistics()
    }
}
