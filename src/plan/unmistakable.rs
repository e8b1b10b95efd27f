//! [`Unmistakable`]: no dynamic filters for scans that could take them for a condition on another column.
//!
//! DataFusion 55 hands filters down by column names. Where two columns of a node have one name, a filter on one can arrive as
//! a filter on the other: documents, or parts of files by their statistics, would be missing. A recursive query runs its plan
//! again with the filters of the last time.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::config::ConfigOptions;
use datafusion::datasource::source::DataSourceExec;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::recursive_query::RecursiveQueryExec;
use datafusion::physical_plan::{ExecutionPlan, replace_children_if_necessary};

use super::{ExtractExec, GateExec};

/// Tells scans below such nodes to take none. Runs right before DataFusion hands dynamic filters down.
#[derive(Debug, Default)]
pub struct Unmistakable;

impl PhysicalOptimizerRule for Unmistakable {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        told(plan, false)
    }

    fn name(&self) -> &str {
        "unmistakable"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

fn told(plan: Arc<dyn ExecutionPlan>, mistakable: bool) -> Result<Arc<dyn ExecutionPlan>> {
    let mistakable = mistakable || has_namesakes(plan.as_ref()) || plan.is::<RecursiveQueryExec>();
    if let Some(extract) = plan.downcast_ref::<ExtractExec>() {
        return Ok(match mistakable {
            true => Arc::new(extract.without_filters()?),
            false => plan,
        });
    }
    if mistakable && plan.is::<DataSourceExec>() {
        return Ok(Arc::new(GateExec::closed(plan)));
    }
    let children = plan
        .children()
        .into_iter()
        .map(|child| told(Arc::clone(child), mistakable))
        .collect::<Result<_>>()?;
    replace_children_if_necessary(plan, children)
}

fn has_namesakes(plan: &dyn ExecutionPlan) -> bool {
    let schema = plan.schema();
    let mut names = HashSet::new();
    !schema
        .fields()
        .iter()
        .all(|field| names.insert(field.name()))
}
