//! [`SinglePrecision`]: numbers in SQL are compared with a Float32 as Float32.
//!
//! `score` is a Float32, a number in SQL a Float64, and DataFusion compares in Float64: the score 0.7 is widened to
//! 0.699999988, so that `score >= 0.7` misses it. Nobody means that. Numbers are rounded to the column's precision instead, as
//! DuckDB does. Comparisons of columns with columns, and with numbers that Float32 does not reach, are left alone.

use arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult as _, TreeNode as _};
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::expr::{Between, InList};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{BinaryExpr, Cast, Expr, ExprSchemable as _, LogicalPlan};
use datafusion::optimizer::AnalyzerRule;

/// See the module.
#[derive(Debug, Default)]
pub struct SinglePrecision;

impl AnalyzerRule for SinglePrecision {
    fn name(&self) -> &str {
        "single_precision"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(|node| {
            let schema = merge_schema(&node.inputs());
            let names = NamePreserver::new(&node);
            node.map_expressions(|expr| {
                let name = names.save(&expr);
                let narrowed = expr.transform_up(|expr| Ok(narrow(expr, &schema)))?;
                Ok(narrowed.update_data(|expr| name.restore(expr)))
            })
        })
        .data()
    }
}

/// The comparison in Float32, if all of it can be.
fn narrow(expr: Expr, schema: &DFSchema) -> Transformed<Expr> {
    let narrowed = match &expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if op.supports_propagation() => {
            match (column(left, schema), column(right, schema)) {
                (Some(left), None) => number(right).map(|right| (left, right)),
                (None, Some(right)) => number(left).map(|left| (left, right)),
                _ => None,
            }
            .map(|(left, right)| {
                Expr::BinaryExpr(BinaryExpr::new(Box::new(left), *op, Box::new(right)))
            })
        }
        Expr::Between(between) => (|| {
            Some(Expr::Between(Between::new(
                Box::new(column(&between.expr, schema)?),
                between.negated,
                Box::new(number(&between.low)?),
                Box::new(number(&between.high)?),
            )))
        })(),
        Expr::InList(list) => (|| {
            let numbers = list.list.iter().map(number).collect::<Option<_>>()?;
            let column = Box::new(column(&list.expr, schema)?);
            Some(Expr::InList(InList::new(column, numbers, list.negated)))
        })(),
        _ => None,
    };
    narrowed.map_or_else(|| Transformed::no(expr), Transformed::yes)
}

/// What is of Float32 below its widening.
fn column(expr: &Expr, schema: &DFSchema) -> Option<Expr> {
    let Expr::Cast(Cast { expr, field }) = expr else {
        return None;
    };
    let widens = field.data_type() == &DataType::Float64
        && expr.get_type(schema).ok()? == DataType::Float32
        && !matches!(**expr, Expr::Literal(..));
    widens.then(|| (**expr).clone())
}

/// A number of SQL as Float32.
#[expect(
    clippy::cast_possible_truncation,
    reason = "rounding to Float32 is the purpose; what overflows is refused"
)]
fn number(expr: &Expr) -> Option<Expr> {
    let Expr::Literal(ScalarValue::Float64(Some(number)), metadata) = expr else {
        return None;
    };
    let narrow = *number as f32;
    (narrow.is_finite() || !number.is_finite())
        .then(|| Expr::Literal(ScalarValue::Float32(Some(narrow)), metadata.clone()))
}
