//! [`SizedBatches`]: batches of files are sized by bytes, too.
//!
//! Rows are documents: 2,048 of a kilobyte are a good batch, 2,048 of 10 KB are 20 MB that leave the caches, and of 1 MB they
//! are 2 GB. Where the files' own metadata say that rows are long, a batch has fewer of them. Short rows make no batch
//! longer than the session's.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::config::ConfigOptions;
use datafusion::datasource::physical_plan::{FileScanConfig, FileScanConfigBuilder};
use datafusion::datasource::source::{DataSource as _, DataSourceExec};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;

/// Bytes of a batch: what 2,048 rows of a kilobyte are.
const BATCH_BYTES: usize = 2 << 20;

/// See the module.
#[derive(Debug, Default)]
pub struct SizedBatches;

impl PhysicalOptimizerRule for SizedBatches {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        options: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|node| {
            let source = node.downcast_ref::<DataSourceExec>();
            let files = source.and_then(|s| s.data_source().downcast_ref::<FileScanConfig>());
            let Some(files) = files.filter(|files| files.batch_size.is_none()) else {
                return Ok(Transformed::no(node));
            };
            let rows = rows(files)?;
            if rows >= options.execution.batch_size.get() {
                return Ok(Transformed::no(node));
            }
            let sized = FileScanConfigBuilder::from(files.clone()).with_batch_size(Some(rows));
            let sized = DataSourceExec::from_data_source(sized.build());
            Ok(Transformed::yes(sized as Arc<dyn ExecutionPlan>))
        })
        .data()
    }

    fn name(&self) -> &str {
        "sized_batches"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// How many rows of the columns that are read make a batch.
fn rows(files: &FileScanConfig) -> Result<usize> {
    let known = files.partition_statistics(None)?;
    let columns = known.column_statistics.iter();
    let bytes: usize = columns
        .filter_map(|column| column.byte_size.get_value())
        .sum();
    let rows = known.num_rows.get_value().copied().unwrap_or(0);
    Ok(match bytes.checked_div(rows) {
        Some(a_row) if a_row > 0 => (BATCH_BYTES / a_row).max(1),
        _ => usize::MAX,
    })
}
