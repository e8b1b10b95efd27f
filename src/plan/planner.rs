//! From our logical nodes to those that run them; the last step before it is to share scans.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::Session;
use datafusion::common::Result;
use datafusion::execution::context::QueryPlanner;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{LogicalPlan, UserDefinedLogicalNode};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_planner::{DefaultPhysicalPlanner, ExtensionPlanner, PhysicalPlanner};

use super::read_fields::{ReadFields, read_fields};
use super::settings::Settings;
use super::share::{Share, share};
use super::{Extract, ScanTexts, SharedExec};

/// DataFusion's planner, which knows our nodes.
#[derive(Debug, Default)]
pub struct Planner;

#[async_trait]
impl QueryPlanner for Planner {
    async fn create_physical_plan(
        &self,
        plan: &LogicalPlan,
        session: &dyn Session,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let plan = match Settings::shares_scans(session.config_options()) {
            true => &share(plan)?,
            false => plan,
        };
        let nodes = Nodes {
            read: read_fields(plan)?,
        };
        let planner = DefaultPhysicalPlanner::with_extension_planners(vec![Arc::new(nodes)]);
        planner.create_physical_plan(plan, session).await
    }
}

struct Nodes {
    read: ReadFields,
}

#[async_trait]
impl ExtensionPlanner for Nodes {
    async fn plan_extension(
        &self,
        _: &dyn PhysicalPlanner,
        node: &dyn UserDefinedLogicalNode,
        _: &[&LogicalPlan],
        inputs: &[Arc<dyn ExecutionPlan>],
        _: &dyn Session,
        _: &PhysicalPlanningContext,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        self.plan(node, inputs)
    }
}

impl Nodes {
    fn plan(
        &self,
        node: &dyn UserDefinedLogicalNode,
        inputs: &[Arc<dyn ExecutionPlan>],
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let [input] = inputs else {
            return Ok(None);
        };
        let input = Arc::clone(input);
        if let Some(node) = node.as_any().downcast_ref::<ScanTexts>() {
            return Ok(Some(Arc::new(node.exec(input, &self.read)?)));
        }
        if let Some(node) = node.as_any().downcast_ref::<Extract>() {
            return Ok(Some(Arc::new(node.exec(input)?)));
        }
        if let Some(node) = node.as_any().downcast_ref::<Share>() {
            let reader = SharedExec::new(node.number, node.labels.clone(), input);
            return Ok(Some(Arc::new(reader)));
        }
        Ok(None)
    }
}
