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
use datafusion::config::ConfigOptions;
use datafusion::execution::{RecordBatchStream, SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::expressions::Column as ColumnExpr;
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr, PhysicalSortExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::filter_pushdown::{
    ChildFilterDescription, ChildPushdownResult, FilterDescription, FilterPushdownPhase,
    FilterPushdownPropagation,
};
use datafusion::physical_plan::metrics::{
    BaselineMetrics, Count, ExecutionPlanMetricsSet, MetricBuilder, MetricsSet,
};
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, Partitioning,
    PlanProperties, SortOrderPushdownResult,
};
use futures::{Stream, StreamExt};

use super::models::{FoundMetrics, ModelMetrics};
use super::needed::Needed;
use crate::functions::entity_columns::{EntityColumns, EntityField, Extractor};
use crate::functions::lookahead::Lookahead;
use crate::functions::run::Run;
use crate::ner::{Finder, Models};

/// Scans begin with so many documents and go on with twice as many each time: whoever wants few entities, or finds out
/// which documents it needs from the first, does not wait for thousands.
const FIRST_DOCUMENTS: usize = 8;

/// Scans column 0 of its input (`text`, Utf8View) and gives one row an entity: the output's columns are taken by name
/// from the document or from the entity. Order within a partition is that of documents, then of spans.
#[derive(Debug)]
pub struct ExtractExec {
    input: Arc<dyn ExecutionPlan>,
    models: Arc<Models>,
    labels: Vec<String>,
    extractor: Arc<Extractor>,
    columns: Vec<Column>,
    fields: Vec<EntityField>,
    fetch: Option<usize>,
    needed: Needed,
    takes_filters: bool,
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
    /// A node that looks for the entities of `labels`, and whose output has the columns of `schema`; `fetch` is how many
    /// rows are enough.
    ///
    /// # Errors
    /// As [`Models::finder`]; and where the input does not begin with a Utf8View, or lacks a column of `schema` that no entity
    /// has.
    pub fn try_new(
        input: Arc<dyn ExecutionPlan>,
        models: Arc<Models>,
        labels: Vec<String>,
        schema: SchemaRef,
        fetch: Option<usize>,
    ) -> Result<Self> {
        let extractor = Arc::new(Extractor::new(models.finder(&labels)?));
        Self::of_extractor(input, models, labels, extractor, schema, fetch)
    }

    fn of_extractor(
        input: Arc<dyn ExecutionPlan>,
        models: Arc<Models>,
        labels: Vec<String>,
        extractor: Arc<Extractor>,
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
            models,
            labels,
            extractor,
            columns,
            fields,
            fetch,
            needed: Needed::default(),
            takes_filters: true,
            properties: Arc::new(properties),
            metrics: ExecutionPlanMetricsSet::new(),
        })
    }

    /// The same node over another input, with another limit.
    fn with(&self, input: Arc<dyn ExecutionPlan>, fetch: Option<usize>) -> Result<Self> {
        let (models, extractor) = (Arc::clone(&self.models), Arc::clone(&self.extractor));
        let labels = self.labels.clone();
        let new = Self::of_extractor(input, models, labels, extractor, self.schema(), fetch)?;
        Ok(Self {
            needed: self.needed.clone(),
            takes_filters: self.takes_filters,
            ..new
        })
    }

    /// The same node, which takes no dynamic filters.
    pub(super) fn without_filters(&self) -> Result<Self> {
        let new = self.with(Arc::clone(&self.input), self.fetch)?;
        Ok(Self {
            needed: Needed::default(),
            takes_filters: false,
            ..new
        })
    }

    /// The same node, which looks for other labels.
    pub(super) fn looking_for(&self, labels: &[String]) -> Result<Self> {
        let (input, models) = (Arc::clone(&self.input), Arc::clone(&self.models));
        let new = Self::try_new(input, models, labels.to_vec(), self.schema(), self.fetch)?;
        Ok(Self {
            needed: self.needed.clone(),
            takes_filters: self.takes_filters,
            ..new
        })
    }

    /// Whether sorts or joins above it are likely to spare it documents.
    pub(super) fn is_filtered(&self) -> Result<bool> {
        self.needed
            .spares(|at| of_document(&self.columns, at).is_some())
    }

    /// Dynamic filters come after all other rules. Below a limit they would let other rows through it.
    fn takes_filters(&self, phase: FilterPushdownPhase) -> bool {
        phase == FilterPushdownPhase::Post && self.fetch.is_none() && self.takes_filters
    }
}

/// Which column of a document one of the output is.
fn of_document(columns: &[Column], at: usize) -> Option<usize> {
    match columns.get(at) {
        Some(Column::Document(column)) => Some(*column),
        _ => None,
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
        if let Some(fetch) = self.fetch {
            write!(f, ", fetch={fetch}")?;
        }
        let needed = self.needed.conditions().iter().map(ToString::to_string);
        match needed.collect::<Vec<_>>() {
            needed if needed.is_empty() => Ok(()),
            needed => write!(f, ", needed=[{}]", needed.join(", ")),
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
        visit: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        let mut next = TreeNodeRecursion::Continue;
        for condition in self.needed.conditions() {
            next = next.visit_sibling(|| visit(condition))?;
        }
        Ok(next)
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let [input] = <[_; 1]>::try_from(children)
            .or_else(|c| internal_err!("ExtractExec has one child, not {}", c.len()))?;
        Ok(Arc::new(self.with(input, self.fetch)?))
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
        let new = self.with(Arc::clone(&self.input), fetch).ok()?;
        Some(Arc::new(new))
    }

    fn fetch(&self) -> Option<usize> {
        self.fetch
    }

    fn try_pushdown_sort(
        &self,
        order: &[PhysicalSortExpr],
    ) -> Result<SortOrderPushdownResult<Arc<dyn ExecutionPlan>>> {
        let of_documents = order.iter().map_while(|key| {
            let column = key.expr.downcast_ref::<ColumnExpr>()?;
            let at = of_document(&self.columns, column.index())?;
            let expr = Arc::new(ColumnExpr::new(column.name(), at));
            Some(PhysicalSortExpr::new(expr, key.options))
        });
        let order: Vec<_> = of_documents.collect();
        if order.is_empty() || self.fetch.is_some() {
            return Ok(SortOrderPushdownResult::Unsupported);
        }
        // Files are read in about this order, so that a sort that keeps few rows soon knows which documents it needs.
        Ok(match self.input.try_pushdown_sort(&order)?.into_inner() {
            Some(input) => SortOrderPushdownResult::Inexact {
                inner: Arc::new(self.with(input, None)?),
            },
            None => SortOrderPushdownResult::Unsupported,
        })
    }

    fn gather_filters_for_pushdown(
        &self,
        phase: FilterPushdownPhase,
        filters: Vec<Arc<dyn PhysicalExpr>>,
        _: &ConfigOptions,
    ) -> Result<FilterDescription> {
        if !self.takes_filters(phase) {
            return Ok(FilterDescription::all_unsupported(&filters, &[&self.input]));
        }
        // What speaks of documents alone goes to their files too.
        let columns = 0..self.columns.len();
        let of_documents = columns.filter(|&at| of_document(&self.columns, at).is_some());
        let of_documents = ChildFilterDescription::from_child_with_allowed_indices(
            &filters,
            of_documents.collect(),
            &self.input,
        )?;
        Ok(FilterDescription::new().with_child(of_documents))
    }

    fn handle_child_pushdown_result(
        &self,
        phase: FilterPushdownPhase,
        pushed: ChildPushdownResult,
        _: &ConfigOptions,
    ) -> Result<FilterPushdownPropagation<Arc<dyn ExecutionPlan>>> {
        if !self.takes_filters(phase) {
            return Ok(FilterPushdownPropagation::if_all(pushed));
        }
        let filters = pushed.parent_filters.iter();
        let needed = Needed::of(filters.map(|pushed| Arc::clone(&pushed.filter)));
        let new = self.with(Arc::clone(&self.input), self.fetch)?;
        let new: Arc<dyn ExecutionPlan> = Arc::new(Self { needed, ..new });
        Ok(FilterPushdownPropagation::if_all(pushed).with_updated_node(new))
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
            next: match models.len() == 0
                || self.fetch.is_some()
                || !self.needed.conditions().is_empty()
            {
                true => FIRST_DOCUMENTS,
                // Models look ahead as far as they can.
                false => usize::MAX,
            },
            models: ModelRuns {
                run: Run::of(context.session_config().options()),
                metrics: ModelMetrics::new(&self.metrics, partition, models),
            },
            input: self.input.execute(partition, context)?,
            extractor: Arc::clone(&self.extractor),
            columns: self.columns.clone(),
            fields: self.fields.clone(),
            schema: self.schema(),
            remaining: self.fetch.unwrap_or(usize::MAX),
            needed: self.needed.clone(),
            waiting: None,
            current: None,
            skipped: counter("texts_skipped"),
            found: FoundMetrics::new(&self.metrics, partition),
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
    needed: Needed,
    /// How many documents are taken up next.
    next: usize,
    /// The rest of a batch of the input.
    waiting: Option<RecordBatch>,
    current: Option<Current>,
    skipped: Count,
    found: FoundMetrics,
    texts: Count,
    bytes: Count,
    metrics: BaselineMetrics,
}

/// What models are run with.
struct ModelRuns {
    run: Run,
    metrics: ModelMetrics,
}

impl ModelRuns {
    fn look_ahead(
        &self,
        finder: &Finder,
        texts: &StringViewArray,
        row: usize,
    ) -> Result<Lookahead> {
        let ahead = Lookahead::new(finder, texts, row, self.run.cancel())?;
        self.metrics.add(0, ahead.usage());
        Ok(ahead)
    }
}

/// The documents being worked on.
struct Current {
    documents: RecordBatch,
    /// Its first row that is not yet scanned.
    row: usize,
    ahead: Lookahead,
}

impl ExtractStream {
    /// Takes up the next of the documents that wait, as far as they are needed.
    fn take_up(&mut self, waiting: &RecordBatch) -> Result<Current> {
        let count = waiting.num_rows().min(self.next);
        self.next = self.next.saturating_mul(2);
        if count < waiting.num_rows() {
            self.waiting = Some(waiting.slice(count, waiting.num_rows() - count));
        }
        let place = |at| of_document(&self.columns, at);
        let documents = self.needed.among(waiting.slice(0, count), place)?;
        self.skipped.add(count - documents.num_rows());
        Ok(Current {
            documents,
            row: 0,
            ahead: Lookahead::default(),
        })
    }

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
        builder.tally(|recognizer, tally| self.found.add(recognizer, tally));
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
            if self.current.is_none() && self.waiting.is_none() {
                match ready!(self.input.poll_next_unpin(cx)) {
                    Some(Ok(documents)) => self.waiting = Some(documents),
                    end => return Poll::Ready(end),
                }
            }
            let timer = self.metrics.elapsed_compute().clone();
            let _timer = timer.timer();
            let mut current = match (self.current.take(), self.waiting.take()) {
                (Some(current), waiting) => {
                    self.waiting = waiting;
                    current
                }
                (None, Some(waiting)) => self.take_up(&waiting)?,
                (None, None) => continue,
            };
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
