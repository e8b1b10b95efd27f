//! [`ShareScans`]: which [`SharedExec`]s read one input.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::config::ConfigOptions;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};

use super::ExtractExec;
use super::shared::{Shared, SharedExec, Source};

/// Whether what sorts and joins say, while they run, spares a scan documents.
fn is_filtered(input: &Arc<dyn ExecutionPlan>) -> Result<bool> {
    input.exists(|node| {
        let extract = node.downcast_ref::<ExtractExec>();
        extract.map_or(Ok(false), ExtractExec::is_filtered)
    })
}

/// Lets the [`SharedExec`]s of each group read one input. Nothing may change their inputs afterwards: it is the last rule.
#[derive(Debug, Default)]
pub struct ShareScans;

impl PhysicalOptimizerRule for ShareScans {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let mut inputs: Vec<(usize, Vec<Arc<dyn ExecutionPlan>>)> = Vec::new();
        plan.apply(|node| {
            if let Some(reader) = node.downcast_ref::<SharedExec>() {
                let input = Arc::clone(reader.input());
                match inputs.iter_mut().find(|(group, _)| *group == reader.group) {
                    Some((_, same)) => same.push(input),
                    None => inputs.push((reader.group, vec![input])),
                }
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
        let mut groups: Vec<(usize, Option<Arc<Shared>>, usize)> = Vec::new();
        for (group, inputs) in inputs {
            let partitions =
                |input: &Arc<dyn ExecutionPlan>| input.output_partitioning().partition_count();
            // An only reader shares with nobody; inputs that were cut up in different ways are not the same any more.
            let alike = inputs
                .iter()
                .all(|input| partitions(input) == partitions(&inputs[0]));
            let mut for_all = None;
            for input in inputs.iter().filter(|_| alike && inputs.len() > 1) {
                if for_all.is_none() && !is_filtered(input)? {
                    for_all = Some(Arc::clone(input));
                }
            }
            let shared = for_all.map(|input| Arc::new(Shared::new(input, inputs.len())));
            groups.push((group, shared, 0));
        }
        let shared = plan.transform_down(|node| {
            let Some(reader) = node.downcast_ref::<SharedExec>() else {
                return Ok(Transformed::no(node));
            };
            if matches!(reader.source, Source::Shared { .. }) {
                return Ok(Transformed::new(node, false, TreeNodeRecursion::Jump));
            }
            let group = groups.iter_mut().find(|(group, ..)| *group == reader.group);
            let Some((_, Some(shared), next)) = group else {
                return Ok(Transformed::yes(reader.alone()?));
            };
            let (shared, number) = (Arc::clone(shared), *next);
            *next += 1;
            let source = Source::Shared {
                shared,
                reader: number,
            };
            let reader: Arc<dyn ExecutionPlan> = Arc::new(reader.with(source));
            Ok(Transformed::new(reader, true, TreeNodeRecursion::Jump))
        });
        shared.data()
    }

    fn name(&self) -> &str {
        "share_scans"
    }

    fn schema_check(&self) -> bool {
        true
    }
}
