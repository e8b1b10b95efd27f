//! [`ViewKeys`]: who groups by a dictionary groups by string views.
//!
//! `label` and `recognizer` are dictionaries, since that is how few words in many rows are best shown. DataFusion 55 groups by
//! columns in place only where it knows all their types; a dictionary among them makes it write every row out in its row
//! format first, which doubles the cost of `GROUP BY label, value`. A view of up to 12 bytes is no dearer than a dictionary's
//! key. The groups come out as dictionaries again, so that nobody else sees the change.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::common::tree_node::Transformed;
use datafusion::logical_expr::{
    Aggregate, Expr, ExprSchemable as _, LogicalPlan, Projection, cast,
};
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

use super::settings::Settings;

/// Where the name of a key begins, which no user's has.
const NAME: &str = "__spanql_key";

/// See the module.
#[derive(Debug, Default)]
pub struct ViewKeys;

impl OptimizerRule for ViewKeys {
    fn name(&self) -> &str {
        "view_keys"
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        config: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        if !Settings::shares_scans(&config.options()) {
            return Ok(Transformed::no(plan));
        }
        plan.transform_up_with_subqueries(|node| match node {
            LogicalPlan::Aggregate(aggregate) => group_by_views(aggregate),
            other => Ok(Transformed::no(other)),
        })
    }
}

fn group_by_views(aggregate: Aggregate) -> Result<Transformed<LogicalPlan>> {
    let input = aggregate.input.schema();
    let mut keys = Vec::with_capacity(aggregate.group_expr.len());
    let mut found = false;
    for key in &aggregate.group_expr {
        // What grouping sets add to the schema (which set a row is of) has no expression to put above.
        if matches!(key, Expr::GroupingSet(_)) {
            return Ok(Transformed::no(LogicalPlan::Aggregate(aggregate)));
        }
        // A NULL among the words of a dictionary, not its keys, would be cast to a word.
        let is_dictionary = matches!(key.get_type(input)?, DataType::Dictionary(_, words) if words.is_string())
            && !key.nullable(input)?;
        found |= is_dictionary;
        keys.push(match is_dictionary {
            // Not by its own name: filters on views would be handed down to the dictionary.
            true => cast(key.clone().unalias(), DataType::Utf8View)
                .alias(format!("{NAME}_{}", keys.len())),
            false => key.clone(),
        });
    }
    if !found {
        return Ok(Transformed::no(LogicalPlan::Aggregate(aggregate)));
    }

    let schema = Arc::clone(&aggregate.schema);
    let grouped = Aggregate::try_new(aggregate.input, keys, aggregate.aggr_expr)?;
    let shown = grouped.schema.iter().zip(schema.iter());
    let shown = shown.map(|((table, group), (shown_table, shown))| {
        let group_column = Expr::from((table, group));
        match group.data_type() == shown.data_type() {
            true => group_column,
            false => cast(group_column, shown.data_type().clone())
                .alias_qualified(shown_table.cloned(), shown.name()),
        }
    });
    let shown = shown.collect();
    let shown = Projection::try_new(shown, Arc::new(LogicalPlan::Aggregate(grouped)))?;
    Ok(Transformed::yes(LogicalPlan::Projection(shown)))
}
