//! How far a running query is, for whoever shows it: the rows that it has read of its tables.

use std::sync::Arc;

use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::datasource::source::DataSourceExec;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::statistics::{StatisticsArgs, StatisticsContext};

/// Looks at one run of a query, from any thread. Made by [`Query::watched`](super::Query::watched).
#[derive(Debug, Clone)]
pub struct Watch {
    plan: Arc<dyn ExecutionPlan>,
    rows: Option<u64>,
}

impl Watch {
    pub(super) fn new(plan: &Arc<dyn ExecutionPlan>) -> Self {
        Self {
            plan: Arc::clone(plan),
            rows: rows(plan.as_ref(), &StatisticsContext::new()),
        }
    }

    /// The rows of all tables that the query reads, as far as they are known before it is through; those of tables in
    /// memory take no time and are not counted. It may end before it has read them all: a condition can settle a whole
    /// file, a LIMIT can be filled.
    #[must_use]
    pub fn rows(&self) -> Option<u64> {
        self.rows
    }

    /// Those that it has read.
    #[must_use]
    pub fn read(&self) -> u64 {
        read(self.plan.as_ref())
    }
}

fn rows(plan: &dyn ExecutionPlan, statistics: &StatisticsContext) -> Option<u64> {
    let inputs = plan.children();
    if in_memory(plan) {
        return Some(0);
    }
    if inputs.is_empty() {
        let known = statistics.compute(plan, &StatisticsArgs::new()).ok()?;
        return known.num_rows.get_value().map(|&rows| rows as u64);
    }
    let inputs = inputs.iter().map(|input| rows(input.as_ref(), statistics));
    inputs.sum()
}

fn in_memory(plan: &dyn ExecutionPlan) -> bool {
    let source = plan.downcast_ref::<DataSourceExec>();
    source.is_some_and(|source| source.data_source().is::<MemorySourceConfig>())
}

fn read(plan: &dyn ExecutionPlan) -> u64 {
    let inputs = plan.children();
    if inputs.is_empty() {
        let metrics = plan.metrics();
        return metrics
            .and_then(|metrics| metrics.output_rows())
            .unwrap_or_default() as u64;
    }
    inputs.iter().map(|input| read(input.as_ref())).sum()
}

#[cfg(test)]
mod tests {
    use arrow::array::{Int64Array, RecordBatch};
    use datafusion::common::ParamValues;
    use datafusion::datasource::MemTable;
    use futures::StreamExt;
    use parquet::arrow::ArrowWriter;

    use super::Arc;
    use crate::session::{Session, SessionOptions};

    #[tokio::test]
    async fn a_query_tells_what_it_has_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("numbers.parquet");
        let numbers = Int64Array::from_iter_values(0..15_000);
        let batch = RecordBatch::try_from_iter([("n", Arc::new(numbers) as _)]).unwrap();
        let file = std::fs::File::create(&path).unwrap();
        let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        let session = Session::open(SessionOptions::default()).await.unwrap();
        let files = session.register_files("files", path.to_str().unwrap());
        files.await.unwrap();
        let memory = MemTable::try_new(batch.schema(), vec![vec![batch]]).unwrap();
        session.register("memory", Arc::new(memory)).unwrap();
        let statement =
            "SELECT max(n) AS n FROM (SELECT n + 1 AS n FROM files UNION ALL SELECT n FROM memory)";
        let params = ParamValues::Map(Default::default());
        let query = session.sql(statement, params).await.unwrap();
        let (mut rows, watch) = query.watched().await.unwrap();
        assert_eq!(watch.rows(), Some(15_000));
        while rows.next().await.is_some() {}
        assert_eq!(watch.read(), 15_000);
    }
}
