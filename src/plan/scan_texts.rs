//! [`ScanTexts`]: the node that answers several calls over one column of texts by one scan, and [`ScanTextsExec`], which
//! runs it.
//!
//! Its rows are those of its input, with a column a call added. Which calls meet here is decided in `gather.rs`, how they
//! are answered in [`OneScan`].

use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{
    Column, ColumnStatistics, DFSchema, DFSchemaRef, Result, Statistics, internal_err,
};
use datafusion::config::ConfigOptions;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{
    Expr, ExprSchemable, Extension, LogicalPlan, UserDefinedLogicalNodeCore,
};
use datafusion::physical_expr::projection::ProjectionMapping;
use datafusion::physical_expr::utils::collect_columns;
use datafusion::physical_expr::{PhysicalExpr, PhysicalSortExpr};
use datafusion::physical_plan::execution_plan::{CardinalityEffect, EmissionType};
use datafusion::physical_plan::filter_pushdown::{
    ChildFilterDescription, FilterDescription, FilterPushdownPhase,
};
use datafusion::physical_plan::metrics::{
    BaselineMetrics, ExecutionPlanMetricsSet, MetricBuilder, MetricsSet,
};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    ChildStats, DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties,
    PlanProperties, SortOrderPushdownResult, StatisticsArgs,
};
use futures::StreamExt;

use super::models::{FoundMetrics, ModelMetrics};
use super::read_fields::ReadFields;
use crate::functions::entity_columns::EntityField;
use crate::functions::one_scan::OneScan;
use crate::functions::run::Run;
use crate::ner::Usage;

/// See the module.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct ScanTexts {
    input: LogicalPlan,
    text: Column,
    /// Calls over `text`.
    calls: Vec<Expr>,
    /// By call: its column in the output, which nothing else has for a name.
    names: Vec<String>,
    schema: DFSchemaRef,
}

impl ScanTexts {
    /// A node over `input` that answers `calls` over its column `text`, in columns of these names.
    ///
    /// # Errors
    /// Where a call does not fit `input`, or a name is taken.
    pub fn try_new(
        input: LogicalPlan,
        text: Column,
        calls: Vec<Expr>,
        names: Vec<String>,
    ) -> Result<Self> {
        let of_input = input.schema();
        let mut fields: Vec<_> = of_input
            .iter()
            .map(|(qualifier, field)| (qualifier.cloned(), Arc::clone(field)))
            .collect();
        for (call, name) in calls.iter().zip(&names) {
            let (_, field) = call.to_field(of_input)?;
            fields.push((None, Arc::new(field.as_ref().clone().with_name(name))));
        }
        let schema = DFSchema::new_with_metadata(fields, of_input.metadata().clone())?;
        Ok(Self {
            schema: Arc::new(schema),
            input,
            text,
            calls,
            names,
        })
    }

    /// As a plan.
    #[must_use]
    pub fn into_plan(self) -> LogicalPlan {
        let node = Arc::new(self);
        LogicalPlan::Extension(Extension { node })
    }

    /// The node that a plan is.
    #[must_use]
    pub fn of(plan: &LogicalPlan) -> Option<&Self> {
        match plan {
            LogicalPlan::Extension(extension) => extension.node.as_any().downcast_ref(),
            _ => None,
        }
    }

    /// Its input.
    #[must_use]
    pub fn input(&self) -> &LogicalPlan {
        &self.input
    }

    /// The column of texts.
    #[must_use]
    pub fn text(&self) -> &Column {
        &self.text
    }

    /// The columns of the output.
    pub(super) fn columns(&self) -> impl Iterator<Item = Column> {
        self.schema.columns().into_iter()
    }

    /// The calls, each with the name of its column.
    pub fn answers(&self) -> impl ExactSizeIterator<Item = (&Expr, &String)> {
        self.calls.iter().zip(&self.names)
    }

    /// The same calls over another input, which has the same column of texts.
    ///
    /// # Errors
    /// As [`ScanTexts::try_new`].
    pub fn over(&self, input: LogicalPlan) -> Result<Self> {
        let (calls, names) = (self.calls.clone(), self.names.clone());
        Self::try_new(input, self.text.clone(), calls, names)
    }

    /// This node with one more call, and its column: a call that it has gets no second column.
    ///
    /// # Errors
    /// As [`ScanTexts::try_new`].
    pub fn with_call(&self, call: Expr, name: impl FnOnce() -> String) -> Result<(Self, Column)> {
        let (mut calls, mut names) = (self.calls.clone(), self.names.clone());
        let at = calls.iter().position(|known| *known == call);
        let at = at.unwrap_or_else(|| {
            calls.push(call);
            names.push(name());
            calls.len() - 1
        });
        let column = Column::new_unqualified(&names[at]);
        let node = Self::try_new(self.input.clone(), self.text.clone(), calls, names)?;
        Ok((node, column))
    }

    /// The node that runs this one, over the plan of its input, and builds what is read of entities.
    ///
    /// # Errors
    /// As [`OneScan::new`].
    pub(super) fn exec(
        &self,
        input: Arc<dyn ExecutionPlan>,
        read: &ReadFields,
    ) -> Result<ScanTextsExec> {
        let text = self.input.schema().index_of_column(&self.text)?;
        let schema = Arc::clone(self.schema.inner());
        let read: Vec<_> = self.names.iter().map(|name| read.get(name)).collect();
        let scan = OneScan::new(&self.calls)?.reading(&read);
        ScanTextsExec::try_new(input, text, Arc::new(scan), schema)
    }
}

impl PartialOrd for ScanTexts {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        let key = |node: &Self| (node.text.clone(), node.calls.clone(), node.names.clone());
        match self.input.partial_cmp(&other.input) {
            Some(Ordering::Equal) => key(self).partial_cmp(&key(other)),
            other => other,
        }
    }
}

impl UserDefinedLogicalNodeCore for ScanTexts {
    fn name(&self) -> &str {
        "ScanTexts"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        self.calls.clone()
    }

    fn prevent_predicate_push_down_columns(&self) -> HashSet<String> {
        // What needs no answer is decided below: a row that is dropped there is not scanned.
        self.names.iter().cloned().collect()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let answers = self.answers();
        let answers: Vec<_> = answers
            .map(|(call, name)| format!("{call} AS {name}"))
            .collect();
        write!(f, "ScanTexts: {}", answers.join(", "))
    }

    fn with_exprs_and_inputs(&self, exprs: Vec<Expr>, inputs: Vec<LogicalPlan>) -> Result<Self> {
        let Ok([input]) = <[_; 1]>::try_from(inputs) else {
            return internal_err!("ScanTexts has one input");
        };
        Self::try_new(input, self.text.clone(), exprs, self.names.clone())
    }

    fn necessary_children_exprs(&self, output_columns: &[usize]) -> Option<Vec<Vec<usize>>> {
        let of_input = self.input.schema().fields().len();
        let needed = output_columns.iter().copied().filter(|&at| at < of_input);
        Some(vec![needed.collect()])
    }

    fn supports_limit_pushdown(&self) -> bool {
        true
    }
}

/// Scans a column of its input and adds a column a call; rows, their order and their partitions are those of the input.
#[derive(Debug)]
pub struct ScanTextsExec {
    input: Arc<dyn ExecutionPlan>,
    text: usize,
    scan: Arc<OneScan>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl ScanTextsExec {
    fn try_new(
        input: Arc<dyn ExecutionPlan>,
        text: usize,
        scan: Arc<OneScan>,
        schema: SchemaRef,
    ) -> Result<Self> {
        let of_input = input.schema();
        let all: Vec<usize> = (0..of_input.fields().len()).collect();
        let same = ProjectionMapping::from_indices(&all, &of_input)?;
        let properties = PlanProperties::new(
            input.equivalence_properties().project(&same, schema),
            input.output_partitioning().clone(),
            EmissionType::Incremental,
            input.boundedness(),
        );
        Ok(Self {
            input,
            text,
            scan,
            properties: Arc::new(properties),
            metrics: ExecutionPlanMetricsSet::new(),
        })
    }
}

impl DisplayAs for ScanTextsExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of_input = self.input.schema();
        let (labels, recognizers) = self.scan.looks_for();
        write!(
            f,
            "ScanTextsExec: text={}, labels=[{}], recognizers=[{}]",
            of_input.field(self.text).name(),
            labels.join(", "),
            recognizers.join(", ")
        )?;
        for built in self
            .scan
            .builds()
            .filter(|built| built.len() < EntityField::ALL.len())
        {
            let names: Vec<_> = built.iter().map(|b| b.field().name().clone()).collect();
            write!(f, ", builds=[{}]", names.join(", "))?;
        }
        let models: Vec<&str> = self.scan.models().collect();
        match models.is_empty() {
            true => Ok(()),
            false => write!(f, ", models=[{}]", models.join(", ")),
        }
    }
}

impl ExecutionPlan for ScanTextsExec {
    fn name(&self) -> &str {
        "ScanTextsExec"
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
        let Ok([input]) = <[_; 1]>::try_from(children) else {
            return internal_err!("ScanTextsExec has one child");
        };
        let scan = Arc::clone(&self.scan);
        Ok(Arc::new(Self::try_new(
            input,
            self.text,
            scan,
            self.schema(),
        )?))
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn supports_limit_pushdown(&self) -> bool {
        true
    }

    fn cardinality_effect(&self) -> CardinalityEffect {
        CardinalityEffect::Equal
    }

    fn child_stats_requests(&self, partition: Option<usize>) -> Vec<ChildStats> {
        vec![ChildStats::At(partition)]
    }

    fn statistics_from_inputs(
        &self,
        inputs: &[Arc<Statistics>],
        _: &StatisticsArgs,
    ) -> Result<Arc<Statistics>> {
        let mut statistics = Statistics::clone(&inputs[0]);
        statistics.total_byte_size = Precision::Absent;
        let answers = self.schema().fields().len() - statistics.column_statistics.len();
        let unknown = ColumnStatistics::new_unknown();
        statistics
            .column_statistics
            .extend(std::iter::repeat_n(unknown, answers));
        Ok(Arc::new(statistics))
    }

    fn gather_filters_for_pushdown(
        &self,
        phase: FilterPushdownPhase,
        filters: Vec<Arc<dyn PhysicalExpr>>,
        _: &ConfigOptions,
    ) -> Result<FilterDescription> {
        if phase != FilterPushdownPhase::Post {
            return Ok(FilterDescription::all_unsupported(&filters, &[&self.input]));
        }
        // What sorts and joins say of other columns goes to the files: what these need not give is not scanned.
        let of_input = (0..self.input.schema().fields().len()).collect();
        let input = &self.input;
        let below =
            ChildFilterDescription::from_child_with_allowed_indices(&filters, of_input, input)?;
        Ok(FilterDescription::new().with_child(below))
    }

    fn try_pushdown_sort(
        &self,
        order: &[PhysicalSortExpr],
    ) -> Result<SortOrderPushdownResult<Arc<dyn ExecutionPlan>>> {
        let of_input = self.input.schema().fields().len();
        let speaks_of_answers = |key: &PhysicalSortExpr| {
            let columns = collect_columns(&key.expr);
            columns.iter().any(|column| column.index() >= of_input)
        };
        if order.iter().any(speaks_of_answers) {
            return Ok(SortOrderPushdownResult::Unsupported);
        }
        self.input.try_pushdown_sort(order)?.try_map(|input| {
            let (scan, schema) = (Arc::clone(&self.scan), self.schema());
            Ok(Arc::new(Self::try_new(input, self.text, scan, schema)?) as _)
        })
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let counter = |name| MetricBuilder::new(&self.metrics).counter(name, partition);
        let (texts, bytes) = (counter("texts_scanned"), counter("bytes_scanned"));
        let models = ModelMetrics::new(&self.metrics, partition, self.scan.models());
        let mut found = FoundMetrics::new(&self.metrics, partition);
        let baseline = BaselineMetrics::new(&self.metrics, partition);
        let run = Run::of(context.session_config().options());
        let (scan, text, schema) = (Arc::clone(&self.scan), self.text, self.schema());
        let batches = self.input.execute(partition, context)?.map(move |batch| {
            let batch = batch?;
            let _timer = baseline.elapsed_compute().timer();
            let column = batch.column(text);
            texts.add(column.len());
            bytes.add(bytes_of(column.as_ref()));
            let used = |first, used: &[Usage]| models.add(first, used);
            let told = |recognizer: &str, tally| found.add(recognizer, tally);
            let answers = scan.answers(column, &run, used, told)?;
            let columns = batch.columns().iter().cloned().chain(answers).collect();
            let batch = RecordBatch::try_new(Arc::clone(&schema), columns)?;
            baseline.record_output(batch.num_rows());
            Ok(batch)
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            self.schema(),
            batches,
        )))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}

/// Bytes of the texts in a column; of a dictionary, what is scanned of it.
fn bytes_of(texts: &dyn Array) -> usize {
    match texts.data_type() {
        DataType::Utf8View => texts.as_string_view().lengths().map(|l| l as usize).sum(),
        DataType::Utf8 => {
            let offsets = texts.as_string::<i32>().value_offsets();
            (offsets[texts.len()] - offsets[0]) as usize
        }
        DataType::LargeUtf8 => {
            let offsets = texts.as_string::<i64>().value_offsets();
            (offsets[texts.len()] - offsets[0]) as usize
        }
        DataType::Dictionary(_, _) => bytes_of(texts.as_any_dictionary().values()),
        _ => 0,
    }
}
