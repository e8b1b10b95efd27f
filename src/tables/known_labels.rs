//! [`KnownLabels`]: a label that there is none of is an error where it is compared with the labels of `entities`.
//!
//! A misspelt label must not look like documents without entities, wherever a query says it: in WHERE, in a join, in FILTER
//! or CASE. What is made of a label, such as `lower(label)` or a column that other rows are in too, is compared with anything.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{TreeNode as _, TreeNodeRecursion};
use datafusion::common::{Column, Result, ScalarValue};
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::{BinaryExpr, Expr, LogicalPlan, Operator};
use datafusion::optimizer::AnalyzerRule;

use super::EntitiesTable;
use crate::ner::Models;

/// See the module.
#[derive(Debug, Default)]
pub struct KnownLabels;

impl AnalyzerRule for KnownLabels {
    fn name(&self) -> &str {
        "known_labels"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        check(&plan)?;
        Ok(plan)
    }
}

/// Of each column of a plan, the models that know its labels, if labels of `entities` are what it has.
type LabelColumns = Vec<Option<Arc<Models>>>;

/// Checks all of a plan; answers which of its columns are labels.
fn check(plan: &LogicalPlan) -> Result<LabelColumns> {
    let inputs = plan.inputs();
    let of_inputs: Vec<LabelColumns> = inputs
        .iter()
        .map(|input| check(input))
        .collect::<Result<_>>()?;
    plan.apply_subqueries(|query| {
        let query = match query {
            LogicalPlan::Subquery(subquery) => &subquery.subquery,
            other => other,
        };
        check(query).map(|_| TreeNodeRecursion::Continue)
    })?;
    let table = match plan {
        LogicalPlan::TableScan(scan) => source_as_provider(&scan.source).ok(),
        _ => None,
    };
    let table = table
        .as_ref()
        .and_then(|t| t.downcast_ref::<EntitiesTable>());
    let of_table = |name: &str| Some(table.filter(|_| name == "label")?.models());
    let of_column = |column: &Column| {
        // A prepared statement was planned once before, and the table has taken its conditions.
        if table.is_some() {
            return of_table(&column.name);
        }
        let mut sides = inputs.iter().zip(&of_inputs);
        sides.find_map(|(input, labels)| {
            let at = input.schema().maybe_index_of_column(column)?;
            labels.get(at)?.as_ref()
        })
    };
    plan.apply_expressions(|expr| {
        expr.apply(|part| {
            match part {
                Expr::BinaryExpr(BinaryExpr {
                    left,
                    op: Operator::Eq | Operator::NotEq,
                    right,
                }) => {
                    for (side, other) in [(left, right), (right, left)] {
                        if let Some(models) = column(side).and_then(of_column) {
                            is_known(models, other)?;
                        }
                    }
                }
                Expr::InList(list) => {
                    if let Some(models) = column(&list.expr).and_then(of_column) {
                        list.list.iter().try_for_each(|l| is_known(models, l))?;
                    }
                }
                _ => {}
            }
            Ok(TreeNodeRecursion::Continue)
        })
    })?;

    let schema = plan.schema();
    Ok(match plan {
        LogicalPlan::TableScan(_) => {
            let fields = schema.fields().iter();
            fields
                .map(|field| of_table(field.name()).cloned())
                .collect()
        }
        LogicalPlan::Projection(projection) => {
            let shown = projection.expr.iter();
            shown
                .map(|expr| column(expr).and_then(of_column).cloned())
                .collect()
        }
        // Columns by their places.
        LogicalPlan::SubqueryAlias(_) | LogicalPlan::Union(_) => (0..schema.fields().len())
            .map(|at| {
                let labels = of_inputs.iter().map(|labels| labels.get(at)?.clone());
                labels.reduce(|all, of_input| all.and(of_input)).flatten()
            })
            .collect(),
        LogicalPlan::Aggregate(aggregate) => {
            let groups = aggregate.group_expr.iter().map(|expr| match expr {
                Expr::Column(column) => of_column(column).cloned(),
                _ => None,
            });
            let others = schema.fields().len() - aggregate.group_expr.len();
            groups.chain(std::iter::repeat_n(None, others)).collect()
        }
        // Columns that come through as they are.
        LogicalPlan::Filter(_)
        | LogicalPlan::Sort(_)
        | LogicalPlan::Limit(_)
        | LogicalPlan::Distinct(_)
        | LogicalPlan::Join(_)
        | LogicalPlan::Window(_)
        | LogicalPlan::Repartition(_)
        | LogicalPlan::Unnest(_) => {
            let columns = schema.columns();
            columns.iter().map(|c| of_column(c).cloned()).collect()
        }
        _ => vec![None; schema.fields().len()],
    })
}

/// A column as it is; casts and other names do not change its words.
fn column(expr: &Expr) -> Option<&Column> {
    match expr {
        Expr::Column(column) => Some(column),
        Expr::Alias(alias) => column(&alias.expr),
        Expr::Cast(cast) => column(&cast.expr),
        Expr::TryCast(cast) => column(&cast.expr),
        _ => None,
    }
}

fn is_known(models: &Models, label: &Expr) -> Result<()> {
    match label {
        // Made equal to the column's type, and not evaluated yet.
        Expr::Cast(cast) => is_known(models, &cast.expr),
        Expr::Literal(value, _) => {
            if let Some(Some(label)) = string_of(value) {
                models.registry().scanner(&[label])?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn string_of(value: &ScalarValue) -> Option<Option<&str>> {
    match value {
        ScalarValue::Dictionary(_, value) => string_of(value),
        other => other.try_as_str(),
    }
}
