//! [`ByDocument`]: what is grouped by document is grouped batch by batch.
//!
//! `count(DISTINCT doc_id)` and `GROUP BY value, doc_id` over entities have nearly as many groups as there are entities.
//! DataFusion keeps them all until the last text is read, in every partition, and then once more after an exchange: memory
//! grows with the text. But an [`ExtractExec`] gives all entities of a document in one batch. So the groups of a batch are
//! complete with it, and a [`ByDocumentExec`] makes them and lets them go.
//!
//! Kept entities are in the order of their values, not of documents: queries over them are grouped as usual.

use std::fmt;
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{Result, internal_err};
use datafusion::config::ConfigOptions;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, Partitioning,
    PlanProperties, displayable, replace_children_if_necessary,
};
use futures::{StreamExt, TryStreamExt};

use super::{ExtractExec, settings::Settings};

/// The column that tells documents apart.
const DOCUMENT: &str = "doc_id";

/// Puts a [`ByDocumentExec`] in place of aggregates over entities that group by their document.
///
/// Runs before DataFusion's own rules, which would take an aggregate's two steps apart, and could deal out to partitions
/// what a filter has cut.
#[derive(Debug, Default)]
pub struct ByDocument;

impl PhysicalOptimizerRule for ByDocument {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        options: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if !Settings::shares_scans(options) {
            return Ok(plan);
        }
        plan.transform_up(|plan| {
            Ok(match by_document(&plan)? {
                Some(batchwise) => Transformed::yes(Arc::new(batchwise) as Arc<dyn ExecutionPlan>),
                None => Transformed::no(plan),
            })
        })
        .data()
    }

    fn name(&self) -> &str {
        "by_document"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The last step of an aggregate in one step, batch by batch, where it groups by document.
fn by_document(plan: &Arc<dyn ExecutionPlan>) -> Result<Option<ByDocumentExec>> {
    use AggregateMode::{Final, FinalPartitioned, Partial};
    let Some(last) = plan.downcast_ref::<AggregateExec>() else {
        return Ok(None);
    };
    let Some(first) = last.input().downcast_ref::<AggregateExec>() else {
        return Ok(None);
    };
    let steps = matches!(
        (first.mode(), last.mode()),
        (Partial, Final | FinalPartitioned)
    );
    let is_limited = first.limit_options().is_some() || last.limit_options().is_some();
    let wants_order = first.aggr_expr().iter().any(|a| !a.order_bys().is_empty());
    if !steps || is_limited || wants_order || !groups_by_document(first) {
        return Ok(None);
    }
    let (work, input) = unfold(first.input())?;
    let work = AggregateExec::try_new(
        AggregateMode::Single,
        first.group_expr().clone(),
        first.aggr_expr().to_vec(),
        first.filter_expr().to_vec(),
        work,
        first.input_schema(),
    )?;
    Ok(Some(ByDocumentExec::new(Arc::new(work), input)))
}

fn groups_by_document(aggregate: &AggregateExec) -> bool {
    let groups = aggregate.group_expr();
    groups.is_single()
        && groups
            .expr()
            .iter()
            .any(|(key, _)| is_document(key, aggregate.input()))
}

/// Whether `expression` over `plan` is the document of entities that come with all others of that document.
fn is_document(expression: &Arc<dyn PhysicalExpr>, plan: &Arc<dyn ExecutionPlan>) -> bool {
    let Some(column) = expression.downcast_ref::<Column>() else {
        return false;
    };
    if let Some(extract) = plan.downcast_ref::<ExtractExec>() {
        return extract.fetch().is_none() && column.name() == DOCUMENT;
    }
    if let Some(done) = plan.downcast_ref::<ByDocumentExec>() {
        return is_document(expression, &done.work);
    }
    if let Some(filter) = plan.downcast_ref::<FilterExec>() {
        return filter.projection().is_none()
            && filter.fetch().is_none()
            && is_document(expression, filter.input());
    }
    if let Some(projection) = plan.downcast_ref::<ProjectionExec>() {
        let shown = &projection.expr()[column.index()];
        return is_document(&shown.expr, projection.input());
    }
    if let Some(aggregate) = plan.downcast_ref::<AggregateExec>() {
        let groups = aggregate.group_expr().expr();
        return aggregate.mode() == &AggregateMode::Single
            && matches!(groups.get(column.index()), Some((key, _)) if is_document(key, aggregate.input()));
    }
    false
}

/// What is done to each batch, down to the entities, and where these come from.
fn unfold(
    plan: &Arc<dyn ExecutionPlan>,
) -> Result<(Arc<dyn ExecutionPlan>, Arc<dyn ExecutionPlan>)> {
    if let Some(done) = plan.downcast_ref::<ByDocumentExec>() {
        return Ok((Arc::clone(&done.work), Arc::clone(&done.input)));
    }
    if plan.is::<ExtractExec>() {
        return Ok((Arc::clone(plan), Arc::clone(plan)));
    }
    let [below] = plan.children()[..] else {
        return internal_err!("{} has one input", plan.name());
    };
    let (work, input) = unfold(below)?;
    let work = replace_children_if_necessary(Arc::clone(plan), vec![work])?;
    Ok((work, input))
}

/// Does its work on each batch of its input by itself.
#[derive(Debug)]
pub struct ByDocumentExec {
    /// Ends in a leaf that stands for a batch of the input.
    work: Arc<dyn ExecutionPlan>,
    input: Arc<dyn ExecutionPlan>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl ByDocumentExec {
    fn new(work: Arc<dyn ExecutionPlan>, input: Arc<dyn ExecutionPlan>) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(work.schema()),
            Partitioning::UnknownPartitioning(input.output_partitioning().partition_count()),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self {
            work,
            input,
            properties: Arc::new(properties),
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }
}

/// `work` with `batch` as its leaf.
fn upon(
    work: &Arc<dyn ExecutionPlan>,
    batch: Arc<dyn ExecutionPlan>,
) -> Result<Arc<dyn ExecutionPlan>> {
    match work.children()[..] {
        _ if work.is::<ExtractExec>() => Ok(batch),
        [below] => replace_children_if_necessary(Arc::clone(work), vec![upon(below, batch)?]),
        _ => internal_err!("{} has one input", work.name()),
    }
}

impl DisplayAs for ByDocumentExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ByDocumentExec: ")?;
        let mut work = &self.work;
        while !work.is::<ExtractExec>() {
            let step = displayable(work.as_ref()).one_line().to_string();
            f.write_str(step.trim_end())?;
            let [below] = work.children()[..] else { break };
            work = below;
            f.write_str(if work.is::<ExtractExec>() { "" } else { " <- " })?;
        }
        Ok(())
    }
}

impl ExecutionPlan for ByDocumentExec {
    fn name(&self) -> &str {
        "ByDocumentExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        // Scanning is what takes the time, and that is below.
        vec![false]
    }

    fn apply_expressions(
        &self,
        visit: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        let mut next = TreeNodeRecursion::Continue;
        let mut work = &self.work;
        while !work.is::<ExtractExec>() {
            next = next.visit_sibling(|| work.apply_expressions(visit))?;
            let [below] = work.children()[..] else { break };
            work = below;
        }
        Ok(next)
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let [input] = <[_; 1]>::try_from(children)
            .or_else(|c| internal_err!("ByDocumentExec has one child, not {}", c.len()))?;
        Ok(Arc::new(Self::new(Arc::clone(&self.work), input)))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let entities = self.input.execute(partition, Arc::clone(&context))?;
        let work = Arc::clone(&self.work);
        let groups = entities.map(move |batch| {
            let batch = batch?;
            let schema = batch.schema();
            let batch = MemorySourceConfig::try_new_exec(&[vec![batch]], schema, None)?;
            upon(&work, batch)?.execute(0, Arc::clone(&context))
        });
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let groups = groups
            .try_flatten()
            .inspect_ok(move |batch| metrics.record_output(batch.num_rows()));
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            self.schema(),
            groups,
        )))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}
