//! [`ExtractExec`]: documents in, one row an entity out, each text scanned once.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringViewArray, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, internal_err};
use datafusion::execution::{RecordBatchStream, SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::metrics::{
    BaselineMetrics, Count, ExecutionPlanMetricsSet, MetricBuilder, MetricsSet,
};
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, Partitioning,
    PlanProperties,
};
use futures::{Stream, StreamExt};

use super::models::ModelMetrics;
use crate::functions::entity_columns::{EntityColumns, EntityField, Extractor};
use crate::functions::lookahead::Lookahead;
use crate::functions::run::Run;
use crate::ner::Finder;

/// Where few rows are enough, models begin with so many documents, and go on with twice as many each time.
const FIRST_AHEAD: usize = 8;

/// Scans column 0 of its input (`text`, Utf8View) and gives one row an entity: the output's columns are taken by name
/// from the document or from the entity. Order within a partition is that of documents, then of spans.
#[derive(Debug)]
pub struct ExtractExec {
    input: Arc<dyn ExecutionPlan>,
    extractor: Arc<Extractor>,
    labels: Vec<String>,
    columns: Vec<Column>,
    fields: Vec<EntityField>,
    fetch: Option<usize>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

/// Where a column of the output comes from.
#[derive(Debug, Clone, Copy)]
enum Column {
    /// A column of the input, repeated for each of the document's entities.
    Document(usize),
    /// The nth of the entity fields that are built.
    Entity(usize),
}

impl ExtractExec {
    /// A node whose output has the columns of `schema`. `labels` are those that `extractor` looks for, for EXPLAIN;
    /// `fetch` is how many rows are enough.
    ///
    /// # Errors
    /// Where the input does not begin with a Utf8View, or lacks a column of `schema` that no entity has.
    pub fn try_new(
        input: Arc<dyn ExecutionPlan>,
        extractor: Arc<Extractor>,
        labels: Vec<String>,
        schema: SchemaRef,
        fetch: Option<usize>,
    ) -> Result<Self> {
        let input_schema = input.schema();
        if input_schema.fields().first().map(|f| f.data_type()) != Some(&DataType::Utf8View) {
            return internal_err!("ExtractExec wants a text in column 0, not {input_schema:?}");
        }
        let mut fields = Vec::new();
        let mut columns = Vec::with_capacity(schema.fields().len());
        for field in schema.fields() {
            if let Some(&entity) = EntityField::ALL
                .iter()
                .find(|f| f.field().name() == field.name())
            {
                columns.push(Column::Entity(fields.len()));
                fields.push(entity);
            } else {
                columns.push(Column::Document(input_schema.index_of(field.name())?));
            }
        }
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema),
            Partitioning::UnknownPartitioning(input.output_partitioning().partition_count()),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Ok(Self {
            input,
            extractor,
            labels,
            columns,
            fields,
            fetch,
            properties: Arc::new(properties),
            metrics: ExecutionPlanMetricsSet::new(),
        })
    }
}

impl DisplayAs for ExtractExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ExtractExec: labels=[{}]", self.labels.join(", "))?;
        let models: Vec<&str> = self.extractor.finder().models().collect();
        if !models.is_empty() {
            write!(f, ", models=[{}]", models.join(", "))?;
        }
        let recognizers = self.extractor.finder().scanner().recognizers();
        let recognizers: Vec<&str> = recognizers.map(|r| r.name()).collect();
        write!(f, ", recognizers=[{}]", recognizers.join(", "))?;
        match self.fetch {
            Some(fetch) => write!(f, ", fetch={fetch}"),
            None => Ok(()),
        }
    }
}

impl ExecutionPlan for ExtractExec {
    fn name(&self) -> &str {
        "ExtractExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let [input] = <[_; 1]>::try_from(children)
            .or_else(|c| internal_err!("ExtractExec has one child, not {}", c.len()))?;
        let (extractor, labels) = (Arc::clone(&self.extractor), self.labels.clone());
        Ok(Arc::new(Self::try_new(
            input,
            extractor,
            labels,
            self.schema(),
            self.fetch,
        )?))
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        // It does, but DataFusion takes a yes for leave to sort our input instead of our output, by the column of the same
        // number, which is another column here.
        vec![false]
    }

    fn supports_limit_pushdown(&self) -> bool {
        // A limit on entities says nothing about how many documents it takes.
        false
    }

    fn with_fetch(&self, fetch: Option<usize>) -> Option<Arc<dyn ExecutionPlan>> {
        let (input, extractor) = (Arc::clone(&self.input), Arc::clone(&self.extractor));
        let new =
            Self::try_new(input, extractor, self.labels.clone(), self.schema(), fetch).ok()?;
        Some(Arc::new(new))
    }

    fn fetch(&self) -> Option<usize> {
        self.fetch
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let counter = |name| MetricBuilder::new(&self.metrics).counter(name, partition);
        let models = self.extractor.finder().models();
        Ok(Box::pin(ExtractStream {
            batch_size: context.session_config().batch_size(),
            models: ModelRuns {
                run: Run::of(context.session_config().options()),
                rows: self.fetch.map_or(usize::MAX, |_| FIRST_AHEAD),
                metrics: ModelMetrics::new(&self.metrics, partition, models),
            },
            input: self.input.execute(partition, context)?,
            extractor: Arc::clone(&self.extractor),
            columns: self.columns.clone(),
            fields: self.fields.clone(),
            schema: self.schema(),
            remaining: self.fetch.unwrap_or(usize::MAX),
            current: None,
            texts: counter("texts_scanned"),
            bytes: counter("bytes_scanned"),
            metrics: BaselineMetrics::new(&self.metrics, partition),
        }))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}

struct ExtractStream {
    input: SendableRecordBatchStream,
    extractor: Arc<Extractor>,
    columns: Vec<Column>,
    fields: Vec<EntityField>,
    schema: SchemaRef,
    batch_size: usize,
    remaining: usize,
    models: ModelRuns,
    current: Option<Current>,
    texts: Count,
    bytes: Count,
    metrics: BaselineMetrics,
}

/// What models are run with.
struct ModelRuns {
    run: Run,
    /// How many rows they may look ahead.
    rows: usize,
    metrics: ModelMetrics,
}

impl ModelRuns {
    fn look_ahead(
        &mut self,
        finder: &Finder,
        texts: &StringViewArray,
        row: usize,
    ) -> Result<Lookahead> {
        let ahead = Lookahead::new(finder, texts, row, self.rows, self.run.cancel())?;
        self.rows = self.rows.saturating_mul(2);
        self.metrics.add(0, ahead.usage());
        Ok(ahead)
    }
}

/// The batch being worked on.
struct Current {
    documents: RecordBatch,
    /// Its first row that is not yet scanned.
    row: usize,
    ahead: Lookahead,
}

impl ExtractStream {
    /// Scans documents until a batch of entities is full or the documents are used up; with models, until something is
    /// found in what they looked ahead, since a slow one must not keep its first findings to itself.
    fn extract(&mut self, current: &mut Current) -> Result<Option<RecordBatch>> {
        let Current {
            documents,
            row,
            ahead,
        } = current;
        let texts = documents.column(0).as_string_view();
        let builder = EntityColumns::new(&self.extractor, texts, &self.fields);
        let mut builder = builder.for_run(&self.models.run);
        let mut rows: Vec<u32> = Vec::new();
        let (first, mut bytes) = (*row, 0);
        let wanted = self.batch_size.min(self.remaining);
        while *row < texts.len() && builder.len() < wanted {
            if !ahead.rows().contains(row) {
                if !builder.is_empty() {
                    break;
                }
                *ahead = self
                    .models
                    .look_ahead(self.extractor.finder(), texts, *row)?;
            }
            let found = builder.push(*row, ahead.spans(*row));
            self.models.run.check()?;
            rows.extend(std::iter::repeat_n(*row as u32, found));
            if texts.is_valid(*row) {
                bytes += texts.value(*row).len();
            }
            *row += 1;
        }
        self.texts.add(*row - first);
        self.bytes.add(bytes);
        let entities = builder.finish()?;
        if rows.is_empty() {
            return Ok(None);
        }
        let rows = UInt32Array::from(rows);
        let count = rows.len();
        let columns: Vec<ArrayRef> = self
            .columns
            .iter()
            .map(|column| match *column {
                Column::Document(i) => Ok(take(documents.column(i), &rows, None)?),
                Column::Entity(i) => Ok(Arc::clone(&entities[i])),
            })
            .collect::<Result<_>>()?;
        let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(count));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)?;
        let kept = count.min(self.remaining);
        self.remaining -= kept;
        Ok(Some(batch.slice(0, kept)))
    }
}

impl Stream for ExtractStream {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if self.remaining == 0 {
                return Poll::Ready(None);
            }
            let Some(mut current) = self.current.take() else {
                match ready!(self.input.poll_next_unpin(cx)) {
                    Some(Ok(documents)) => {
                        self.current = Some(Current {
                            documents,
                            row: 0,
                            ahead: Lookahead::default(),
                        });
                    }
                    end => return Poll::Ready(end),
                }
                continue;
            };
            let timer = self.metrics.elapsed_compute().clone();
            let _timer = timer.timer();
            let batch = self.extract(&mut current)?;
            if current.row < current.documents.num_rows() {
                self.current = Some(current);
            }
            if let Some(batch) = batch {
                return self.metrics.record_poll(Poll::Ready(Some(Ok(batch))));
            }
        }
    }
}

impl RecordBatchStream for ExtractStream {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}
