//! What scans and models took, for EXPLAIN ANALYZE: the metrics of a node that runs models, and a node for functions,
//! which have no metrics of their own.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use datafusion::physical_plan::analyze::AnalyzeExec;
use datafusion::physical_plan::metrics::{
    Count, ExecutionPlanMetricsSet, MetricBuilder, MetricsSet, Time,
};
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, replace_children_if_necessary,
};

use crate::functions::run::Run;
use crate::functions::scans_texts;
use crate::ner::Usage;
use crate::recognize::Tally;

/// The metrics of the models that a node runs: texts, cache hits, tokens and time of each.
#[derive(Debug)]
pub(super) struct ModelMetrics(Vec<OfModel>);

#[derive(Debug)]
struct OfModel {
    texts: Count,
    cache_hits: Count,
    tokens: Count,
    time: Time,
}

impl ModelMetrics {
    pub(super) fn new<'m>(
        metrics: &ExecutionPlanMetricsSet,
        partition: usize,
        models: impl Iterator<Item = &'m str>,
    ) -> Self {
        let of_model = |model: &str| {
            let counter = |what: &str| {
                MetricBuilder::new(metrics).counter(format!("{model}.{what}"), partition)
            };
            OfModel {
                texts: counter("texts"),
                cache_hits: counter("cache_hits"),
                tokens: counter("tokens"),
                time: MetricBuilder::new(metrics).subset_time(format!("{model}.time"), partition),
            }
        };
        Self(models.map(of_model).collect())
    }

    /// Adds what models took, in their order from this one on.
    pub(super) fn add(&self, first: usize, used: &[Usage]) {
        for (metrics, usage) in self.0[first..].iter().zip(used) {
            metrics.texts.add(usage.texts);
            metrics.cache_hits.add(usage.cache_hits);
            metrics.tokens.add(usage.tokens);
            metrics.time.add_duration(usage.time);
        }
    }
}

/// The metrics of the recognizers that a node asks: candidates and spans of each that has any.
#[derive(Debug)]
pub(super) struct FoundMetrics {
    metrics: ExecutionPlanMetricsSet,
    partition: usize,
    found: HashMap<String, (Count, Count)>,
}

impl FoundMetrics {
    pub(super) fn new(metrics: &ExecutionPlanMetricsSet, partition: usize) -> Self {
        Self {
            metrics: metrics.clone(),
            partition,
            found: HashMap::new(),
        }
    }

    /// Adds what a recognizer had to do.
    pub(super) fn add(&mut self, recognizer: &str, tally: Tally) {
        if !self.found.contains_key(recognizer) {
            let counter = |what: &str| {
                let name = format!("{recognizer}.{what}");
                MetricBuilder::new(&self.metrics).counter(name, self.partition)
            };
            let counters = (counter("candidates"), counter("spans"));
            self.found.insert(recognizer.to_string(), counters);
        }
        let (candidates, spans) = &self.found[recognizer];
        candidates.add(tally.candidates);
        spans.add(tally.spans);
    }
}

/// Puts a [`FunctionsExec`] below EXPLAIN ANALYZE where functions scan texts; other plans stay as they are.
///
/// This is no optimizer rule, since DataFusion optimizes what is below EXPLAIN ANALYZE alone.
///
/// # Errors
/// None, but for those of DataFusion about the plan itself.
pub fn show_functions(plan: Arc<dyn ExecutionPlan>, run: &Run) -> Result<Arc<dyn ExecutionPlan>> {
    let Some(analyze) = plan.downcast_ref::<AnalyzeExec>() else {
        return Ok(plan);
    };
    if !functions_scan(analyze.input())? {
        return Ok(plan);
    }
    let (input, run) = (Arc::clone(analyze.input()), run.clone());
    replace_children_if_necessary(plan, vec![Arc::new(FunctionsExec { input, run })])
}

fn functions_scan(plan: &Arc<dyn ExecutionPlan>) -> Result<bool> {
    plan.exists(|node| {
        let mut found = false;
        node.apply_expressions(&mut |expression| {
            found |= expression.exists(|part| {
                let function = part.downcast_ref::<ScalarFunctionExpr>();
                Ok(function.is_some_and(|function| scans_texts(function.fun())))
            })?;
            Ok(TreeNodeRecursion::Continue)
        })?;
        Ok(found)
    })
}

/// Passes its input on, and has the metrics of what functions below it scan and of the models that they run.
#[derive(Debug)]
pub struct FunctionsExec {
    input: Arc<dyn ExecutionPlan>,
    run: Run,
}

impl DisplayAs for FunctionsExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("FunctionsExec")
    }
}

impl ExecutionPlan for FunctionsExec {
    fn name(&self) -> &str {
        "FunctionsExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
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
        let run = self.run.clone();
        let mut children = children.into_iter();
        let input = children.next().unwrap_or_else(|| Arc::clone(&self.input));
        Ok(Arc::new(Self { input, run }))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        self.input.execute(partition, context)
    }

    fn metrics(&self) -> Option<MetricsSet> {
        let metrics = ExecutionPlanMetricsSet::new();
        let scanned = self.run.scanned();
        let counts = [
            ("texts_scanned", scanned.texts),
            ("bytes_scanned", scanned.bytes),
        ];
        for (name, count) in counts {
            MetricBuilder::new(&metrics).counter(name, 0).add(count);
        }
        let time = MetricBuilder::new(&metrics).subset_time("scan_time", 0);
        time.add_duration(scanned.time);
        let mut found = FoundMetrics::new(&metrics, 0);
        for (recognizer, &tally) in &scanned.found {
            found.add(recognizer, tally);
        }
        let used = self.run.used();
        let models = used.keys().map(String::as_str);
        let all = ModelMetrics::new(&metrics, 0, models);
        all.add(0, &used.values().copied().collect::<Vec<_>>());
        Some(metrics.clone_inner())
    }
}
